"""The orthophoto: surface relief at a quarter of a metre, colours of the materials, sun and shadow.

Materials follow the same scores as the labels but with finer and rougher edges, and share tones, as in real
photographs: near a boundary, in shade and under debris a label is not to be read from the colour alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cover import Scores
from .noise import F32, Channel, Window, hash2, smooth, stream, unit, white
from .objects import Stand
from .terrain import lambert, shade_height, smoothstep

#: Side of an image cell, and the doublings and reach (cells) of the near shadows' search.
IMAGE_M = 0.25
NEAR_DOUBLINGS = 6
NEAR_REACH = 1 << NEAR_DOUBLINGS

# Reflectances (red, green, blue), 0..255 in full sun.
_SCREE, _SCREE_DARK = (176.0, 170.0, 158.0), (146.0, 141.0, 133.0)
_ROCK, _ROCK_WARM = (158.0, 152.0, 143.0), (164.0, 148.0, 127.0)
_TURF, _TURF_DRY = (104.0, 118.0, 62.0), (142.0, 138.0, 88.0)
_FLOOR = (84.0, 94.0, 54.0)
_CROWN, _CROWN_PALE = (46.0, 68.0, 40.0), (84.0, 104.0, 52.0)
_ICE, _SNOW = (176.0, 188.0, 195.0), (226.0, 229.0, 233.0)
_CREVASSE = (92.0, 116.0, 130.0)
_WATER, _SHALLOW, _FOAM = (30.0, 66.0, 76.0), (96.0, 128.0, 116.0), (150.0, 166.0, 164.0)
_SKY = (0.33, 0.365, 0.41)
_SUN = (0.84, 0.81, 0.765)


@dataclass(frozen=True)
class Materials:
    """Shares 0..1 of each material on image cells [rows, cols]; what is left is scree."""

    rock: F32
    ice: F32
    snow: F32
    turf: F32
    floor: F32
    water: F32


@dataclass(frozen=True)
class Tones:
    """Noise on image cells [rows, cols], standard deviation 1, by size of features in metres."""

    m20: F32
    m8: F32
    m2: F32
    m1: F32
    m05: F32
    grain: F32


def tones(seed: int, window: Window) -> Tones:
    """Return the noise that edges and textures share."""
    m20, m8, m2, m1, m05 = (
        smooth(stream(seed, Channel.TEXTURE + k), cells, window) for k, cells in enumerate((80, 32, 8, 4, 2))
    )
    return Tones(m20, m8, m2, m1, m05, grain=white(stream(seed, Channel.GRAIN), window) * 1.7)


def materials(s: Scores, n: Tones, water: F32, stream_bed: F32, grassy: F32) -> Materials:
    """Return what the ground is made of; `water`, `stream_bed`, `grassy` are distances (below 1: inside)."""
    # Wider than the labels' own raggedness: photographs and maps differ by some metres.
    rough = 0.40 * n.m20 + 0.40 * n.m8 + 0.16 * n.m2
    rock = smoothstep(s.rock + rough + 0.08 * n.m1, -0.12, 0.12)
    ice = smoothstep(s.ice + 0.7 * rough, -0.05, 0.12) * (1 - rock)
    debris = smoothstep(s.ice - 0.5 * n.m8 - 0.3 * n.m2, 0.35, -0.25)
    ice = ice * (1 - 0.85 * debris)
    # Snow lies on the upper glacier, and in patches in high hollows whatever the map says.
    firn = smoothstep(s.ice + 0.25 * n.m8 + 0.1 * n.m2, 0.7, 1.5) * ice
    patch = (s.height - 118) / 45 - np.maximum(s.rock, 0) * 0.5 + 0.9 * n.m8 + rough
    snow = np.maximum(firn, smoothstep(patch, 1.35, 1.5) * (1 - rock * 0.5))
    # Turf: dense on meadow, mottled where the map says "with grass", stray tufts elsewhere in low places.
    low = np.clip((80 - s.height) / 60, -1.2, 0.55)
    mixed = np.maximum(
        np.minimum(s.scree_turf, 0.5), np.minimum(s.rock_turf, 0.5) - 2 * smoothstep(s.rock, 0.1, -0.3)
    )
    mottle = 0.55 * n.m2 + 0.35 * n.m1 + 0.2 * n.m05
    cover = np.maximum(
        np.maximum(mixed, -0.55) * 1.5 + 0.35 * low - 0.2,
        (s.meadow + 0.1) * 4,
    )
    cover = np.maximum(cover, smoothstep(grassy, 1.3, 0.8) * 1.3 - 1)
    cover = np.maximum(cover, np.minimum(s.wood * 0.8 - 0.3, 0.0))
    turf = smoothstep(cover + mottle - 0.25 * rock, -0.05, 0.3) * (1 - ice) * (low > -1.1)
    floor = smoothstep(s.wood + 0.3 * n.m8 + 0.3 * n.m2, -0.3, 0.6) * (1 - rock * 0.8)
    wet = np.maximum(smoothstep(water, 1.012, 0.99), smoothstep(stream_bed + 0.2 * n.m1, 1.25, 0.85))
    return Materials(rock, ice, snow, turf, floor, wet)


def strata(seed: int, height: F32, n: Tones) -> F32:
    """Return the banding of bedded rock in 0..1: one random tone per layer of about 1.6 m, gently folded."""
    layer = (height + 1.3 * n.m8 + 0.25 * n.m1) * (1 / 1.6)
    index = np.floor(layer)
    table = unit(hash2(stream(seed, Channel.STRATA), np.arange(1024), np.zeros(1024, np.int64)))
    i = index.astype(np.intp) & 1023
    t = smoothstep(layer - index, 0.35, 0.65)
    return table[i] + t * (table[(i + 1) & 1023] - table[i])


def crevasses(height: F32, slope: F32, ice: F32, n: Tones) -> F32:
    """Return how deep (0..1) crevasses cut: lines across the flow where the glacier steepens."""
    step = 2.4
    level = (height + 0.7 * n.m8 + 0.14 * n.m2) / step
    off = np.abs(level - np.floor(level) - 0.5) * step / np.maximum(slope, 0.08)
    torn = smoothstep(slope + 0.12 * n.m8, 0.30, 0.45) * smoothstep(slope, 0.95, 0.7)
    broken = smoothstep(n.m8 + 0.5 * n.m2, -0.5, 0.1)
    return smoothstep(off - 0.15 * n.m2, 0.45, 0.1) * torn * broken * ice


def surface(ground: F32, m: Materials, n: Tones, stand: Stand, *, cut: F32, bands: F32) -> F32:
    """Return the height of all that catches light: ground, micro relief by material, plants, boulders.

    `cut` is the depth of crevasses and `bands` the bedding of rock, both 0..1.
    """
    fine = 0.05 + m.rock * 0.10 - m.ice * 0.035 + m.floor * 0.06
    bump = fine * (n.m1 * 0.9 + n.m05 * 0.6) + m.rock * 0.40 * bands
    # Joints: rock breaks along the zero lines of two noises.
    joints = np.minimum(np.abs(n.m2), 0.5) + np.minimum(np.abs(n.m1 + n.m8), 0.4)
    bump += m.rock * 0.5 * joints
    loose = (1 - m.ice) * (1 - m.snow) * (1 - 0.5 * m.turf)
    bump += loose * (0.022 * n.grain + 0.05 * np.maximum(n.m05, 0))
    bump *= (1 - m.water) * (1 - 0.8 * m.snow)
    return ground + bump - 1.1 * cut + np.maximum(stand.plants, stand.boulders) * (1 + 0.10 * n.m05)


def _mix(rgb: list[F32], colour: tuple[float, float, float], share: F32) -> None:
    for channel, value in zip(rgb, colour, strict=True):
        np.add(channel, share * (value - channel), out=channel)


def colours(
    m: Materials, n: Tones, stand: Stand, *, cut: F32, bands: F32, streaks: F32, water: F32
) -> list[F32]:
    """Return the reflectance of each channel, 0..255 in full sun, [rows, cols] each.

    `cut` and `bands` as of `surface`; `streaks` is noise drawn out down the slope, `water` distance to lakes.
    """
    rgb = [np.full(n.m1.shape, v, np.float32) for v in _SCREE]
    _mix(rgb, _SCREE_DARK, np.clip(0.45 + 0.32 * streaks + 0.2 * n.m8, 0, 1))
    _mix(rgb, _ROCK, m.rock)
    _mix(rgb, _ROCK_WARM, m.rock * np.clip(0.4 * n.m8 + 0.5 * bands - 0.1, 0, 0.9))
    _mix(rgb, _SCREE_DARK, m.rock * np.clip(0.45 - 0.7 * bands + 0.25 * n.m2 + 0.15 * n.m1, 0, 0.9))
    _mix(rgb, _TURF, m.turf)
    _mix(rgb, _TURF_DRY, m.turf * np.clip(0.35 + 0.25 * n.m8 + 0.15 * n.m1, 0, 1))
    _mix(rgb, _FLOOR, m.floor * 0.85)
    _mix(rgb, _ICE, m.ice)
    _mix(rgb, _SCREE_DARK, m.ice * np.clip(0.10 + 0.14 * streaks + 0.12 * n.m2, 0, 0.6))
    _mix(rgb, _SNOW, m.snow)
    _mix(rgb, _CREVASSE, cut * 0.8)
    rock_tone = 0.92 + 0.22 * (stand.boulder_tone - 0.5)
    on_block: F32 = np.minimum(stand.boulders * 8, 1)
    _mix(rgb, _ROCK, on_block * 0.85)
    plant: F32 = np.minimum(stand.plants * 4, 1)
    _mix(rgb, _CROWN, plant)
    _mix(rgb, _CROWN_PALE, plant * stand.plant_tone * stand.plant_tone)
    lit = 1 + on_block * (rock_tone - 1)
    lit *= 1 + 0.045 * n.m05 * (1 - m.snow) + 0.05 * n.grain * (1 - m.ice) * (1 - m.snow)
    for channel in rgb:
        np.multiply(channel, lit, out=channel)
    depth = smoothstep(water, 1.0, 0.7)
    for k, channel in enumerate(rgb):
        lake = _SHALLOW[k] + depth * (_WATER[k] - _SHALLOW[k])
        wet = np.where(water < 1.05, lake, _FOAM[k] + 9 * n.m1)
        np.add(channel, m.water * (wet - channel), out=channel)
    return rgb


def expose(rgb: list[F32], sun: F32, flat: F32, water: F32, n: Tones) -> NDArray[np.uint8]:
    """Return the photograph [3, rows, cols]: sky light everywhere, sun where it reaches, sensor noise."""
    out = np.empty((3, *sun.shape), np.uint8)
    open_sky = 0.55 + 0.45 * flat
    for k, channel in enumerate(rgb):
        value = channel * (_SKY[k] * open_sky + _SUN[k] * sun)
        value += 1.1 * n.grain + 6 * water
        out[k] = np.clip(value + 0.5, 0, 255).astype(np.uint8)
    return out


def sunlight(top: F32, far_shadow: F32) -> tuple[F32, F32]:
    """Return direct light 0..1 and flatness of a surface given with NEAR_REACH more cells before, 1 behind.

    `far_shadow` [rows, cols] is how many metres below the shadow of distant ridges the ground lies.
    """
    cosine, flat = lambert(top[NEAR_REACH - 1 :, NEAR_REACH - 1 :], IMAGE_M)
    near = shade_height(top[:-1, :-1], IMAGE_M, NEAR_DOUBLINGS) - top[NEAR_REACH:-1, NEAR_REACH:-1]
    shadow = np.maximum(smoothstep(near, 0.0, 0.5), smoothstep(far_shadow, -1.0, 2.5))
    return np.maximum(cosine, 0) * (1 - shadow), flat
