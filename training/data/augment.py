"""Augmentation of one patch in raw values: the symmetries of the square, and colour jitter of RGB bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...core.model.card import SourceSpec
from .area import FloatArray
from .patches import Patch

_COLOURS = ("r", "red"), ("g", "green"), ("b", "blue")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, only to desaturate


@dataclass(frozen=True)
class Colours:
    """Where red, green and blue are among all bands, and their largest value (255 for 8 bits)."""

    bands: tuple[int, ...]
    white: float


def find_colours(sources: Sequence[SourceSpec]) -> Colours | None:
    """Find the colour bands by name, None if one is missing; white is what the normalisation scales to 1."""
    bands = [(band.lower(), source) for source in sources for band in source.bands]
    found = [next((i for i, (name, _) in enumerate(bands) if name in colour), -1) for colour in _COLOURS]
    if min(found) < 0:
        return None
    return Colours(tuple(found), 1 / bands[found[0]][1].normalisation.scale)


def turn(patch: Patch, rng: Generator) -> Patch:
    """Rotate by a random multiple of 90 degrees and flip at random: each of the eight symmetries alike."""
    quarter, flip = int(rng.integers(4)), bool(rng.integers(2))
    raw = np.rot90(patch.raw, quarter, axes=(-2, -1))
    channels = np.rot90(patch.channels, quarter)
    if flip:
        raw, channels = raw[..., ::-1], channels[..., ::-1]
    return Patch(np.ascontiguousarray(raw), np.ascontiguousarray(channels))


def mirror(patch: Patch, rng: Generator) -> Patch:
    """Swap left and right at random: for scenes with an up and a down."""
    if not rng.integers(2):
        return patch
    return Patch(np.ascontiguousarray(patch.raw[..., ::-1]), np.ascontiguousarray(patch.channels[..., ::-1]))


def jitter_colours(raw: FloatArray, colours: Colours, strength: float, rng: Generator) -> FloatArray:
    """Change brightness, contrast and saturation by factors of 1 +- `strength`, and each band by half of it.

    Args:
        raw: `[n_bands, H, W]`; other bands and missing values stay as they are.
        colours: the bands to change; results are clipped to 0..white.
    """
    brightness, contrast, saturation = 1 + strength * rng.uniform(-1, 1, 3)
    tint = 1 + strength / 2 * rng.uniform(-1, 1, (3, 1, 1))
    rgb = raw[list(colours.bands)] * (tint * brightness).astype(np.float32)
    grey = np.tensordot(_LUMA, rgb, axes=1)  # (H, W)
    middle = np.float32(np.nanmean(grey)) if not np.isnan(grey).all() else np.float32(0)
    rgb = grey + (rgb - grey) * np.float32(saturation)
    rgb = middle + (rgb - middle) * np.float32(contrast)
    out = raw.copy()
    out[list(colours.bands)] = np.clip(rgb, 0, colours.white)
    return out
