"""Tiles with labels as a training reads them, batch by batch. Random numbers are functions of seed, epoch and
item, as in `training/data/samples.py`."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..data.area import FloatArray
from ..data.patches import Patch
from ..data.samples import Augmentation, Draw
from .tiles import LabelledTiles


class LabelledSample(NamedTuple):
    """One tile: raw bands float32 `[n_bands, S, S]`, NaN = missing, labels float32 `[C]`, and its name; a
    batch has one more axis and a list of names."""

    raw: Tensor
    labels: Tensor
    name: str


class TileSamples(Dataset[LabelledSample]):
    """The tiles of a set, each once per epoch; with `variants` they are augmented."""

    def __init__(self, tiles: LabelledTiles, variants: Augmentation | None = None, seed: int = 0):
        self.tiles, self.variants, self.seed = tiles, variants, seed
        self.labels, self.names = tiles.labels.astype(np.float32), tiles.names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, draw: Draw) -> LabelledSample:
        raw = self.tiles.read(draw.item)
        if self.variants is not None:
            raw = self._varied(raw, self.variants, draw)
        labels = torch.from_numpy(self.labels[draw.item])
        return LabelledSample(torch.from_numpy(np.ascontiguousarray(raw)), labels, self.names[draw.item])

    def _varied(self, raw: FloatArray, variants: Augmentation, draw: Draw) -> FloatArray:
        rng = np.random.default_rng([self.seed, draw.epoch, draw.item])
        no_pixels = np.broadcast_to(np.uint8(0), raw.shape[-2:])  # labels are of the whole tile
        return variants.apply(Patch(raw, no_pixels), rng).raw
