"""Sets of labelled tiles: what every format is read as, the codes of its labels, and parts of sets. The
formats themselves are modules beside this."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import InputError
from ...core.model.card import Normalisation
from ...core.model.classes import BACKGROUND, NODATA_CLASS, Group, LandCoverClass

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


BoundsTable = NDArray[np.float64]  # [N, 4]: left, bottom, right, top in one metric CRS
_UNKNOWN = NODATA_CLASS - 1


class TileSet(Protocol):
    """Labelled tiles that are read one by one, from any number of processes.

    `names` say in errors and lists which tile is meant, `shapes` are rows and columns, `bounds` is None
    where tiles have no place.
    """

    @property
    def names(self) -> Sequence[str]:
        """Name of each tile, `[N]`."""

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile, `[N]`."""

    @property
    def bounds(self) -> BoundsTable | None:
        """Place of each tile."""

    def read(self, index: int) -> Area:
        """Read a tile.

        Raises:
            InputError: if a file is missing, broken, of another size, or has unknown labels.
        """

    def read_labels(self, index: int) -> LabelArray:
        """Read only the class ids `[H, W]` of a tile, 0 = unlabelled."""

    def fingerprint(self) -> str:
        """Return a hash that changes when files or the way of reading them change."""


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Class ids of the codes 0..255 in label files."""

    table: NDArray[np.uint8]

    def apply(self, codes: NDArray[np.generic], where: str) -> LabelArray:
        """Return the class ids of `[H, W]` codes, 0 = unlabelled.

        Raises:
            InputError: if a code is neither a class nor ignored; `where` names the file.
        """
        if codes.dtype != np.uint8:
            if not (np.issubdtype(codes.dtype, np.integer) and codes.min() >= 0 and codes.max() <= 255):
                raise InputError(
                    f"The labels {where} hold values from {codes.min()} to {codes.max()}, not ids from 0 "
                    "to 255."
                )
            codes = codes.astype(np.uint8)
        ids: LabelArray = self.table[codes]
        if (ids == _UNKNOWN).any():
            unknown = ", ".join(map(str, np.unique(codes[ids == _UNKNOWN]).tolist()))
            raise InputError(
                f"The labels {where} hold the ids {unknown}, which are no class of the catalogue; add "
                "them to its classes or to the ignored ids."
            )
        return ids

    def is_unknown(self, codes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which codes are neither a class nor ignored; numbers outside 0..255 are no codes at all."""
        inside = (codes >= 0) & (codes <= NODATA_CLASS)
        return inside & (self.table[np.where(inside, codes, 0)] == _UNKNOWN)

    @property
    def an_ignored(self) -> int:
        """A code that means unlabelled."""
        return int(np.flatnonzero(self.table == BACKGROUND)[0])

    def digest(self) -> str:
        """Return a hash of the table."""
        return hashlib.sha256(self.table.tobytes()).hexdigest()


def label_table(codes: Mapping[int, int], ignored: Iterable[int] = (BACKGROUND, NODATA_CLASS)) -> LabelTable:
    """Return the table of `codes` (code in the file -> class id); `ignored` codes, of which there must be one
    at least, become unlabelled."""
    table = np.full(256, _UNKNOWN, np.uint8)
    table[list(ignored)] = BACKGROUND
    table[list(codes)] = list(codes.values())
    return LabelTable(table)


def class_codes(classes: Sequence[LandCoverClass], *, own_codes: bool) -> dict[int, int]:
    """Return code -> class id: the source's codes of each class, or the ids themselves."""
    if own_codes:
        return {code: c.id for c in classes for code in c.codes or (c.id,)}
    return {c.id: c.id for c in classes}


@dataclass(frozen=True, eq=False)
class MemoryTiles:
    """Areas in memory under their names; `mark` tells them from other areas of the same names."""

    areas: Sequence[Area]
    names: Sequence[str]
    mark: str
    bounds: BoundsTable | None = None

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        return [(area.labels.shape[0], area.labels.shape[1]) for area in self.areas]

    def read(self, index: int) -> Area:
        """Return an area."""
        return self.areas[index]

    def read_labels(self, index: int) -> LabelArray:
        """Return the labels of an area."""
        return self.areas[index].labels

    def fingerprint(self) -> str:
        """Return a hash of the mark, the names and the labels."""
        digest = hashlib.sha256(self.mark.encode())
        for name, area in zip(self.names, self.areas, strict=True):
            digest.update(name.encode())
            digest.update(area.labels.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class SomeTiles:
    """The tiles of a set at `chosen`, in that order."""

    tiles: TileSet
    chosen: NDArray[np.intp]

    @property
    def names(self) -> Sequence[str]:
        """Name of each tile."""
        names = self.tiles.names
        return [names[i] for i in self.chosen]

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        shapes = self.tiles.shapes
        return [shapes[i] for i in self.chosen]

    @property
    def bounds(self) -> BoundsTable | None:
        """Place of each tile."""
        return None if self.tiles.bounds is None else self.tiles.bounds[self.chosen]

    def read(self, index: int) -> Area:
        """Read a tile."""
        return self.tiles.read(int(self.chosen[index]))

    def read_labels(self, index: int) -> LabelArray:
        """Read the labels of a tile."""
        return self.tiles.read_labels(int(self.chosen[index]))

    def fingerprint(self) -> str:
        """Return a hash of the whole set and of the choice."""
        return hashlib.sha256(self.tiles.fingerprint().encode() + self.chosen.tobytes()).hexdigest()


def files_digest(files: Iterable[Path], *more: str) -> str:
    """Return a hash of names, sizes and times of change of files, and of further texts.

    Raises:
        InputError: if a file is missing.
    """
    digest = hashlib.sha256("\n".join(more).encode())
    for file in files:
        try:
            found = file.stat()
        except OSError as error:
            raise InputError(f"The file {file} cannot be read ({error.strerror or error}).") from error
        digest.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
