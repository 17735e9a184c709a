"""Random windows of areas: uniform ones, and ones around a class drawn first, so that rare ones are seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ...core.base.errors import InputError
from ...scene.block import render_block
from ..losses.cross_entropy import IGNORE_INDEX
from .tiles import Area, FloatArray

#: Positions kept per class and area: enough variety for a rare class, bounded memory for a frequent one.
MAX_POSITIONS = 20_000


@dataclass(frozen=True)
class Patch:
    """Raw bands `[n_bands, S, S]` and the logit channel of each pixel's class `[S, S]` (255 = unlabelled)."""

    raw: FloatArray
    channels: NDArray[np.integer[Any]]


def channel_table(class_ids: Sequence[int]) -> NDArray[np.uint8]:
    """Return the logit channel of every class id 0..255, 255 where there is none."""
    table = np.full(256, IGNORE_INDEX, np.uint8)
    table[list(class_ids)] = np.arange(len(class_ids))
    return table


class PatchSampler:
    """Draws square windows from areas.

    A share `balanced` of the draws takes a class at random (each present class equally likely), then a pixel
    of it, then a window that holds this pixel anywhere; the others are uniform over all windows.
    """

    def __init__(self, areas: Sequence[Area], class_ids: Sequence[int], window: int, balanced: float = 0.5):
        for area in areas:
            if min(area.labels.shape) < window:
                raise InputError(
                    f"A training area of {area.labels.shape[0]} x {area.labels.shape[1]} pixels is smaller "
                    f"than the window of {window}; choose a smaller window or a larger area."
                )
        self.areas = areas
        self.window = window
        self.balanced = balanced
        self._channel = channel_table(class_ids).astype(np.int64)
        sizes = np.array([(a.labels.shape[0] - window + 1) * (a.labels.shape[1] - window + 1) for a in areas])
        self._area_share = sizes / sizes.sum()
        self._positions = [p for p in (_positions(areas, i) for i in class_ids) if len(p)]
        if not self._positions:
            raise InputError("No pixel of the training areas has a label of the model's classes.")

    def draw(self, rng: Generator) -> Patch:
        """Return one random patch."""
        if rng.random() < self.balanced:
            positions = self._positions[rng.integers(len(self._positions))]
            a, row, col = (int(v) for v in positions[rng.integers(len(positions))])
        else:
            a = int(rng.choice(len(self.areas), p=self._area_share))
            row = col = -1
        area = self.areas[a]
        top = self._start(rng, row, area.labels.shape[0])
        left = self._start(rng, col, area.labels.shape[1])
        at = np.s_[top : top + self.window, left : left + self.window]
        return Patch(area.raw[:, *at], self._channel[area.labels[at]])

    def _start(self, rng: Generator, pixel: int, side: int) -> int:
        """Return where a window of one axis starts: anywhere, or so that it holds `pixel`."""
        first, last = 0, side - self.window
        if pixel >= 0:
            first, last = max(first, pixel - self.window + 1), min(last, pixel)
        return int(rng.integers(first, last + 1))


def _positions(areas: Sequence[Area], class_id: int) -> NDArray[np.int32]:
    """Return up to `MAX_POSITIONS` (area, row, col) per area, evenly spread over the pixels of a class."""
    found = []
    for index, area in enumerate(areas):
        flat = np.flatnonzero(area.labels == class_id)
        flat = flat[:: -(-len(flat) // MAX_POSITIONS) or 1]
        rows, cols = np.unravel_index(flat, area.labels.shape)
        found.append(np.stack([np.full(len(flat), index), rows, cols], axis=1).astype(np.int32))
    return np.concatenate(found)


def drawn_pixels(sampler: PatchSampler, n_classes: int, rng: Generator, draws: int = 200) -> tuple[int, ...]:
    """Count the pixels per class of `draws` patches: the frequencies that a training really meets."""
    counts = np.zeros(IGNORE_INDEX + 1, dtype=np.int64)
    for _ in range(draws):
        counts += np.bincount(sampler.draw(rng).channels.ravel(), minlength=len(counts))
    return tuple(int(n) for n in counts[:n_classes])


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
