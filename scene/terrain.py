"""The height field: an alpine relief as a function of coordinates, its form on a coarse grid of nodes, and
where the sun, standing in the north-west, reaches it.

Relief is compressed: one kilometre holds what takes several in the Alps (wooded valley floors, scree, walls,
glaciers, peaks), within about 300 m of altitude above BASE_ALTITUDE_M. Land cover is decided in `cover.py`.
"""

from dataclasses import dataclass

import numpy as np

from .noise import F32, F64, Channel, Window, gradient, stream

#: Altitude of the valley floors; all heights inside this package are relative to it.
BASE_ALTITUDE_M = 1850.0
#: Side of a DEM cell, and of a node cell counted in DEM cells and in metres.
PIXEL_M = 0.5
NODE_PX = 8
NODE_M = PIXEL_M * NODE_PX

# Rotations between octaves (Pythagorean triples, hence exact) keep the lattices from lining up.
_ROTATIONS = ((0.8, 0.6), (12 / 13, 5 / 13), (15 / 17, 8 / 17), (20 / 29, 21 / 29), (7 / 25, 24 / 25))

# Quantiles 0, 1/16 ... 1 of `_ridges` over six seeds and 30 km squares: constants, so that ranks (and with
# them the areas of the altitude belts) need no look at the scene as a whole.
_RIDGE_QUANTILES = (0.0, 0.0097, 0.0345, 0.0677, 0.1055, 0.1456, 0.1876, 0.2315, 0.2783, 0.3288, 0.3816,
                    0.4362, 0.4925, 0.5523, 0.6219, 0.7176, 1.25)  # fmt: skip

# Height over rank: floor, wooded slope, scree slope, rock wall, glacier terrace, peaks ...
_WALLED = ((0.0, 0.03, 0.16, 0.30, 0.45, 0.55, 0.62, 0.87, 0.93, 1.02),
           (0.0, 2.0, 15.0, 33.0, 60.0, 136.0, 147.0, 172.0, 202.0, 275.0))  # fmt: skip
# ... and where no wall stands between valley and glacier.
_SLOPING = ((0.0, 0.03, 0.16, 0.30, 0.45, 0.55, 0.62, 0.87, 0.93, 1.02),
            (0.0, 2.0, 15.0, 41.0, 82.0, 117.0, 135.0, 172.0, 198.0, 262.0))  # fmt: skip


def piecewise(x: F64, knots: tuple[float, ...], values: tuple[float, ...]) -> F64:
    """Return the piecewise linear function through the knots, constant outside them."""
    xs, ys = np.array(knots), np.array(values)
    i = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    t = np.clip((x - xs[i]) / (xs[i + 1] - xs[i]), 0.0, 1.0)
    return ys[i] + (ys[i + 1] - ys[i]) * t


def smoothstep(x: F32, low: float, high: float) -> F32:
    """Return 0 below `low`, 1 above `high` and a smooth cubic between (`low` > `high` turns it round)."""
    t: F32 = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _rotate(x: F64, y: F64, which: int) -> tuple[F64, F64]:
    c, s = _ROTATIONS[which % len(_ROTATIONS)]
    return c * x - s * y, s * x + c * y


def _warp(seed: int, x: F64, y: F64) -> tuple[F64, F64]:
    """Return the coordinates bent at 300 m and 70 m, which turns lattice shapes into natural ones."""
    dx, dy = np.zeros_like(x), np.zeros_like(y)
    for channel, size, reach in ((Channel.WARP_WIDE, 300.0, 70.0), (Channel.WARP_NEAR, 70.0, 16.0)):
        dx += reach * gradient(stream(seed, channel), x / size, y / size)
        dy += reach * gradient(stream(seed, channel + 1), x / size, y / size)
    return x + dx, y + dy


def _ridges(seed: int, x: F64, y: F64) -> tuple[F64, F64]:
    """Return a ridged multifractal, low along the valley lines, and the signed distance-like valley field.

    After Musgrave's ridged multifractal: each octave is weighted by the one before it, and the first by the
    height above the valley, so floors stay smooth and peaks grow sharp.
    """
    x, y = _warp(seed, x, y)
    a, b = _rotate(x, y, 0)
    valley = gradient(stream(seed, Channel.VALLEY), a / 600 + 0.37, b / 600 + 0.71)
    height = np.sqrt(valley * valley + 0.004) - 0.0632
    weight = np.minimum(1.0, height * 4)
    amplitude, frequency = 0.22, 1 / 260
    for octave in range(4):
        a, b = _rotate(x, y, octave + 1)
        key = stream(seed, Channel.RIDGE + octave)
        ridge = 1 - np.abs(gradient(key, a * frequency + 0.5 * octave, b * frequency)) * 1.3
        ridge *= ridge
        height = height + amplitude * ridge * weight
        weight = np.clip(weight * ridge * 1.8, 0.0, 1.0)
        amplitude, frequency = amplitude * 0.45, frequency * 2.05
    return height, valley


def relief(seed: int, x: F64, y: F64) -> tuple[F64, F64]:
    """Return height above BASE_ALTITUDE_M in metres, and the valley field, at points (metres right, down).

    The valley field is zero along valley lines. Lakes are not yet carved.
    """
    ridges, valley = _ridges(seed, x, y)
    rank = piecewise(ridges, _RIDGE_QUANTILES, tuple(np.linspace(0, 1, len(_RIDGE_QUANTILES))))
    lift = gradient(stream(seed, Channel.BELT), x / 130, y / 130)
    rank = rank + 0.07 * lift * np.minimum(1.0, rank * 3)
    walled = gradient(stream(seed, Channel.WALLED), x / 280 + 0.5, y / 280 + 0.5) * 2.2 + 0.75
    share = np.clip(walled, 0.0, 1.0)
    return share * piecewise(rank, *_WALLED) + (1 - share) * piecewise(rank, *_SLOPING), valley


def node_points(nodes: Window) -> tuple[F64, F64]:
    """Return x and y in metres [rows, cols] of the nodes."""
    x = (np.arange(nodes.col0, nodes.col0 + nodes.cols) * NODE_M)[None, :]
    y = (np.arange(nodes.row0, nodes.row0 + nodes.rows) * NODE_M)[:, None]
    return np.broadcast_to(x, (nodes.rows, nodes.cols)), np.broadcast_to(y, (nodes.rows, nodes.cols))


def box_mean(a: F32, reach: int) -> F32:
    """Return the mean over (2 reach + 1)^2 cells [rows - 2 reach, cols - 2 reach], added in a fixed order."""
    rows, cols = a.shape[0] - 2 * reach, a.shape[1] - 2 * reach
    tall = a[0:rows].copy()
    for k in range(1, 2 * reach + 1):
        tall += a[k : k + rows]
    wide = tall[:, 0:cols].copy()
    for k in range(1, 2 * reach + 1):
        wide += tall[:, k : k + cols]
    return wide * (1 / (2 * reach + 1) ** 2)


def slopes(height: F32, spacing_m: float) -> tuple[F32, F32]:
    """Return the slope components (right, down) by central differences, [rows - 2, cols - 2]."""
    right = (height[1:-1, 2:] - height[1:-1, :-2]) * (0.5 / spacing_m)
    down = (height[2:, 1:-1] - height[:-2, 1:-1]) * (0.5 / spacing_m)
    return right, down


@dataclass(frozen=True)
class Form:
    """The lie of the land on nodes [rows, cols]: metres, tangent of slope, metres below surroundings."""

    height: F32
    slope: F32
    hollow: F32


#: Nodes beyond a window that `form` looks at.
FORM_HALO = 6


def form(height: F32) -> Form:
    """Return the form of a height field given with FORM_HALO nodes more on each side."""
    right, down = slopes(height, NODE_M)
    slope = np.sqrt(right * right + down * down)
    inner = height[FORM_HALO:-FORM_HALO, FORM_HALO:-FORM_HALO]
    cut = FORM_HALO - 1
    return Form(inner, slope[cut:-cut, cut:-cut], box_mean(height, FORM_HALO) - inner)


#: Tangent of the sun's altitude (55 degrees); the sun stands in the north-west, along the grid's diagonal.
SUN_TANGENT = 1.43
_TO_SUN = (-0.4056, -0.4056, 0.8192)
_DIAGONAL = 1.4142135623730951


def shade_height(surface: F32, spacing_m: float, doublings: int) -> F32:
    """Return the height below which ground lies in shadow [rows - reach, cols - reach], reach = 2^doublings.

    The first `reach` rows and columns are the halo towards the sun. A sliding maximum along the diagonal:
    each doubling looks twice as far, with the sun ray's drop taken off.
    """
    drop = spacing_m * _DIAGONAL * SUN_TANGENT
    # Start one step away from the cell itself, so that a cell is not its own shadow.
    far = surface[:-1, :-1] - drop
    for k in range(doublings):
        step = 1 << k
        far = np.maximum(far[step:, step:], far[:-step, :-step] - step * drop)
    return far


def lambert(surface: F32, spacing_m: float) -> tuple[F32, F32]:
    """Return the cosine to the sun (negative: turned away) and flatness (1 = level), [rows - 2, cols - 2]."""
    right, down = slopes(surface, spacing_m)
    flat: F32 = np.reciprocal(np.sqrt(1 + right * right + down * down))
    x, y, z = _TO_SUN
    cosine: F32 = (z - right * x - down * y) * flat
    return cosine, flat
