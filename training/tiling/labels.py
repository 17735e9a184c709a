"""The labels of tiles-to-be and their classes: a raster or polygons on the grid, perhaps within an extent."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from ...core.base.errors import InputError
from ...core.geodata.class_table import class_key
from ...core.geodata.grid import Region, WorldGrid
from ...core.geodata.labels import LeftOut
from ...core.geodata.polygons import read_polygons
from ...core.model.classes import BACKGROUND, NODATA_CLASS, LandCoverClass
from ..data.georeferenced import LabelCells, list_rasters, raster_labels
from ..data.polygons import PolygonCells
from ..data.tiles import LabelArray, label_table
from ..requests import PrepareTilesRequest
from .classes import ClassEntry, classes_of_raster, classes_of_values, codes_of, finished, named_classes


@dataclass(frozen=True)
class LabelChoice:
    """Labels as the user gives them.

    Attributes:
        files: one file of polygons, `file|layername=name` too, or label rasters that are one mosaic.
        field: of the polygons' class.
        classes: see `named_classes`.
        codes: what labels hold: class ids (polygons: ids or names), or the codes of the catalogue's source.
        ignored: further values that mean unlabelled; 0, 255 and empty ones always do.
    """

    files: Sequence[Path]
    field: str = "class"
    classes: str | None = None
    codes: bool = False
    ignored: Sequence[str] = ()


def label_choice(request: PrepareTilesRequest) -> LabelChoice:
    """Return the labels that a request names."""
    codes = request.label_codes == "source"
    return LabelChoice(request.labels, request.label_field, request.classes, codes, request.ignored)


@dataclass(frozen=True, eq=False)
class OpenLabels:
    """Labels on the grid, and the classes that they may hold; `is_given` says that the user named them."""

    cells: LabelCells
    entries: tuple[ClassEntry, ...]
    is_given: bool
    left_out: LeftOut

    def classes(self, counts: NDArray[np.int64]) -> tuple[LandCoverClass, ...]:
        """Return the classes that have pixels in `counts` `[N, C]`."""
        pixels = counts.sum(axis=0)
        present = [entry for entry, n in zip(self.entries, pixels, strict=True) if n]
        return finished(present, pixels[pixels > 0])


@dataclass(frozen=True, eq=False)
class ClippedCells:
    """Labels within a rectangle of the grid; beyond it nothing is labelled."""

    cells: LabelCells
    region: Region
    side: int

    @property
    def extent(self) -> Region:
        """What the rectangle and the labels share."""
        return self.cells.extent.intersect(self.region)

    @property
    def files(self) -> Sequence[Path]:
        """The files of the labels."""
        return self.cells.files

    def read_cell(self, row: int, col: int) -> LabelArray:
        """Return the class ids `[side, side]` of a cell."""
        top, left, r = row * self.side, col * self.side, self.region
        inside = np.zeros((self.side, self.side), bool)
        inside[max(0, r.row0 - top) : max(0, r.row1 - top), max(0, r.col0 - left) : max(0, r.col1 - left)] = (
            True
        )
        kept: LabelArray = np.where(inside, self.cells.read_cell(row, col), np.uint8(BACKGROUND))
        return kept

    def digest(self) -> str:
        """Return a hash of how labels are read."""
        return f"{self.cells.digest()} {self.region}"


def is_raster(path: Path) -> bool:
    """Can a file of labels be opened as a raster?

    Raises:
        InputError: if there is no such file.
    """
    file = Path(str(path).partition("|layername=")[0])
    if not file.exists():
        raise InputError(f"The labels {file} do not exist.")
    if file.is_dir():
        return True  # of rasters
    try:
        with rasterio.open(file):
            return "|layername=" not in str(path)
    except RasterioError:
        return False


def open_labels(choice: LabelChoice, grid: WorldGrid, side: int) -> OpenLabels:
    """Look at labels.

    Raises:
        InputError: if they, their classes or the values to ignore cannot be used.
    """
    if not choice.files:
        raise InputError("No labels are given: choose a label raster or polygons.")
    given = named_classes(choice.classes)
    if choice.codes and given is None:
        raise InputError("Codes of a source need the classes whose codes they are, such as swisstlm3d.")
    if is_raster(choice.files[0]):
        return _raster(choice, given, grid, side)
    if len(choice.files) > 1:
        raise InputError("Polygons are given as one file; merge the others into it.")
    return _polygons(choice, given, grid, side)


def _raster(
    choice: LabelChoice, given: tuple[ClassEntry, ...] | None, grid: WorldGrid, side: int
) -> OpenLabels:
    if not all(text.isdecimal() and int(text) <= NODATA_CLASS for text in choice.ignored):
        raise InputError(f"Values of a label raster to ignore are numbers, not {', '.join(choice.ignored)}.")
    ignored = {BACKGROUND, NODATA_CLASS, *map(int, choice.ignored)}
    files = list_rasters(choice.files, "labels")
    with rasterio.open(files[0]) as file:
        if file.count != 1:
            raise InputError(
                f"{files[0]} has {file.count} bands, so it holds no labels; they are one band of class ids."
            )
    entries = classes_of_raster(files[0]) if given is None else given
    codes = codes_of(entries) if choice.codes else {entry.id: entry.id for entry in entries}
    unusable = [code for code in codes if code > NODATA_CLASS]
    table = label_table({c: i for c, i in codes.items() if c not in (*ignored, *unusable)}, ignored)
    left_out = LeftOut()
    return OpenLabels(raster_labels(files, grid, side, table, left_out), entries, given is not None, left_out)


def _polygons(
    choice: LabelChoice, given: tuple[ClassEntry, ...] | None, grid: WorldGrid, side: int
) -> OpenLabels:
    ignored = dict.fromkeys(map(class_key, choice.ignored), BACKGROUND)
    if given is None:
        _, values = read_polygons(choice.files[0], choice.field, grid.crs)
        entries = classes_of_values([value for value in values if class_key(value) not in ignored])
    else:
        entries = given
    more = {class_key(code): i for code, i in codes_of(entries).items()} if choice.codes else {}
    # PolygonCells only asks for ids and names; groups are known when pixels are counted.
    stand_ins = [
        LandCoverClass(id=d.id, name=d.name, color="#000000", group=d.group or "head") for d in entries
    ]
    left_out = LeftOut()
    cells = PolygonCells(choice.files[0], choice.field, stand_ins, grid, side, more | ignored, left_out)
    return OpenLabels(cells, entries, given is not None, left_out)
