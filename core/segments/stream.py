"""Segments of a raster of any size, block by block in bounded memory. What is summed over a block lives in
`block.py`, what is made of the sums in `table.py`.

Blocks are taken in rows of blocks ("strips"). A segment that no neighbouring block continues is finished with
its block. The others stay open until their strip is read; then the parts that meet at a seam are joined, and
only what has a pixel in the strip's last row stays open.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..base.errors import InputError
from ..geodata.grid import Region
from .block import IGNORED, MAX_CLASSES, Codes, Labels, PixelBlock, sum_block
from .table import Bools, Ints, SegmentSums, SegmentTable, make_table


@dataclass(frozen=True, eq=False)
class Line:
    """Pixels along a seam: their classes, and the rows of the open segments they are part of, or -1."""

    codes: Codes
    ids: Ints

    def moved(self, offset: int) -> "Line":
        """Return the line with its ids counted from another start."""
        return Line(self.codes, np.where(self.ids < 0, -1, self.ids + offset))


@dataclass(frozen=True, eq=False)
class Part:
    """What is left of a block: its open segments and its four edges."""

    open: SegmentSums
    top: Line
    bottom: Line
    left: Line
    right: Line


@dataclass(frozen=True, eq=False)
class Frontier:
    """What is left of all strips so far: the open segments, all in the last row, and that row."""

    open: SegmentSums
    bottom: Line


def make_part(classes: Codes, labels: Labels, core: Region, sums: SegmentSums) -> tuple[Part, Ints]:
    """Return what stays open of a block, and which rows of its sums are finished.

    Args:
        classes: `[hh, ww]` of the block with its halo.
        labels: `[h, w]` its segments.
        core: the rows and columns of `classes` that are the block.
        sums: of its segments.
    """
    continued = _continued(classes, labels, core, len(sums))
    ids = np.append(np.where(continued, np.cumsum(continued) - 1, -1), -1)  # label 0 finds the last
    codes = classes[core.row0 : core.row1, core.col0 : core.col1]
    edges = [(0,), (-1,), (slice(None), 0), (slice(None), -1)]
    lines = [Line(codes[edge].copy(), ids[labels[edge].astype(np.int64) - 1]) for edge in edges]
    return Part(sums.take(continued), *lines), np.flatnonzero(~continued)


def join_strip(above: Frontier | None, parts: list[Part]) -> tuple[SegmentSums, Frontier]:
    """Join the open segments of a strip, blocks from left to right, with each other and those from above.

    Returns:
        The sums of those that end here, and those that may go on.
    """
    sums = [part.open for part in parts]
    starts = np.cumsum([0] + [len(part) for part in sums])
    placed = list(zip(parts, starts.tolist(), strict=False))
    top = _chain([part.top.moved(start) for part, start in placed])
    bottom = _chain([part.bottom.moved(start) for part, start in placed])
    rights = [part.right.moved(start) for part, start in placed[:-1]]
    lefts = [part.left.moved(start) for part, start in placed[1:]]
    seams = list(zip(rights, lefts, strict=True))
    if above is not None:
        sums.append(above.open)
        seams.append((above.bottom.moved(int(starts[-1])), top))
    parts_of = SegmentSums.join(sums)
    n, groups = connect([_edges(one, other) for one, other in seams], len(parts_of))
    merged = parts_of.merge(groups, n) if n else parts_of
    goes_on = np.zeros(n, np.bool_)
    goes_on[groups[bottom.ids[bottom.ids >= 0]]] = True
    ids = np.append((np.cumsum(goes_on) - 1)[groups], -1)  # index -1, of no open segment, finds the last
    return merged.take(~goes_on), Frontier(merged.take(goes_on), Line(bottom.codes, ids[bottom.ids]))


def _chain(lines: list[Line]) -> Line:
    return Line(np.concatenate([line.codes for line in lines]), np.concatenate([line.ids for line in lines]))


def _continued(classes: Codes, labels: Labels, core: Region, n: int) -> Bools:
    """Return which of a block's n segments have a pixel of their class beyond the block, in the halo."""
    continued = np.zeros(n + 1, np.bool_)
    h, w = classes.shape
    rows, cols = slice(core.row0, core.row1), slice(core.col0, core.col1)
    sides = []
    if core.row0 > 0:
        sides.append((classes[0], classes[core.row0, cols], labels[0], core.col0))
    if core.row1 < h:
        sides.append((classes[-1], classes[core.row1 - 1, cols], labels[-1], core.col0))
    if core.col0 > 0:
        sides.append((classes[:, 0], classes[rows, core.col0], labels[:, 0], core.row0))
    if core.col1 < w:
        sides.append((classes[:, -1], classes[rows, core.col1 - 1], labels[:, -1], core.row0))
    for beyond, edge, edge_labels, offset in sides:
        for mine, theirs in touching(len(edge), len(beyond), offset):
            continued[edge_labels[mine][edge[mine] == beyond[theirs]]] = True
    return continued[1:]


def touching(n: int, n_beyond: int, offset: int) -> Iterator[tuple[slice, slice]]:
    """Yield, per direction, the pixels of a line of n and those of the line beside it that they touch.

    Pixel i of the one lies beside pixel i + offset of the other.
    """
    for shift in (offset - 1, offset, offset + 1):
        first, last = max(0, -shift), min(n, n_beyond - shift)
        if first < last:
            yield slice(first, last), slice(first + shift, last + shift)


def _edges(one: Line, other: Line) -> Ints:
    """Return the pairs `[2, m]` of open segments that touch across a seam and have the same class."""
    pairs = []
    for mine, theirs in touching(len(one.codes), len(other.codes), 0):
        same = (one.codes[mine] == other.codes[theirs]) & (one.codes[mine] != IGNORED)
        pairs.append(np.stack([one.ids[mine][same], other.ids[theirs][same]]))
    return np.concatenate(pairs, axis=1)


def connect(edges: list[Ints], n: int) -> tuple[int, Ints]:
    """Return the number of groups of n nodes that edges connect, and each node's group."""
    ends = np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)
    graph = coo_array((np.ones(ends.shape[1], np.bool_), (ends[0], ends[1])), shape=(n, n))
    n_groups, groups = connected_components(graph, directed=False) if n else (0, np.zeros(0))
    return int(n_groups), groups.astype(np.int64)


__all__ = ["IGNORED", "PixelBlock", "SegmentTable", "stream_segments"]

#: Rows of a table made at a time, so that little is held of what `keep` drops.
ROWS = 1 << 15
#: Up to here float64 and int64 hold every whole number.
EXACT_FLOAT, EXACT_INTEGER = 2**53, 2**63 - 1
Read = Callable[[Region], PixelBlock]
Keep = Callable[[SegmentTable], NDArray[np.bool_]]


def stream_segments(
    shape: tuple[int, int],
    n_classes: int,
    read: Read,
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
    job = _Job(shape, n_classes, read, heat_scale, keep)
    h, w = shape
    above: Frontier | None = None
    for row in range(0, h, block):
        parts = []
        for col in range(0, w, block):
            core = Region(row, min(row + block, h), col, min(col + block, w))
            parts.append((yield from _do_block(job, core)))
        done, above = join_strip(above, parts)
        yield from _tables(job, done)
    if above is not None:
        yield from _tables(job, above.open)


@dataclass(frozen=True)
class _Job:
    """What `stream_segments` was asked for."""

    shape: tuple[int, int]
    n_classes: int
    read: Read
    heat_scale: float
    keep: Keep | None


def _check(shape: tuple[int, int], n_classes: int, heat_scale: float, block: int) -> None:
    if not 1 <= n_classes <= MAX_CLASSES:
        raise InputError(f"{n_classes} classes are not possible; give 1 to {MAX_CLASSES}.")
    if min(shape) < 1 or block < 1:
        raise InputError(f"A raster of {shape} pixels cannot be read in blocks of {block}.")
    if not heat_scale > 0:
        raise InputError(f"The heat scale {heat_scale} is not positive.")


def _do_block(job: _Job, core: Region) -> Generator[SegmentTable, None, Part]:
    """Read a block, yield its finished segments and return the others."""
    height, width = job.shape
    region = Region(core.row0 - 1, core.row1 + 1, core.col0 - 1, core.col1 + 1).intersect(
        Region(0, height, 0, width)
    )
    pixels = job.read(region)
    _check_block(pixels, region, job)
    row, col = core.row0 - region.row0, core.col0 - region.col0
    inner = Region(row, row + core.shape[0], col, col + core.shape[1])
    labels, sums = sum_block(pixels, job.n_classes, inner, (core.row0, core.col0), width)
    if not np.isfinite(sums.heat).all():
        raise InputError(f"The heat maps are not finite between rows {core.row0} and {core.row1}.")
    if sums.squares.dtype == np.int64 and height * width * job.heat_scale**2 > EXACT_INTEGER:
        sums = replace(sums, squares=sums.squares.astype(np.float64))
    part, finished = make_part(pixels.classes, labels, inner, sums)
    del pixels, labels
    yield from _tables(job, sums, finished)
    return part


def _tables(
    job: _Job, sums: SegmentSums, finished: NDArray[np.int64] | None = None
) -> Iterator[SegmentTable]:
    """Yield tables of the finished rows of sums (None = all), as far as they are kept."""
    rows = np.arange(len(sums)) if finished is None else finished
    for start in range(0, len(rows), ROWS):
        table = make_table(sums.take(rows[start : start + ROWS]), job.heat_scale)
        if job.keep is not None:
            table = table.take(job.keep(table))
        if len(table):
            yield table


def _check_block(pixels: PixelBlock, region: Region, job: _Job) -> None:
    classes, expected = pixels.classes, region.shape
    if classes.dtype != np.uint8 or classes.shape != expected:
        raise InputError(f"The classes are {classes.dtype} {classes.shape}, not uint8 {expected}.")
    if pixels.heat.shape != (3, *expected):
        raise InputError(f"The heat maps have the shape {pixels.heat.shape}, not {(3, *expected)}.")
    if pixels.layers.ndim != 3 or pixels.layers.shape[1:] != expected:
        raise InputError(f"The layers have the shape {pixels.layers.shape}, not (F, {expected}).")
    unknown = classes[(classes >= job.n_classes) & (classes != IGNORED)]
    if unknown.size:
        raise InputError(f"Class {unknown[0]} is unknown: there are {job.n_classes}, counted from 0.")
    if np.issubdtype(pixels.heat.dtype, np.integer) and region.size * job.heat_scale**2 > EXACT_FLOAT:
        raise InputError(
            f"Squares of heat in steps of 1/{job.heat_scale:g} have no exact sum over {region.size} pixels; "
            "give smaller blocks."
        )
