"""Areas of raw bands and labels in memory, and what is counted and measured on them. Reading files and
rendering the embedded scene live beside this."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.model.card import Normalisation
from ...core.model.classes import Group

FloatArray = NDArray[np.float32]
LabelArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Area:
    """A rectangle on the model's grid: raw bands `[n_bands, H, W]`, NaN = missing, class ids `[H, W]`."""

    raw: FloatArray
    labels: LabelArray

    def __post_init__(self) -> None:
        if self.raw.shape[1:] != self.labels.shape:
            raise ValueError(f"bands {self.raw.shape} and labels {self.labels.shape} differ in size")


def count_pixels(areas: Sequence[Area], class_ids: Sequence[int]) -> tuple[int, ...]:
    """Return the labelled pixels per class, in the order of `class_ids`."""
    counts = sum((np.bincount(area.labels.ravel(), minlength=256) for area in areas), np.zeros(256, np.int64))
    return tuple(int(counts[i]) for i in class_ids)


def frequency_groups(
    pixel_counts: Sequence[int], *, head_share: float = 0.05, tail_share: float = 0.005
) -> tuple[Group, ...]:
    """Sort classes into head, body and tail by their share of the pixels.

    Head classes have at least `head_share`, tail classes less than `tail_share`; the defaults give the groups
    of the MCE paper's swissTLM3D classes. Where that leaves a group empty the classes are ranked by frequency
    and cut into thirds, the larger ones first.

    Raises:
        ValueError: if there are fewer than three classes.
    """
    if len(pixel_counts) < 3:
        raise ValueError("three groups need at least three classes")
    shares = np.asarray(pixel_counts) / max(1, sum(pixel_counts))
    groups: list[Group] = [
        "head" if s >= head_share else "tail" if s < tail_share else "body" for s in shares
    ]
    if len(set(groups)) < 3:
        names: tuple[Group, ...] = ("head", "body", "tail")
        for name, members in zip(names, np.array_split(np.argsort(-shares, kind="stable"), 3), strict=True):
            for c in members:
                groups[c] = name
    return tuple(groups)


def measure_normalisation(
    bands: Sequence[FloatArray], *, relief: bool, window: int, scale: float = 1.0
) -> Normalisation:
    """Measure mean and standard deviation per band over areas `[n, H, W]`, skipping missing values.

    With `relief` the minimum of each `window` x `window` tile is taken off first, as the network will see it.
    """
    tiles = [
        band[:, r : r + window, c : c + window].reshape(band.shape[0], -1) * np.float32(scale)
        for band in bands
        for r in range(0, band.shape[1], window)
        for c in range(0, band.shape[2], window)
    ]
    tiles = [tile for tile in tiles if not np.isnan(tile).all(axis=1).any()]
    if relief:
        tiles = [tile - np.nanmin(tile, axis=1, keepdims=True) for tile in tiles]
    values = np.concatenate(tiles, axis=1).astype(np.float64)
    mean, std = np.nanmean(values, axis=1), np.nanstd(values, axis=1)
    return Normalisation(
        kind="window_min" if relief else "standard",
        scale=scale,
        mean=tuple(float(m) for m in mean),
        std=tuple(float(s) if s > 0 else 1.0 for s in std),
    )
