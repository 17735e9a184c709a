"""Noise that is a function of absolute coordinates (hashing, white noise, lattice noise, gradient noise)
and the independent channels of random numbers that a scene uses.

Nothing here knows about landscapes. Only +, -, *, /, floor and integer operations are used, all element by
element, so a value never depends on the block it is computed in, nor on the machine.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U32 = NDArray[np.uint32]

_MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class Window:
    """A rectangle of grid cells counted from the scene's upper-left corner; a halo may reach below zero."""

    row0: int
    col0: int
    rows: int
    cols: int

    def grow(self, cells: int) -> "Window":
        """Return the window with a halo of `cells` on each side."""
        return Window(self.row0 - cells, self.col0 - cells, self.rows + 2 * cells, self.cols + 2 * cells)

    def extend(self, before: int, after: int) -> "Window":
        """Return the window with `before` more cells above and left, `after` more below and right."""
        side = before + after
        return Window(self.row0 - before, self.col0 - before, self.rows + side, self.cols + side)

    def finer(self, factor: int) -> "Window":
        """Return the same ground on a grid whose cells are `factor` times smaller."""
        return Window(self.row0 * factor, self.col0 * factor, self.rows * factor, self.cols * factor)

    def coarser(self, factor: int) -> "Window":
        """Return the cells of a grid `factor` times coarser that cover this window."""
        row0, col0 = self.row0 // factor, self.col0 // factor
        rows = -(-(self.row0 + self.rows) // factor) - row0
        cols = -(-(self.col0 + self.cols) // factor) - col0
        return Window(row0, col0, rows, cols)

    def cut(self, array: NDArray, inner: "Window") -> NDArray:
        """Return the part of `array` [..., rows, cols], which lies on this window, that lies on `inner`."""
        top, left = inner.row0 - self.row0, inner.col0 - self.col0
        return array[..., top : top + inner.rows, left : left + inner.cols]


def stream(seed: int, channel: int) -> int:
    """Return the 32-bit key of one independent noise channel of a scene (splitmix64 of both numbers)."""
    z = (seed * 0x9E3779B97F4A7C15 + (channel + 1) * 0xD1B54A32D192ED03) & _MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
    return (z ^ (z >> 31)) >> 32


def hash2(key: int, row: NDArray, col: NDArray) -> U32:
    """Return well-mixed 32 bits for each pair of integer coordinates (broadcast together)."""
    h = row.astype(np.uint32) * np.uint32(0x8DA6B343) + np.uint32(key)
    h ^= h >> np.uint32(15)
    h = h * np.uint32(0x2C1B3C6D) + col.astype(np.uint32) * np.uint32(0xD8163841)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def unit(bits: U32) -> F32:
    """Return the upper 24 of 32 bits as exact float32 numbers in [0, 1)."""
    return (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def _axes(window: Window) -> tuple[NDArray, NDArray]:
    rows = np.arange(window.row0, window.row0 + window.rows, dtype=np.int64)[:, None]
    cols = np.arange(window.col0, window.col0 + window.cols, dtype=np.int64)[None, :]
    return rows, cols


def white(key: int, window: Window) -> F32:
    """Return independent uniform numbers in [-1, 1), one per cell of the window [rows, cols]."""
    rows, cols = _axes(window)
    return unit(hash2(key, rows, cols)) * 2 - 1


def _bspline_weights(factor: int, centred: bool) -> F32:
    """Return the cubic B-spline weights [4, factor] of the positions inside one coarse cell."""
    shift = 0.5 if centred else 0.0
    t = (np.arange(factor, dtype=np.float64) + shift) / factor
    one = 1 - t
    weights = [one * one * one / 6, (3 * t * t * t - 6 * t * t + 4) / 6]
    weights += [(3 * one * one * one - 6 * one * one + 4) / 6, t * t * t / 6]
    return np.stack(weights).astype(np.float32)


def node_window(window: Window, factor: int) -> Window:
    """Return the coarse nodes that `upsample` needs for `window`: one more before, two more behind."""
    coarse = window.coarser(factor)
    return Window(coarse.row0 - 1, coarse.col0 - 1, coarse.rows + 3, coarse.cols + 3)


def upsample(nodes: F32, factor: int, window: Window) -> F32:
    """Return the cubic B-spline through coarse coefficients, at the cell centres of `window` [rows, cols].

    `nodes` lies on `node_window(window, factor)`; node (i, j) stands at the corner (i * factor, j * factor)
    of the fine grid.
    """
    coarse = window.coarser(factor)
    base = coarse.finer(factor)
    w = _bspline_weights(factor, centred=True)
    n = coarse.cols
    wide = nodes[:, 0:n, None] * w[0]
    for tap in range(1, 4):
        wide += nodes[:, tap : tap + n, None] * w[tap]
    left, top = window.col0 - base.col0, window.row0 - base.row0
    wide = np.ascontiguousarray(wide.reshape(nodes.shape[0], n * factor)[:, left : left + window.cols])
    m = coarse.rows
    tall = wide[0:m, None, :] * w[0][:, None]
    for tap in range(1, 4):
        tall += wide[tap : tap + m, None, :] * w[tap][:, None]
    return tall.reshape(m * factor, window.cols)[top : top + window.rows]


def double(a: F32) -> F32:
    """Return cell values [rows + 2, cols + 2] at cells of half the size [2 rows, 2 cols], interpolated."""
    near, far = 0.75, 0.25
    tall = np.empty((2 * (a.shape[0] - 2), a.shape[1]), np.float32)
    mid = a[1:-1] * near
    tall[0::2] = mid + a[:-2] * far
    tall[1::2] = mid + a[2:] * far
    out = np.empty((tall.shape[0], 2 * (a.shape[1] - 2)), np.float32)
    mid = tall[:, 1:-1] * near
    out[:, 0::2] = mid + tall[:, :-2] * far
    out[:, 1::2] = mid + tall[:, 2:] * far
    return out


def smooth(key: int, spacing: int, window: Window) -> F32:
    """Return smooth value noise, mean 0 and standard deviation about 1, with features of `spacing` cells."""
    nodes = white(key, node_window(window, spacing))
    # White noise of variance 1/3 under a B-spline keeps (151/315)^2 of it on average.
    return upsample(nodes * 3.6132, spacing, window)


def _directions() -> F64:
    """Return 64 unit vectors [2, 64], rounded so that every machine's cosine gives the same table."""
    angles = (np.arange(64) + 0.5) * (np.pi / 32)
    return np.round(np.stack([np.cos(angles), np.sin(angles)]), 9)


_DIRECTIONS = _directions()


def gradient(key: int, x: F64, y: F64) -> F64:
    """Return gradient noise at any points (in lattice units, y down), about -1..1, zero on the lattice.

    After Perlin, "Improving noise" (2002): quintic fade between the planes of the four lattice corners.
    """
    col, row = np.floor(x), np.floor(y)
    fx, fy = x - col, y - row
    col, row = col.astype(np.int64), row.astype(np.int64)
    u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
    v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)

    def plane(dr: int, dc: int) -> F64:
        pick = (hash2(key, row + dr, col + dc) >> np.uint32(26)).astype(np.intp)
        return _DIRECTIONS[0][pick] * (fx - dc) + _DIRECTIONS[1][pick] * (fy - dr)

    upper = plane(0, 0) * (1 - u) + plane(0, 1) * u
    lower = plane(1, 0) * (1 - u) + plane(1, 1) * u
    return (upper * (1 - v) + lower * v) * 1.5


class Channel(IntEnum):
    """Numbers are part of the landscape: changing one changes every scene."""

    WARP_WIDE = 10  # and 11
    WARP_NEAR = 12  # and 13
    VALLEY = 20
    BELT = 21
    WALLED = 22
    RIDGE = 30  # to 33
    TREE_LINE = 40
    FIRN_LINE = 41
    CLIFF = 42
    TURF_PATCH = 43
    TURF_PATCH_ROCK = 44
    MEADOW = 45
    STREAM_GATE = 46
    EDGE = 50  # to 53
    GAP = 54
    SHORE = 55
    ROUGH = 60  # to 69
    LAKE = 80  # to 84
    BLOCKS = 90  # to 94
    GRASSY_BLOCKS = 100  # to 104
    TREES = 110  # to 115
    SHRUBS = 116  # to 121
    BOULDERS = 130  # to 135
    STONES = 140  # to 145
    TEXTURE = 200  # to 205
    GRAIN = 209
    STREAKS = 210
    STRATA = 220
