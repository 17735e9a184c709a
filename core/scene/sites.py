"""Landmarks placed one per cell of a fixed lattice: lakes, block fields, grassy block fields.

One site per cell keeps rare classes at a steady share; the best of several random places in the cell keeps
them where they belong.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from .channels import Channel
from .noise import F64, Window, hash2, stream
from .terrain import PIXEL_M, relief


@dataclass(frozen=True)
class Recipe:
    """How a kind of site is placed: lattice cell, margin kept from its edge, radii, tries, reach in radii."""

    channel: Channel
    cell_m: float
    margin_m: float
    radius_m: tuple[float, float]
    tries: int
    reach: float


class Kind(Enum):
    """The kinds of sites."""

    LAKE = Recipe(Channel.LAKE, 500.0, 70.0, (15.0, 29.0), 16, 2.6)
    BLOCKS = Recipe(Channel.BLOCKS, 250.0, 14.0, (4.0, 11.0), 24, 1.6)
    GRASSY_BLOCKS = Recipe(Channel.GRASSY_BLOCKS, 500.0, 14.0, (3.5, 6.0), 32, 1.6)


@dataclass(frozen=True)
class Site:
    """One placed landmark: centre in metres right and down of the scene's corner, radius, ground height."""

    x: float
    y: float
    radius_m: float
    height_m: float


def _uniform(seed: int, channel: int, row: np.ndarray, col: np.ndarray, tries: int) -> F64:
    """Return numbers in [0, 1) of shape [cells, tries]."""
    turn = np.arange(tries)[None, :]
    bits = hash2(stream(seed, channel), row[:, None], col[:, None] * 64 + turn)
    return bits.astype(np.float64) / 2.0**32


def _lake_score(seed: int, x: F64, y: F64, height: F64) -> F64:
    """Prefer flat hollows below the ice."""
    around = [
        relief(seed, x + dx, y + dy)[0] for dx, dy in ((25.0, 0.0), (-25.0, 0.0), (0.0, 25.0), (0.0, -25.0))
    ]
    tilt = np.abs(around[0] - around[1]) + np.abs(around[2] - around[3])
    hollow = (around[0] + around[1] + around[2] + around[3]) / 4 - height
    return hollow - 0.5 * tilt - np.maximum(0.0, height - 145.0)


def _uphill(seed: int, x: F64, y: F64) -> tuple[F64, F64]:
    """Return the slope at points and the steepness of the ground 20 to 50 m uphill (tangents)."""
    east, west = relief(seed, x + 5, y)[0], relief(seed, x - 5, y)[0]
    south, north = relief(seed, x, y + 5)[0], relief(seed, x, y - 5)[0]
    gx, gy = (east - west) / 10, (south - north) / 10
    slope = np.sqrt(gx * gx + gy * gy)
    ux, uy = gx / (slope + 1e-6), gy / (slope + 1e-6)
    rise = relief(seed, x + 50 * ux, y + 50 * uy)[0] - relief(seed, x + 20 * ux, y + 20 * uy)[0]
    return slope, rise / 30


def _blocks_score(seed: int, x: F64, y: F64, height: F64) -> F64:
    """Prefer moderate slopes at the foot of walls."""
    slope, wall = _uphill(seed, x, y)
    belt = np.abs(height - 55.0) / 30
    return np.minimum(wall, 1.5) - 2 * np.abs(slope - 0.5) - 3 * np.maximum(0.0, belt - 1)


def _grassy_score(seed: int, x: F64, y: F64, height: F64) -> F64:
    """Prefer gentle slopes just above the trees."""
    slope, wall = _uphill(seed, x, y)
    return 0.5 * np.minimum(wall, 1.5) - 2 * np.abs(slope - 0.4) - np.abs(height - 32.0) / 6


_SCORES = {Kind.LAKE: _lake_score, Kind.BLOCKS: _blocks_score, Kind.GRASSY_BLOCKS: _grassy_score}


def sites(seed: int, kind: Kind, window: Window) -> list[Site]:
    """Return all sites whose reach touches the window of DEM cells, in lattice order."""
    recipe = kind.value
    reach = recipe.reach * recipe.radius_m[1]
    left, top = window.col0 * PIXEL_M - reach, window.row0 * PIXEL_M - reach
    right, bottom = left + window.cols * PIXEL_M + 2 * reach, top + window.rows * PIXEL_M + 2 * reach
    rows = np.arange(int(top // recipe.cell_m), int(bottom // recipe.cell_m) + 1)
    cols = np.arange(int(left // recipe.cell_m), int(right // recipe.cell_m) + 1)
    row, col = (a.ravel() for a in np.meshgrid(rows, cols, indexing="ij"))
    span = recipe.cell_m - 2 * recipe.margin_m
    x = (
        col[:, None] * recipe.cell_m
        + recipe.margin_m
        + span * _uniform(seed, recipe.channel, row, col, recipe.tries)
    )
    y = (
        row[:, None] * recipe.cell_m
        + recipe.margin_m
        + span * _uniform(seed, recipe.channel + 1, row, col, recipe.tries)
    )
    height = relief(seed, x, y)[0]
    taste = 2 * _uniform(seed, recipe.channel + 2, row, col, recipe.tries)
    best = np.argmax(_SCORES[kind](seed, x, y, height) + taste * (3 if kind is Kind.LAKE else 0.2), axis=1)
    low, high = recipe.radius_m
    radius = low + (high - low) * _uniform(seed, recipe.channel + 3, row, col, 1)[:, 0]
    i = np.arange(len(row))
    found = zip(x[i, best], y[i, best], radius, height[i, best], strict=True)
    chosen = [Site(float(a), float(b), float(r), float(h)) for a, b, r, h in found]
    return [s for s in chosen if left <= s.x <= right and top <= s.y <= bottom]
