"""From a place to its heat map: faithful to the blended logits, additive, on the grid, and bounded."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import rasterio
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import Cancelled, InputError, ModelError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.explain import region as places
from mce_landcover.core.explain.explain import ExplainRequest, explain, find_expert
from mce_landcover.core.explain.files import scale_of
from mce_landcover.core.explain.heat import Heat, Target, heat_of_place
from mce_landcover.core.explain.region import (
    Ground,
    Place,
    open_ground,
    place_of_extent,
    place_of_outline,
    place_of_point,
    read_candidate,
)
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
from mce_landcover.core.flagging.outlines import outline, to_world
from mce_landcover.core.geodata.grid import Region, WorldGrid, parse_crs
from mce_landcover.core.geodata.styles import diverging_style
from mce_landcover.core.model.bundle import load_bundle, save_bundle
from mce_landcover.core.model.classes import find_class
from mce_landcover.core.model.network import build_network
from mce_landcover.core.model.torch_setup import one_thread
from support import flag as flag_support
from support.cards import tlm_card
from support.engine import NORTH, WEST, Recorder, blended, read, scene, tiny_model, write
from support.flag import GSD, small_run

pytestmark = pytest.mark.slow

GRID = WorldGrid(parse_crs("EPSG:2056"), 0.5)
#: Of the tiny scenes, on the world grid.
ROW0, COL0 = round(-NORTH / 0.5), round(WEST / 0.5)


@pytest.fixture(autouse=True)
def few_threads():
    with one_thread():
        yield


def heat(model: Any, ground: Ground, place: Place, target: Target, reporter: Any = None) -> Heat:
    return heat_of_place(
        model.net,
        ground,
        model.card.sources,
        place,
        target,
        device=torch.device("cpu"),
        reporter=reporter or SilentReporter(),
    )


def rectangle(row: int, col: int, rows: int, cols: int) -> Place:
    """Pixels of the tiny scene."""
    region = Region(ROW0 + row, ROW0 + row + rows, COL0 + col, COL0 + col + cols)
    return Place(region, np.ones((rows, cols), np.bool_))


@pytest.fixture
def model():
    """Without biases, so that all relevance arrives at the pixels."""
    made = tiny_model(3)
    made.net.first.bias.data.zero_()
    made.net.second.bias.data.zero_()
    return made


@pytest.fixture
def ground(model, tmp_path):
    made = open_ground(model.card, scene(tmp_path, 70, 90))
    yield made
    made.close()


def within(outer: Region, inner: Region) -> tuple[slice, slice]:
    rows = slice(inner.row0 - outer.row0, inner.row1 - outer.row0)
    return rows, slice(inner.col0 - outer.col0, inner.col1 - outer.col0)


def logits_of(model: Any, ground: Ground) -> np.ndarray:
    """The blended logits of the tiny scene `[K, C, rows, cols]`, in a plain way."""
    rows, cols = ground.region.shape
    raw = np.full((model.card.n_bands, rows, cols), np.nan, np.float32)
    at = 0
    for source in ground.sources:
        side = source.cell
        for row in range(ground.region.row0 // side, -(-ground.region.row1 // side)):
            for col in range(ground.region.col0 // side, -(-ground.region.col1 // side)):
                cell = source.read_cell(row, col)
                both = Region(row * side, (row + 1) * side, col * side, (col + 1) * side).intersect(
                    ground.region
                )
                into = np.s_[at : at + source.raster.n_bands, *within(ground.region, both)]
                raw[into] = cell[:, *within(Region(row * side, 0, col * side, 0), both)]
        at += source.raster.n_bands
    return blended(model, raw, ground.region.row0, ground.region.col0)


def test_relevance_adds_up_to_the_logits_that_predict_blends(model, ground):
    """Over a place that is larger than a window, from the sum over all of its windows."""
    place = rectangle(20, 25, 38, 33)
    place.mask[3:9, 4:20] = False
    found = heat(model, ground, place, Target(1, 4))
    here = np.s_[1, 4, 20:58, 25:58]
    expected = logits_of(model, ground)[here][place.mask]
    assert found.logit == pytest.approx(expected.mean(), rel=1e-4)
    assert found.total.sum(dtype=np.float64) == pytest.approx(expected.sum(), rel=0.01)
    assert found.n_pixels == place.mask.sum()
    assert found.n_windows >= 9


def test_a_difference_of_logits_adds_up_too(model, ground):
    place = rectangle(20, 25, 5, 6)
    found = heat(model, ground, place, Target(0, 2, against=5))
    logits = logits_of(model, ground)[0, :, 20:25, 25:31]
    assert found.logit == pytest.approx((logits[2] - logits[5]).mean(), rel=1e-4)
    assert found.total.sum() == pytest.approx((logits[2] - logits[5]).sum(), rel=0.01)


def paste(found: Heat, whole: Region) -> np.ndarray:
    canvas = np.zeros(whole.shape)
    rows, cols = found.region.row0 - whole.row0, found.region.col0 - whole.col0
    canvas[rows : rows + found.region.shape[0], cols : cols + found.region.shape[1]] = found.total
    return canvas


def test_the_heat_of_two_places_is_the_sum_of_theirs(model, ground):
    left, right = rectangle(30, 20, 12, 14), rectangle(30, 34, 12, 30)
    both = rectangle(30, 20, 12, 44)
    one, two, joined = (
        paste(heat(model, ground, place, Target(0, 1)), ground.region) for place in (left, right, both)
    )
    np.testing.assert_allclose(joined, one + two, rtol=1e-3, atol=1e-5)


def test_sources_add_up_and_the_shares_are_theirs(model, ground):
    found = heat(model, ground, rectangle(30, 40, 6, 6), Target(2, 2))
    np.testing.assert_allclose(found.total, found.by_source["image"] + found.by_source["dem"], rtol=1e-6)
    assert set(found.shares) == {"image", "dem"}
    assert sum(found.shares.values()) == pytest.approx(1)
    inside = np.abs(found.total[30 + ROW0 - found.region.row0 :][:6, 40 + COL0 - found.region.col0 :][:, :6])
    assert found.inside == pytest.approx(inside.sum() / np.abs(found.total).sum(), rel=1e-4)


def test_only_windows_around_the_place_are_read(model, ground):
    """Memory is that of the windows, whatever the raster's size."""
    found = heat(model, ground, rectangle(35, 45, 1, 1), Target(0, 0))
    assert found.n_windows == 4
    assert max(found.region.shape) == model.card.window + model.card.stride


def test_missing_pixels_stay_missing(model, tmp_path):
    ground = open_ground(model.card, scene(tmp_path, 60, 80, gap=True))
    found = heat(model, ground, rectangle(15, 15, 20, 30), Target(0, 3))
    dem = read(tmp_path / "dem.tif")[0] == -9999
    row, col = found.region.row0 - ROW0, found.region.col0 - COL0
    missing = dem[row : row + found.region.shape[0], col : col + found.region.shape[1]]
    assert np.array_equal(np.isnan(found.total), missing)
    assert found.n_pixels == 600 - dem[15:35, 15:45].sum()
    with pytest.raises(InputError, match="No pixel of the place"):
        heat(model, ground, rectangle(22, 25, 4, 4), Target(0, 3))


def test_it_can_be_cancelled(model, ground):
    reporter = Recorder(stop_at=3, error=Cancelled("stop"))
    with pytest.raises(Cancelled):
        heat(model, ground, rectangle(20, 25, 38, 33), Target(0, 0), reporter)


@settings(max_examples=30, deadline=None)
@given(
    data=st.data(),
    rows=st.integers(1, 12),
    cols=st.integers(1, 12),
    row=st.integers(-2_500_000, -2_300_000),
    col=st.integers(5_100_000, 5_300_000),
)
def test_an_outline_gives_back_the_pixels_it_was_made_of(data, rows, cols, row, col):
    bits = data.draw(st.lists(st.booleans(), min_size=rows * cols, max_size=rows * cols).filter(any))
    mask = np.array(bits).reshape(rows, cols)
    whole = Region(row, row + rows, col, col + cols)
    place = place_of_outline(to_world(outline(mask), GRID, whole), GRID)
    seen = np.zeros((rows, cols), np.bool_)
    seen[place.region.row0 - row :, place.region.col0 - col :][
        : place.region.shape[0], : place.region.shape[1]
    ] = place.mask
    assert np.array_equal(seen, mask)


COVERED = Region(-2_400_100, -2_400_000, 5_200_000, 5_200_200)


@pytest.mark.parametrize(
    "text", ["2600010.3,1200020.2", " 2600010.3 , 1200020.2 [EPSG:2056] ", "2600010.0,1200020.0"]
)
def test_a_point_is_one_pixel(text):
    place = place_of_point(text, GRID, COVERED)
    assert place.region.shape == place.mask.shape == (1, 1)
    left, bottom, right, top = GRID.bounds(place.region)
    x, y = (float(part.split("[")[0]) for part in text.split(","))
    assert left <= x <= right and bottom <= y <= top


def test_a_point_in_degrees():
    around = Region(-2_400_500, -2_399_500, 5_199_500, 5_200_500)
    places = [place_of_point(f"7.43872,46.9512 {crs}", GRID, around) for crs in ("[EPSG:4326]", "EPSG:4326")]
    assert places[0].region.shape == (1, 1) and places[0].region == places[1].region


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("here", "cannot be read; write x,y"),
        ("1,2,3", "cannot be read; write x,y"),
        ("a,b", "cannot be read; write x,y"),
        ("nan,1", "cannot be read; write x,y"),
        ("2600010,1100000", "lies outside the rasters; in EPSG:2056 they cover 2600000.00,2600100.00,"),
    ],
)
def test_points_that_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        place_of_point(text, GRID, COVERED)


def test_an_extent_is_cut_to_what_the_rasters_cover():
    place = place_of_extent("2599990,2600005,1200040,1200100 [EPSG:2056]", GRID, COVERED)
    assert place.region == Region(-2_400_100, -2_400_080, 5_200_000, 5_200_010)
    assert place.mask.all()
    with pytest.raises(InputError, match="The extent '0,1,0,1' lies outside the rasters"):
        place_of_extent("0,1,0,1", GRID, COVERED)


def test_a_place_too_large_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr(places, "MAX_SIDE", 50)
    with pytest.raises(InputError, match="has 200 x 100 pixels, and heat maps are made of at most 50 x 50"):
        place_of_extent("2600000,2600100,1200000,1200050", GRID, COVERED)
    with pytest.raises(InputError, match="has 51 x 1 pixels"):
        place_of_outline(shapely.box(2600000, 1200000, 2600025.5, 1200000.5), GRID)


def test_classes_and_experts_by_name_number_or_default():
    card = tlm_card()
    assert find_class(card.classes, " Large Blocks ") == find_class(card.classes, "3") == 2
    assert find_expert(card, "2", 0) == find_expert(card, "Body and tail", 0) == 1
    tail = next(i for i, c in enumerate(card.classes) if c.group == "tail")
    head = next(i for i, c in enumerate(card.classes) if c.group == "head")
    assert (find_expert(card, None, tail), find_expert(card, None, head)) == (2, 0)
    for find, words in (
        (lambda: find_class(card.classes, "moss"), "no class 'moss'; it has 1"),
        (lambda: find_expert(card, "4", 0), "no expert '4'; it has 1"),
    ):
        with pytest.raises(InputError, match=words):
            find()


@given(values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=50))
def test_the_style_is_centred_on_zero(values):
    limit = scale_of(np.array(values, np.float32))
    assert 0 < limit <= max(1.0, np.abs(values).max() * 1.0001)
    root = Xml.fromstring(diverging_style(limit).partition(b"\n")[2])
    items = [(float(i.get("value", "")), i.get("alpha")) for i in root.iter("item")]
    assert [-value for value, _ in reversed(items)] == [value for value, _ in items]
    assert dict(items)[0.0] == "0"
    shader = next(root.iter("colorrampshader"))
    assert float(shader.get("minimumValue", "")) == -limit


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A small model of the usual kind, with random weights."""
    shape = {"decoder": "unet", "encoder": "resnet18", "encoder_depth": 3, "expert_channels": 8}
    card = tlm_card(architecture=shape | {"decoder_channels": 8}, window=64, stride=32)
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_bundle(path, card, build_network(card).state_dict())
    return path


@pytest.fixture(scope="module")
def flagged(bundle, tmp_path_factory) -> Path:
    """The candidates of a run of that model, with the record of what it was made from."""
    folder = tmp_path_factory.mktemp("flagged")
    run = small_run(folder, sha256=load_bundle(bundle).sha256).folder
    values = np.random.default_rng(0).integers(0, 256, (3, 70, 90), dtype=np.uint8)
    image = write(
        folder / "image.tif", values, GSD, west=flag_support.COL0 * GSD, north=-flag_support.ROW0 * GSD
    )
    record = json.loads((run / "run.json").read_text())
    record["model"]["path"] = str(bundle)
    record["inputs"].insert(0, {"role": "image", "files": [str(image)]})
    (run / "run.json").write_text(json.dumps(record))
    path = run / "candidates.gpkg"
    flag_candidates(FlagRequest(run=run, output=path))
    return path


def uuids(path: Path) -> Sequence[str]:
    with sqlite3.connect(path) as database:
        return [row[0] for row in database.execute("SELECT uuid FROM candidates ORDER BY rank")]


def test_why_a_candidate_was_flagged(flagged, bundle, tmp_path):
    """All that is needed is in the file of candidates and in the record of its run."""
    uuid = uuids(flagged)[0]
    result = explain(ExplainRequest(output=tmp_path / "heat.tif", candidates=flagged, uuid=uuid))
    with rasterio.open(result.heat_map) as file, rasterio.open(flagged.parent / "land_cover.tif") as mapped:
        assert file.crs == mapped.crs and file.res == mapped.res == (0.5, 0.5)
        assert file.dtypes == ("float32",) * 3 and np.isnan(file.nodata)
        assert file.descriptions[1:] == ("Relevance of image", "Relevance of dem")
        assert result.class_name in file.descriptions[0] and result.expert in file.descriptions[0]
        assert file.tags()["MCE_CANDIDATE"] == uuid
        total, image, dem = file.read()
        bounds = file.bounds
    np.testing.assert_allclose(total, image + dem, rtol=1e-5, atol=1e-7)
    candidate = read_candidate(flagged, uuid)
    assert shapely.box(*bounds).covers(candidate.outline)
    assert (tmp_path / "heat.qml").read_bytes() == diverging_style(scale_of(total))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heat.qml", "heat.tif", "heat.tif.aux.xml"]
    assert result.class_name in result.message and "window" in result.message


def test_model_and_rasters_by_hand_give_the_same(flagged, bundle, tmp_path):
    run = json.loads((flagged.parent / "run.json").read_text())
    sources = {entry["role"]: [Path(file) for file in entry["files"]] for entry in run["inputs"]}
    uuid = uuids(flagged)[1]
    first = explain(ExplainRequest(output=tmp_path / "a.tif", candidates=flagged, uuid=uuid))
    second = explain(
        ExplainRequest(
            output=tmp_path / "b.tif", source=sources, model=str(bundle), candidates=flagged, uuid=uuid
        )
    )
    np.testing.assert_array_equal(read(first.heat_map), read(second.heat_map))
    assert replace(first, heat_map=second.heat_map) == second


def test_a_point_of_the_image(flagged, bundle, tmp_path):
    """Without candidates the class is named, and the expert may be."""
    sources = {"image": [flagged.parents[1] / "image.tif"], "dem": [flagged.parents[1] / "dem.tif"]}
    point = f"{(flag_support.COL0 + 40) * GSD},{-(flag_support.ROW0 + 30) * GSD}"
    request = ExplainRequest(
        output=tmp_path / "h.tif",
        source=sources,
        model=str(bundle),
        point=point,
        class_name="forest",
        expert="2",
    )
    result = explain(request.but(against="glacier"))
    assert (result.class_name, result.against, result.expert) == ("forest", "glacier", "body and tail")
    assert "above glacier" in result.message


def test_an_existing_heat_map_is_replaced_only_on_request(flagged, tmp_path):
    request = ExplainRequest(output=tmp_path / "heat.tif", candidates=flagged, uuid=uuids(flagged)[0])
    explain(request)
    with pytest.raises(InputError, match="already there"):
        explain(request)
    explain(request.but(overwrite=True))


def test_candidates_of_another_model_are_refused(flagged, tmp_path):
    request = ExplainRequest(
        output=tmp_path / "h.tif", candidates=flagged, uuid=uuids(flagged)[0], model="demo"
    )
    with pytest.raises(InputError, match=r"were flagged with another model: test \([0-9a-f]{12}\.\.\.\)"):
        explain(request)
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_gone_leaves_model_and_rasters_to_the_user(bundle, flagged, tmp_path):
    moved = tmp_path / "moved.gpkg"
    moved.write_bytes(flagged.read_bytes())
    with sqlite3.connect(moved) as database:
        database.execute("UPDATE run SET value = '\"/nowhere\"' WHERE key = 'run_folder'")
    request = ExplainRequest(output=tmp_path / "h.tif", candidates=moved, uuid=uuids(moved)[0])
    with pytest.raises(InputError, match=r"another model: .* and demo\.safetensors is"):
        explain(request)
    with pytest.raises(InputError, match="no longer in /nowhere; give the image"):
        explain(request.but(model=str(bundle)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uuid": "no-such"}, "has no candidate 'no-such'"),
        ({"uuid": None}, "by its file and its uuid"),
        ({"class_name": "moss"}, "no class 'moss'"),
        ({"against": "{class}"}, "cannot be compared with itself"),
        ({"expert": "9"}, "no expert '9'"),
        ({"extent": "0,1,0,1"}, "candidates and extent was given"),
        ({"crs": "EPSG:2056"}, "leave the crs out"),
        ({"output": Path("/tmp/heat.png")}, "must be a GeoTIFF"),
        ({"candidates": None, "uuid": None}, "nothing was given"),
        ({"candidates": None, "uuid": None, "point": "1,1"}, "Which class"),
        ({"candidates": None, "uuid": None, "point": "1,1", "class_name": "3"}, "from rasters"),
    ],
)
def test_requests_that_are_refused(flagged, tmp_path, changes, words):
    candidate = read_candidate(flagged, uuids(flagged)[0])
    own = next(c.name for c in tlm_card().classes if c.id == candidate.class_id)
    changes = {name: own if value == "{class}" else value for name, value in changes.items()}
    request = ExplainRequest(output=tmp_path / "h.tif", candidates=flagged, uuid=candidate.uuid)
    with pytest.raises(InputError, match=words):
        explain(request.but(**changes))
    assert not list(tmp_path.iterdir())


def test_a_candidate_beside_the_rasters_is_refused(flagged, bundle, tmp_path):
    sources = scene(tmp_path, 30, 30)
    for files in sources.values():
        for file in files:
            with rasterio.open(file, "r+") as dataset:
                dataset.transform = rasterio.Affine.translation(9000, 9000) @ dataset.transform
    request = ExplainRequest(
        output=tmp_path / "h.tif",
        source=sources,
        model=str(bundle),
        candidates=flagged,
        uuid=uuids(flagged)[0],
    )
    with pytest.raises(InputError, match="lies outside the rasters; give those that it was mapped from"):
        explain(request)


def test_a_file_that_is_no_model_is_refused(flagged, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"nonsense")
    request = ExplainRequest(output=tmp_path / "h.tif", candidates=flagged, uuid=uuids(flagged)[0])
    with pytest.raises(ModelError):
        explain(request.but(model=str(tmp_path / "m.safetensors")))
