"""Tiles with labels as a training reads them, batch by batch. Random numbers are functions of seed, epoch and
item, as in `training/data/samples.py`."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..data.area import FloatArray
from ..data.patches import Patch, PatchSampler
from ..data.samples import Augmentation, Draw
from .tiles import Bools, LabelledTiles, labels_of_counts


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


class DrawnTiles(Dataset[LabelledSample]):
    """`per_epoch` squares drawn anew from areas in memory, with the classes that fill enough of each.

    The sampler meets rare classes more often than they are: calibrate on tiles that are not drawn so.
    """

    def __init__(
        self,
        sampler: PatchSampler,
        n_classes: int,
        per_epoch: int,
        variants: Augmentation,
        *,
        min_share: float,
        seed: int,
    ):
        self.sampler, self.per_epoch, self.n_classes = sampler, per_epoch, n_classes
        self.variants, self.min_share, self.seed = variants, min_share, seed

    def __len__(self) -> int:
        return self.per_epoch

    def __getitem__(self, draw: Draw) -> LabelledSample:
        rng = np.random.default_rng([self.seed, draw.epoch, draw.item])
        patch = self.variants.apply(self.sampler.draw(rng), rng)
        labels = torch.from_numpy(self._labels(patch).astype(np.float32))
        return LabelledSample(torch.from_numpy(np.ascontiguousarray(patch.raw)), labels, f"tile {draw.item}")

    def drawn_labels(self, draws: int = 200) -> tuple[list[int], int]:
        """Return how many of some draws hold each class, `[C]`, and the number of draws."""
        rng = np.random.default_rng(self.seed)
        rows = np.stack([self._labels(self.sampler.draw(rng)) for _ in range(draws)])
        return [int(n) for n in rows.sum(axis=0)], draws

    def _labels(self, patch: Patch) -> Bools:
        counts = np.bincount(patch.channels.ravel(), minlength=self.n_classes)[: self.n_classes]
        return labels_of_counts(counts[None], patch.channels.size, self.min_share)[0]
