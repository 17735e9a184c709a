"""Windows that cover areas so that every pixel counts exactly once, where possible in the middle of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Place:
    """A window at (top, left) of an area, and the part of it that counts, in window coordinates."""

    area: int
    top: int
    left: int
    rows: slice
    cols: slice


def places(area: int, shape: tuple[int, int], window: int, stride: int) -> Iterator[Place]:
    """Cover an area of `shape` (rows, columns) with windows; the parts that count cover it exactly once."""
    for top, rows in spans(shape[0], window, stride):
        for left, cols in spans(shape[1], window, stride):
            yield Place(area, top, left, rows, cols)


def cut(values: NDArray[np.generic], place: Place, window: int) -> NDArray[np.generic]:
    """Return a window, filled up with missing values (labels: 0) where the area is smaller."""
    part = values[..., place.top : place.top + window, place.left : place.left + window]
    missing = [(0, 0)] * (part.ndim - 2) + [(0, window - side) for side in part.shape[-2:]]
    fill = np.nan if np.issubdtype(values.dtype, np.floating) else 0
    return np.pad(part, missing, constant_values=fill) if any(m[1] for m in missing) else part


def spans(side: int, window: int, stride: int) -> list[tuple[int, slice]]:
    """Split one axis: (start of a window, its middle part); the parts cover the axis exactly once."""
    if side <= window:
        return [(0, slice(0, side))]
    starts = [*range(0, side - window, stride), side - window]
    edges = [0, *((a + window + b) // 2 for a, b in pairwise(starts)), side]
    return [(s, slice(edges[i] - s, edges[i + 1] - s)) for i, s in enumerate(starts)]
