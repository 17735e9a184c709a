"""The segments of one block of pixels, and the sums over them. Joining blocks lives in segment_stream.

Everything is gathered over runs: stretches of a row with one class, all boundary or all interior. There are
far fewer of them than pixels, and each lies in one row, so chunks of rows can be worked in the cache.
"""

from dataclasses import dataclass
from typing import TypeVar

import cc3d
import numpy as np
from numpy.typing import NDArray

from ..geodata.grid import Region
from .table import Bools, Floats, Ints, SegmentSums

#: Value of ignored pixels in class arrays.
IGNORED = 255
#: Most classes: two more codes, ignored and outside the raster, must fit into a byte beside them.
MAX_CLASSES = 254
#: Pixels worked on at a time, so that float64 copies of them stay in the processor's cache.
CHUNK = 1 << 14
NEIGHBOURS = [(row, col) for row in (-1, 0, 1) for col in (-1, 0, 1) if row or col]
Codes = NDArray[np.uint8]
Labels = NDArray[np.uint32]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class PixelBlock:
    """The pixels of a region.

    `classes` uint8 `[h, w]` is the class 0..C-1, IGNORED where ignored; `heat` `[3, h, w]` E, M, V, or whole
    numbers of some heat scale, of an integer type; `layers` `[F, h, w]` any further values, averaged per
    segment (F may be 0). Heat and layers of ignored pixels may be anything.
    """

    classes: NDArray[np.uint8]
    heat: NDArray[np.generic]
    layers: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Runs:
    """R stretches of a row that lie in one segment and are all boundary or all interior, in raster order."""

    starts: Ints  # [R] row * w + col in the block
    lengths: Ints  # [R]
    labels: Ints  # [R] segment number, 0 = ignored
    classes: Codes  # [R]
    keys: Ints  # [R] 2 * segment number + whether boundary


def find_segments(codes: Codes, n_classes: int) -> Labels:
    """Return the 8-connected components of equal class, numbered 1..n in raster order of their first pixel.

    Args:
        codes: `[h, w]` class 0..n_classes-1, or n_classes where ignored (component 0).
    """
    labels: Labels = cc3d.connected_components(n_classes - codes, connectivity=8).astype(
        np.uint32, copy=False
    )
    flat = labels.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] + 1))
    first = _first_of(flat[starts], starts, int(labels.max()) + 1)
    if (np.diff(first[1:]) > 0).all():
        return labels
    rank = np.zeros(len(first), np.uint32)
    rank[1 + np.argsort(first[1:])] = np.arange(1, len(first))
    return rank[labels]


def find_boundary(codes: Codes, core: Region) -> Bools:
    """Return which pixels of the core have one of another class (or an ignored one) among their 8 neighbours.

    Args:
        codes: `[hh, ww]` the core with its halo of one pixel, as far as the raster has one.
        core: the part asked for.
    """
    low, high = codes.copy(), codes.copy()
    for axis in (0, 1):
        for extreme, ufunc in ((low, np.minimum), (high, np.maximum)):
            source, target = np.moveaxis(extreme.copy(), axis, 0), np.moveaxis(extreme, axis, 0)
            ufunc(target[1:], source[:-1], out=target[1:])
            ufunc(target[:-1], source[1:], out=target[:-1])
    rows, cols = slice(core.row0, core.row1), slice(core.col0, core.col1)
    boundary: Bools = low[rows, cols] != high[rows, cols]
    return boundary


def sum_block(
    pixels: PixelBlock, n_classes: int, core: Region, origin: tuple[int, int], width: int
) -> tuple[Labels, SegmentSums]:
    """Find the segments of a block and sum over them; heat of an integer type is summed exactly.

    Args:
        pixels: the block with its halo of one pixel, as far as the raster has one.
        n_classes: number of classes.
        core: the rows and columns of `pixels` that are the block itself.
        origin: row and column of the block's first pixel in the raster.
        width: columns of the raster.

    Returns:
        The segments `[h, w]` of the block, 0 where ignored, and the sums in their order.
    """
    inner = (slice(core.row0, core.row1), slice(core.col0, core.col1))
    codes = np.minimum(pixels.classes, n_classes).astype(np.uint8, copy=False)
    labels = find_segments(np.ascontiguousarray(codes[inner]), n_classes)
    boundary = find_boundary(codes, core)
    runs = _find_runs(codes[inner], labels, boundary)
    n, (_, w) = int(labels.max()), core.shape
    heat = [_sum_plane(plane[inner], runs, n, powers=(1, 2)) for plane in pixels.heat]
    squares = np.stack([of_squares for _, of_squares in heat], axis=2)
    whole = np.issubdtype(pixels.heat.dtype, np.integer)
    layers = np.zeros((n, len(pixels.layers)))
    for column, plane in zip(layers.T, pixels.layers, strict=True):
        column[:] = _sum_plane(plane[inner], runs, n)[0].sum(axis=1)
    sums = SegmentSums(
        *_sum_shape(runs, n, w, origin, width),
        heat=np.stack([plain for plain, _ in heat], axis=2),
        squares=squares.astype(np.int64) if whole else squares,
        layers=layers,
        pairs=_count_pairs(codes, core, labels, boundary, n_classes),
    )
    return labels, sums


def _find_runs(codes: Codes, labels: Labels, boundary: Bools) -> Runs:
    begins = np.ones(codes.shape, np.bool_)
    np.not_equal(codes[:, 1:], codes[:, :-1], out=begins[:, 1:])
    begins[:, 1:] |= boundary[:, 1:] != boundary[:, :-1]
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=codes.size)
    numbers = labels.ravel()[starts].astype(np.int64)
    return Runs(starts, lengths, numbers, codes.ravel()[starts], 2 * numbers + boundary.ravel()[starts])


def _first_of(labels: NDArray[np.integer], values: NDArray[Scalar], n: int) -> NDArray[Scalar]:
    """Return the value that stands beside the first occurrence of each label 0..n-1."""
    first = np.zeros(n, values.dtype)
    first[labels[::-1]] = values[::-1]  # of several, the last assignment stays
    return first


def _by_segment(runs: Runs, values: NDArray[np.generic], n: int) -> Floats:
    """Return sums over runs: `[n, 2]`, interior and boundary."""
    sums = np.bincount(runs.keys, values.astype(np.float64, copy=False), 2 * (n + 1))
    return sums.astype(np.float64, copy=False).reshape(n + 1, 2)[1:]


def _sum_shape(
    runs: Runs, n: int, w: int, origin: tuple[int, int], width: int
) -> tuple[Codes, Ints, Ints, Ints, Ints]:
    """Return classes, first pixels `[n]`, bounds `[n, 4]`, counts and coordinate sums `[n, 2]`."""
    rows, cols = np.divmod(runs.starts, w)
    ends = cols + runs.lengths
    classes = _first_of(runs.labels, runs.classes, n + 1)[1:]
    row0, first_col = (_first_of(runs.labels, values, n + 1)[1:] for values in (rows, cols))
    row1, col0, col1 = np.zeros(n + 1, np.int64), np.full(n + 1, w), np.zeros(n + 1, np.int64)
    row1[runs.labels] = rows + 1
    np.minimum.at(col0, runs.labels, cols)
    np.maximum.at(col1, runs.labels, ends)
    first = (row0 + origin[0]) * width + first_col + origin[1]
    bounds = np.stack([row0, row1[1:], col0[1:], col1[1:]], axis=1) + np.repeat(origin, 2)
    counts = _by_segment(runs, runs.lengths, n).astype(np.int64)
    # The columns of a run sum to length * (first + last) / 2.
    sums = runs.lengths * rows, runs.lengths * (cols + ends - 1) / 2
    centre = np.stack([_by_segment(runs, part, n).sum(axis=1) for part in sums], axis=1).astype(np.int64)
    return classes, first, bounds, counts, centre + counts.sum(axis=1, keepdims=True) * origin


def _sum_plane(
    plane: NDArray[np.generic], runs: Runs, n: int, *, powers: tuple[int, ...] = (1,)
) -> list[Floats]:
    """Return, per power 1 or 2, the sums `[n, 2]` of a plane `[h, w]` over interior and boundary."""
    h, w = plane.shape
    sums = np.empty((len(powers), len(runs.starts)))
    step = max(1, CHUNK // w)
    edges = np.searchsorted(runs.starts, np.arange(0, h + step, step) * w)
    for row, begin, end in zip(range(0, h, step), edges[:-1], edges[1:], strict=False):
        values = plane[row : row + step].astype(np.float64).ravel()
        starts = runs.starts[begin:end] - row * w
        with np.errstate(all="ignore"):  # ignored pixels may hold anything
            for power, of_power in zip(powers, sums, strict=True):
                if power == 2:
                    np.multiply(values, values, out=values)
                np.add.reduceat(values, starts, out=of_power[begin:end])
    return [_by_segment(runs, of_power, n) for of_power in sums]


def _count_pairs(codes: Codes, core: Region, labels: Labels, boundary: Bools, n_classes: int) -> Ints:
    """Count the pairs of a boundary pixel and one of its neighbours by the neighbour's class.

    Returns:
        `[n, n_classes + 1]`, ignored neighbours last; 0 for a segment's own class.
    """
    (h, w), outside = labels.shape, n_classes + 1
    padded = np.full((h + 2, w + 2), outside, np.uint8)
    top, left = 1 - core.row0, 1 - core.col0
    padded[top : top + codes.shape[0], left : left + codes.shape[1]] = codes
    flat, owners, n_codes = padded.ravel(), labels.ravel(), n_classes + 2
    shifts = np.array([row * (w + 2) + col for row, col in NEIGHBOURS])[:, None]
    pairs = np.zeros((int(labels.max()) + 1, n_codes), np.int64)
    pixels = np.flatnonzero(boundary)
    for begin in range(0, len(pixels), CHUNK):
        chunk = pixels[begin : begin + CHUNK]
        places = chunk + 2 * (chunk // w) + w + 3  # the same pixels in the padded array
        keys = owners[chunk].astype(np.int64) * n_codes + flat[places + shifts]
        np.add.at(pairs.ravel(), keys.ravel(), 1)
        pairs[owners[chunk], flat[places]] = 0
    return pairs[1:, :outside]
