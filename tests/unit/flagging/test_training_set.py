import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.training_set import TrainingSet, enough_tiles, tile_groups


def training(x, y, targets=None, crs="EPSG:2056") -> TrainingSet:
    n = len(x)
    return TrainingSet(
        FeatureTable(("M", "E", "mce_class"), np.arange(3.0 * n).reshape(n, 3)),
        np.zeros(n, np.bool_) if targets is None else np.array(targets),
        np.full(n, 7),
        np.array(x, float),
        np.array(y, float),
        np.full(n, crs) if isinstance(crs, str) else np.array(crs),
        np.full(n, np.nan),
    )


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-3e6, 3e6), st.floats(-3e6, 3e6)), min_size=1, max_size=30),
    st.floats(1, 1000),
)
def test_candidates_share_a_tile_exactly_if_they_are_in_one_square(places, tile_m):
    x, y = zip(*places, strict=True)
    groups = tile_groups(training(x, y), tile_m)
    squares = [(a // tile_m, b // tile_m) for a, b in places]
    for i in range(len(places)):
        for j in range(i):
            assert (groups[i] == groups[j]) == (squares[i] == squares[j])
    assert set(groups) == set(range(groups.max() + 1))


def test_tiles_are_of_the_world_not_of_the_run():
    """Two runs that overlap put the same place into the same tile; another CRS is another world."""
    both = TrainingSet.join(
        [training([10, 260], [10, 10]), training([240, 510], [20, 5]), training([10], [10], crs="EPSG:21781")]
    )
    assert len(both) == 5
    groups = tile_groups(both, 250)
    assert groups[0] == groups[2] and len(set(groups)) == 4


def test_tiles_stay_as_asked_where_they_are_enough():
    x = np.arange(20) * 500 + 5.0
    groups, side = enough_tiles(training(x, x * 0, [True, False] * 10), 500, 5)
    assert side == 500 and len(set(groups)) == 20


def test_tiles_are_halved_until_they_are_enough():
    x = np.arange(16) * 50 + 5.0  # within 800 m
    groups, side = enough_tiles(training(x, x * 0, [True, False] * 8), 500, 5)
    assert side == 125 and len(set(groups)) == 7
    outcomes = enough_tiles(training(x, x * 0, [True] * 2 + [False] * 14), 500, 5)
    assert outcomes[1] == 31.25, "both outcomes need two tiles"


def test_tiles_are_never_tiny():
    x = np.arange(4.0)
    _, side = enough_tiles(training(x, x, [True, False] * 2), 500, 5)
    assert 20 <= side < 40


def test_the_surest_come_first_without_a_classifier():
    known = training([1, 2], [1, 2])
    assert known.margin.tolist() == [0, 3]
    assert known.with_features(("E",)).features.names == ("E",)
    with pytest.raises(KeyError):
        known.with_features(("none",))
