"""Where trees, shrubs, boulders and stones stand: how densely each kind of ground carries them."""

from dataclasses import dataclass

import numpy as np

from .channels import Channel
from .cover import Scores
from .noise import F32, Window
from .objects import Spread, Things, at, inside, stamp, strew
from .terrain import smoothstep

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
