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
    """One tile: raw bands float32 `[n_bands, S, S]`, NaN = missing, labels float32 `[C]`, or `[P, C]` of its
    places, and its name; a batch has one more axis and a list of names."""

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
    """`per_epoch` squares drawn anew from areas in memory, with the classes that fill enough of each, or of
    each of its places: squares of `place` pixels, row by row.

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
        place: int | None = None,
    ):
        if place is not None and sampler.window % place:
            raise ValueError(f"squares of {sampler.window} pixels hold no whole places of {place}")
        self.sampler, self.per_epoch, self.n_classes = sampler, per_epoch, n_classes
        self.variants, self.min_share, self.seed, self.place = variants, min_share, seed, place

    def __len__(self) -> int:
        return self.per_epoch

    def __getitem__(self, draw: Draw) -> LabelledSample:
        rng = np.random.default_rng([self.seed, draw.epoch, draw.item])
        patch = self.variants.apply(self.sampler.draw(rng), rng)
        labels = torch.from_numpy(self._labels(patch).astype(np.float32))
        return LabelledSample(torch.from_numpy(np.ascontiguousarray(patch.raw)), labels, f"tile {draw.item}")

    def drawn_labels(self, draws: int = 200) -> tuple[list[int], int]:
        """Return how many rows of labels hold each class, `[C]`, and how many there are, in some draws."""
        rng = np.random.default_rng(self.seed)
        rows = [np.atleast_2d(self._labels(self.sampler.draw(rng))) for _ in range(draws)]
        return [int(n) for n in sum(r.sum(axis=0) for r in rows)], sum(len(r) for r in rows)

    def _labels(self, patch: Patch) -> Bools:
        side = self.place or self.sampler.window
        n = self.sampler.window // side
        places = patch.channels.reshape(n, side, n, side).transpose(0, 2, 1, 3).reshape(n * n, -1)
        counts = np.stack([(places == c).sum(axis=1) for c in range(self.n_classes)], axis=1)
        labels = labels_of_counts(counts, side**2, self.min_share)
        return labels if self.place else labels[0]
