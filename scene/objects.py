"""Trees, shrubs, boulders and stones: where they stand, and single things with a place, a size and a tone
that are stamped into a height canvas.

Stamps are combined by maximum, so the order in which things are drawn, and the block, do not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cover import Scores
from .noise import F32, Channel, Window, hash2, stream, unit
from .terrain import smoothstep

_TONE_BITS = 12
_CHUNK = 400_000


@dataclass(frozen=True)
class Things:
    """Things, in image cells: centre (row, col), radius in cells, height in m, tone in [0, 1), turn < 32."""

    row: F32
    col: F32
    radius: F32
    height: F32
    tone: F32
    turn: NDArray[np.intp]

    def pick(self, keep: NDArray) -> "Things":
        """Return the things at an index or where a mask is true."""
        return Things(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Spread:
    """How things are strewn: one per lattice cell of `cell` pixels, radii, height over radius (low, high)."""

    channel: int
    cell: int
    radius: tuple[float, float]
    height: tuple[float, float]


def strew(seed: int, spread: Spread, window: Window) -> tuple[Things, F32]:
    """Return one thing per lattice cell that touches the window, and a number in [0, 1) each to thin them by.

    Centres are relative to the window's corner. Small things are more frequent than large ones.
    """
    cells = window.coarser(spread.cell)
    row = np.repeat(np.arange(cells.row0, cells.row0 + cells.rows), cells.cols)
    col = np.tile(np.arange(cells.col0, cells.col0 + cells.cols), cells.rows)
    bits = [hash2(stream(seed, spread.channel + k), row, col) for k in range(3)]
    # Eight bits each: centres stay exact in float32 however far the window reaches.
    along, across = (
        unit(bits[0] & np.uint32(0xFF000000)),
        unit((bits[0] << np.uint32(8)) & np.uint32(0xFF000000)),
    )
    size, tall = unit(bits[1] & np.uint32(0xFFFF0000)), unit(bits[1] << np.uint32(16))
    low, high = spread.radius
    radius = low + (high - low) * size * size
    height = radius * 0.25 * (spread.height[0] + (spread.height[1] - spread.height[0]) * tall)
    y = ((row - cells.row0) * spread.cell + (cells.row0 * spread.cell - window.row0)).astype(np.float32)
    x = ((col - cells.col0) * spread.cell + (cells.col0 * spread.cell - window.col0)).astype(np.float32)
    turn = (bits[2] & np.uint32(31)).astype(np.intp)
    tone = unit(bits[2] << np.uint32(12))
    things = Things(y + along * spread.cell, x + across * spread.cell, radius, height, tone, turn)
    return things, unit(bits[2])


def inside(things: Things, window: Window) -> NDArray[np.bool_]:
    """Return which centres lie on the window."""
    return (things.row >= 0) & (things.row < window.rows) & (things.col >= 0) & (things.col < window.cols)


def at(field: F32, things: Things, step: int) -> F32:
    """Return the value of a field, whose cells are `step` image cells wide, at each centre (all inside)."""
    return field[(things.row / step).astype(np.intp), (things.col / step).astype(np.intp)]


def _stamps(things: Things) -> Iterator[tuple[Things, int]]:
    """Yield groups of things of about equal size, with the half side of their stamp in cells."""
    half = np.ceil(things.radius).astype(np.intp) + 1
    for size in np.unique(half):
        same = np.flatnonzero(half == size)
        step = max(1, _CHUNK // int(2 * size + 1) ** 2)
        for start in range(0, len(same), step):
            yield things.pick(same[start : start + step]), int(size)


def _crown(dy: F32, dx: F32, group: Things) -> F32:
    """Return the height of tree crowns: a blunt cone on a third of its height, 0 outside [n, k, k]."""
    d2 = (dy * dy + dx * dx) / (group.radius * group.radius)[:, None, None]
    return np.where(d2 < 1, (1.0 - 0.7 * np.sqrt(d2)) * group.height[:, None, None], 0)


_FACETS = np.round(
    np.stack([np.cos(np.arange(160) * np.pi / 80), np.sin(np.arange(160) * np.pi / 80)]), 6
).astype(np.float32)


def _boulder(dy: F32, dx: F32, group: Things) -> F32:
    """Return the height of boulders: five-sided blocks with a slanted flat top, 0 outside [n, k, k]."""
    d = np.full(dy.shape, -9, np.float32)
    for side in range(5):
        way = (group.turn * 5 + side * 32 + (group.turn * (side + 3)) % 13) % 160
        reach = group.radius * (0.68 + 0.016 * ((group.turn * (2 * side + 7)) % 20).astype(np.float32))
        p = dy * _FACETS[1][way][:, None, None] + dx * _FACETS[0][way][:, None, None]
        d = np.maximum(d, p / reach[:, None, None])
    slant = 1 + 0.25 * (dx - dy) / group.radius[:, None, None]
    return np.where(d < 1, np.minimum(1, (1 - d) * 2.5) * slant * group.height[:, None, None], 0)


def stamp(things: Things, window: Window, kind: str) -> tuple[F32, F32]:
    """Return height above ground in metres and tone in [0, 1) of the highest thing per cell, [rows, cols].

    `kind` is "crown" or "boulder". Both are 0 where nothing stands.
    """
    flat = np.zeros(window.rows * window.cols, np.int32)
    for group, half in _stamps(things):
        r0, c0 = np.floor(group.row).astype(np.intp), np.floor(group.col).astype(np.intp)
        offset = np.arange(-half, half + 1)
        row, col = r0[:, None] + offset, c0[:, None] + offset
        dy = (row + 0.5).astype(np.float32) - group.row[:, None]
        dx = (col + 0.5).astype(np.float32) - group.col[:, None]
        dy, dx = np.broadcast_arrays(dy[:, :, None], dx[:, None, :])
        height = _crown(dy, dx, group) if kind == "crown" else _boulder(dy, dx, group)
        tone = (group.tone * (1 << _TONE_BITS)).astype(np.int32)
        value = ((height * 200).astype(np.int32) << _TONE_BITS) + tone[:, None, None]
        good = (
            (height > 0)
            & ((row >= 0) & (row < window.rows))[:, :, None]
            & ((col >= 0) & (col < window.cols))[:, None, :]
        )
        place = row[:, :, None] * window.cols + col[:, None, :]
        np.maximum.at(flat, place[good], value[good])
    canvas = flat.reshape(window.rows, window.cols)
    height = (canvas >> _TONE_BITS).astype(np.float32) * (1 / 200)
    return height, (canvas & ((1 << _TONE_BITS) - 1)).astype(np.float32) * 2.0**-_TONE_BITS


# Cell, radii in image cells of 0.25 m, height in radii.
_TREES = Spread(Channel.TREES, 11, (3.0, 11.0), (2.0, 3.4))
_SHRUBS = Spread(Channel.SHRUBS, 9, (2.0, 5.5), (0.7, 1.3))
_BOULDERS = Spread(Channel.BOULDERS, 18, (5.0, 15.0), (0.7, 1.2))
_STONES = Spread(Channel.STONES, 9, (2.0, 7.0), (0.7, 1.2))

#: Cells of the image beyond a window whose things can reach into it.
THING_HALO = 20


@dataclass(frozen=True)
class Stand:
    """Plants and boulders on image cells [rows, cols]: height above ground in metres, and tone 0..1."""

    plants: F32
    plant_tone: F32
    boulders: F32
    boulder_tone: F32


def _grown(seed: int, spread: Spread, window: Window, density: F32) -> Things:
    """Return the things of a spread on the window, thinned by a density in 0..1 on cells of half a metre."""
    things, chance = strew(seed, spread, window)
    on = inside(things, window)
    things, chance = things.pick(on), chance[on]
    return things.pick(chance < at(density, things, 2))


def _join(a: tuple[F32, F32], b: tuple[F32, F32]) -> tuple[F32, F32]:
    higher = a[0] >= b[0]
    return np.maximum(a[0], b[0]), np.where(higher, a[1], b[1])


def stand(
    seed: int, window: Window, scores: Scores, *, gaps: F32, water: F32, blocks: F32, grassy: F32
) -> Stand:
    """Return what stands on the image cells of `window`.

    The fields lie on cells of half a metre, over the window grown by THING_HALO image cells: scores, noise
    `gaps` of standard deviation 1, distances to water, to block fields and to grassy ones (below 1: inside).
    """
    wide = window.grow(THING_HALO)
    bare = (water > 1.1) & (blocks > 1) & (grassy > 1)
    dry_rock = smoothstep(scores.rock, 0.5, 0.0) * bare
    trees = smoothstep(scores.wood + 0.30 * gaps, -0.20, 0.45) * 0.9 * dry_rock
    fringe = smoothstep(scores.wood + 0.5 * gaps, -3.0, -0.2) * 0.10
    turf = smoothstep(np.maximum(scores.scree_turf, scores.meadow), -0.3, 0.3) * 0.06
    shrubs = (fringe + turf + 0.25 * trees) * bare
    near_wall = np.clip(scores.wall, 0, 1) * smoothstep(scores.rock, 0.2, -0.3)
    loose = (
        smoothstep(scores.rock, 0.3, -0.2)
        * smoothstep(scores.ice, 0.6, -0.3)
        * (scores.wood < 0)
        * (water > 1)
    )
    field = smoothstep(blocks, 1.15, 0.9)
    half_field = smoothstep(grassy, 1.15, 0.9)
    boulders = loose * (0.006 + 0.05 * near_wall)
    boulders = np.maximum(boulders, np.maximum(field * 0.72, half_field * 0.42))
    stones = loose * (0.012 + 0.10 * near_wall)
    stones = np.maximum(stones, np.maximum(field * 0.85, half_field * 0.40))

    def draw(spread: Spread, density: F32, kind: str) -> tuple[F32, F32]:
        things = _grown(seed, spread, wide, density)
        shifted = Things(*(getattr(things, n) - (THING_HALO if n in {"row", "col"} else 0) for n in _THING))
        return stamp(shifted, window, kind)

    plants = _join(draw(_TREES, trees, "crown"), draw(_SHRUBS, shrubs, "crown"))
    blocky = _join(draw(_BOULDERS, boulders, "boulder"), draw(_STONES, stones, "boulder"))
    return Stand(*plants, *blocky)


_THING = tuple(Things.__dataclass_fields__)
