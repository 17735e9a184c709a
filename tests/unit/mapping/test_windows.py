import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.mapping.windows import Lattice, blending_profile, blending_weights, stride_of

sides = st.integers(2, 80).flatmap(lambda w: st.tuples(st.just(w), st.integers(1, w)))


@given(sides, st.integers(-500, 500), st.integers(1, 300))
def test_touching_lists_exactly_the_windows_that_hold_a_pixel(side, start, length):
    lattice = Lattice(*side)
    stop = start + length
    found = set(lattice.touching(start, stop))
    for index in range(start // side[1] - side[0] - 2, stop // side[1] + 3):
        first = lattice.origin(index)
        assert (index in found) == (first < stop and first + side[0] > start)


@given(sides)
def test_every_pixel_is_covered_by_at_most_reach_windows(side):
    lattice = Lattice(*side)
    counts = [len(lattice.touching(p, p + 1)) for p in range(side[1])]
    assert max(counts) == lattice.reach
    assert min(counts) >= 1


def test_nothing_touches_an_empty_range():
    assert len(Lattice(8, 4).touching(5, 5)) == 0


@given(sides, st.floats(0.05, 1.0))
def test_profile_is_a_partition_of_unity(side, sigma):
    window, stride = side
    profile = blending_profile(window, stride, sigma)
    sums = np.zeros(stride)
    for pixel in range(window):  # of all windows that hold a pixel, by its place between lattice lines
        sums[pixel % stride] += profile[pixel]
    np.testing.assert_allclose(sums, 1, rtol=1e-12)
    assert (profile > 0).all()
    np.testing.assert_allclose(
        profile, profile[::-1], rtol=1e-9, atol=1e-15
    ) if window % stride == 0 else None


@given(sides)
def test_weights_of_overlapping_windows_add_up_to_one(side):
    lattice = Lattice(*side)
    weights = blending_weights(lattice)
    total = np.zeros((3 * side[0], 3 * side[0]), np.float64)
    for row in range(0, 2 * side[0] + 1, side[1]):
        for col in range(0, 2 * side[0] + 1, side[1]):
            total[row : row + side[0], col : col + side[0]] += weights
    inner = total[side[0] : 2 * side[0], side[0] : 2 * side[0]]
    np.testing.assert_allclose(inner, 1, atol=1e-5)


def test_a_window_enters_softly_at_half_overlap():
    profile = blending_profile(200, 100, 0.2)
    assert profile[0] < 0.06
    assert np.abs(np.diff(profile)).max() < 0.03


@given(st.integers(2, 512), st.floats(0, 0.9))
def test_stride_realises_the_overlap_to_half_a_pixel(window, overlap):
    stride = stride_of(window, overlap)
    assert 1 <= stride <= window
    assert abs(stride - window * (1 - overlap)) <= max(0.5, 1 - window * (1 - overlap)) + 1e-9


@pytest.mark.parametrize("overlap", [-0.1, 0.91, 1.0, float("nan")])
def test_overlap_out_of_range_is_refused(overlap):
    with pytest.raises(InputError, match="overlap"):
        stride_of(200, overlap)
