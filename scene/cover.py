"""What covers the ground: class scores from altitude, slope, hollows and neighbourhood, the labels, the
landmarks (lakes, block fields, grassy block fields) that are placed one per cell of a fixed lattice, and
the ground in detail at half a metre.

Scores live on nodes and are smooth, as hand-drawn maps are; `render.py` draws the same ground in detail. One
site per cell keeps rare classes at a steady share; the best of several random places in the cell keeps them
where they belong.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from .noise import F32, F64, Channel, Window, gradient, hash2, node_window, smooth, stream, upsample
from .terrain import FORM_HALO, PIXEL_M, Form, box_mean, form, node_points, relief, smoothstep


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


class Label(IntEnum):
    """Label values: the ids of the swissTLM3D catalogue, and the background."""

    BACKGROUND = 0
    BEDROCK = 1
    BEDROCK_GRASS = 2
    BLOCKS = 3
    BLOCKS_GRASS = 4
    SCREE = 5
    SCREE_GRASS = 6
    WATER = 7
    FOREST = 8
    GLACIER = 9


#: Height above the valley floors of the tree line and the firn line, and where turf and meadow end.
TREE_LINE_M, FIRN_LINE_M, TURF_LINE_M = 14.0, 133.0, 90.0
#: Slope (tangent) from which ground is rock; lower where it is convex, higher in gullies.
ROCK_SLOPE = 1.05
#: Standard scores that patch noise must exceed: they set the shares of the mixed classes and of meadow.
SCREE_TURF_AT, ROCK_TURF_AT, MEADOW_AT = 1.4, 1.6, 1.4


@dataclass(frozen=True)
class Scores:
    """Smooth fields on one grid [rows, cols], float32: ground belongs to a class where its score is positive.

    `scree_turf` and `rock_turf` are the scores of grass on scree and on rock, `meadow` of plain grass;
    `wall` is the share of steep ground around, `flow` the valley field (zero in the stream bed), `gate` is
    positive where streams run.
    """

    height: F32
    rock: F32
    ice: F32
    wood: F32
    scree_turf: F32
    rock_turf: F32
    meadow: F32
    wall: F32
    flow: F32
    gate: F32

    def finer(self, nodes: Window, factor: int, window: Window) -> "Scores":
        """Return the scores at the cells of `window`, whose cells are `factor` times smaller than nodes."""
        inner = node_window(window, factor)
        return Scores(*(upsample(nodes.cut(getattr(self, name), inner), factor, window) for name in _FIELDS))


_FIELDS = tuple(Scores.__dataclass_fields__)

#: Nodes beyond a window that `node_scores` looks at: form twice, once for the land and once for its walls.
SCORE_HALO = 2 * FORM_HALO


def carve(height: F32, x: np.ndarray, y: np.ndarray, lakes: list[Site]) -> F32:
    """Return the height field with a basin, rimmed and level at the shore, dug for each lake."""
    for lake in lakes:
        dx, dy = x - lake.x, y - lake.y
        q = (np.sqrt(dx * dx + dy * dy) / lake.radius_m).astype(np.float32)
        t = smoothstep(q, 1.0, Kind.LAKE.value.reach)
        rim = 3.0 * t * (1 - t) * (1 - t) * lake.radius_m * 0.25
        basin = lake.height_m - 2.0 * smoothstep(q, 1.1, 0.4)
        dug = basin + t * (height - lake.height_m) + rim.astype(np.float32)
        # Out of reach the height must not change by a bit: which lakes are given depends on the window.
        height = np.where(q < Kind.LAKE.value.reach, dug, height).astype(np.float32)
    return height


def node_height(seed: int, nodes: Window, lakes: list[Site]) -> tuple[F32, F32]:
    """Return the height of nodes above the valley floors, with lake basins, and the valley field."""
    x, y = node_points(nodes)
    bare, valley = relief(seed, x, y)
    return carve(bare.astype(np.float32), x, y, lakes), valley.astype(np.float32)


def node_scores(seed: int, nodes: Window, height: F32, valley: F32) -> Scores:
    """Return the scores on the nodes of a window; `height` has SCORE_HALO nodes more around."""
    outer = nodes.grow(SCORE_HALO)
    land = form(height)
    steep = smoothstep(land.slope, 0.9, 1.5)
    wall = box_mean(steep, FORM_HALO)
    mid = outer.grow(-FORM_HALO)
    land = Form(*(mid.cut(a, nodes) for a in (land.height, land.slope, land.hollow)))
    x, y = node_points(nodes)

    def field(channel: int, size_m: float) -> F32:
        """Gradient noise scaled to a standard deviation of about 1."""
        return (gradient(stream(seed, channel), x / size_m, y / size_m) * 3.1).astype(np.float32)

    h, s, hollow = land.height, land.slope, land.hollow
    cliff = field(Channel.CLIFF, 60.0)
    rock = (s - ROCK_SLOPE) / 0.30 - np.clip(hollow / 3.0, -1.5, 0.6) + 0.35 * cliff
    firn = (h - FIRN_LINE_M - 8 * field(Channel.FIRN_LINE, 120.0)) / 15
    ice = np.minimum(firn, (0.80 - s) / 0.2 + hollow / 2.0)
    trees = TREE_LINE_M + 4 * field(Channel.TREE_LINE, 60.0)
    wood = np.minimum((trees - h) / 5, (1.1 - s) / 0.25)
    green = np.minimum((TURF_LINE_M - h) / 20, (h - 5) / 6)
    scree_turf = np.minimum(field(Channel.TURF_PATCH, 38.0) - SCREE_TURF_AT, green)
    rock_turf = np.minimum(field(Channel.TURF_PATCH_ROCK, 30.0) - ROCK_TURF_AT, green)
    meadow = np.minimum(field(Channel.MEADOW, 50.0) - MEADOW_AT, np.minimum((60 - h) / 15, (0.7 - s) / 0.2))
    gate = field(Channel.STREAM_GATE, 170.0) + 0.2
    fields = (h, rock, ice, wood, scree_turf, rock_turf, meadow, wall, valley, gate)
    return Scores(*(a.astype(np.float32, copy=False) for a in fields))


def _near(site: Site, window: Window, pixel_m: float) -> tuple[slice, slice] | None:
    """Return the slices of a window of cells that a site can reach, None if none."""
    reach = site.radius_m * 1.6
    low = [int((c - reach) / pixel_m) - o for c, o in ((site.y, window.row0), (site.x, window.col0))]
    high = [int((c + reach) / pixel_m) + 2 - o for c, o in ((site.y, window.row0), (site.x, window.col0))]
    rows, cols = (
        slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, (window.rows, window.cols), strict=True)
    )
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


def site_distance(placed: list[Site], window: Window, pixel_m: float, ragged: F32) -> tuple[F32, F32]:
    """Return distance to the nearest site in its ragged radii (9 far away), and its height, [rows, cols].

    A site covers the cells with a distance below 1. `ragged` is noise of standard deviation 1 on the window.
    """
    q = np.full((window.rows, window.cols), 9, np.float32)
    level = np.zeros_like(q)
    for site in placed:
        near = _near(site, window, pixel_m)
        if near is None:
            continue
        rows, cols = near
        dy = (np.arange(rows.start, rows.stop) + window.row0 + 0.5) * pixel_m - site.y
        dx = (np.arange(cols.start, cols.stop) + window.col0 + 0.5) * pixel_m - site.x
        d = np.sqrt((dy * dy)[:, None] + (dx * dx)[None, :]) / site.radius_m
        here = d.astype(np.float32) + 0.13 * np.clip(ragged[near], -2.0, 2.0)
        closer = here < q[near]
        level[near] = np.where(closer, site.height_m, level[near])
        q[near] = np.where(closer, here, q[near])
    return q, level


def stream_bed(scores: Scores, spacing_m: float, half_width_m: float) -> F32:
    """Return distance from the stream's axis in half widths (9: no stream), [rows - 2, cols - 2]."""
    flow = scores.flow
    right = (flow[1:-1, 2:] - flow[1:-1, :-2]) * (0.5 / spacing_m)
    down = (flow[2:, 1:-1] - flow[:-2, 1:-1]) * (0.5 / spacing_m)
    tilt = np.sqrt(right * right + down * down) + 1e-5
    distance = np.abs(flow[1:-1, 1:-1]) / (tilt * half_width_m)
    return np.where(scores.gate[1:-1, 1:-1] > 0, np.minimum(distance, 9), 9)


#: Half width of streams, and cells beyond a window that `labels` needs its scores on.
STREAM_HALF_M, LABEL_HALO = 0.9, 1


def labels(
    seed: int, window: Window, scores: Scores, *, water: F32, blocks: F32, grassy: F32
) -> NDArray[np.uint8]:
    """Return the label of each DEM cell [rows, cols] uint8.

    `scores` lie on the window grown by LABEL_HALO; `water`, `blocks` and `grassy` are distances to lakes and
    block fields on the window (`site_distance`).
    """
    bed = stream_bed(scores, PIXEL_M, STREAM_HALF_M)
    s = Scores(*(getattr(scores, name)[1:-1, 1:-1] for name in _FIELDS))
    edge = 0.20 * smooth(stream(seed, Channel.EDGE), 24, window) + 0.08 * smooth(
        stream(seed, Channel.EDGE + 1), 6, window
    )
    out = np.full((window.rows, window.cols), Label.SCREE, np.uint8)
    out[s.scree_turf + edge > 0] = Label.SCREE_GRASS
    out[s.meadow + edge > 0] = Label.BACKGROUND
    wood, rock, ice = s.wood + edge, s.rock - edge, s.ice + 0.6 * edge
    out[wood > 0] = Label.FOREST
    stone = (rock > 0) & (rock > wood)
    out[stone] = Label.BEDROCK
    out[stone & (s.rock_turf + edge > 0)] = Label.BEDROCK_GRASS
    # Between rock and ice no strip of scree is mapped: the nearer of the two takes it.
    rim = (np.minimum(ice, rock) > -0.7) & ~stone
    out[rim & (rock > ice)] = Label.BEDROCK
    out[(ice > rock) & ((ice > 0) | rim)] = Label.GLACIER
    out[blocks < 1] = Label.BLOCKS
    out[grassy < 1] = Label.BLOCKS_GRASS
    out[(water < 1) | (bed < 1)] = Label.WATER
    return out


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
