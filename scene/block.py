"""One block of the scene, computed alone: image, DEM and labels of any rectangle of a seed's landscape."""

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import InputError
from . import cover as ground
from . import render
from .cover import (
    LABEL_HALO,
    SCORE_HALO,
    STREAM_HALF_M,
    Kind,
    Scores,
    labels,
    node_height,
    node_scores,
    site_distance,
    sites,
    stream_bed,
)
from .noise import F32, Channel, Window, double, node_window, smooth, stream, upsample, white
from .objects import THING_HALO, Stand, stand
from .terrain import BASE_ALTITUDE_M, NODE_M, NODE_PX, PIXEL_M, shade_height, slopes

#: Image cells along one DEM cell.
IMAGE_PER_PX = 2
#: Doublings of the search for distant shadows: 64 nodes, 360 m along the ray, more than any ridge casts.
_FAR_DOUBLINGS = 6
_FAR_NODES = 1 << _FAR_DOUBLINGS
# Cells of half a metre beyond the block, towards the sun and away from it: surface (shadows), things, fields.
_SURFACE = (render.NEAR_REACH // 2 + 2, 2)
_THINGS = (_SURFACE[0] + THING_HALO // 2, _SURFACE[1] + THING_HALO // 2)
_FIELDS = (_THINGS[0] + 8, _THINGS[1] + 8)


@dataclass(frozen=True)
class Block:
    """A rectangle of the scene, `rows` x `cols` DEM cells.

    `image` uint8 [3, 2 rows, 2 cols], `dem` float32 [rows, cols] in metres, `labels` uint8 [rows, cols].
    """

    image: NDArray[np.uint8]
    dem: NDArray[np.float32]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Nodes:
    """Scores on the node window `at`, and the metres by which nodes lie below distant shadows."""

    at: Window
    scores: Scores
    shade: F32


@dataclass(frozen=True)
class _Land:
    """Everything at half a metre on the window `at` [rows, cols]: scores, ground, distances to landmarks."""

    at: Window
    scores: Scores
    height: F32
    lake: F32
    bed: F32
    blocks: F32
    grassy: F32
    gaps: F32


_Fields = TypeVar("_Fields", Scores, Stand, render.Materials, render.Tones)


def _cut(holder: _Fields, outer: Window, inner: Window) -> _Fields:
    """Return the same fields, which lie on `outer`, cut to `inner`."""
    return type(holder)(*(outer.cut(getattr(holder, f.name), inner) for f in fields(holder)))


def _streaks(seed: int, window: Window, right: F32, down: F32) -> F32:
    """Return noise drawn out down the slope (`right`, `down`), standard deviation about 1, [rows, cols].

    White noise is summed along the grid's four directions, then mixed by how well each fits the slope.
    """
    reach = 7
    grain = white(stream(seed, Channel.STREAKS), window.grow(reach))
    total = right * right + down * down + 1e-6
    out, weights = np.zeros_like(right), np.zeros_like(right)
    for dr, dc in ((0, 1), (1, 1), (1, 0), (1, -1)):
        along = right * dc + down * dr
        weight = np.maximum(along * along / (total * (dr * dr + dc * dc)) - 0.5, 0)
        line = np.zeros_like(right)
        for k in range(-reach, reach + 1):
            top, left = reach + k * dr, reach + k * dc
            line += grain[top : top + window.rows, left : left + window.cols]
        out += weight * line
        weights += weight
    return out * 0.45 / (weights + 1e-3)


def _nodes(seed: int, block: Window) -> _Nodes:
    nodes = node_window(block.extend(*_FIELDS).grow(1), NODE_PX)
    outer = nodes.extend(_FAR_NODES + SCORE_HALO, SCORE_HALO)
    height, valley = node_height(seed, outer, sites(seed, Kind.LAKE, outer.finer(NODE_PX)))
    scores = node_scores(seed, nodes, outer.cut(height, nodes.grow(SCORE_HALO)), outer.cut(valley, nodes))
    shade = shade_height(outer.cut(height, nodes.extend(_FAR_NODES, 0)), NODE_M, _FAR_DOUBLINGS)
    return _Nodes(nodes, scores, shade - scores.height)


def _land(seed: int, block: Window, nodes: _Nodes) -> _Land:
    window = block.extend(*_FIELDS)
    wide = nodes.scores.finer(nodes.at, NODE_PX, window.grow(1))
    scores = _cut(wide, window.grow(1), window)
    ragged = smooth(stream(seed, Channel.SHORE), 16, window)
    lake, level = site_distance(sites(seed, Kind.LAKE, window), window, PIXEL_M, ragged)
    blocks, _ = site_distance(sites(seed, Kind.BLOCKS, window), window, PIXEL_M, ragged)
    grassy, _ = site_distance(sites(seed, Kind.GRASSY_BLOCKS, window), window, PIXEL_M, ragged)
    height = ground.flood(ground.fine_height(seed, window, scores), lake, ground.to_grid(level))
    bed = stream_bed(wide, PIXEL_M, STREAM_HALF_M)
    gaps = smooth(stream(seed, Channel.GAP), 20, window)
    return _Land(window, scores, height, lake, bed, blocks, grassy, gaps)


def _stand(seed: int, block: Window, land: _Land) -> Stand:
    things = block.extend(*_THINGS)
    image = block.extend(*_SURFACE).finer(IMAGE_PER_PX)

    def here(field: F32) -> F32:
        return land.at.cut(field, things)

    water = np.minimum(here(land.lake), here(land.bed))
    scores = _cut(land.scores, land.at, things)
    return stand(
        seed,
        image,
        scores,
        gaps=here(land.gaps),
        water=water,
        blocks=here(land.blocks),
        grassy=here(land.grassy),
    )


def _image(seed: int, block: Window, nodes: _Nodes, land: _Land, things: Stand) -> NDArray[np.uint8]:
    coarse = block.extend(*_SURFACE).grow(1)
    window, image = block.extend(*_SURFACE).finer(IMAGE_PER_PX), block.finer(IMAGE_PER_PX)
    factor = NODE_PX * IMAGE_PER_PX
    right, down = slopes(land.at.cut(land.scores.height, coarse.grow(1)), PIXEL_M)
    height, lake, bed, grassy = (
        double(land.at.cut(a, coarse)) for a in (land.height, land.lake, land.bed, land.grassy)
    )
    streaks = double(_streaks(seed, coarse, right, down))
    slope = double(np.sqrt(right * right + down * down))

    tones = render.tones(seed, window)
    scores = nodes.scores.finer(nodes.at, factor, window)
    materials = render.materials(scores, tones, lake, bed, grassy)
    bands = render.strata(seed, height, tones)
    crevasses = render.crevasses(scores.height, slope, materials.ice, tones)
    top = render.surface(height, materials, tones, things, cut=crevasses, bands=bands)
    shade = upsample(nodes.at.cut(nodes.shade, node_window(image, factor)), factor, image)
    sun, flat = render.sunlight(window.cut(top, image.extend(render.NEAR_REACH, 1)), shade)

    materials, tones, things = (
        _cut(materials, window, image),
        _cut(tones, window, image),
        _cut(things, window, image),
    )
    crevasses, bands, streaks, lake = (window.cut(a, image) for a in (crevasses, bands, streaks, lake))
    rgb = render.colours(materials, tones, things, cut=crevasses, bands=bands, streaks=streaks, water=lake)
    return render.expose(rgb, sun, flat, materials.water, tones)


def _dem(block: Window, land: _Land, things: Stand) -> F32:
    """Return the terrain model: the ground, little of the boulders, none of the trees."""
    b = block.extend(*_SURFACE).finer(IMAGE_PER_PX).cut(things.boulders, block.finer(IMAGE_PER_PX))
    mean = (b[0::2, 0::2] + b[1::2, 0::2] + b[0::2, 1::2] + b[1::2, 1::2]) * 0.25
    height = land.at.cut(land.height, block) + BASE_ALTITUDE_M
    dry = land.at.cut(land.lake, block) >= 1
    return ground.to_grid(np.where(dry, height + 0.15 * mean, height))


def _labels(seed: int, block: Window, land: _Land) -> NDArray[np.uint8]:
    lake, blocks, grassy = (land.at.cut(a, block) for a in (land.lake, land.blocks, land.grassy))
    scores = _cut(land.scores, land.at, block.grow(LABEL_HALO))
    return labels(seed, block, scores, water=lake, blocks=blocks, grassy=grassy)


def _window(row0: int, col0: int, rows: int, cols: int) -> Window:
    if min(row0, col0) < 0 or min(rows, cols) < 1:
        asked = f"{row0}, {col0}, {rows}, {cols}"
        message = "A block of the scene needs row0, col0 of at least 0 and rows, cols of at least 1"
        raise InputError(f"{message}, not {asked}.")
    return Window(row0, col0, rows, cols)


def label_block(seed: int, row0: int, col0: int, rows: int, cols: int) -> NDArray[np.uint8]:
    """Return the labels of `render_block` alone, several times as fast: to count classes or choose blocks."""
    block = _window(row0, col0, rows, cols)
    return _labels(seed, block, _land(seed, block, _nodes(seed, block)))


def render_block(seed: int, row0: int, col0: int, rows: int, cols: int) -> Block:
    """Return a rectangle of a seed's landscape, in DEM cells of 0.5 m from the scene's upper-left corner.

    A pure function of ground position: a block equals, bit for bit, the same part of any larger block.
    Raises InputError for a negative corner or an empty rectangle.
    """
    block = _window(row0, col0, rows, cols)
    nodes = _nodes(seed, block)
    land = _land(seed, block, nodes)
    things = _stand(seed, block, land)
    image = _image(seed, block, nodes, land, things)
    return Block(image, _dem(block, land, things), _labels(seed, block, land))
