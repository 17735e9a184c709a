"""One block of the scene, computed alone: image, DEM and labels of any rectangle of a seed's landscape."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from . import ground, render
from .channels import Channel
from .cover import (
    LABEL_HALO,
    SCORE_HALO,
    STREAM_HALF_M,
    Scores,
    labels,
    node_height,
    node_scores,
    site_distance,
    stream_bed,
)
from .growth import THING_HALO, Stand, stand
from .light import shade_height
from .noise import F32, Window, double, node_window, smooth, stream, upsample, white
from .sites import Kind, sites
from .terrain import BASE_ALTITUDE_M, NODE_M, NODE_PX, PIXEL_M, slopes

#: Image cells along one DEM cell.
IMAGE_PER_PX = 2
#: Node doublings of the search for distant shadows: 64 nodes, 360 m along the ray, more than any ridge casts.
_FAR_DOUBLINGS = 6
_FAR_NODES = 1 << _FAR_DOUBLINGS
# Cells of half a metre beyond the block, towards the sun and away from it: surface (shadows), things, fields.
_SURFACE = (render.NEAR_REACH // 2 + 2, 2)
_THINGS = tuple(n + THING_HALO // 2 for n in _SURFACE)
_FIELDS = tuple(n + 8 for n in _THINGS)


@dataclass(frozen=True)
class Block:
    """A rectangle of the scene: image uint8 [3, 2 rows, 2 cols], dem float32 [rows, cols] in m, labels uint8 [rows, cols]."""

    image: NDArray[np.uint8]
    dem: NDArray[np.float32]
    labels: NDArray[np.uint8]


def _cut(scores: Scores, outer: Window, inner: Window) -> Scores:
    return Scores(*(outer.cut(getattr(scores, f.name), inner) for f in fields(Scores)))


def _streaks(seed: int, window: Window, height: F32) -> F32:
    """Return noise drawn out down the slope, standard deviation about 1, [rows, cols]; `height` has 1 cell more around."""
    reach = 7
    grain = white(stream(seed, Channel.TEXTURE + 10), window.grow(reach))
    right, down = slopes(height, PIXEL_M)
    total = right * right + down * down + np.float32(1e-6)
    out, weights = np.zeros_like(right), np.zeros_like(right)
    for dr, dc in ((0, 1), (1, 1), (1, 0), (1, -1)):
        along = right * dc + down * dr
        weight = np.maximum(along * along / (total * np.float32(dr * dr + dc * dc)) - np.float32(0.5), 0)
        line = np.zeros_like(right)
        for k in range(-reach, reach + 1):
            top, left = reach + k * dr, reach + k * dc
            line += grain[top : top + window.rows, left : left + window.cols]
        out += weight * line
        weights += weight
    return out * np.float32(0.45) / (weights + np.float32(1e-3))


@dataclass(frozen=True)
class _Land:
    """Everything at half a metre, on the window `at` [rows, cols]: scores, ground, distances to water and blocks."""

    at: Window
    scores: Scores
    height: F32
    lake: F32
    bed: F32
    blocks: F32
    grassy: F32
    gaps: F32


def _nodes(seed: int, block: Window) -> tuple[Window, Scores, F32]:
    """Return the node window of a block, its scores and the metres by which nodes lie below distant shadows."""
    nodes = node_window(block.extend(*_FIELDS).grow(1), NODE_PX)
    outer = nodes.extend(_FAR_NODES + SCORE_HALO, SCORE_HALO)
    lakes = sites(seed, Kind.LAKE, outer.finer(NODE_PX))
    height, valley = node_height(seed, outer, lakes)
    scores = node_scores(seed, nodes, outer.cut(height, nodes.grow(SCORE_HALO)), outer.cut(valley, nodes))
    shade = shade_height(outer.cut(height, nodes.extend(_FAR_NODES, 0)), NODE_M, _FAR_DOUBLINGS)
    return nodes, scores, shade - scores.height


def _land(seed: int, block: Window, nodes: Window, node_fields: Scores) -> _Land:
    window = block.extend(*_FIELDS)
    wide = node_fields.finer(nodes, NODE_PX, window.grow(1))
    scores = _cut(wide, window.grow(1), window)
    ragged = smooth(stream(seed, Channel.SHORE), 16, window)
    lake, level = site_distance(sites(seed, Kind.LAKE, window), window, PIXEL_M, ragged)
    blocks, grassy = (
        site_distance(sites(seed, kind, window), window, PIXEL_M, ragged)[0]
        for kind in (Kind.BLOCKS, Kind.GRASSY_BLOCKS)
    )
    height = ground.flood(ground.fine_height(seed, window, scores), lake, ground.to_grid(level))
    bed = stream_bed(wide, PIXEL_M, STREAM_HALF_M)
    gaps = smooth(stream(seed, Channel.GAP), 20, window)
    return _Land(window, scores, height, lake, bed, blocks, grassy, gaps)


def _stand(seed: int, block: Window, land: _Land) -> Stand:
    things = block.extend(*_THINGS)
    water = np.minimum(land.lake, land.bed)
    cut = [land.at.cut(a, things) for a in (land.gaps, water, land.blocks, land.grassy)]
    image = block.extend(*_SURFACE).finer(IMAGE_PER_PX)
    return stand(seed, image, _cut(land.scores, land.at, things), *cut)


def _image(
    seed: int, block: Window, nodes: Window, scores: Scores, far: F32, land: _Land, things: Stand
) -> NDArray[np.uint8]:
    coarse = block.extend(*_SURFACE)
    window = coarse.finer(IMAGE_PER_PX)
    factor = NODE_PX * IMAGE_PER_PX

    def doubled(field: F32, where: Window) -> F32:
        return double(where.cut(field, coarse.grow(1)))

    noise = render.tones(seed, window)
    smooth_scores = scores.finer(nodes, factor, window)
    lake, bed, grassy = (doubled(a, land.at) for a in (land.lake, land.bed, land.grassy))
    height = doubled(land.height, land.at)
    streak_window = coarse.grow(1)
    streaks = doubled(
        _streaks(seed, streak_window, land.at.cut(land.scores.height, streak_window.grow(1))), streak_window
    )
    right, down = slopes(land.at.cut(land.scores.height, streak_window.grow(1)), PIXEL_M)
    slope = doubled(np.sqrt(right * right + down * down), streak_window)
    material = render.materials(smooth_scores, noise, lake, bed, grassy)
    bands = render.strata(seed, height, noise)
    cut = render.crevasses(smooth_scores.height, slope, material.ice, noise)
    top = render.surface(height, material, cut, bands, noise, things)
    image = block.finer(IMAGE_PER_PX)
    far_here = upsample(nodes.cut(far, node_window(image, factor)), factor, image)
    sun, flat = render.sunlight(window.cut(top, image.extend(render.NEAR_REACH, 1)), far_here)

    def inner(holder: object) -> object:
        return type(holder)(*(window.cut(getattr(holder, f.name), image) for f in fields(holder)))  # type: ignore[arg-type]

    m, n, t = inner(material), inner(noise), inner(things)
    cut, bands, streaks, lake = (window.cut(a, image) for a in (cut, bands, streaks, lake))
    rgb = render.colours(m, cut, bands, streaks, lake, n, t)
    return render.expose(rgb, sun, flat, m.water, n)


def render_block(seed: int, row0: int, col0: int, rows: int, cols: int) -> Block:
    """Return a rectangle of the landscape of a seed, in DEM cells of 0.5 m from the scene's upper-left corner.

    A pure function of ground position: a block equals, bit for bit, the same part of any larger block.
    Raises InputError for a negative corner or an empty rectangle.
    """
    if min(row0, col0) < 0 or min(rows, cols) < 1:
        message = f"A block of the scene needs a corner of at least 0, 0 and a size of at least 1, 1 (got {row0}, {col0}, {rows}, {cols})."
        raise InputError(message)
    block = Window(row0, col0, rows, cols)
    nodes, scores, far = _nodes(seed, block)
    land = _land(seed, block, nodes, scores)
    things = _stand(seed, block, land)
    image = _image(seed, block, nodes, scores, far, land, things)
    label_window = block.grow(LABEL_HALO)
    distances = [land.at.cut(a, block) for a in (land.lake, land.blocks, land.grassy)]
    classes = labels(seed, block, _cut(land.scores, land.at, label_window), *distances)
    dem = land.at.cut(land.height, block) + np.float32(BASE_ALTITUDE_M)
    boulders = block.extend(*_SURFACE).finer(IMAGE_PER_PX).cut(things.boulders, block.finer(IMAGE_PER_PX))
    mean = (
        boulders[0::2, 0::2] + boulders[1::2, 0::2] + boulders[0::2, 1::2] + boulders[1::2, 1::2]
    ) * np.float32(0.25)
    dry = land.at.cut(land.lake, block) >= 1
    # A terrain model keeps little of the boulders that its filter removed, and nothing of the trees.
    dem = np.where(dry, dem + np.float32(0.15) * mean, dem)
    return Block(image, ground.to_grid(dem), classes)
