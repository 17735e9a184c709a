"""Rare places against the counting in memory, and before and after a review."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mce_landcover.core.evaluation.evaluate import EvaluateRequest, evaluate
from mce_landcover.core.evaluation.places import count_places, rare_classes
from mce_landcover.core.flagging.apply import apply_review
from mce_landcover.core.flagging.requests import ApplyRequest
from mce_landcover.core.flagging.review import read_review
from mce_landcover.core.geodata.class_raster import open_class_raster
from mce_landcover.core.geodata.class_table import MapClass
from mce_landcover.core.geodata.labels import open_labels
from mce_landcover.core.segments.counting import count_errors
from scipy import ndimage
from support.fit import flagged, labelled_run, review_some
from support.run import write_ids

CLASSES = (MapClass(1, "rock", "head"), MapClass(3, "blocks", "tail"), MapClass(4, "grass", "tail"))


@given(seed=st.integers(0, 2**32 - 1), unknown=st.booleans())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_are_counted_as_in_memory(tmp_path, seed, unknown):
    """With nodata, labels of no class of the map, and unlabelled ground (0) here and there."""
    random = np.random.default_rng(seed)
    smooth = lambda: ndimage.gaussian_filter(random.normal(size=(3, 40, 50)), (0, 1.5, 1.5)).argmax(axis=0)  # noqa: E731
    ids = np.array([1, 3, 4], np.uint8)
    mapped, truth = ids[smooth()], ids[smooth()]
    if unknown:
        mapped[5:9, 10:30], truth[20:24, 5:45], truth[30:33, :20] = 255, 0, 77
    files = [write_ids(tmp_path / f"{name}.tif", values) for name, values in (("m", mapped), ("t", truth))]
    with open_class_raster(files[0]) as raster, open_labels(files[1], raster, CLASSES, "class") as labels:
        found = count_places({"map": raster}, labels, CLASSES)["map"]
        pixel_km2 = abs(raster.transform.a * raster.transform.e) / 1e6
    known = np.where(np.isin(truth, ids), truth, 255)
    assert list(found) == ["blocks", "grass"]
    for name, id_ in (("blocks", 3), ("grass", 4)):
        errors = count_errors(mapped, known, id_)
        places = found[name]
        assert (places.false, places.missed, places.found) == errors
        assert places.km2 == pytest.approx(((mapped != 255) & (known != 255)).sum() * pixel_km2)


def test_without_groups_no_class_is_rare():
    assert rare_classes([MapClass(1, "a"), MapClass(2, "b")]) == ()


def test_a_reviewed_map_stands_beside_what_it_was_made_of(tmp_path: Path) -> None:
    run, labels = labelled_run(tmp_path, 31, false_places=True)
    with rasterio.open(run / "land_cover.tif", "r+") as raster:
        raster.update_tags(MCE_MODEL_SHA256="ab" * 32)  # as predict says of its maps
    file = flagged(run, tmp_path / "c.gpkg", kind="doubtful")
    with rasterio.open(labels) as raster:
        truth = raster.read(1)
    review = read_review(file)
    with rasterio.open(run / "land_cover.tif") as raster:
        place = [raster.index(x, y) for x, y in zip(review.columns["x"], review.columns["y"], strict=True)]
    right = [
        truth[row, col] == id_ for (row, col), id_ in zip(place, review.columns["class_id"], strict=True)
    ]
    told = {
        uuid: ("accept" if ok else "reject", None)
        for uuid, ok in zip(review.columns["uuid"].tolist(), right, strict=True)
    }
    review_some(file, told)
    reviewed = apply_review(ApplyRequest(run=run, candidates=file)).land_cover
    result = evaluate(EvaluateRequest(prediction=reviewed, reference=labels, output=tmp_path / "out"))
    before, after = (result.found.places[row] for row in ("before", "map"))
    assert sum(p.false for p in after.values()) < sum(p.false for p in before.values())
    plain = evaluate(EvaluateRequest(prediction=run, reference=labels, output=tmp_path / "plain"))
    assert plain.found.places == {"map": before}
    value = json.loads(result.files["evaluation"].read_text())["places"]
    name = next(iter(after))
    assert value["map"][name]["false"] == after[name].false
    with result.files["places"].open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [row["row"] for row in rows] == ["map"] * len(after) + ["before"] * len(after)
    page = result.files["page"].read_text()
    assert "Rare places" in page and "made of" in page
    assert f"{name}: {after[name].found} of" in result.message
