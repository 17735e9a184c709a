"""Labels drawn as polygons, cell by cell on the lattice of tiles. Reading the file lives in core, label
rasters in `georeferenced.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from ...core.base.errors import InputError
from ...core.geodata.class_table import MapClass, class_key, ids_by_key
from ...core.geodata.grid import Region, WorldGrid
from ...core.geodata.labels import LeftOut
from ...core.geodata.polygons import read_polygons
from ...core.model.classes import BACKGROUND, LandCoverClass
from .tiles import LabelArray

#: How many unknown classes a message names.
_NAMED = 5


@dataclass(frozen=True, eq=False)
class PolygonCells:
    """Polygons whose attribute `field` is the id or the name of a class; the last polygon over a pixel's
    centre counts, those without a class are unlabelled.

    `path` may name a layer: `file.gpkg|layername=name`; `more` are further values of the field (as
    `class_key` forms them) and their ids, 0 for unlabelled. Other values are an error, or unlabelled and
    counted where there is a `left_out`.
    """

    path: Path
    field: str
    classes: Sequence[LandCoverClass]
    grid: WorldGrid
    side: int
    more: Mapping[str, int] = field_of(default_factory=dict)
    left_out: LeftOut | None = None

    @property
    def extent(self) -> Region:
        """Grid rectangle of all polygons."""
        left, bottom, right, top = shapely.total_bounds(self._read[0]).tolist()
        return self.grid.covering((left, bottom, right, top))

    @property
    def files(self) -> Sequence[Path]:
        """The file of the polygons."""
        return (Path(str(self.path).partition("|layername=")[0]),)

    def read_cell(self, row: int, col: int) -> LabelArray:
        """Return the class ids `[side, side]` of a cell, 0 = unlabelled."""
        polygons, ids, tree = self._read
        side = self.side
        region = Region(row * side, (row + 1) * side, col * side, (col + 1) * side)
        near = np.sort(tree.query(shapely.box(*self.grid.bounds(region))))
        if not near.size:
            return np.zeros((side, side), np.uint8)
        burnt: LabelArray = rasterize(
            zip(polygons[near], ids[near].tolist(), strict=True),
            out_shape=(side, side),
            fill=BACKGROUND,
            transform=self.grid.transform(region),
            dtype=np.uint8,
        )
        return burnt

    def digest(self) -> str:
        """Return what else the labels depend on."""
        return (
            f"{self.path} {self.field} {[(c.id, c.name) for c in self.classes]} {sorted(self.more.items())}"
        )

    @cached_property
    def _read(self) -> tuple[NDArray[Any], NDArray[np.uint8], shapely.STRtree]:
        """Polygons in the grid's CRS, their ids, and where they are; read once.

        Raises:
            InputError: if the file cannot be read, or has no CRS, no such field, no polygon or unknown
                classes.
        """
        polygons, values = read_polygons(self.path, self.field, self.grid.crs)
        known = ids_by_key([MapClass(c.id, c.name) for c in self.classes])
        known = {"": BACKGROUND, str(BACKGROUND): BACKGROUND} | known | dict(self.more)
        strange = [str(value) for value in values if class_key(value) not in known]
        unknown = sorted(set(strange))
        if self.left_out is not None:
            self.left_out.add(strange)
        elif unknown:
            shown = ", ".join(unknown[:_NAMED]) + ", ..." * (len(unknown) > _NAMED)
            raise InputError(
                f"{self.path} has the classes {shown}, which the catalogue has not; it has "
                f"{', '.join(c.name for c in self.classes)}."
            )
        if not len(polygons):
            raise InputError(f"{self.path} holds no polygon.")
        ids = np.array([known.get(class_key(value), BACKGROUND) for value in values], np.uint8)
        return polygons, ids, shapely.STRtree(polygons)
