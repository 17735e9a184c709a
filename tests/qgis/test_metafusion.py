"""`flag_candidates`, `fit_meta_classifier`, `apply_review`: what they ask for, give back and load."""

from pathlib import Path

import pytest
from conftest import write_raster
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)


@pytest.fixture
def mapped(run, image, tmp_path) -> Path:
    """The folder of a run whose layers are in the project."""
    folder = tmp_path / "out"
    run("predict", IMAGE=str(image), OUTPUT_DIR=str(folder))
    return folder


@pytest.fixture
def flagged(run, mapped) -> str:
    """The layer of its candidates."""
    return run("flag_candidates", RUN=str(mapped))[0]["CANDIDATES"]


def names_in_project() -> dict[str, list[str]]:
    groups = QgsProject.instance().layerTreeRoot().children()
    return {group.name(): [node.name() for node in group.children()] for group in groups}


RUN_LAYERS = ["Land cover", "Expert 1", "Expert 2", "Evidence"]


def test_flag_defaults(run, mapped):
    result, request = run("flag_candidates", RUN=str(mapped))
    assert request == {
        "run": str(mapped),
        "output": None,
        "classes": "",
        "alpha": None,
        "min_area_m2": 0.0,
        "meta": None,
        "accepted_per_find": None,
        "kind": "both",
        "simplify_m": 0.0,
        "priors": None,
        "overwrite": False,
    }
    file = str(mapped / "candidates.gpkg")
    assert result == {
        "CANDIDATES_FILE": file,
        "CANDIDATES": f"{file}|layername=candidates",
        "RUN_DIR": str(mapped),
        "N_CANDIDATES": 1,
        "N_DOUBTFUL": 0,
        "PER_CLASS": "glacier: 1, forest: 0",
        "RANKED_BY": "margin",
        "MESSAGE": "One candidate.",
    }


def test_flag_with_everything_given(run, mapped, tmp_path):
    meta, priors = tmp_path / "m.skops", tmp_path / "p.csv"
    for file in (meta, priors):
        file.touch()
    target = tmp_path / "mine.gpkg"
    given = {"CLASSES": "glacier, 9", "ALPHA": 0, "MIN_AREA": 12.5, "META": str(meta), "ACCEPTED_PER_FIND": 0}
    more = {
        "KIND": "doubtful",
        "SIMPLIFY": 1,
        "PRIORS": str(priors),
        "OVERWRITE": True,
        "CANDIDATES_FILE": str(target),
    }
    result, request = run("flag_candidates", RUN=str(mapped), **given, **more)
    assert request == {
        "run": str(mapped),
        "output": str(target),
        "classes": "glacier, 9",
        "alpha": 0.0,
        "min_area_m2": 12.5,
        "meta": str(meta),
        "accepted_per_find": 0.0,
        "kind": "doubtful",
        "simplify_m": 1.0,
        "priors": str(priors),
        "overwrite": True,
    }
    assert result["CANDIDATES"] == f"{target}|layername=candidates"


def test_candidates_join_the_group_of_their_run_styled_and_on_top(run, mapped):
    run("flag_candidates", RUN=str(mapped))
    assert names_in_project() == {"MCE land cover ortho": ["Candidates", *RUN_LAYERS]}
    (layer,) = QgsProject.instance().mapLayersByName("Candidates")
    assert layer.featureCount() == 1
    assert layer.renderer().symbol().color().getRgb()[:3] == (1, 2, 3)


def test_candidates_of_a_run_that_is_not_in_the_project_get_a_group(run, mapped):
    QgsProject.instance().clear()
    run("flag_candidates", RUN=str(mapped))
    assert names_in_project() == {"MCE land cover out": ["Candidates"]}


def test_flagging_again_refreshes_the_layer(run, flagged, mapped):
    (layer,) = QgsProject.instance().mapLayersByName("Candidates")
    Path(flagged.partition("|")[0]).unlink()
    run("flag_candidates", RUN=str(mapped), OVERWRITE=True)
    assert QgsProject.instance().mapLayersByName("Candidates") == [layer]
    assert [f["class_name"] for f in layer.getFeatures()] == ["glacier"]


def test_unwanted_candidates_stay_out(run, mapped):
    run("flag_candidates", RUN=str(mapped), LOAD_LAYERS=False)
    assert names_in_project() == {"MCE land cover ortho": RUN_LAYERS}


def test_an_image_is_mapped_on_the_way(run, image, dem, tmp_path):
    folder = tmp_path / "new"
    _, request = run("flag_candidates", RUN=str(folder), IMAGE=str(image), DEM=str(dem), DEVICE="cpu")
    assert (request["image"], request["dem"], request["run"]) == (str(image), str(dem), str(folder))
    assert (request["model"], request["device"], request["extent"]) == ("demo", "cpu", None)
    assert names_in_project() == {"MCE land cover new": ["Candidates", *RUN_LAYERS]}


def test_apply_defaults(run, mapped, flagged):
    """The reviewed map stands between the candidates and the map."""
    layer = QgsProject.instance().mapLayersByName("Candidates")[0]
    result, request = run("apply_review", RUN=str(mapped), CANDIDATES=layer)
    assert request == {
        "run": str(mapped),
        "candidates": str(mapped / "candidates.gpkg"),
        "output": None,
        "decide_by": "review",
        "accepted_per_find": None,
        "kept_per_loss": 20.0,
        "overwrite": False,
    }
    assert result == {
        "MAP": str(mapped / "land_cover_reviewed.tif"),
        "CHANGE_LOG": str(mapped / "land_cover_reviewed_changes.csv"),
        "N_APPLIED": 1,
        "N_PIXELS": 8,
        "MESSAGE": "One applied.",
    }
    layers = ["Candidates", "Land cover, reviewed", *RUN_LAYERS]
    assert names_in_project() == {"MCE land cover ortho": layers}


def test_a_reviewed_map_elsewhere_is_loaded_if_the_user_says_so(run, mapped, flagged, tmp_path):
    target = str(tmp_path / "fused.tif")
    wish = QgsProcessingOutputLayerDefinition(target, QgsProject.instance())
    for destination in (target, wish):
        assert not QgsProject.instance().mapLayersByName("Land cover, reviewed")
        result, request = run("apply_review", RUN=str(mapped), CANDIDATES=flagged, MAP=destination)
        assert result["MAP"] == request["output"] == target
    assert QgsProject.instance().mapLayersByName("Land cover, reviewed")[0].source() == target


def test_decisions_by_the_classifier(run, mapped, flagged, tmp_path):
    given = {"DECIDE_BY": "classifier", "ACCEPTED_PER_FIND": 2.5, "OVERWRITE": True}
    target = str(tmp_path / "fused.tif")
    _, request = run("apply_review", RUN=str(mapped), CANDIDATES=flagged, MAP=target, **given)
    settings = ("candidates", "decide_by", "accepted_per_find", "overwrite")
    assert [request[name] for name in settings] == [flagged.partition("|")[0], "classifier", 2.5, True]


def squares() -> QgsVectorLayer:
    """A memory layer of the project with one polygon of class `glacier`."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056&field=class:string", "drawn", "memory")
    feature = QgsFeature(layer.fields())
    feature.setAttributes(["glacier"])
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0,1 0,1 1,0 0))"))
    layer.dataProvider().addFeatures([feature])
    # QGIS never lets go of the frames of an exception that a method of ours raised, nor of a layer in them.
    return QgsProject.instance().addMapLayer(layer)


def test_fit_takes_run_files_rasters_and_drawn_polygons(run, mapped, tmp_path):
    raster = write_raster(tmp_path / "labels.tif")
    drawn = squares()
    meta = str(tmp_path / "m.skops")
    runs = [str(mapped / "run.json"), str(mapped)]
    result, request = run("fit_meta_classifier", RUNS=runs, LABELS=[str(raster), drawn], META=meta)
    assert request.pop("runs") == [str(mapped)] * 2
    first, second = request.pop("labels")
    assert first == str(raster)
    exported = QgsVectorLayer(second)
    assert [f["class"] for f in exported.getFeatures()] == ["glacier"]
    assert exported.crs() == QgsCoordinateReferenceSystem("EPSG:2056")
    assert request == {
        "reviewed": [],
        "output": meta,
        "label_field": "class",
        "classes": "",
        "alpha": None,
        "features": "all",
        "folds": 5,
        "tile_m": 500.0,
        "oversample": False,
        "seed": 0,
        "overwrite": False,
    }
    assert result == {
        "META": meta,
        "REPORT_HTML": str(tmp_path / "m.html"),
        "REPORT_JSON": str(tmp_path / "m.json"),
        "AUC": 0.75,
        "AUC_STD": 0.05,
        "N_CANDIDATES": 40,
        "N_TRUE": 8,
        "AUC_DOUBTFUL": 0.9,
        "N_DOUBTFUL": 20,
        "N_FALSE": 15,
        "MESSAGE": "Fitted.",
    }


def test_fit_takes_reviewed_layers(run, flagged, tmp_path):
    given = {"FEATURES": "paper", "FOLDS": 3, "TILE": 50, "OVERSAMPLE": True, "SEED": 4, "ALPHA": 0.5}
    _, request = run("fit_meta_classifier", REVIEWED=[flagged], META=str(tmp_path / "m.skops"), **given)
    assert request["reviewed"] == [flagged.partition("|")[0]]
    settings = ("features", "folds", "tile_m", "oversample", "seed", "alpha", "runs", "labels")
    assert [request[name] for name in settings] == ["paper", 3, 50.0, True, 4, 0.5, [], []]


def test_which_vector_layers_are_files(flagged, tmp_path):
    from mce_landcover.plugin.vectors import local_source

    layer = QgsVectorLayer(flagged)
    assert local_source(layer) == flagged
    assert local_source(QgsVectorLayer(flagged.partition("|")[0])) == flagged
    layer.setSubsetString("class_name = 'forest'")
    assert local_source(layer) == ""
    other = QgsVectorLayer(flagged)
    other.setCrs(QgsCoordinateReferenceSystem("EPSG:21781"))
    assert local_source(other) == ""
    edited = QgsVectorLayer(flagged)
    assert edited.startEditing() and edited.deleteFeature(1)
    assert local_source(edited) == ""
    edited.rollBack()
    assert local_source(squares()) == ""


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("flag_candidates", {"META": "/nowhere/m.skops"}, "META"),
        ("flag_candidates", {"PRIORS": "/nowhere/p.csv"}, "PRIORS"),
        ("flag_candidates", {"ALPHA": 2}, "ALPHA"),
        ("flag_candidates", {"EXTENT": "0,1,0,1 [EPSG:2056]"}, "EXTENT is for mapping"),
        ("flag_candidates", {"CANDIDATES_FILE": "/tmp/c.shp"}, "ends in .gpkg"),
        ("flag_candidates", {"IMAGE": "/nowhere/i.tif"}, "IMAGE"),
        ("fit_meta_classifier", {}, "nothing to learn from"),
        ("fit_meta_classifier", {"META": "/tmp/m.pkl"}, "ends in .json"),
        ("fit_meta_classifier", {"RUNS": ["r"], "FOLDS": 1}, "FOLDS"),
        ("apply_review", {"CANDIDATES": "/nowhere/c.gpkg"}, "CANDIDATES"),
        ("apply_review", {"DECIDE_BY": "nobody"}, "DECIDE_BY"),
        ("apply_review", {"MAP": "/tmp/map.png"}, "ends in .tif"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(refusal, tmp_path, name, parameters, words):
    required = {
        "flag_candidates": {"RUN": str(tmp_path)},
        "fit_meta_classifier": {"META": str(tmp_path / "m.skops")},
        "apply_review": {"RUN": str(tmp_path), "MAP": str(tmp_path / "m.tif"), "CANDIDATES": squares()},
    }
    assert words in refusal(name, **(required[name] | parameters))


def test_candidates_without_a_log_of_decisions_are_refused(refusal, tmp_path):
    given = {"RUN": str(tmp_path), "CANDIDATES": squares(), "MAP": str(tmp_path / "m.tif")}
    assert "CANDIDATES is not a GeoPackage of candidates" in refusal("apply_review", **given)


def test_labels_that_are_no_file_are_refused(refusal, image, tmp_path):
    layer = f"{image}|option:NUM_THREADS=1"
    given = {"RUNS": [str(tmp_path)], "LABELS": [layer], "META": str(tmp_path / "m.skops")}
    assert "LABELS is not a raster" in refusal("fit_meta_classifier", **given)
