"""What the reviewer looks at: views drawn ahead, layers found and switched, the second map."""

import json

import pytest
from conftest import write_raster
from mce_landcover.plugin.review.layers import (
    ROLE_PROPERTY,
    LayerSwitch,
    RunFiles,
    find_roles,
    load_run,
    read_run_files,
    role_title,
)
from mce_landcover.plugin.review.maps import N_KEPT, CandidateView
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsHillshadeRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from review_files import SOUTH, WEST, make_file

PRODUCTS = ("land_cover", "expert_1", "expert_2", "evidence")


@pytest.fixture
def run(tmp_path, qgis_app):
    """A folder with the rasters of a run, its record and candidates."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (*PRODUCTS, "image"):
        write_raster(folder / f"{name}.tif", size=200, bands=3 if name == "image" else 1)
    write_raster(folder / "dem.tif", size=200)
    for file in folder.glob("*.tif"):  # where the candidates are: 100 m to the north
        raster = gdal.Open(str(file), gdal.GA_Update)
        raster.SetGeoTransform((WEST, 0.5, 0.0, SOUTH + 100, 0.0, -0.5))
        del raster
    elsewhere = tmp_path / "where it was made"
    record = {
        "products": {name: str(elsewhere / f"{name}.tif") for name in PRODUCTS},
        "inputs": [
            {"role": "image", "files": [str(folder / "image.tif")]},
            {"role": "dem", "files": [str(folder / "dem.tif")]},
        ],
    }
    (folder / "run.json").write_text(json.dumps(record))
    make_file(folder / "candidates.gpkg", extent_m=90, said={"experts": ["all", "tail"]})
    return folder


@pytest.fixture
def files(run):
    return read_run_files([run / "nowhere", run])


@pytest.fixture
def review(window, run):
    """Opens reviews of the run, and closes them."""
    opened = []

    def start():
        opened.append(window.review(run / "candidates.gpkg"))
        return opened[-1]

    yield start
    for reviewer in opened:
        reviewer.close()


def layers_by_role(project, files):
    return {role: [layer.name() for layer in layers] for role, layers in find_roles(project, files).items()}


def visible():
    nodes = QgsProject.instance().layerTreeRoot().findLayers()
    return {node.name() for node in nodes if node.isVisible()}


def test_the_files_of_a_run_are_found_where_they_lie_now(files, run):
    assert files.roles["map"] == [run / "land_cover.tif"], "the run was moved since"
    assert files.roles["orthophoto"] == [run / "image.tif"]
    assert files.folder == run


@pytest.mark.parametrize("text", ["", "{", "[]", '{"products": 3}', '{"products": {}, "inputs": [1]}'])
def test_a_broken_record_is_no_reason_not_to_review(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert read_run_files([tmp_path]) == RunFiles()


def test_loading_a_run_adds_what_is_missing_once(qgis_new_project, files, run):
    project = QgsProject.instance()
    load_run(project, files, run / "candidates.gpkg")
    expected = {
        "map": ["Land cover"],
        "expert_1": ["Expert 1"],
        "expert_2": ["Expert 2"],
        "evidence": ["Evidence"],
        "orthophoto": ["Orthophoto"],
        "hillshade": ["Hillshade"],
    }
    assert layers_by_role(project, files) == expected
    names = [node.name() for node in project.layerTreeRoot().findLayers()]
    assert names[0] == "Candidates" and len(names) == 7
    load_run(project, files, run / "candidates.gpkg")
    assert len(project.mapLayers()) == 7


def test_any_picture_stands_for_a_missing_orthophoto_and_the_user_knows_better(qgis_new_project, tmp_path):
    project = QgsProject.instance()
    for name in ("first", "second"):
        project.addMapLayer(QgsRasterLayer(str(write_raster(tmp_path / f"{name}.tif", bands=3)), name))
    top = project.layerTreeRoot().findLayers()[0].layer()
    assert find_roles(project, RunFiles()) == {"orthophoto": [top]}
    (below,) = (layer for layer in project.mapLayers().values() if layer is not top)
    below.setCustomProperty(ROLE_PROPERTY, "orthophoto")
    top.setCustomProperty(ROLE_PROPERTY, "hillshade")
    assert find_roles(project, RunFiles()) == {"orthophoto": [below], "hillshade": [top]}


def test_any_hillshade_is_one(qgis_new_project, tmp_path):
    layer = QgsRasterLayer(str(write_raster(tmp_path / "relief.tif")), "relief")
    layer.setRenderer(QgsHillshadeRenderer(layer.dataProvider(), 1, 315.0, 45.0))
    QgsProject.instance().addMapLayer(layer)
    assert find_roles(QgsProject.instance(), RunFiles()) == {"hillshade": [layer]}


def test_titles_name_the_experts():
    assert role_title("expert_2", ["all", "tail"]) == "Expert 2: tail"
    assert role_title("expert_3", ["all", "tail"]) == "Expert 3"


@pytest.fixture
def switch(qgis_new_project, files, run):
    project = QgsProject.instance()
    load_run(project, files, run / "candidates.gpkg")
    switch = LayerSwitch(project)
    switch.set_roles(find_roles(project, files))
    return switch


def test_one_layer_is_shown_at_a_time_and_candidates_stay(switch):
    assert switch.shown == "map", "it was on top of all"
    switch.show("orthophoto")
    for role, name in (("map", "Land cover"), ("expert_2", "Expert 2"), ("evidence", "Evidence")):
        assert switch.toggle(role)
        assert visible() == {"Candidates", name} and switch.shown == role
    assert switch.toggle("evidence")
    assert visible() == {"Candidates", "Orthophoto"}, "a second time brings the orthophoto back"
    assert switch.toggle("orthophoto") and switch.shown == "orthophoto"
    assert not switch.toggle("expert_7") and switch.shown == "orthophoto"


def test_a_layer_is_shown_even_if_its_group_was_hidden(switch):
    group = QgsProject.instance().layerTreeRoot().findGroups()[0]
    group.setItemVisibilityChecked(False)
    switch.show("map")
    assert "Land cover" in visible()


def test_flicker_changes_between_the_last_two(switch):
    switch.show("orthophoto")
    switch.show("expert_1")
    seen = [switch.shown for _ in range(4) if switch.flicker()]
    assert seen == ["orthophoto", "expert_1", "orthophoto", "expert_1"]


def test_experts_are_stepped_through(switch):
    seen = [switch.shown for _ in range(3) if switch.next_expert()]
    assert seen == ["expert_1", "expert_2", "expert_1"]


def test_blinking_changes_by_itself_until_it_is_stopped(switch, qtbot):
    switch.show("orthophoto")
    switch.show("map")
    switch._timer.setInterval(1)
    with qtbot.waitSignals([switch.shown_changed] * 2, timeout=5000):
        switch.blink(True)
    switch.blink(False)
    assert not switch.blinking


def square(x, y, half=5.0):
    return QgsGeometry.fromRect(QgsRectangle(x - half, y - half, x + half, y + half))


@pytest.fixture
def view(window, run, qtbot):
    layer = QgsRasterLayer(str(run / "image.tif"), "image")
    QgsProject.instance().addMapLayer(layer)
    window.canvas.setCachingEnabled(True)
    view = CandidateView(window.canvas, QgsCoordinateReferenceSystem("EPSG:2056"))
    yield view
    view.close()


def drawn(view, geometry, qtbot):
    """Go somewhere, wait until it is drawn, and return the picture without the outline."""
    with qtbot.waitSignal(view.canvas.mapCanvasRefreshed, timeout=10000):
        view.show(geometry)
    view.outlined = False
    return view.canvas.grab().toImage()


def test_a_view_drawn_ahead_is_the_same_picture(view, qtbot):
    places = [square(WEST + 20 * i, SOUTH + 90 - 15 * i) for i in range(4)]
    plain = [drawn(view, place, qtbot) for place in places]
    assert plain[0] != plain[1]
    with qtbot.waitSignal(view.prefetcher.ready, timeout=10000):
        view.prefetch(places[1:3])
        view.show(places[0])
    view.canvas.clearCache()
    assert view.prefetcher.hand_over(view.extent_of(places[1])), "it was drawn ahead"
    assert drawn(view, places[1], qtbot) == plain[1]
    assert not view.prefetcher.hand_over(view.extent_of(places[3])), "this one was not"
    assert drawn(view, places[3], qtbot) == plain[3]


def test_what_was_drawn_ahead_is_drawn_anew_when_a_layer_changes(view, qtbot):
    first, second = square(WEST + 20, SOUTH + 80), square(WEST + 50, SOUTH + 60)
    with qtbot.waitSignal(view.prefetcher.ready, timeout=10000):
        view.prefetch([second])
        view.show(first)
    (layer,) = QgsProject.instance().mapLayers().values()
    layer.setOpacity(0.3)
    layer.triggerRepaint()
    after = drawn(view, second, qtbot)
    view.prefetcher._kept.clear()
    drawn(view, first, qtbot)
    view.canvas.clearCache()
    assert drawn(view, second, qtbot) == after


def test_few_views_are_kept_and_a_move_comes_first(view, qtbot):
    places = [square(WEST + 10 * i, SOUTH + 90 - 5 * i) for i in range(6)]
    view.prefetch(places)
    view.show(places[0])
    for place in places:
        with qtbot.waitSignal(view.prefetcher.ready, timeout=10000):
            view.prefetch([place])
            view.show(place)
    assert len(view.prefetcher._kept) <= N_KEPT
    view.show(places[2])
    view.prefetcher._make_way()
    assert view.prefetcher._drawing is None


def test_small_candidates_get_surroundings_and_large_ones_a_margin(view):
    assert view.extent_of(square(WEST, SOUTH, 1)).width() == pytest.approx(50)
    assert view.extent_of(square(WEST, SOUTH, 40)).width() == pytest.approx(240)


def test_the_second_map_follows(window, review, qtbot):
    reviewer = review()
    reviewer.map_views.load_layers()
    assert reviewer.map_views.switch.shown == "orthophoto"
    reviewer.keys.action("second_map").trigger()
    second = reviewer.map_views.second
    qtbot.waitUntil(second.isVisible)
    reviewer.keys.action("skip").trigger()
    first = window.canvas.extent()
    assert second.canvas.extent().contains(first.center())
    assert second.canvas.extent().center().distance(first.center()) < 1e-6
    assert [layer.name() for layer in second.canvas.layers()] == ["Hillshade"]
    second.choice.setCurrentIndex(second.choice.findText("Expert 1"))
    second.choice.activated.emit(second.choice.currentIndex())
    assert [layer.name() for layer in second.canvas.layers()] == ["Expert 1"]
    reviewer.keys.action("second_map").trigger()
    assert reviewer.map_views.second is None
    reviewer.keys.action("second_map").trigger()
    assert reviewer.map_views.second.choice.currentText() == "Expert 1", "the project keeps the choice"
    QgsProject.instance().clear()


def test_the_outline_key_bares_the_place(review):
    reviewer = review()
    reviewer.map_views.load_layers()
    reviewer.keys.action("highlight").trigger()
    assert "Candidates" not in visible() and not reviewer.map_views.view.outlined
    reviewer.keys.action("skip").trigger()
    assert not reviewer.map_views.view._lines[0].isVisible()
    reviewer.keys.action("highlight").trigger()
    assert "Candidates" in visible() and reviewer.map_views.view._lines[0].isVisible()


def test_a_missing_layer_is_said(window, review):
    reviewer = review()
    reviewer.keys.action("hillshade").trigger()
    reviewer.keys.action("next_expert").trigger()
    for name in ("Hillshade", "Expert 1: all"):
        assert any(f'no layer "{name}"' in text for text in window.said())


def test_a_run_that_is_gone_is_said(window, review, run):
    (run / "run.json").unlink()
    reviewer = review()
    reviewer.map_views.load_layers()
    assert any("folder of the run is not there" in text for text in window.said())
    assert [layer.name() for layer in QgsProject.instance().mapLayers().values()] == ["Candidates"]


def test_the_user_names_a_layer_himself(review, run):
    (run / "run.json").unlink()
    reviewer = review()
    layer = QgsRasterLayer(str(run / "dem.tif"), "relief")
    QgsProject.instance().addMapLayer(layer)
    reviewer.map_views._choose(layer, "hillshade", True)
    reviewer.keys.action("hillshade").trigger()
    assert reviewer.map_views.switch.shown == "hillshade"
    reviewer.map_views._choose(layer, "hillshade", False)
    assert reviewer.map_views.switch.roles == ("orthophoto",), "as any picture, for want of one"


def test_experts_squares_have_the_colour_of_what_the_expert_sees(review, run):
    raster = gdal.Open(str(run / "expert_1.tif"), gdal.GA_Update)
    raster.GetRasterBand(1).Fill(7)  # water
    raster.FlushCache()
    del raster
    reviewer = review()
    square_of_all = reviewer.dock.candidate.strip.squares[0]
    names = []
    for _ in range(12):
        names.append(square_of_all.accessibleName())
        reviewer.keys.action("skip").trigger()
    inside = [name for name in names if name.endswith("It sees water.")]
    assert inside, names
