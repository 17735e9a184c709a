"""Metrics of the segments of one class map in memory, from its probabilities (docs/science/methods.md section
2, MetaFusion). Rasters that do not fit in memory are segment_stream's.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from ..geodata.grid import Region
from .block import CHUNK, IGNORED, MAX_CLASSES, PixelBlock, sum_block
from .table import make_table, metric_names

__all__ = ["metric_names", "segment_metrics"]

#: How far a pixel's probabilities may be from summing to 1: half-precision softmax is well inside.
TOLERANCE = 0.01
#: Stands in for a probability of 0 under the logarithm.
TINY = 1e-300
Floats = NDArray[np.float64]


def segment_metrics(probabilities: Any, *, ignore: Any = None) -> tuple[NDArray[np.int32], dict[str, Floats]]:
    """Find the segments of the arg-max class map and their metrics.

    A segment is an 8-connected component of equal class; a pixel is boundary if one of its 8 neighbours
    inside the raster has another class or is ignored. Heat maps are entropy `E = -sum p log p / log C`,
    margin `M = 1 - p1 + p2` and variation ratio `V = 1 - p1`.

    Args:
        probabilities: float `[C, H, W]`, NumPy or torch on the CPU, summing to 1 per pixel.
        ignore: bool `[H, W]`, pixels that belong to no segment and may hold anything.

    Returns:
        Labels int32 `[H, W]`, 0 where ignored, else 1..n in raster order of each segment's first pixel; and
        the columns `metric_names(C)`, float64 `[n]`: `class`; per heat map its mean, over all, interior and
        boundary pixels, the first two times `S_rel` and `S_rel_in`, and the same of the population variance;
        pixel counts `S`, `S_in`, `S_bd`, `S_rel = S / S_bd`, `S_rel_in = S_in / S_bd`; the mean `row` and
        `col`; and `neighbour_c`, the share of class c among the pairs of a boundary pixel and a neighbour of
        another class, ignored ones counting in the denominator only. A mean over no pixels is 0; a segment
        without boundary, which fills the raster, has `S_rel = S`.

    Raises:
        InputError: if shapes or types are others, or a pixel that is not ignored has no probabilities.
    """
    values, ignored = _as_arrays(probabilities, ignore)
    classes, heat = _decide(values, ignored)
    n_classes, h, w = values.shape
    pixels = PixelBlock(classes, heat, np.zeros((0, h, w)))
    labels, sums = sum_block(pixels, n_classes, Region(0, h, 0, w), (0, 0), w)
    return labels.view(np.int32), make_table(sums).metrics


def _as_arrays(probabilities: Any, ignore: Any) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    values = _as_array(probabilities, "probabilities")
    if values.ndim != 3 or values.size == 0:
        raise InputError(f"The probabilities have the shape {values.shape}; give [classes, rows, columns].")
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"The probabilities are of type {values.dtype}; give float32.")
    if len(values) > MAX_CLASSES:
        raise InputError(
            f"The probabilities are of {len(values)} classes; at most {MAX_CLASSES} are possible."
        )
    if ignore is None:
        return values, None
    ignored = _as_array(ignore, "ignore mask")
    if ignored.dtype != np.bool_ or ignored.shape != values.shape[1:]:
        raise InputError(f"The ignore mask is {ignored.dtype} {ignored.shape}; give bool {values.shape[1:]}.")
    return values, ignored


def _as_array(given: Any, name: str) -> NDArray[Any]:
    """Return a NumPy array of an array or tensor."""
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"The {name} cannot be read as an array: {error}.") from error


def _decide(
    values: NDArray[np.floating], ignored: NDArray[np.bool_] | None
) -> tuple[NDArray[np.uint8], Floats]:
    """Return classes `[H, W]`, IGNORED where ignored, and heat maps `[3, H, W]`."""
    _, h, w = values.shape
    classes, heat = np.empty((h, w), np.uint8), np.empty((3, h, w))
    step = max(1, CHUNK // w)
    for row in range(0, h, step):
        rows = slice(row, row + step)
        skip = None if ignored is None else ignored[rows]
        valid = _decide_chunk(values[:, rows], classes[rows], heat[:, rows])
        if skip is not None:
            valid |= skip
            classes[rows][skip] = IGNORED
        if not valid.all():
            first = np.unravel_index(np.argmin(valid), valid.shape)
            raise InputError(
                f"The pixel in row {row + first[0]}, column {first[1]} has no probabilities: they must be at "
                "least 0 and sum to 1; mark pixels without a prediction in the ignore mask."
            )
    return classes, heat


def _decide_chunk(chunk: NDArray[np.floating], classes: NDArray[np.uint8], heat: Floats) -> NDArray[np.bool_]:
    """Fill classes `[r, W]` and heat `[3, r, W]` of probabilities `[C, r, W]`; return which are some."""
    kind = np.promote_types(chunk.dtype, np.float32)
    least, best, second = (np.zeros(classes.shape, kind) for _ in range(3))
    total, entropy, p64, log = (np.zeros(classes.shape) for _ in range(4))
    better, channel = np.zeros(classes.shape, np.bool_), np.zeros(classes.shape, np.uint8)
    p, smaller = np.empty_like(best), np.empty_like(best)
    with np.errstate(all="ignore"):  # what is no probability is found by the sum below
        for index, plane in enumerate(chunk):
            p[:] = plane
            np.greater(p, best, out=better)
            np.maximum(channel, better.view(np.uint8) * np.uint8(index), out=channel)
            np.maximum(second, np.minimum(best, p, out=smaller), out=second)
            np.maximum(best, p, out=best)
            np.minimum(least, p, out=least)
            p64[:] = p
            total += p64
            np.log(np.maximum(p64, TINY, out=log), out=log)
            entropy -= np.multiply(p64, log, out=log)
        valid: NDArray[np.bool_] = (least >= 0) & (np.abs(total - 1) <= TOLERANCE)
    classes[:] = channel
    np.divide(entropy, math.log(len(chunk)) if len(chunk) > 1 else 1.0, out=heat[0])
    np.subtract(1.0, best, out=heat[2], dtype=np.float64)
    np.add(heat[2], second, out=heat[1])
    return valid
