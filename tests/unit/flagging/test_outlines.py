"""Outlines are exactly their pixels, however they are read; shapely and pixel loops are the oracles."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from mce_landcover.core.flagging.outlines import cut_outlines, outline, simplified, to_world
from mce_landcover.core.geodata.grid import Region, WorldGrid
from rasterio.crs import CRS
from shapely.geometry import MultiPolygon, box
from support.flag import flood, segments_of

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)).filter(np.any)
CLASSES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(0, 2))


def squares(mask: np.ndarray) -> shapely.Geometry:
    """The union of the pixels as squares."""
    return shapely.union_all([box(col, row, col + 1, row + 1) for row, col in np.argwhere(mask)])


def bounds_of(mask: np.ndarray) -> list[int]:
    rows, cols = np.nonzero(mask)
    return [rows.min(), rows.max() + 1, cols.min(), cols.max() + 1]


def n_holes(polygons: MultiPolygon) -> int:
    return sum(len(part.interiors) for part in polygons.geoms)


@settings(deadline=None)
@given(MASKS)
def test_an_outline_is_valid_and_covers_exactly_the_pixels(mask):
    polygons = outline(mask)
    assert polygons.is_valid
    assert polygons.area == mask.sum()
    assert shapely.equals(polygons, squares(mask))


@settings(deadline=None)
@given(MASKS)
def test_an_outline_keeps_the_holes_and_no_needless_corner(mask):
    polygons = outline(mask)
    expected = squares(mask)
    parts = getattr(expected, "geoms", [expected])
    assert len(polygons.geoms) == len(parts)
    assert n_holes(polygons) == sum(len(part.interiors) for part in parts)
    for ring in [r for part in polygons.geoms for r in (part.exterior, *part.interiors)]:
        xy = np.array(ring.coords)[:-1]
        before, after = np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0)
        assert not ((before == xy) & (after == xy)).any()


def test_parts_that_meet_at_a_corner_and_a_hole_that_touches_the_rim():
    assert len(outline(np.eye(3, dtype=np.bool_)).geoms) == 3
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.bool_)  # the hole meets the outside at a corner
    polygons = outline(ring)
    assert (polygons.is_valid, len(polygons.geoms), n_holes(polygons), polygons.area) == (True, 1, 1, 7)


@settings(max_examples=60, deadline=None)
@given(CLASSES, st.integers(1, 6), st.booleans())
def test_segments_are_cut_out_the_same_whatever_the_tiles(classes, tile, repeat):
    """Tiles of few pixels send most segments the way of the large ones."""
    masks = segments_of(np.repeat(classes, 2, axis=0) if repeat else classes)
    raster = np.repeat(classes, 2, axis=0) if repeat else classes
    bounds = np.array([bounds_of(mask) for mask in masks], np.int64)
    first = np.array([np.flatnonzero(mask)[0] for mask in masks], np.int64)

    def read(region: Region) -> np.ndarray:
        assert 0 <= region.row0 < region.row1 <= raster.shape[0]
        assert 0 <= region.col0 < region.col1 <= raster.shape[1]
        return raster[region.row0 : region.row1, region.col0 : region.col1]

    found = dict(cut_outlines(bounds, first, raster.shape[1], read, tile))
    assert sorted(found) == list(range(len(masks)))
    for index, mask in enumerate(masks):
        assert found[index].is_valid
        assert found[index].area == mask.sum()
        assert shapely.equals(found[index], squares(mask))
        whole = outline(mask)
        assert shapely.get_num_coordinates(found[index]) == shapely.get_num_coordinates(whole)


def test_memory_of_a_large_segment_is_that_of_a_strip():
    spiral = np.zeros((64, 64), np.uint8)
    for ring in range(0, 32, 4):  # open rings, each joined to the next: one segment in many strips
        spiral[ring, ring : 64 - ring] = spiral[63 - ring, ring : 64 - ring] = 1
        spiral[ring : 64 - ring, 63 - ring] = 1
        spiral[ring + 1 : 64 - ring, ring] = 1
        spiral[ring : ring + 5, 32] = 1
    assert all(flood(spiral, 0, 0)[spiral == 1])
    sizes = []

    def read(region: Region) -> np.ndarray:
        sizes.append(region.size)
        return spiral[region.row0 : region.row1, region.col0 : region.col1]

    bounds = np.array([bounds_of(spiral == 1)], np.int64)
    ((_, polygons),) = cut_outlines(bounds, np.zeros(1, np.int64), 64, read, tile=16)
    assert max(sizes) <= 16**2
    assert shapely.equals(polygons, squares(spiral == 1))


@settings(deadline=None)
@given(MASKS, st.floats(0.1, 4))
def test_simplifying_keeps_outlines_valid_and_their_holes(mask, tolerance):
    exact = outline(mask)
    smooth = simplified(exact, tolerance)
    assert smooth.is_valid
    assert (len(smooth.geoms), n_holes(smooth)) == (len(exact.geoms), n_holes(exact))
    assert shapely.get_num_coordinates(smooth) <= shapely.get_num_coordinates(exact)


def test_simplifying_takes_corners_off_a_staircase():
    stairs = np.tri(40, dtype=np.bool_)
    smooth = simplified(outline(stairs), 2.0)
    assert shapely.get_num_coordinates(smooth) < 12
    assert smooth.area == pytest.approx(stairs.sum(), rel=0.05)
    assert simplified(outline(stairs), 0.0).equals_exact(outline(stairs))


def test_world_coordinates_of_a_part_are_those_of_the_whole():
    grid = WorldGrid(CRS.from_epsg(2056), 0.1)
    mask = np.zeros((7, 9), np.bool_)
    mask[2:5, 3:8] = mask[3, 2] = True
    whole = to_world(outline(mask), grid, Region(-12_000_000, -11_999_993, 26_000_001, 26_000_010))
    part = to_world(outline(mask[2:, 2:]), grid, Region(-11_999_998, -11_999_993, 26_000_003, 26_000_010))
    assert whole.normalize().equals_exact(part.normalize(), 0.0)
    left, bottom, right, top = grid.bounds(Region(-11_999_998, -11_999_995, 26_000_003, 26_000_009))
    assert whole.bounds == (left, bottom, right, top)
    assert whole.area == pytest.approx(mask.sum() * 0.01, rel=1e-6)
