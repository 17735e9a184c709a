"""Samples of tiles for training and scoring: windows on them, augmented by flips, turns and colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ...core.base.errors import InputError
from ...core.model.card import SourceSpec
from ..losses.cross_entropy import IGNORE_INDEX
from .patches import Patch, PatchSampler, channel_table
from .tiles import FloatArray, TileSet

_COLOURS = ("r", "red"), ("g", "green"), ("b", "blue")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, only to desaturate


@dataclass(frozen=True)
class Colours:
    """Where red, green and blue are among all bands, and their largest value (255 for 8 bits)."""

    bands: tuple[int, ...]
    white: float


def find_colours(sources: Sequence[SourceSpec]) -> Colours | None:
    """Find the colour bands by name, None if one is missing; white is what the normalisation scales to 1."""
    bands = [(band.lower(), source) for source in sources for band in source.bands]
    found = [next((i for i, (name, _) in enumerate(bands) if name in colour), -1) for colour in _COLOURS]
    if min(found) < 0:
        return None
    return Colours(tuple(found), 1 / bands[found[0]][1].normalisation.scale)


def turn(patch: Patch, rng: Generator) -> Patch:
    """Rotate by a random multiple of 90 degrees and flip at random: each of the eight symmetries alike."""
    quarter, flip = int(rng.integers(4)), bool(rng.integers(2))
    raw = np.rot90(patch.raw, quarter, axes=(-2, -1))
    channels = np.rot90(patch.channels, quarter)
    if flip:
        raw, channels = raw[..., ::-1], channels[..., ::-1]
    return Patch(np.ascontiguousarray(raw), np.ascontiguousarray(channels))


def mirror(patch: Patch, rng: Generator) -> Patch:
    """Swap left and right at random: for scenes with an up and a down."""
    if not rng.integers(2):
        return patch
    return Patch(np.ascontiguousarray(patch.raw[..., ::-1]), np.ascontiguousarray(patch.channels[..., ::-1]))


def jitter_colours(raw: FloatArray, colours: Colours, strength: float, rng: Generator) -> FloatArray:
    """Change brightness, contrast and saturation by factors of 1 +- `strength`, and each band by half of it.

    Args:
        raw: `[n_bands, H, W]`; other bands and missing values stay as they are.
        colours: the bands to change; results are clipped to 0..white.
    """
    brightness, contrast, saturation = 1 + strength * rng.uniform(-1, 1, 3)
    tint = 1 + strength / 2 * rng.uniform(-1, 1, (3, 1, 1))
    rgb = raw[list(colours.bands)] * (tint * brightness).astype(np.float32)
    grey = np.tensordot(_LUMA, rgb, axes=1)  # (H, W)
    middle = np.float32(np.nanmean(grey)) if not np.isnan(grey).all() else np.float32(0)
    rgb = grey + (rgb - grey) * np.float32(saturation)
    rgb = middle + (rgb - middle) * np.float32(contrast)
    out = raw.copy()
    out[list(colours.bands)] = np.clip(rgb, 0, colours.white)
    return out


@dataclass(frozen=True)
class Place:
    """A window at (top, left) of an area, and the part of it that counts, in window coordinates."""

    area: int
    top: int
    left: int
    rows: slice
    cols: slice

    @property
    def counted(self) -> tuple[slice, slice]:
        """Rows and columns of the area that count."""
        rows, cols = self.rows, self.cols
        down = slice(self.top + rows.start, self.top + rows.stop)
        return down, slice(self.left + cols.start, self.left + cols.stop)


def places(area: int, shape: tuple[int, int], window: int, stride: int) -> Iterator[Place]:
    """Cover an area of `shape` (rows, columns) with windows; the parts that count cover it exactly once."""
    for top, rows in spans(shape[0], window, stride):
        for left, cols in spans(shape[1], window, stride):
            yield Place(area, top, left, rows, cols)


def cut(values: NDArray[np.generic], place: Place, window: int) -> NDArray[np.generic]:
    """Return a window, filled up with missing values (labels: 0) where the area is smaller."""
    part = values[..., place.top : place.top + window, place.left : place.left + window]
    missing = [(0, 0)] * (part.ndim - 2) + [(0, window - side) for side in part.shape[-2:]]
    fill = np.nan if np.issubdtype(values.dtype, np.floating) else 0
    return np.pad(part, missing, constant_values=fill) if any(m[1] for m in missing) else part


def spans(side: int, window: int, stride: int) -> list[tuple[int, slice]]:
    """Split one axis: (start of a window, its middle part); the parts cover the axis exactly once."""
    if side <= window:
        return [(0, slice(0, side))]
    starts = [*range(0, side - window, stride), side - window]
    edges = [0, *((a + window + b) // 2 for a, b in pairwise(starts)), side]
    return [(s, slice(edges[i] - s, edges[i + 1] - s)) for i, s in enumerate(starts)]


Symmetry = Literal["square", "mirror", "none"]


class Sample(NamedTuple):
    """One item: raw bands float32 `[n_bands, S, S]`, NaN = missing, logit channels uint8 `[S, S]`, 255 =
    unlabelled, and the name of the tile; a batch has one more axis and a list of names."""

    raw: Tensor
    channels: Tensor
    name: str


class Draw(NamedTuple):
    """Asks a dataset for an item as it is in `epoch`."""

    epoch: int
    item: int


@dataclass(frozen=True)
class Augmentation:
    """How patches are varied: symmetries of the square (maps) or left and right only (street scenes), and
    the `colours` by up to `jitter`, if any."""

    symmetry: Symmetry = "square"
    jitter: float = 0.0
    colours: Colours | None = None

    def apply(self, patch: Patch, rng: Generator) -> Patch:
        """Return a variant of a patch."""
        if self.symmetry != "none":
            patch = (turn if self.symmetry == "square" else mirror)(patch, rng)
        if self.colours is None:
            return patch
        return Patch(jitter_colours(patch.raw, self.colours, self.jitter, rng), patch.channels)


def augmentation(symmetry: Symmetry, jitter: float, sources: Sequence[SourceSpec]) -> Augmentation:
    """Return the augmentation of these sources; without red, green and blue no colours change."""
    return Augmentation(symmetry, jitter, find_colours(sources) if jitter else None)


class _Training(Dataset[Sample]):
    """Augments what a subclass draws."""

    def __init__(self, variants: Augmentation, seed: int):
        self.variants, self.seed = variants, seed

    def __getitem__(self, draw: Draw) -> Sample:
        rng = np.random.default_rng([self.seed, draw.epoch, draw.item])
        patch, name = self.draw(draw.item, rng)
        patch = self.variants.apply(patch, rng)
        return _sample(patch.raw, patch.channels, name)

    def draw(self, index: int, rng: Generator) -> tuple[Patch, str]:
        """Return a patch and its name."""
        raise NotImplementedError


class TrainingTiles(_Training):
    """Each tile once per epoch; larger ones are cut to a random window."""

    def __init__(
        self,
        tiles: TileSet,
        class_ids: Sequence[int],
        window: int,
        variants: Augmentation,
        seed: int,
    ):
        super().__init__(variants, seed)
        check_sizes(tiles, window)
        self.tiles, self.window, self.names = tiles, window, tiles.names
        self.channel = channel_table(class_ids)

    def __len__(self) -> int:
        return len(self.names)

    def draw(self, index: int, rng: Generator) -> tuple[Patch, str]:
        """Return a window of a tile."""
        area = self.tiles.read(index)
        top, left = (int(rng.integers(side - self.window + 1)) for side in area.labels.shape)
        at = np.s_[top : top + self.window, left : left + self.window]
        return Patch(area.raw[:, *at], self.channel[area.labels[at]]), self.names[index]


class TrainingPatches(_Training):
    """`per_epoch` windows of areas in memory, drawn by a sampler."""

    def __init__(self, sampler: PatchSampler, per_epoch: int, variants: Augmentation, seed: int):
        super().__init__(variants, seed)
        self.sampler, self.per_epoch = sampler, per_epoch

    def __len__(self) -> int:
        return self.per_epoch

    def draw(self, index: int, rng: Generator) -> tuple[Patch, str]:
        """Return a new patch."""
        return self.sampler.draw(rng), f"patch {index}"


class ScoringWindows(Dataset[Sample]):
    """All labelled pixels of tiles, each once: windows side by side, labels outside their part taken out."""

    def __init__(self, tiles: TileSet, class_ids: Sequence[int], window: int, stride: int | None = None):
        self.tiles, self.window, self.names = tiles, window, tiles.names
        self.channel = channel_table(class_ids)
        self.places: list[Place] = [
            place
            for i, shape in enumerate(tiles.shapes)
            for place in places(i, shape, window, stride or window)
        ]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, draw: Draw) -> Sample:
        place = self.places[draw.item]
        area = self.tiles.read(place.area)
        channels = self.channel[cut(area.labels, place, self.window)]
        counted = np.full_like(channels, IGNORE_INDEX)
        counted[place.rows, place.cols] = channels[place.rows, place.cols]
        return _sample(cut(area.raw, place, self.window), counted, self.names[place.area])


class EpochSampler(Sampler[Draw]):
    """Draws of one process: shuffled by seed and epoch, then every n-th of `processes`.

    A training shares evenly, leaving out what is over; to score, nothing is left out. Lightning sets the
    epoch.
    """

    def __init__(self, length: int, seed: int, *, training: bool, process: int = 0, processes: int = 1):
        self.length, self.seed, self.training = length, seed, training
        self.process, self.processes, self.epoch = process, processes, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        order = np.arange(self.length)
        if self.training:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(self.length)
            order = order[: self.length // self.processes * self.processes]
        yield from (Draw(self.epoch, int(i)) for i in order[self.process :: self.processes])

    def __len__(self) -> int:
        if self.training:
            return self.length // self.processes
        return len(range(self.process, self.length, self.processes))


def check_sizes(tiles: TileSet, window: int) -> None:
    """Raise InputError if a tile is smaller than the window."""
    for name, shape in zip(tiles.names, tiles.shapes, strict=True):
        if min(shape) < window:
            raise InputError(
                f"The tile {name} has {shape[0]} x {shape[1]} pixels, fewer than the window of {window}; "
                "choose a smaller window or larger tiles."
            )


def _sample(raw: NDArray[np.generic], channels: NDArray[np.generic], name: str) -> Sample:
    return Sample(
        torch.from_numpy(np.ascontiguousarray(raw)),
        torch.from_numpy(np.ascontiguousarray(channels).astype(np.uint8, copy=False)),
        name,
    )
