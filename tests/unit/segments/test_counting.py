import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments.counting import Errors, count_errors, delta, stream_errors

maps = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        *[arrays(np.uint8, shape, elements=st.sampled_from([1, 1, 3, 3, 3, 255])) for _ in range(2)]
    )
)


def around(row, col, shape):
    """Yield the up to 8 neighbours inside the raster."""
    for down, right in product((-1, 0, 1), (-1, 0, 1)):
        if (down or right) and 0 <= row + down < shape[0] and 0 <= col + right < shape[1]:
            yield row + down, col + right


def components(mask):
    """Return the 8-connected components of a mask as sets of pixels, by flooding."""
    left = {(int(r), int(c)) for r, c in np.argwhere(mask)}
    found = []
    while left:
        waiting = [left.pop()]
        part = set(waiting)
        while waiting:
            new = [p for p in around(*waiting.pop(), mask.shape) if p in left]
            left.difference_update(new)
            part.update(new)
            waiting.extend(new)
        found.append(part)
    return found


def plain_count(predicted, labels, class_id):
    """Count straight from the definitions."""
    known = (predicted != 255) & (labels != 255)
    mapped, true = (predicted == class_id) & known, (labels == class_id) & known
    fp = sum(
        1
        for part in components(mapped)
        if not any(true[p] for p in part)
        and any(all(mapped[q] for q in around(*p, mapped.shape)) for p in part)
    )
    found = [any(mapped[p] for p in part) for part in components(true)]
    return fp, found.count(False), found.count(True)


@settings(deadline=None, max_examples=200)
@given(maps)
def test_counts_are_those_of_the_definitions(pair):
    predicted, labels = pair
    assert count_errors(predicted, labels, 3) == plain_count(predicted, labels, 3)


@settings(deadline=None, max_examples=60)
@given(maps, st.integers(1, 5))
def test_streamed_counts_are_the_same_for_any_block(pair, block):
    predicted, labels = pair

    def read(region: Region):
        part = np.s_[region.row0 : region.row1, region.col0 : region.col1]
        return predicted[part], labels[part]

    found = stream_errors(predicted.shape, read, (3, 1), block=block)
    assert found == {id_: count_errors(predicted, labels, id_) for id_ in (3, 1)}


@pytest.mark.parametrize("seed", range(3))
def test_large_blobs(seed):
    """Smooth maps have segments with interiors across many blocks."""
    random = np.random.default_rng(seed)
    predicted, labels = (np.kron(random.integers(1, 6, (14, 12)), np.ones((5, 5), int)) for _ in range(2))
    expected = plain_count(predicted, labels, 3)
    assert min(expected[0], expected[2]) > 0
    assert count_errors(predicted, labels, 3) == expected

    def read(region: Region):
        part = np.s_[region.row0 : region.row1, region.col0 : region.col1]
        return predicted[part], labels[part]

    assert stream_errors(predicted.shape, read, [3], block=16) == {3: expected}


def test_the_rasters_edge_makes_no_boundary():
    predicted = np.array([[3, 3], [3, 3]])
    assert count_errors(predicted, np.ones((2, 2), int), 3) == (1, 0, 0)
    thin = np.array([[3, 1], [3, 1]])
    assert count_errors(thin, np.ones((2, 2), int), 3) == (0, 0, 0)


def test_what_nobody_knows_is_not_held_against_the_map():
    predicted = np.full((5, 5), 3)
    assert count_errors(predicted, np.full((5, 5), 255), 3) == (0, 0, 0)
    assert count_errors(np.full((5, 5), 255), np.full((5, 5), 3), 3) == (0, 0, 0)
    assert count_errors(np.full((5, 5), 7), np.full((5, 5), 3), 3, nodata=0) == (0, 1, 0)


def test_a_class_that_is_nowhere():
    assert count_errors(np.ones((3, 3), int), np.ones((3, 3), int), 3) == (0, 0, 0)


def test_f1_and_delta():
    bayes, ml = Errors(865, 839, 100), Errors(4885, 476, 463)
    assert delta(ml, bayes) == pytest.approx(11.074, abs=5e-4)  # the paper's table 2
    assert math.isnan(delta(Errors(9, 839, 0), bayes))
    assert delta(Errors(1000, 939, 0), bayes) == pytest.approx(-1.35)
    assert Errors(2, 3, 5).f1 == 10 / 15
    assert math.isnan(Errors().f1)
    assert Errors(1, 2, 3).plus(Errors(10, 20, 30)) == (11, 22, 33)
