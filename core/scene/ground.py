"""The ground in detail: the DEM with its fine relief, standing water and streams, at half a metre."""

import numpy as np

from .channels import Channel
from .cover import Scores
from .noise import F32, Window, smooth, stream
from .terrain import smoothstep

# Fine relief by kind of ground: standard deviation in metres of noise with features of 16, 8, 4, 2 and 1 m.
_ROUGH_ROCK = (0.0, 0.9, 0.45, 0.22, 0.10)
_ROUGH_LOOSE = (0.30, 0.16, 0.08, 0.05, 0.035)
_ROUGH_ICE = (0.35, 0.12, 0.03, 0.012, 0.006)


def fine_height(seed: int, window: Window, scores: Scores) -> F32:
    """Return the height of dry ground above the valley floors [rows, cols]: relief and roughness by cover."""
    rock = smoothstep(scores.rock, -0.5, 0.5)
    ice = smoothstep(scores.ice, -0.3, 0.4) * (1 - rock)
    loose = 1 - rock - ice
    height = scores.height.copy()
    for octave, spacing in enumerate((32, 16, 8, 4, 2)):
        noise = smooth(stream(seed, Channel.ROUGH + octave), spacing, window)
        amount = rock * _ROUGH_ROCK[octave]
        amount += loose * _ROUGH_LOOSE[octave] + ice * _ROUGH_ICE[octave]
        height += amount * noise
    # Gullies and ribs of rock walls: ridged noise, only ever cutting in.
    rib = np.abs(smooth(stream(seed, Channel.ROUGH + 5), 40, window))
    rib += 0.5 * np.abs(smooth(stream(seed, Channel.ROUGH + 6), 20, window))
    return height - rock * 2.2 * np.maximum(1.0 - rib, 0)


def flood(height: F32, water: F32, level: F32) -> F32:
    """Return the height with level lakes and shores above them; `water`, `level` as of `site_distance`."""
    t = smoothstep(water, 1.0, 1.3)
    shore = np.maximum(level + t * (height - level), level + 0.05 + t * 0.1)
    return np.where(water < 1, level, np.where(water < 1.6, shore, height))


def to_grid(height: F32) -> F32:
    """Return heights rounded to 1/256 m, which is exact in float32 and compresses well."""
    return np.floor(height * 256 + 0.5) * (1 / 256)
