"""Turns segments into polygons: exactly their pixels, holes kept, valid. Which segments are candidates is
decided in `candidates.py`, files are written in `geopackage.py`.

Polygons are made of whole pixels: x is the column and y the row of a pixel's corner, y downwards. `to_world`
brings them to the CRS.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import MultiPolygon, Polygon, shape

from ..geodata.grid import Region, WorldGrid
from ..segments.stream import connect, touching

#: Side of the tiles that segments are read by; larger segments are read in strips of as many pixels.
TILE = 1024
_EIGHT = np.ones((3, 3), np.bool_)
#: Reads the class channels of a region of the raster, uint8 `[h, w]`.
ReadClasses = Callable[[Region], NDArray[np.uint8]]


def outline(mask: NDArray[np.bool_]) -> MultiPolygon:
    """Return the polygons of the true pixels of a mask `[h, w]`, one per 4-connected part.

    The area is the number of pixels, holes are kept, and parts that meet at a corner only stay apart, so that
    the result is valid.
    """
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
    return MultiPolygon([shape(geometry) for geometry, _ in found])


def simplified(polygons: MultiPolygon, tolerance: float) -> MultiPolygon:
    """Return the polygons with fewer corners: no corner that cuts off a triangle larger than tolerance^2.

    Topology stays: holes stay, parts stay apart. What cannot be simplified so that it is valid comes back as
    it was.
    """
    if tolerance <= 0:
        return polygons
    parts = shapely.coverage_simplify(list(polygons.geoms), tolerance)
    smooth = MultiPolygon(list(parts))
    return smooth if smooth.is_valid and not smooth.is_empty else polygons


def to_world(polygons: MultiPolygon, grid: WorldGrid, region: Region) -> MultiPolygon:
    """Bring pixel corners of a raster that holds `region` of the grid to the CRS.

    Each coordinate is one product of a whole number and the pixel's side, so equal pixels of two rasters have
    equal coordinates.
    """
    origin = np.array([region.col0, region.row0])
    flip = np.array([grid.gsd, -grid.gsd])
    return shapely.transform(polygons, lambda xy: (xy + origin) * flip)


def cut_outlines(
    bounds: NDArray[np.int64],
    first: NDArray[np.int64],
    width: int,
    read: ReadClasses,
    tile: int = TILE,
) -> Iterator[tuple[int, MultiPolygon]]:
    """Yield the index and the outline of every segment, tile by tile; memory is bounded by a tile's.

    Args:
        bounds: `[n, 4]` row0, row1, col0, col1 of each segment, half-open.
        first: `[n]` row * width + col of each segment's first pixel in raster order.
        width: of the raster.
        read: gives the classes of a region; a segment is 8-connected and of one class.
        tile: side of the tiles in pixels.
    """
    height_px, width_px = bounds[:, 1] - bounds[:, 0], bounds[:, 3] - bounds[:, 2]
    fits = np.maximum(height_px, width_px) <= tile
    places = bounds[:, [0, 2]] // tile
    small = np.flatnonzero(fits)
    order = small[np.lexsort((small, places[small, 1], places[small, 0]))]
    for _, members in groupby(order.tolist(), key=lambda index: tuple(places[index])):
        yield from _cut_tile(list(members), bounds, first, width, read)
    for index in np.flatnonzero(~fits).tolist():
        yield index, _large_outline(Region(*bounds[index].tolist()), int(first[index]), width, read, tile**2)


def _cut_tile(
    members: Sequence[int],
    bounds: NDArray[np.int64],
    first: NDArray[np.int64],
    width: int,
    read: ReadClasses,
) -> Iterator[tuple[int, MultiPolygon]]:
    """Yield the outlines of segments that lie together, from one reading."""
    low, high = bounds[members].min(axis=0).tolist(), bounds[members].max(axis=0).tolist()
    window = Region(low[0], high[1], low[2], high[3])
    classes = read(window)
    for index in members:
        row0, row1, col0, col1 = bounds[index].tolist()
        part = classes[Region(row0, row1, col0, col1).slices_in(window)]
        row, col = divmod(int(first[index]), width)
        labels = _labels(part == part[row - row0, col - col0])
        polygons = outline(labels == labels[row - row0, col - col0])
        yield index, shapely.transform(polygons, _shift(col0, row0))


def _large_outline(
    region: Region, first: int, width: int, read: ReadClasses, max_pixels: int
) -> MultiPolygon:
    """Return the outline of one segment whose bounding box is too large to be read at once.

    Strips of it are read twice: first to learn which of their parts belong together, then to outline those
    that belong to the segment. The strips' outlines are whole numbers, so joining them is exact.
    """
    row, col = divmod(first, width)
    own = read(Region(row, row + 1, col, col + 1))[0, 0]
    step = max(1, max_pixels // region.shape[1])
    edges = [*range(region.row0, region.row1, step), region.row1]
    strips = [Region(top, bottom, region.col0, region.col1) for top, bottom in pairwise(edges)]
    joined = _join_strips(read(strip) == own for strip in strips)
    start = joined[0][_labels(read(strips[0]) == own)[0, col - region.col0]]
    pieces: list[Polygon] = []
    for strip, roots in zip(strips, joined, strict=True):
        polygons = outline((roots == start)[_labels(read(strip) == own)])
        pieces.extend(shapely.transform(polygons, _shift(strip.col0, strip.row0)).geoms)
    whole = shapely.union_all(pieces)
    parts = [whole] if isinstance(whole, Polygon) else list(whole.geoms)
    return MultiPolygon([_without_seams(part) for part in parts])


def _join_strips(masks: Iterable[NDArray[np.bool_]]) -> list[NDArray[np.int64]]:
    """Return for each strip the number of the whole segment that each of its labels belongs to.

    Label 0, the background, is segment 0. Memory holds one strip and one number per label.
    """
    ends = [0]  # the last number of each strip's labels
    edges: list[NDArray[np.int64]] = []
    above: NDArray[np.int64] | None = None
    for mask in masks:
        labels = _labels(mask)
        numbers = np.where(labels > 0, labels + ends[-1], 0)
        ends.append(ends[-1] + int(labels.max(initial=0)))
        if above is not None:
            edges.append(_meeting(above, numbers[0]))
        above = numbers[-1]
    _, groups = connect(edges, ends[-1] + 1)  # number 0 touches nothing: it is group 0
    return [np.append(0, groups[before + 1 : last + 1]) for before, last in pairwise(ends)]


def _meeting(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pairs `[2, m]` of numbers of two neighbouring rows `[w]` that meet at a side or a corner."""
    pairs = [np.stack([above[a], below[b]]) for a, b in touching(len(above), len(below), 0)]
    both = np.concatenate(pairs, axis=1)
    return np.unique(both[:, (both > 0).all(axis=0)], axis=1)


def _labels(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the 8-connected parts of a mask from 1, background 0."""
    labels: NDArray[np.int64] = ndimage.label(mask, structure=_EIGHT)[0].astype(np.int64)
    return labels


def _shift(x: int, y: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    offset = np.array([x, y])
    return lambda xy: xy + offset


def _without_seams(polygon: Polygon) -> Polygon:
    """Drop the vertices that lie within a straight side."""
    return Polygon(_corners(polygon.exterior), [_corners(ring) for ring in polygon.interiors])


def _corners(ring: shapely.LinearRing) -> NDArray[np.float64]:
    """Return the corners of a ring whose sides are horizontal or vertical."""
    xy = shapely.get_coordinates(ring)[:-1]
    straight = ((np.roll(xy, 1, axis=0) == xy) & (np.roll(xy, -1, axis=0) == xy)).any(axis=1)
    return xy[~straight]
