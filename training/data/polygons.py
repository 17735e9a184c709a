"""Labels drawn as polygons, cell by cell on the lattice of tiles. How polygons are read and burnt in lives in
core; label rasters in `georeferenced.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...core.catalogue import BACKGROUND, NODATA_CLASS, LandCoverClass
from ...core.errors import InputError
from ...core.grid import Region, WorldGrid
from ...core.metafusion.labels import LabelPolygons
from .area import LabelArray


@dataclass(frozen=True, eq=False)
class PolygonCells:
    """Polygons whose attribute `field` is the id or the name of a class; the last polygon over a pixel's
    centre counts.

    `path` may name a layer: `file.gpkg|layername=name`.
    """

    path: Path
    field: str
    classes: Sequence[LandCoverClass]
    grid: WorldGrid
    side: int

    @property
    def extent(self) -> Region:
        """Grid rectangle of all polygons.

        Raises:
            InputError: if there is none.
        """
        found = self._polygons.footprint
        if not found.size:
            raise InputError(f"{self.path} holds no polygon of the catalogue's classes.")
        return found

    @property
    def files(self) -> Sequence[Path]:
        """The file of the polygons."""
        return (Path(str(self.path).partition("|layername=")[0]),)

    def read_cell(self, row: int, col: int) -> LabelArray:
        """Return the class ids `[side, side]` of a cell, 0 = unlabelled."""
        side = self.side
        ids = self._polygons.read(Region(row * side, (row + 1) * side, col * side, (col + 1) * side))
        return np.where(ids == NODATA_CLASS, BACKGROUND, ids).astype(np.uint8)

    def digest(self) -> str:
        """Return what else the labels depend on."""
        return f"{self.path} {self.field} {[(c.id, c.name) for c in self.classes]}"

    @cached_property
    def _polygons(self) -> LabelPolygons:
        """All polygons, read once, with regions counted from the grid's origin.

        Raises:
            InputError: if the file cannot be read, or has no CRS, no such field or unknown classes.
        """
        file, _, layer = str(self.path).partition("|layername=")
        origin = Region(0, 0, 0, 0)
        return LabelPolygons(
            Path(file), self.grid, origin, self.classes, layer=layer or None, field=self.field
        )
