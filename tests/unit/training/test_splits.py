import csv
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.splits import SPLITS, Tiles, neighbours, report_splits, split_tiles
from support.places import SHARED

STRATEGIES = ("random", "dominant", "iterative", "blocked", "blocked_iterative")
CLASSES = ("rock", "scree", "ice", "water", "blocks")


def make_tiles(rows: int = 30, cols: int = 40, side: float = 100.0, seed: int = 0) -> Tiles:
    """A full grid of tiles; classes lie in patches, the last ones are rare."""
    rng = np.random.default_rng(seed)
    row, col = (v.ravel() for v in np.indices((rows, cols)))
    smooth = np.stack(
        [np.sin(row / 5 + 2 * c) + np.cos(col / 6 - 3 * c) for c in range(len(CLASSES))], axis=1
    )
    counts = np.maximum(
        0, 4000 * (smooth - np.linspace(-1, 1.5, len(CLASSES)) + rng.normal(0, 0.5, smooth.shape))
    )
    corner = np.stack([2_600_000 + side * col, 1_100_000 + side * row], axis=1)
    return Tiles(counts.astype(np.int64), np.concatenate([corner, corner + side], axis=1))


TILES = make_tiles()


def spread(counts: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Share of the tiles of each class in each of three splits, `[3, C]`."""
    held = np.stack([(counts[folds == s] > 0).sum(axis=0) for s in range(3)])
    return held / held.sum(axis=0)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("ratios", [(0.6, 0.2, 0.2), (8, 1, 1)])
def test_sizes_follow_the_ratios_and_the_seed_decides(strategy: str, ratios: tuple[float, ...]) -> None:
    folds = split_tiles(TILES, strategy, ratios, seed=3, block_m=300)
    sizes = np.bincount(folds, minlength=3) / len(folds)
    np.testing.assert_allclose(sizes, np.array(ratios) / sum(ratios), atol=0.02)
    np.testing.assert_array_equal(folds, split_tiles(TILES, strategy, ratios, seed=3, block_m=300))
    assert (folds != split_tiles(TILES, strategy, ratios, seed=4, block_m=300)).any()


def test_dominant_classes_are_spread_to_a_tile() -> None:
    folds = split_tiles(TILES, "dominant", seed=0)
    for c in range(len(CLASSES)):
        own = (TILES.counts.argmax(axis=1) == c) & TILES.counts.any(axis=1)
        expected = own.sum() * np.array([0.6, 0.2, 0.2])
        assert (abs(np.bincount(folds[own], minlength=3) - expected) < 1).all()


@pytest.mark.parametrize(("strategy", "plain"), [("iterative", "random"), ("blocked_iterative", "blocked")])
def test_stratified_classes_are_spread_better(strategy: str, plain: str) -> None:
    def missed(name: str) -> float:
        found = [spread(TILES.counts, split_tiles(TILES, name, seed=s, block_m=500)) for s in range(8)]
        return float(np.mean([abs(f - np.array([[0.6], [0.2], [0.2]])).mean() for f in found]))

    assert missed(strategy) < 0.5 * missed(plain)


@pytest.mark.parametrize("strategy", ["blocked", "blocked_iterative"])
def test_blocks_stay_whole_and_keep_neighbours_together(strategy: str) -> None:
    folds = split_tiles(TILES, strategy, seed=1, block_m=1000).reshape(30, 40)
    for r, c in itertools.product(range(0, 30, 10), range(0, 40, 10)):
        assert len(set(folds[r : r + 10, c : c + 10].ravel().tolist())) == 1
    blocked = report_splits(TILES, folds.ravel(), CLASSES)
    scattered = report_splits(TILES, split_tiles(TILES, "random", seed=1), CLASSES)
    assert blocked.parted < 0.25 * scattered.parted


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 40))
def test_neighbours_are_those_that_touch(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 8, (n, 2)).astype(float)
    bounds = np.concatenate([corner, corner + rng.integers(1, 4, (n, 2))], axis=1)
    expected = {
        (i, j)
        for i, j in itertools.combinations(range(n), 2)
        if (np.maximum(bounds[i, :2], bounds[j, :2]) <= np.minimum(bounds[i, 2:], bounds[j, 2:])).all()
    }
    assert {tuple(sorted(pair)) for pair in neighbours(bounds).tolist()} == expected


def test_a_grid_has_its_eight_neighbours_each() -> None:
    rows, cols = 7, 5
    pairs = neighbours(make_tiles(rows, cols).bounds)
    assert len(pairs) == rows * (cols - 1) + cols * (rows - 1) + 2 * (rows - 1) * (cols - 1)


def test_report_counts_what_each_split_holds() -> None:
    counts = np.array([[6, 2, 0], [0, 4, 0], [3, 0, 1], [0, 0, 0]])
    side = np.array([0.0, 10, 20, 100])
    bounds = np.stack([side, side * 0, side + 10, side * 0 + 10], axis=1)
    report = report_splits(Tiles(counts, bounds), np.array([0, 1, 1, 0]), ("a", "b", "c"), ("train", "test"))
    assert report.tiles.tolist() == [2, 2]
    assert report.shares.tolist() == [[0.75, 0.25, 0.0], [0.375, 0.5, 0.125]]
    assert report.holders.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert (report.neighbours, report.parted) == (2, 1)
    first, second = report.warnings()
    assert first.startswith("1 of 2 pairs of neighbouring tiles (50%) fall into different splits")
    assert second == "The split train has no pixel of c."
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert found["splits"]["test"] == {
        "tiles": 2,
        "shares": {"a": 0.375, "b": 0.5, "c": 0.125},
        "tiles_with": {"a": 1, "b": 1, "c": 1},
    }


def test_tiles_without_places_have_no_neighbours_and_no_warning() -> None:
    tiles = Tiles(TILES.counts)
    report = report_splits(tiles, split_tiles(tiles, "iterative", seed=0), CLASSES)
    assert (report.neighbours, report.parted, report.warnings()) == (None, None, [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"strategy": "fair"}, "no split strategy 'fair': choose one of blocked_iterative, blocked"),
        ({"ratios": (1, -1)}, "ratios cannot be used"),
        ({"strategy": "blocked"}, "side of a block in metres"),
        ({"strategy": "blocked", "block_m": -5.0}, "side of a block in metres"),
        ({"strategy": "blocked", "block_m": 1e9}, "Split 2 of 3 gets none of 1200 tiles; use smaller blocks"),
        ({"tiles": Tiles(TILES.counts[:2])}, "gets none of 2 tiles; use more tiles"),
        ({"tiles": Tiles(TILES.counts), "strategy": "blocked", "block_m": 5.0}, "without a place"),
    ],
)
def test_what_cannot_be_split_is_refused(change: dict, says: str) -> None:
    arguments = {"tiles": TILES, "strategy": "random", "seed": 0} | change
    with pytest.raises(InputError, match=says):
        split_tiles(**arguments)


def test_bounds_must_fit_the_tiles() -> None:
    with pytest.raises(ValueError, match="do not fit 1200 tiles"):
        Tiles(TILES.counts, TILES.bounds[:5])


def real_tiles() -> tuple[Tiles, np.ndarray, tuple[str, ...]]:
    """The published lists: one dominant class per tile, places from the names, and their own split."""
    corners, classes, folds = [], [], []
    for s, name in enumerate(SPLITS):
        with (SHARED / "alpine_mce_splits" / f"{name}_subset.csv").open() as file:
            for row in csv.DictReader(file):
                east, north, *_ = row["rbg"].split("_")
                corners.append((100.0 * int(east), 100.0 * int(north)))
                classes.append(int(float(row["mainclass"])))
                folds.append(s)
    corner, ids = np.array(corners), sorted(set(classes))
    counts = np.equal.outer(classes, ids) * np.int64(40_000)
    bounds = np.concatenate([corner, corner + 100], axis=1)
    return Tiles(counts, bounds), np.array(folds), tuple(str(i) for i in ids)


@pytest.mark.shared_data
def test_the_published_split_is_stratified_by_dominant_class_and_parts_neighbours() -> None:
    if not (SHARED / "alpine_mce_splits").is_dir():
        pytest.skip("the real data is not here: alpine_mce_splits")
    tiles, theirs, classes = real_tiles()
    published = report_splits(tiles, theirs, classes)
    ours = report_splits(tiles, split_tiles(tiles, "dominant", seed=0), classes)
    assert abs(published.tiles - ours.tiles).max() <= 1
    assert abs(published.holders - ours.holders).max() <= 3
    assert published.parted / published.neighbours > 0.5  # 56 % of the published neighbours
    blocks = report_splits(tiles, split_tiles(tiles, "blocked_iterative", seed=0, block_m=2000), classes)
    assert blocks.parted / blocks.neighbours < 0.06
    assert abs(blocks.tiles / blocks.tiles.sum() - np.array([0.6, 0.2, 0.2])).max() < 0.001
    assert not [w for w in blocks.warnings() if "no pixel" in w]
