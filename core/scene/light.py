"""Light and shadow: where the sun, standing in the north-west, reaches a surface."""

import numpy as np

from .noise import F32
from .terrain import slopes

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
