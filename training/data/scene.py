"""Areas of the embedded synthetic scene, rendered on the fly at the model's grid of half a metre."""

from dataclasses import dataclass

import numpy as np

from ...scene.block import render_block
from .area import Area


@dataclass(frozen=True)
class SceneBlock:
    """A rectangle of the scene of a seed, in pixels of 0.5 m from its upper-left corner."""

    seed: int
    row: int
    col: int
    rows: int
    cols: int


def render_area(place: SceneBlock) -> Area:
    """Render bands R, G, B (averaged from 0.25 m, as the engine does) and the DEM in metres, with labels."""
    block = render_block(place.seed, place.row, place.col, place.rows, place.cols)
    fine = block.image.reshape(3, place.rows, 2, place.cols, 2)
    rgb = fine.astype(np.float32).mean(axis=(2, 4))
    return Area(np.concatenate([rgb, block.dem[None]]), block.labels)
