"""Tiles with several labels each: what every source is read as, labels derived from segmentation tiles, and
tables of labels without pictures. BigEarthNet is read in `bigearthnet.py`."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import InputError
from ..data.tiles import Area, FloatArray, MemoryTiles

Bools = NDArray[np.bool_]


class LabelledTiles(Protocol):
    """Tiles that are read one by one; `labels` `[N, C]` says which classes each holds."""

    @property
    def names(self) -> Sequence[str]:
        """Name of each tile, `[N]`."""

    @property
    def labels(self) -> Bools:
        """Labels of each tile, `[N, C]`."""

    def read(self, index: int) -> FloatArray:
        """Read the raw bands of a tile, `[n_bands, S, S]`, NaN = missing.

        Raises:
            InputError: if a file is missing, broken or of another size.
        """


@dataclass(frozen=True, eq=False)
class PictureTiles:
    """Tiles in memory: raw bands `[n_bands, S, S]` of each, names, and labels `[N, C]`."""

    pictures: Sequence[FloatArray]
    names: Sequence[str]
    labels: Bools

    def __post_init__(self) -> None:
        if not len(self.pictures) == len(self.names) == len(self.labels):
            raise ValueError("pictures, names and labels differ in number")

    def read(self, index: int) -> FloatArray:
        """Return the bands of a tile."""
        return self.pictures[index]


@dataclass(frozen=True, eq=False)
class SomeLabelledTiles:
    """The tiles of a set at `chosen`, in that order."""

    tiles: LabelledTiles
    chosen: NDArray[np.intp]

    @property
    def names(self) -> Sequence[str]:
        """Name of each tile."""
        names = self.tiles.names
        return [names[i] for i in self.chosen]

    @property
    def labels(self) -> Bools:
        """Labels of each tile."""
        return self.tiles.labels[self.chosen]

    def read(self, index: int) -> FloatArray:
        """Read a tile."""
        return self.tiles.read(int(self.chosen[index]))


def labels_of_counts(counts: NDArray[np.int64], pixels: int | NDArray[np.int64], min_share: float) -> Bools:
    """Return the labels `[N, C]` of tiles: the classes that fill more than `min_share` of a tile.

    Args:
        counts: pixels per tile and class, `[N, C]`, for example of `data.statistics.count_tiles`.
        pixels: of a tile, or of each, `[N]`.
    """
    return counts > min_share * np.asarray(pixels).reshape(-1, 1)


def cut_area(area: Area, name: str, side: int) -> MemoryTiles:
    """Cut an area into squares of `side` pixels from its upper-left corner; what is over is left out."""
    rows, cols = (n // side for n in area.labels.shape)
    pieces, names = [], []
    for r, c in np.ndindex(rows, cols):
        at = np.s_[r * side : (r + 1) * side, c * side : (c + 1) * side]
        pieces.append(Area(area.raw[:, *at], area.labels[at]))
        names.append(f"{name} {r},{c}")
    return MemoryTiles(pieces, names, "cut")


def labelled_pictures(
    tiles: MemoryTiles, class_ids: Sequence[int], min_share: float, shrink: int = 1
) -> PictureTiles:
    """Return segmentation tiles in memory as tiles with labels, averaged over `shrink` x `shrink` pixels."""
    counts = np.array(
        [np.bincount(a.labels.ravel(), minlength=256)[list(class_ids)] for a in tiles.areas], np.int64
    ).reshape(-1, len(class_ids))
    pixels = np.array([a.labels.size for a in tiles.areas], np.int64)
    pictures = [_shrunk(a.raw, shrink) for a in tiles.areas]
    return PictureTiles(pictures, list(tiles.names), labels_of_counts(counts, pixels, min_share))


def shrunk_area(area: Area, factor: int) -> Area:
    """Return an area whose pixels are blocks of `factor` x `factor`: averaged, labelled as their first is."""
    rows, cols = (n // factor * factor for n in area.labels.shape)
    labels = area.labels[:rows:factor, :cols:factor]
    return Area(_shrunk(area.raw[:, :rows, :cols], factor), np.ascontiguousarray(labels))


def joined(parts: Sequence[PictureTiles]) -> PictureTiles:
    """Return all tiles of several sets as one."""
    return PictureTiles(
        [p for part in parts for p in part.pictures],
        [n for part in parts for n in part.names],
        np.concatenate([part.labels for part in parts]),
    )


def _shrunk(raw: FloatArray, factor: int) -> FloatArray:
    if factor == 1:
        return raw
    bands, rows, cols = raw.shape
    blocks = raw.reshape(bands, rows // factor, factor, cols // factor, factor)
    return blocks.mean(axis=(2, 4), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """A table of labels: `counts` pixels `[N, C]` of the named tiles and classes."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    def labels(self, min_share: float = 0.0) -> Bools:
        """Return the classes that fill more than a share of the counted pixels of a tile, `[N, C]`."""
        return labels_of_counts(self.counts, self.counts.sum(axis=1), min_share)


def read_label_counts(path: Path) -> LabelCounts:
    """Read a table of labels.

    Either an `.npz` with `counts` `[N, C]`, `names` `[C]` of the classes and `src` `[N]` of the tiles, or a
    `.csv` whose last columns are `count_0` ... `count_C-1`, with the tile's name in the column `target`.

    Raises:
        InputError: if it is missing, or not such a table.
    """
    try:
        return _read_npz(path) if path.suffix == ".npz" else _read_csv(path)
    except OSError as error:
        raise InputError(f"The label table {path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} is not a table of label counts ({error}).") from error


def _read_npz(path: Path) -> LabelCounts:
    with np.load(path, allow_pickle=False) as stored:
        counts = stored["counts"].astype(np.int64)
        names, classes = stored["src"].tolist(), stored["names"].tolist()
    if counts.shape != (len(names), len(classes)):
        raise ValueError(f"counts {counts.shape} for {len(names)} tiles and {len(classes)} classes")
    return LabelCounts(tuple(names), tuple(classes), counts)


def _read_csv(path: Path) -> LabelCounts:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [c for c in rows[0] if c.startswith("count_")] if rows else []
    if not columns or "target" not in rows[0]:
        raise ValueError("it needs the columns target and count_0, count_1, ...")
    counts = np.array([[int(row[c]) for c in columns] for row in rows], np.int64)
    names = tuple(Path(row["target"]).stem for row in rows)
    return LabelCounts(names, tuple(c.removeprefix("count_") for c in columns), counts)
