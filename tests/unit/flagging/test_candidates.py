"""Candidates against a brute-force restatement, and the same however the run is cut."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import Cancelled
from mce_landcover.core.flagging.candidates import Candidates, find_candidates
from mce_landcover.core.flagging.pixels import RunPixels
from mce_landcover.core.flagging.redecide import slope_deg
from mce_landcover.core.geodata.grid import Region
from scipy.ndimage import binary_dilation
from support.engine import Recorder, read, write
from support.flag import (
    CLASSES,
    COL0,
    EXPERTS,
    GSD,
    IDS,
    RARE,
    ROW0,
    flood,
    has_interior,
    make_run,
    segments_of,
    small_run,
)


class Truth:
    """Labels in memory."""

    def __init__(self, labels: np.ndarray):
        self.labels = labels

    def read(self, region: Region) -> np.ndarray:
        return self.labels[region.row0 : region.row1, region.col0 : region.col1]

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    missing = np.zeros((70, 90), np.bool_)
    missing[20:24, 30:60] = True
    return small_run(tmp_path_factory.mktemp("run"), missing=missing)


@pytest.fixture(scope="module")
def labels():
    random = np.random.default_rng(9)
    coarse = random.choice([255, *IDS, *RARE], (14, 18))
    return np.kron(coarse, np.ones((5, 5))).astype(np.uint8)


def find(run: Path, classes=RARE, **changes) -> Candidates:
    with RunPixels(run) as pixels:
        return find_candidates(pixels, classes, **changes)


def same(one: Candidates, other: Candidates) -> bool:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "table":
            pairs = [(a.metrics[name], b.metrics[name]) for name in a.metrics]
            pairs += [(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)[1:]]
        elif field.name == "features":
            pairs = [(a.values, b.values), (np.array(a.names), np.array(b.names))]
        else:
            pairs = [(np.array(a), np.array(b))]
        if not all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs):
            return False
    return True


def test_candidates_against_brute_force(made, labels):
    """Straight from docs/science/methods.md: a segment of the ML rule, no pixel of the map's class in it, an
    interior."""
    evidence = read(made.folder / "evidence.tif").astype(np.int64)
    bayes = read(made.folder / "land_cover.tif")[0].astype(np.int64)
    experts = [read(made.folder / f"expert_{k}.tif")[0] for k in (1, 2, 3)]
    ml = evidence[0]
    altitude = np.round(made.dem[8:-8, 8:-8].astype(np.float64) * 100) / 100
    slope = np.round(slope_deg(made.dem[7:-7, 7:-7], GSD).astype(np.float64) * 100) / 100
    expected = [
        mask
        for mask in segments_of(ml)
        if ml[mask][0] in RARE and not (bayes[mask] == ml[mask][0]).any() and has_interior(mask)
    ]
    found = find(made.folder, labels=Truth(labels))
    assert len(found) == len(expected) > 15
    assert set(found.class_ids.tolist()) == set(RARE)
    assert 3 < found.target.sum() < len(found)
    for index, mask in enumerate(expected):
        row, col = np.argwhere(mask)[0]
        class_id = ml[row, col]
        assert found.table.first[index] == row * 90 + col
        assert found.table.n_pixels[index] == mask.sum()
        assert found.class_ids[index] == class_id
        counts = [(bayes[mask] == id_).sum() for id_ in IDS]
        assert found.bayes_ids[index] == IDS[int(np.argmax(counts))]
        shares = [(expert[mask] == class_id).mean() for expert in experts]
        assert found.agreeing[index].tolist() == [share > 0.5 for share in shares]
        assert found.target[index] == (labels[mask] == class_id).any()
        assert found.labelled[index] == (labels[mask] != 255).any()
        rows, cols = np.nonzero(mask)
        assert found.x[index] == pytest.approx((COL0 + cols.mean() + 0.5) * GSD, abs=1e-6)
        assert found.y[index] == pytest.approx(-(ROW0 + rows.mean() + 0.5) * GSD, abs=1e-6)
        support = np.maximum(evidence[5:, mask] / 50000, 1e-5)
        ours = {
            "class": class_id,
            "agreement": evidence[4, mask].mean() / 50000,
            "support": (evidence[5, mask] / 50000).mean(),
            "log_support": (np.round(1000 * np.log(support[0])) / 1000).mean(),
            "altitude_m": altitude[mask].mean(),
            "slope_deg": slope[mask].mean(),
        }
        for k in range(1, 4):
            ours[f"expert_{k}"] = shares[k - 1]
            ours[f"support_{k}"] = (evidence[5 + k, mask] / 50000).mean()
            ours[f"log_support_{k}"] = (np.round(1000 * np.log(support[k])) / 1000).mean()
        ours["doubtful"] = 0
        ours |= {f"bayes_{id_}": count / mask.sum() for id_, count in zip(IDS, counts, strict=True)}
        values = dict(zip(found.features.names, found.features.values[index], strict=True))
        assert {name for name in values if name.startswith("mce_")} == {f"mce_{name}" for name in ours}
        for name, value in ours.items():
            rounded = 0.011 if name in ("altitude_m", "slope_deg") else 1e-9
            assert values[f"mce_{name}"] == pytest.approx(value, rel=1e-9, abs=rounded), name
        assert values["E"] == pytest.approx(evidence[1, mask].mean() / 50000)
        assert values["M"] == pytest.approx(evidence[2, mask].mean() / 50000)
        assert values["V"] == pytest.approx(evidence[3, mask].mean() / 50000)
        assert found.support[index] == values["mce_support"]


def instead_of(made, class_id: int) -> np.ndarray:
    """The class of the largest joined logit outside of the group of a class, pixel by pixel."""
    counts = np.array([sum(id_ in ids for ids in EXPERTS.values()) for id_ in IDS])
    group = {id_: name for id_, _, name, _ in CLASSES}
    joined = made.logits.sum(axis=0) / counts[:, None, None]
    joined[[group[id_] == group[class_id] for id_ in IDS]] = -np.inf
    return np.array(IDS)[joined.argmax(axis=0)]


def iou_of(mask: np.ndarray, labels: np.ndarray, class_id: int) -> float:
    """With the union of the true segments of the class that share a pixel with the mask."""
    true = [s for s in segments_of(labels) if labels[s][0] == class_id and (s & mask).any()]
    union = mask.copy()
    for segment in true:
        union |= segment
    inside = sum(int((segment & mask).sum()) for segment in true)
    return inside / int(union.sum())


def test_doubtful_places_against_brute_force(made, labels):
    """Segments of the map's rare classes with an interior pixel."""
    evidence = read(made.folder / "evidence.tif").astype(np.int64)
    bayes = read(made.folder / "land_cover.tif")[0].astype(np.int64)
    experts = [read(made.folder / f"expert_{k}.tif")[0] for k in (1, 2, 3)]
    expected = [mask for mask in segments_of(bayes) if bayes[mask][0] in RARE and has_interior(mask)]
    found = find(made.folder, kinds=("doubtful",), labels=Truth(labels))
    assert len(found) == len(expected) > 5
    assert set(found.kinds) == {"doubtful"}
    assert 2 < found.target.sum() < len(found)
    assert ((found.iou > 0) & (found.iou < 1)).sum() > 2
    for index, mask in enumerate(expected):
        row, col = np.argwhere(mask)[0]
        class_id = bayes[row, col]
        assert found.table.first[index] == row * 90 + col
        assert found.table.n_pixels[index] == mask.sum()
        assert found.class_ids[index] == class_id
        shares = [(expert[mask] == class_id).mean() for expert in experts]
        assert found.agreeing[index].tolist() == [share > 0.5 for share in shares]
        assert found.target[index] == (labels[mask] == class_id).any()
        assert found.iou[index] == pytest.approx(iou_of(mask, labels, class_id))
        votes = np.bincount(instead_of(made, class_id)[mask])
        assert votes[found.instead_ids[index]] == votes.max()
        values = dict(zip(found.features.names, found.features.values[index], strict=True))
        assert values["mce_doubtful"] == 1 and values["mce_class"] == class_id
        assert values["M"] == pytest.approx(evidence[2, mask].mean() / 50000)
        assert values[f"mce_bayes_{class_id}"] == 1


def test_a_place_comes_once_where_both_kinds_are_asked_for(made):
    both = find(made.folder, kinds=("missed", "doubtful"))
    missed, doubtful = find(made.folder), find(made.folder, kinds=("doubtful",))
    assert same(both.take(both.kinds == "doubtful"), doubtful)
    bayes = read(made.folder / "land_cover.tif")[0]
    ml = read(made.folder / "evidence.tif")[0]
    kept = both.take(both.kinds == "missed").table.first.tolist()
    apart = []
    for first, class_id in zip(missed.table.first.tolist(), missed.class_ids.tolist(), strict=True):
        mask = flood(ml, *divmod(first, 90))
        touches = binary_dilation(mask, np.ones((3, 3))) & (bayes == class_id)
        apart += [] if touches.any() else [first]
    assert kept == apart


@settings(max_examples=12, deadline=None)
@given(block=st.integers(7, 100))
def test_the_size_of_the_blocks_does_not_matter(made, labels, block):
    truth, kinds = Truth(labels), ("missed", "doubtful")
    cut = find(made.folder, kinds=kinds, labels=truth, block=block)
    assert same(cut, find(made.folder, kinds=kinds, labels=truth))


def test_only_the_classes_asked_for_and_no_smaller_ones(made):
    both, one = find(made.folder), find(made.folder, (9,))
    assert same(one, both.take(both.class_ids == 9))
    large = find(made.folder, min_area_m2=10.0)
    assert 0 < len(large) < len(both)
    assert same(large, both.take(both.table.n_pixels * GSD**2 >= 10))
    assert both.target is None
    assert both.labelled is None


def test_no_candidates_are_a_table_without_rows(made, labels):
    found = find(made.folder, min_area_m2=1e9, labels=Truth(labels))
    assert len(found) == 0
    assert found.features.values.shape == (0, len(find(made.folder).features.names))
    assert found.agreeing.shape == (0, len(EXPERTS))
    assert found.target.shape == (0,)


def part_of(made, folder: Path, part: Region) -> Path:
    logits = made.logits[:, :, part.row0 : part.row1, part.col0 : part.col1]
    dem = folder / "dem.tif"
    if not dem.exists():
        folder.mkdir(parents=True, exist_ok=True)
        west, north = (COL0 - 8) * GSD, -(ROW0 - 8) * GSD
        write(dem, made.dem[None], GSD, nodata=-9999, west=west, north=north)
    return make_run(folder / "run", logits, row0=ROW0 + part.row0, col0=COL0 + part.col0, dem=dem)


@pytest.mark.parametrize("kind", ["missed", "doubtful"])
@pytest.mark.parametrize("part", [Region(11, 63, 20, 90), Region(0, 40, 7, 61), Region(30, 70, 0, 33)])
def test_candidates_of_a_part_are_those_of_the_whole(tmp_path, part, kind):
    """Those that lie inside the part and do not touch its border: bit for bit, the position included."""
    made = small_run(tmp_path / "whole", seed=5)
    runs = made.folder, part_of(made, tmp_path / "part", part)
    classes = RARE if kind == "missed" else (3, 5, *RARE)  # of which the map has more
    whole, few = (find(run, classes, kinds=(kind,)) for run in runs)
    rows, cols = np.divmod(few.table.first, part.shape[1])
    first = (rows + part.row0) * 90 + cols + part.col0
    low, high = few.table.bounds[:, [0, 2]], few.table.bounds[:, [1, 3]]
    inside = ((low > 0) & (high < part.shape)).all(axis=1)
    wlow, whigh = whole.table.bounds[:, [0, 2]], whole.table.bounds[:, [1, 3]]
    corner, end = (part.row0, part.col0), (part.row1, part.col1)
    within = ((wlow > corner) & (whigh < end)).all(axis=1)
    assert within.sum() == inside.sum() > 1
    assert whole.table.first[within].tolist() == first[inside].tolist()
    for name in ("class_ids", "bayes_ids", "instead_ids", "agreeing", "support", "x", "y"):
        assert np.array_equal(getattr(whole, name)[within], getattr(few, name)[inside])
    assert whole.features.names == few.features.names
    np.testing.assert_array_equal(whole.features.values[within], few.features.values[inside])


def test_the_reporter_counts_blocks_and_may_stop(made):
    recorder = Recorder()
    find(made.folder, block=40, reporter=recorder)
    assert recorder.calls == [(done, 6, "blocks") for done in range(6)]
    with pytest.raises(Cancelled):
        find(made.folder, block=40, reporter=Recorder(stop_at=3, error=Cancelled("stop")))
