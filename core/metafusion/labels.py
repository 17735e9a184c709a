"""Reference labels beside a run, read region by region on its grid: a label raster, or polygons with a class.
What candidates they make true is decided in `candidates.py`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.warp import transform
from rasterio.windows import Window

from ..catalogue import BACKGROUND, NODATA_CLASS, LandCoverClass
from ..errors import InputError
from ..grid import SNAP, Region, WorldGrid, horizontal, name_of
from .relief import moved

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
    """Return the polygons in that CRS and their class ids."""
    try:
        info = pyogrio.read_info(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(
            f"{path} is neither a label raster nor a layer of polygons that can be read."
        ) from error
    fields = info["fields"].tolist()
    if field not in fields:
        raise InputError(
            f"The polygons of {path} have no field {field!r} with the class; they have "
            f"{', '.join(fields) or 'none'}."
        )
    if info["crs"] is None:
        raise InputError(f"{path} has no coordinate reference system; assign one and try again.")
    _, _, wkb, columns = pyogrio.raw.read(path, layer=layer, columns=[field], force_2d=True)
    geometries = shapely.from_wkb(wkb)
    ids = _ids_of(columns[0], classes, path)
    kinds = shapely.get_type_id(geometries)  # -1 none, 3 polygon, 6 multipolygon
    if not np.isin(kinds, (-1, 3, 6)).all():
        raise InputError(f"{path} holds other geometries than polygons; give a layer of polygons.")
    used = (kinds > 0) & (ids != NODATA_CLASS)
    return _transformed(geometries[used], CRS.from_user_input(info["crs"]), crs, path), ids[used]


def _ids_of(values: NDArray[Any], classes: Sequence[LandCoverClass], path: Path) -> NDArray[np.int64]:
    """Return the class id of each value, an id or a name; 255 where it is missing or 0."""
    known = {str(c.id): c.id for c in classes} | {c.name.casefold(): c.id for c in classes}
    known = {str(BACKGROUND): NODATA_CLASS, "": NODATA_CLASS} | known
    ids: list[int] = []
    unknown: dict[Any, None] = {}
    for value in values.tolist():
        id_ = known.get(_key(value))
        if id_ is None:
            unknown[value] = None
        ids.append(NODATA_CLASS if id_ is None else id_)
    if unknown:
        raise _unknown(str(path), list(unknown), [f"{c.id} ({c.name})" for c in classes])
    return np.array(ids, np.int64)


def _key(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().casefold()


def _transformed(geometries: NDArray[Any], source: CRS, target: CRS, path: Path) -> NDArray[Any]:
    if source == target or not len(geometries):
        return geometries

    nowhere = InputError(f"Polygons of {path} lie where {name_of(target)} is not defined; check their CRS.")

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        try:
            there = np.array(transform(source, target, xy[:, 0], xy[:, 1])).T
        except Exception as error:  # GDAL's errors have no public type
            raise nowhere from error
        if not np.isfinite(there).all():
            raise nowhere
        return there

    return shapely.transform(geometries, project)


def _unknown(name: str, values: Sequence[Any], known: Sequence[Any]) -> InputError:
    shown = ", ".join(str(value) for value in values[:_NAMED]) + ", ..." * (len(values) > _NAMED)
    return InputError(
        f"The labels {name} hold classes that the model does not have ({shown}); it has "
        f"{', '.join(str(value) for value in known)}, and 0 for unlabelled."
    )
