"""Samples of tiles with several labels: from memory or files, and cut out of embedded scenes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...core.base.progress import Reporter
from ...core.model.card import SourceSpec
from ...core.model.classes import load_catalogue
from ..data.patches import Patch, PatchSampler, SceneBlock, render_area
from ..data.samples import Augmentation, Draw
from ..data.tiles import Area, FloatArray
from ..formats import FORMATS, source_spec
from .tiles import (
    Bools,
    LabelledTiles,
    PictureTiles,
    cut_area,
    joined,
    labelled_pictures,
    labels_of_counts,
    shrunk_area,
)


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


#: A hectare in pixels of half a metre, which are averaged in twos.
HECTARE_PX, SHRINK, GSD_M = 200, 2, 1.0
#: Pixels of half a metre from which a tile holds a class.
MIN_PIXELS = 10


@dataclass(frozen=True, eq=False)
class SceneSquares:
    """The squares of scenes as tiles with labels, and the scenes themselves in pixels of 1 m."""

    tiles: PictureTiles
    areas: list[Area]


def scene_squares(
    seeds: Sequence[int], side: int, reporter: Reporter, tile_px: int = HECTARE_PX
) -> SceneSquares:
    """Render scenes and cut them: R, G, B, DEM, and labels of the catalogue.

    Args:
        side, tile_px: of a scene and of a square in pixels of half a metre.
    """
    ids, parts, areas = [c.id for c in load_catalogue()], [], []
    for done, seed in enumerate(seeds, start=1):
        area = render_area(SceneBlock(seed, 0, 0, side, side))
        cut = cut_area(area, f"scene {seed}", tile_px)
        parts.append(labelled_pictures(cut, ids, min_share(tile_px), SHRINK))
        areas.append(shrunk_area(area, SHRINK))
        reporter.progress(done, len(seeds), "scenes")
    return SceneSquares(joined(parts), areas)


def scene_tiles(
    seeds: Sequence[int], side: int, reporter: Reporter, tile_px: int = HECTARE_PX
) -> PictureTiles:
    """Render scenes and return their squares."""
    return scene_squares(seeds, side, reporter, tile_px).tiles


def drawn_squares(
    areas: Sequence[Area],
    variants: Augmentation,
    *,
    tile_px: int,
    per_epoch: int,
    balanced: float,
    seed: int,
) -> DrawnTiles:
    """Return squares drawn anywhere in scenes of 1 m, a share `balanced` around a class drawn first."""
    ids = [c.id for c in load_catalogue()]
    sampler = PatchSampler(areas, ids, tile_px // SHRINK, balanced)
    return DrawnTiles(sampler, len(ids), per_epoch, variants, min_share=min_share(tile_px), seed=seed)


def min_share(tile_px: int) -> float:
    """Return the share of a tile that ten pixels of half a metre are; more of a class makes a label."""
    return MIN_PIXELS / tile_px**2


def scene_sources() -> tuple[SourceSpec, ...]:
    """Return the image and the DEM; their normalisation is to be measured."""
    return tuple(map(source_spec, FORMATS["scene"].sources))
