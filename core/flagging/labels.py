"""Reference labels beside a run, read region by region on its grid: a label raster, or polygons with a class.
What candidates they make true is decided in `candidates.py`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.windows import Window

from ..base.errors import InputError
from ..geodata.cells import moved
from ..geodata.class_table import MapClass, class_key, ids_by_key
from ..geodata.grid import SNAP, Region, WorldGrid, horizontal, name_of
from ..geodata.polygons import read_polygons
from ..model.classes import BACKGROUND, NODATA_CLASS, LandCoverClass

#: How many unknown values a message names.
_NAMED = 5


class Labels(Protocol):
    """Labels on the grid of a run."""

    def read(self, region: Region) -> NDArray[np.uint8]:
        """Return the class ids `[h, w]` of a region of the run's raster, 255 where unlabelled."""

    def close(self) -> None:
        """Let go of the file."""


def open_labels(
    path: Path, grid: WorldGrid, extent: Region, classes: Sequence[LandCoverClass], field: str = "class"
) -> Labels:
    """Open a label raster or a layer of polygons.

    Args:
        path: of a raster on the run's pixel grid that covers the run; or of polygons in any CRS
            (`file.gpkg|layername=name` names a layer).
        grid: of the run.
        extent: the run's raster on that grid; regions count from its upper left corner.
        classes: that labels may have; 0, if it is no class, and nodata mean unlabelled.
        field: of the polygons' class: an id or a name.

    Raises:
        InputError: if the file cannot be used so.
    """
    file, _, layer = str(path).partition("|layername=")
    if not Path(file).exists():
        raise InputError(f"The labels {file} do not exist.")
    try:
        dataset = rasterio.open(file)
    except RasterioError:
        return LabelPolygons(Path(file), grid, extent, classes, layer=layer or None, field=field)
    try:
        return LabelRaster(dataset, grid, extent, classes)
    except InputError:
        dataset.close()
        raise


class LabelRaster:
    """Class ids in a raster."""

    def __init__(self, dataset: Any, grid: WorldGrid, extent: Region, classes: Sequence[LandCoverClass]):
        self._dataset = dataset
        self._origin = _origin_on(dataset, grid, extent)
        unlabelled = {BACKGROUND, NODATA_CLASS} | (
            {int(dataset.nodata)} if dataset.nodata is not None else set()
        )
        self._ids = np.array(sorted(c.id for c in classes))
        self._unlabelled = np.array(sorted(unlabelled - set(self._ids.tolist())))

    def read(self, region: Region) -> NDArray[np.uint8]:
        """See `Labels`; raises InputError where a value is no class."""
        row, col = self._origin
        window = Window(region.col0 + col, region.row0 + row, region.shape[1], region.shape[0])
        try:
            values = self._dataset.read(1, window=window)
        except RasterioError as error:
            raise InputError(f"The labels {self._dataset.name} cannot be read to their end.") from error
        found = np.unique(values)
        unknown = found[~np.isin(found, self._ids) & ~np.isin(found, self._unlabelled)]
        if unknown.size:
            raise _unknown(self._dataset.name, unknown.tolist(), self._ids.tolist())
        return np.where(np.isin(values, self._unlabelled), NODATA_CLASS, values).astype(np.uint8)

    def close(self) -> None:
        """See `Labels`."""
        self._dataset.close()


def _origin_on(dataset: Any, grid: WorldGrid, extent: Region) -> tuple[int, int]:
    """Return the row and the column of the label raster at which the run begins."""
    name = dataset.name
    if dataset.count != 1 or not np.issubdtype(np.dtype(dataset.dtypes[0]), np.integer):
        raise InputError(f"{name} is no label raster: it needs one band of whole numbers, the class ids.")
    if dataset.crs is None or horizontal(dataset.crs) != grid.crs:
        crs = "no coordinate reference system" if dataset.crs is None else name_of(dataset.crs)
        raise InputError(
            f"The labels {name} have {crs}, but the run has {name_of(grid.crs)}; warp them onto the run's "
            "grid."
        )
    t, gsd = dataset.transform, grid.gsd
    size = max(dataset.width, dataset.height)
    skew = max(abs(t.a - gsd), abs(t.e + gsd), abs(t.b), abs(t.d)) * size
    left, top = t.c / gsd, -t.f / gsd
    if max(skew / gsd, abs(left - round(left)), abs(top - round(top))) > 10 * SNAP:
        raise InputError(
            f"The labels {name} do not stand on the run's grid of {gsd:g} m pixels; resample them onto it "
            "(nearest neighbour)."
        )
    row, col = extent.row0 - round(top), extent.col0 - round(left)
    rows, cols = extent.shape
    if row < 0 or col < 0 or row + rows > dataset.height or col + cols > dataset.width:
        raise InputError(f"The labels {name} do not cover the whole run; map only where there are labels.")
    return row, col


class LabelPolygons:
    """Polygons with a class, held in memory in the run's CRS; a pixel has the class of the last polygon over
    its centre.
    """

    def __init__(
        self,
        path: Path,
        grid: WorldGrid,
        extent: Region,
        classes: Sequence[LandCoverClass],
        *,
        layer: str | None,
        field: str,
    ):
        self._grid, self._extent = grid, extent
        self._polygons, self._ids = _read_polygons(path, layer, field, classes, grid.crs)
        self._tree = shapely.STRtree(self._polygons)

    @property
    def footprint(self) -> Region:
        """Return the rectangle of the grid that holds all polygons; empty if there is none."""
        if not len(self._polygons):
            return Region(0, 0, 0, 0)
        left, bottom, right, top = shapely.total_bounds(self._polygons).tolist()
        return self._grid.covering((left, bottom, right, top))

    def read(self, region: Region) -> NDArray[np.uint8]:
        """See `Labels`."""
        here = moved(region, self._extent)
        hits = np.sort(self._tree.query(shapely.box(*self._grid.bounds(here))))
        if not hits.size:
            return np.full(region.shape, NODATA_CLASS, np.uint8)
        burnt: NDArray[np.uint8] = rasterize(
            [(self._polygons[hit], int(self._ids[hit])) for hit in hits],
            out_shape=region.shape,
            fill=NODATA_CLASS,
            transform=self._grid.transform(here),
            dtype=np.uint8,
        )
        return burnt

    def close(self) -> None:
        """See `Labels`."""


def _read_polygons(
    path: Path, layer: str | None, field: str, classes: Sequence[LandCoverClass], crs: CRS
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the labelled polygons in that CRS and their class ids."""
    named = path if layer is None else Path(f"{path}|layername={layer}")
    polygons, values = read_polygons(named, field, crs)
    ids = _ids_of(values, classes, path)
    return polygons[ids != NODATA_CLASS], ids[ids != NODATA_CLASS]


def _ids_of(values: Sequence[Any], classes: Sequence[LandCoverClass], path: Path) -> NDArray[np.int64]:
    """Return the class id of each value, an id or a name; 255 where it is missing or 0."""
    known = ids_by_key([MapClass(c.id, c.name) for c in classes])
    known = {str(BACKGROUND): NODATA_CLASS, "": NODATA_CLASS} | known
    unknown = list(dict.fromkeys(value for value in values if class_key(value) not in known))
    if unknown:
        raise _unknown(str(path), unknown, [f"{c.id} ({c.name})" for c in classes])
    return np.array([known[class_key(value)] for value in values], np.int64)


def _unknown(name: str, values: Sequence[Any], known: Sequence[Any]) -> InputError:
    shown = ", ".join(str(value) for value in values[:_NAMED]) + ", ..." * (len(values) > _NAMED)
    return InputError(
        f"The labels {name} hold classes that the model does not have ({shown}); it has "
        f"{', '.join(str(value) for value in known)}, and 0 for unlabelled."
    )
