"""Tiles of one hectare in the form of the MCE paper's dataset (docs/science/methods.md section 1, "Classes"):
three TIFFs per tile, listed in CSV files. No other format is read here."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...core.base.errors import InputError
from ...core.model.classes import LandCoverClass, load_catalogue
from .rasters import read_bands
from .tiles import (
    Area,
    BoundsTable,
    FloatArray,
    LabelArray,
    LabelTable,
    class_codes,
    files_digest,
    label_table,
)

#: OBJEKTART of swissTLM3D by German name; raw label ids 1..15 number these names in alphabetical order.
OBJEKTART = {
    "Fels": 1,
    "Fels locker": 2,
    "Felsbloecke": 3,
    "Felsbloecke locker": 4,
    "Fliessgewaesser": 5,
    "Gebueschwald": 6,
    "Lockergestein": 7,
    "Lockergestein locker": 8,
    "Gletscher": 9,
    "Stehende Gewaesser": 10,
    "Feuchtgebiet": 11,
    "Wald": 12,
    "Wald offen": 13,
    "Gehoelzflaeche": 14,
    "Schneefeld Toteis": 15,
}
WETLAND = OBJEKTART["Feuchtgebiet"]
SIDE, IMAGE_SIDE, SIDE_M = 200, 400, 100.0
COLUMNS = ("rbg", "dem", "mask")  # as the lists spell them
Coding = Literal["raw", "objektart", "class_ids"]
_HECTOMETRES = re.compile(r"^(\d{5})_(\d{5})")


def tlm_labels(
    coding: Coding = "raw",
    wetland: int | None = None,
    classes: Sequence[LandCoverClass] | None = None,
) -> LabelTable:
    """Return the table of label files.

    Args:
        coding: `raw` ids 1..15 in alphabetical order of the German names, `objektart` codes, or `class_ids`.
        wetland: class of Feuchtgebiet, which the authors have under forest in one place and under water in
            another; 0 ignores it, None takes the catalogue's.
    """
    chosen = classes or load_catalogue()
    if coding == "class_ids":
        return label_table(class_codes(chosen, own_codes=False))
    by_code = class_codes(chosen, own_codes=True)
    if wetland is not None:
        by_code[WETLAND] = wetland
    if coding == "objektart":
        return label_table(by_code)
    names = sorted(OBJEKTART)
    return label_table({raw: by_code[OBJEKTART[name]] for raw, name in enumerate(names, start=1)})


@dataclass(frozen=True, eq=False)
class TlmTiles:
    """The tiles of one list. A tile has RGB 400 x 400 (25 cm, averaged to half a metre), a DEM and labels of
    200 x 200; bands are R, G, B, height."""

    folder: Path
    rows: Sequence[tuple[str, str, str]]
    labels: LabelTable = field(default_factory=tlm_labels)

    @property
    def names(self) -> Sequence[str]:
        """Hectometres of each tile, such as 25637_11123."""
        return [image.removesuffix(".tif").removesuffix("_rgb") for image, _, _ in self.rows]

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        return [(SIDE, SIDE)] * len(self.rows)

    @property
    def bounds(self) -> BoundsTable | None:
        """Place in LV95 (EPSG:2056), whose hectometres the names are; None if a name is no place."""
        found = [_HECTOMETRES.match(name) for name in self.names]
        if not all(found):
            return None
        corner = np.array([[int(m[1]), int(m[2])] for m in found if m], np.float64).reshape(-1, 2) * 100
        return np.concatenate([corner, corner + SIDE_M], axis=1)

    def read(self, index: int) -> Area:
        """Read a tile."""
        image, dem, _ = (self.folder / name for name in self.rows[index])
        fine = read_bands(image, 3, (IMAGE_SIDE, IMAGE_SIDE))
        return Area(
            np.concatenate([_halved(fine), read_bands(dem, 1, (SIDE, SIDE))]), self.read_labels(index)
        )

    def read_labels(self, index: int) -> LabelArray:
        """Read the labels of a tile."""
        path = self.folder / self.rows[index][2]
        return self.labels.apply(read_bands(path, 1, (SIDE, SIDE), np.uint8)[0], str(path))

    def fingerprint(self) -> str:
        """Return a hash of the label files and their coding."""
        return files_digest((self.folder / mask for _, _, mask in self.rows), "tlm", self.labels.digest())


def read_tlm(folder: Path, listing: Path, labels: LabelTable | None = None) -> TlmTiles:
    """Return the tiles of a list: CSV with the columns `rbg,dem,mask,mainclass` (file names in `folder`).

    Raises:
        InputError: if the list is missing, lacks a column or names no tile.
    """
    try:
        with listing.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [(row["rbg"], row["dem"], row["mask"]) for row in reader]
    except OSError as error:
        raise InputError(f"The list {listing} cannot be read ({error.strerror or error}).") from error
    except KeyError as error:
        raise InputError(
            f"The list {listing} has no column {error}; it needs {', '.join(COLUMNS)}."
        ) from error
    if not rows or any(not name for row in rows for name in row):
        raise InputError(f"The list {listing} names no tile, or a tile without one of its three files.")
    return TlmTiles(folder, rows, labels or tlm_labels())


def _halved(fine: FloatArray) -> FloatArray:
    """Average 2 x 2 pixels of `[bands, 2 H, 2 W]`; a block with a missing pixel is missing."""
    total = fine[:, ::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, ::2] + fine[:, 1::2, 1::2]
    return total / np.float32(4)
