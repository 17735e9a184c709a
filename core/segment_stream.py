"""Segments of a raster of any size, block by block in bounded memory. What is summed over a block lives in
segment_block, what is made of the sums in segment_table.

Blocks are taken in rows of blocks ("strips"). A segment that no neighbouring block continues is finished with
its block. The others stay open until their strip is read; then the parts that meet at a seam are joined, and
only what the next strip continues stays open: at most one part per pixel of the strip's last row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .errors import InputError
from .grid import Region
from .segment_block import IGNORED, MAX_CLASSES, PixelBlock, sum_block
from .segment_sums import SegmentSums
from .segment_table import SegmentTable, make_table

__all__ = ["IGNORED", "PixelBlock", "SegmentTable", "stream_segments"]

#: Rows of a table made at a time, so that little is held of what `keep` drops.
ROWS = 1 << 15
#: Up to here float64 and int64 hold every whole number.
EXACT_FLOAT, EXACT_INTEGER = 2**53, 2**63 - 1
Keep = Callable[[SegmentTable], NDArray[np.bool_]]
Codes = NDArray[np.uint8]
Ids = NDArray[np.int64]  # rows of the open sums, -1 where the segment is not open


@dataclass(frozen=True, eq=False)
class _Line:
    """Pixels along a seam: their classes, and the open segments they are part of."""

    codes: Codes
    ids: Ids


@dataclass(frozen=True, eq=False)
class _Part:
    """What is left of a block: sums of its open segments and its four edges, ids counting from 0."""

    open: SegmentSums
    top: _Line
    bottom: _Line
    left: _Line
    right: _Line


def stream_segments(
    shape: tuple[int, int],
    n_classes: int,
    read: Callable[[Region], PixelBlock],
    *,
    heat_scale: float = 1.0,
    block: int = 1024,
    keep: Keep | None = None,
) -> Iterator[SegmentTable]:
    """Yield tables of the raster's segments as they are completed, in no order; each segment comes once.

    The metrics are those of `segment_metrics`. With heat of an integer type and layers of whole numbers they
    are the same, bit for bit, for every block size; else up to the rounding of float64 sums. (Squared heat is
    summed in 64 bits: beyond 60,000^2 pixels in steps of 1/50000, in float64.)

    Args:
        shape: rows and columns of the raster.
        n_classes: number of classes, C.
        read: gives the pixels of a region of the raster; asked for each block in raster order, with a halo of
            one pixel clipped to the raster. It may raise to stop.
        heat_scale: the heat value that stands for 1.
        block: side of the blocks in pixels.
        keep: gives a bool `[n]` for each table; the other rows are dropped at once.

    Raises:
        InputError: if a block has another shape, unknown classes or NaN heat.
    """
    _check(shape, n_classes, heat_scale, block)
    h, w = shape
    above: tuple[SegmentSums, _Line] | None = None
    for row in range(0, h, block):
        parts = []
        for col in range(0, w, block):
            core = Region(row, min(row + block, h), col, min(col + block, w))
            done, part = _read_block(core, shape, n_classes, read, heat_scale)
            yield from _tables(done, heat_scale, keep)
            parts.append(part)
        done, above = _join_strip(above, parts)
        yield from _tables(done, heat_scale, keep)
    if above is not None:
        yield from _tables(above[0], heat_scale, keep)


def _check(shape: tuple[int, int], n_classes: int, heat_scale: float, block: int) -> None:
    if not 1 <= n_classes <= MAX_CLASSES:
        raise InputError(f"{n_classes} classes are not possible; give 1 to {MAX_CLASSES}.")
    if min(shape) < 1 or block < 1:
        raise InputError(f"A raster of {shape} pixels cannot be read in blocks of {block}.")
    if not heat_scale > 0:
        raise InputError(f"The heat scale {heat_scale} is not positive.")


def _tables(sums: SegmentSums, heat_scale: float, keep: Keep | None) -> Iterator[SegmentTable]:
    """Yield the rows of finished sums that are kept."""
    tables = []
    for start in range(0, len(sums), ROWS):
        table = make_table(sums.take(slice(start, start + ROWS)), heat_scale)
        tables.append(table if keep is None else table.take(keep(table)))
    if any(len(table) for table in tables):
        yield SegmentTable.join(tables)


def _read_block(
    core: Region,
    shape: tuple[int, int],
    n_classes: int,
    read: Callable[[Region], PixelBlock],
    heat_scale: float,
) -> tuple[SegmentSums, _Part]:
    """Read a block; return the sums of its finished segments, and what is left of it."""
    whole = Region(0, shape[0], 0, shape[1])
    region = Region(core.row0 - 1, core.row1 + 1, core.col0 - 1, core.col1 + 1).intersect(whole)
    pixels = read(region)
    _check_block(pixels, region, n_classes, heat_scale)
    row, col = core.row0 - region.row0, core.col0 - region.col0
    inner = Region(row, row + core.shape[0], col, col + core.shape[1])
    labels, sums = sum_block(pixels, n_classes, inner, (core.row0, core.col0), shape[1])
    if sums.squares.dtype == np.int64 and shape[0] * shape[1] * heat_scale**2 > EXACT_INTEGER:
        sums = replace(sums, squares=sums.squares.astype(np.float64))
    if not np.isfinite(sums.heat).all():
        raise InputError(f"The heat maps are not finite between rows {core.row0} and {core.row1}.")
    continued = _continued(pixels.classes, labels, inner, len(sums))
    ids = np.cumsum(continued) - 1
    ids[~continued] = -1
    ids = np.concatenate([[-1], ids])
    codes = pixels.classes[inner.row0 : inner.row1, inner.col0 : inner.col1]
    edges = [(0,), (-1,), (slice(None), 0), (slice(None), -1)]
    lines = [_Line(codes[edge].copy(), ids[labels[edge]]) for edge in edges]
    return sums.take(~continued), _Part(sums.take(continued), *lines)


def _check_block(pixels: PixelBlock, region: Region, n_classes: int, heat_scale: float) -> None:
    classes, expected = pixels.classes, region.shape
    if classes.dtype != np.uint8 or classes.shape != expected:
        raise InputError(f"The classes are {classes.dtype} {classes.shape}, not uint8 {expected}.")
    if pixels.heat.shape != (3, *expected):
        raise InputError(f"The heat maps have the shape {pixels.heat.shape}, not {(3, *expected)}.")
    if pixels.layers.ndim != 3 or pixels.layers.shape[1:] != expected:
        raise InputError(f"The layers have the shape {pixels.layers.shape}, not (F, {expected}).")
    unknown = classes[(classes >= n_classes) & (classes != IGNORED)]
    if unknown.size:
        raise InputError(f"Class {unknown[0]} is unknown: there are {n_classes}, counted from 0.")
    if np.issubdtype(pixels.heat.dtype, np.integer) and region.size * heat_scale**2 > EXACT_FLOAT:
        raise InputError(
            f"Squares of heat in steps of 1/{heat_scale:g} have no exact sum over {region.size} pixels; "
            "give smaller blocks."
        )


def _continued(classes: Codes, labels: NDArray[np.uint32], inner: Region, n: int) -> NDArray[np.bool_]:
    """Return which of a block's n segments have a pixel of their class beyond the block, in the halo."""
    continued = np.zeros(n + 1, np.bool_)
    h, w = classes.shape
    rows, cols = slice(inner.row0, inner.row1), slice(inner.col0, inner.col1)
    sides = []
    if inner.row0 > 0:
        sides.append((classes[0], classes[inner.row0, cols], labels[0], inner.col0))
    if inner.row1 < h:
        sides.append((classes[-1], classes[inner.row1 - 1, cols], labels[-1], inner.col0))
    if inner.col0 > 0:
        sides.append((classes[:, 0], classes[rows, inner.col0], labels[:, 0], inner.row0))
    if inner.col1 < w:
        sides.append((classes[:, -1], classes[rows, inner.col1 - 1], labels[:, -1], inner.row0))
    for beyond, edge, edge_labels, offset in sides:
        for mine, theirs in _touching(len(edge), len(beyond), offset):
            continued[edge_labels[mine][edge[mine] == beyond[theirs]]] = True
    return continued[1:]


def _touching(n: int, n_beyond: int, offset: int) -> Iterator[tuple[slice, slice]]:
    """Yield, per direction, the pixels of a line of n and those of the line beside it that they touch.

    Pixel i of the one lies beside pixel i + offset of the other.
    """
    for shift in (offset - 1, offset, offset + 1):
        first, last = max(0, -shift), min(n, n_beyond - shift)
        if first < last:
            yield slice(first, last), slice(first + shift, last + shift)


def _join_strip(
    above: tuple[SegmentSums, _Line] | None, parts: list[_Part]
) -> tuple[SegmentSums, tuple[SegmentSums, _Line]]:
    """Join the open segments of a strip with each other and with those from above.

    Returns:
        The sums of those that end here, and those that go on with the strip's last line.
    """
    sums = [part.open for part in parts]
    offsets = np.cumsum([0] + [len(part) for part in sums])
    top, bottom = (
        _chain([getattr(part, side) for part in parts], offsets[:-1]) for side in ("top", "bottom")
    )
    lefts, rights = (
        [_moved(getattr(part, side), offset) for part, offset in zip(parts, offsets[:-1], strict=True)]
        for side in ("left", "right")
    )
    seams = list(zip(rights[:-1], lefts[1:], strict=True))
    if above is not None:
        sums.append(above[0])
        seams.append((_moved(above[1], int(offsets[-1])), top))
    open_sums = SegmentSums.join(sums)
    n, groups = _connect([_edges(one, other) for one, other in seams], len(open_sums))
    merged = open_sums.merge(groups, n) if n else open_sums
    goes_on = np.zeros(n, np.bool_)
    goes_on[groups[bottom.ids[bottom.ids >= 0]]] = True
    ids = np.append(np.where(goes_on, np.cumsum(goes_on) - 1, -1), -1)  # the last one answers for -1
    groups = np.append(groups, n)
    return merged.take(~goes_on), (merged.take(goes_on), _Line(bottom.codes, ids[groups[bottom.ids]]))


def _moved(line: _Line, offset: int) -> _Line:
    return _Line(line.codes, np.where(line.ids < 0, -1, line.ids + offset))


def _chain(lines: list[_Line], offsets: Ids) -> _Line:
    moved = [_moved(line, offset) for line, offset in zip(lines, offsets, strict=True)]
    return _Line(np.concatenate([line.codes for line in moved]), np.concatenate([line.ids for line in moved]))


def _edges(one: _Line, other: _Line) -> Ids:
    """Return the pairs `[2, m]` of open segments that touch across a seam and have the same class."""
    pairs = []
    for mine, theirs in _touching(len(one.codes), len(other.codes), 0):
        same = (one.codes[mine] == other.codes[theirs]) & (one.codes[mine] != IGNORED)
        pairs.append(np.stack([one.ids[mine][same], other.ids[theirs][same]]))
    return np.concatenate(pairs, axis=1)


def _connect(edges: list[Ids], n: int) -> tuple[int, Ids]:
    """Return the number of groups of n nodes that edges connect, and each node's group."""
    ends = np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)
    graph = coo_array((np.ones(ends.shape[1], np.bool_), (ends[0], ends[1])), shape=(n, n))
    n_groups, groups = connected_components(graph, directed=False) if n else (0, np.zeros(0))
    return int(n_groups), groups.astype(np.int64)
