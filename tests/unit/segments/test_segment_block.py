import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments import block as segment_block
from mce_landcover.core.segments.block import IGNORED, find_segments, sum_block
from mce_landcover.core.segments.table import SegmentSums
from scipy import ndimage
from support.segments import brute_labels, make_classes, make_scene


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 10**6),
)
def test_segments_against_flood_fill(shape, n_classes, patch, seed):
    classes = make_classes(shape, n_classes, patch=patch, ignored=0.1, seed=seed)
    codes = np.where(classes == IGNORED, n_classes, classes).astype(np.uint8)
    np.testing.assert_array_equal(find_segments(codes, n_classes), brute_labels(classes))


def test_numbers_are_in_raster_order_even_if_the_library_counts_otherwise(monkeypatch):
    codes = make_classes((15, 17), 3, seed=4)
    expected = find_segments(codes, 3)

    def reversed_labels(values, **_):
        labels = expected.astype(np.uint32)
        return np.where(labels > 0, labels.max() + 1 - labels, 0).astype(np.uint32)

    monkeypatch.setattr(segment_block.cc3d, "connected_components", reversed_labels)
    np.testing.assert_array_equal(find_segments(codes, 3), expected)


def test_number_of_segments_against_scipy():
    classes = make_classes((300, 200), 3, patch=4, seed=1)
    n = sum(ndimage.label(classes == c, np.ones((3, 3)))[1] for c in range(3))
    assert find_segments(classes, 3).max() == n


def test_addresses_need_64_bits():
    scene = make_scene(make_classes((6, 9), 3, patch=2), 3)
    core, width = Region(0, 6, 0, 9), 3_000_000_000
    pixels = scene.read(core)
    _, near = sum_block(pixels, 3, core, (0, 0), 9)
    _, far = sum_block(pixels, 3, core, (2_000_000_000, 2_999_999_000), width)
    rows, cols = np.divmod(near.first, 9)
    np.testing.assert_array_equal(far.first, (rows + 2_000_000_000) * width + cols + 2_999_999_000)
    shift = np.array([2_000_000_000, 2_999_999_000])
    np.testing.assert_array_equal(far.bounds, near.bounds + shift.repeat(2))
    np.testing.assert_array_equal(far.centre, near.centre + near.counts.sum(axis=1)[:, None] * shift)
    for name in ("classes", "counts", "heat", "squares", "layers", "pairs"):
        np.testing.assert_array_equal(getattr(far, name), getattr(near, name))


def test_whole_number_heat_is_summed_in_whole_numbers():
    scene = make_scene(np.zeros((300, 300), np.uint8), 1)
    core = Region(0, 300, 0, 300)
    _, sums = sum_block(scene.read(core), 1, core, (0, 0), 300)
    assert sums.squares.dtype == np.int64
    exact = [sum(int(value) ** 2 for value in plane.ravel()) for plane in scene.heat]
    assert sums.squares.sum(axis=1)[0].tolist() == exact


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_merged_parts_are_the_whole(cut):
    """Two halves of a raster of one class, cut between rows, each read with its halo."""
    scene = make_scene(np.zeros((6, 5), np.uint8), 2)
    _, whole = sum_block(scene.read(Region(0, 6, 0, 5)), 2, Region(0, 6, 0, 5), (0, 0), 5)
    _, upper = sum_block(scene.read(Region(0, cut + 1, 0, 5)), 2, Region(0, cut, 0, 5), (0, 0), 5)
    lower_core = Region(1, 7 - cut, 0, 5)
    _, lower = sum_block(scene.read(Region(cut - 1, 6, 0, 5)), 2, lower_core, (cut, 0), 5)
    merged = SegmentSums.join([lower, upper]).merge(np.array([0, 0]), 1)
    for name in vars(whole):
        np.testing.assert_array_equal(getattr(merged, name), getattr(whole, name), err_msg=name)
