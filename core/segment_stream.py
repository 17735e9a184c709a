"""Segments of a raster of any size, block by block in bounded memory. What is summed over a block lives in
segment_block, how blocks are joined in segment_seams, what is made of the sums in segment_table.

Blocks are taken in rows of blocks ("strips"). A segment that no neighbouring block continues is finished with
its block. The others stay open until their strip is read; then the parts that meet at a seam are joined, and
only what has a pixel in the strip's last row stays open.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .grid import Region
from .segment_block import IGNORED, MAX_CLASSES, PixelBlock, sum_block
from .segment_seams import Frontier, Part, join_strip, make_part
from .segment_sums import SegmentSums
from .segment_table import SegmentTable, make_table

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
