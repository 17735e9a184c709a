"""The folder of tiles that `prepare_tiles` writes: GeoTIFFs on one grid, a list per split, and what they hold
(`tiles.json`). Reading it lives here; cutting it in `training/tiling/`."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...core.base.errors import InputError
from ...core.model.card import SourceSpec
from ...core.model.classes import LandCoverClass
from .rasters import read_bands
from .tiles import Area, BoundsTable, LabelArray, LabelTable, class_codes, files_digest, label_table

MANIFEST, LABELS, CONFIG = "tiles.json", "labels", "train.yaml"
PLACE = ("left", "bottom", "right", "top")


class TileManifest(BaseModel):
    """What a folder of tiles holds.

    Attributes:
        sources: without measured normalisation; `relief` are the roles of heights.
        side: rows and columns of every tile, in pixels of `gsd_m` metres.
        made_with: what `prepare_tiles` was asked for, and what came of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    crs: str
    gsd_m: float = Field(gt=0)
    side: int = Field(gt=0)
    classes: tuple[LandCoverClass, ...] = Field(min_length=2)
    sources: tuple[SourceSpec, ...] = Field(min_length=1)
    made_with: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class CutTiles:
    """The tiles of one list; its columns are `name`, the role of each source, `labels`, and the place."""

    folder: Path
    manifest: TileManifest
    rows: Sequence[Mapping[str, str]]

    @property
    def names(self) -> Sequence[str]:
        """Column and row of the upper-left pixel of each tile on the grid."""
        return [row["name"] for row in self.rows]

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        return [(self.manifest.side, self.manifest.side)] * len(self.rows)

    @cached_property
    def bounds(self) -> BoundsTable | None:
        """Place of each tile in the grid's CRS."""
        return np.array([[float(row[side]) for side in PLACE] for row in self.rows])

    def read(self, index: int) -> Area:
        """Read a tile."""
        side, row = self.manifest.side, self.rows[index]
        bands = [
            read_bands(self.folder / row[source.role], len(source.bands), (side, side))
            for source in self.manifest.sources
        ]
        return Area(np.concatenate(bands), self.read_labels(index))

    def read_labels(self, index: int) -> LabelArray:
        """Read the labels of a tile."""
        side, path = self.manifest.side, self.folder / self.rows[index][LABELS]
        return self._table.apply(read_bands(path, 1, (side, side), np.uint8)[0], str(path))

    def fingerprint(self) -> str:
        """Return a hash of the label files and the classes."""
        return files_digest((self.folder / row[LABELS] for row in self.rows), "cut", self._table.digest())

    @cached_property
    def _table(self) -> LabelTable:
        return label_table(class_codes(self.manifest.classes, own_codes=False))


def read_manifest(folder: Path) -> TileManifest:
    """Return what a folder of tiles holds.

    Raises:
        InputError: if it is no such folder.
    """
    try:
        return TileManifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{folder} is no folder of tiles (it has no {MANIFEST} that can be read); make one with "
            "prepare-tiles."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / MANIFEST} cannot be understood; prepare the tiles again.") from error


def read_cut_tiles(folder: Path, manifest: TileManifest, split: str) -> CutTiles | None:
    """Return the tiles of a split, None where the folder has no list of it.

    Raises:
        InputError: if the list names no tile, lacks a column, or a place is no number.
    """
    listing = folder / f"{split}.csv"
    if not listing.exists():
        return None
    columns = ("name", *(source.role for source in manifest.sources), LABELS, *PLACE)
    try:
        with listing.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list {listing} cannot be read; save it as CSV in UTF-8.") from error
    if not rows:
        raise InputError(f"The list {listing} names no tile.")
    for number, row in enumerate(rows, start=2):
        _check_row(row, columns, f"line {number} of {listing}")
    return CutTiles(folder, manifest, rows)


def _check_row(row: Mapping[str, str | None], columns: Sequence[str], where: str) -> None:
    missing = [column for column in columns if not row.get(column)]
    if missing:
        raise InputError(f"{where[0].upper()}{where[1:]} has nothing under {missing[0]!r}; mend the list.")
    try:
        for side in PLACE:
            float(row[side] or "")
    except ValueError as error:
        raise InputError(f"{where[0].upper()}{where[1:]} gives no number for its place.") from error
