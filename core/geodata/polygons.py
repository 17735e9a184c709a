"""Polygons with a class, read from any vector layer into one CRS. Whose classes they are, and what becomes of
unknown ones, is the caller's business."""

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from rasterio.warp import transform

from ..base.errors import InputError
from .grid import horizontal, name_of


def split_layer(path: Path) -> tuple[Path, str | None]:
    """Return the file and the layer of `file.gpkg|layername=name`, as QGIS writes it; None where none is."""
    file, _, layer = str(path).partition("|layername=")
    return Path(file), layer or None


def read_polygons(path: Path, field: str, crs: CRS) -> tuple[NDArray[Any], list[Any]]:
    """Return the polygons of a layer in a CRS `[n]` and what their class field says, in the layer's order.

    Args:
        path: as in `split_layer`.
        field: of the class.

    Raises:
        InputError: if the layer cannot be read, has no such field or no CRS, holds other geometries than
            polygons, or lies where the CRS is not defined.
    """
    file, layer = split_layer(path)
    try:
        info = pyogrio.read_info(file, layer=layer)
        fields = info["fields"].tolist()
        if field not in fields:
            raise InputError(
                f"The polygons of {path} have no field {field!r} with the class; they have "
                f"{', '.join(fields) or 'none'}."
            )
        _, _, wkb, columns = pyogrio.raw.read(file, layer=layer, columns=[field], force_2d=True)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(f"{path} is neither a raster nor a layer of polygons that can be read.") from error
    if info["crs"] is None:
        raise InputError(f"{path} has no coordinate reference system; assign one and try again.")
    geometries = shapely.from_wkb(wkb)
    kinds = shapely.get_type_id(geometries)
    if not np.isin(kinds, (-1, shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)).all():
        raise InputError(f"{path} holds other geometries than polygons; give a layer of polygons.")
    used = (kinds >= 0) & ~shapely.is_empty(geometries)
    values = [value for value, use in zip(columns[0].tolist(), used, strict=True) if use]
    source = horizontal(CRS.from_user_input(info["crs"]))
    return projected(geometries[used], source, crs, f"Polygons of {path}"), values


def projected(geometries: NDArray[Any], source: CRS, target: CRS, what: str) -> NDArray[Any]:
    """Return geometries in another CRS; raise InputError where that is not defined. `what` they are."""
    if source == target or not len(geometries):
        return geometries

    beyond = InputError(
        f"{what} lie where {name_of(target)} is not defined; check their coordinate reference system."
    )

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        try:
            moved = np.array(transform(source, target, xy[:, 0], xy[:, 1])).T
        except Exception as error:  # PROJ's complaints come in a private type of rasterio
            raise beyond from error
        if not np.isfinite(moved).all():
            raise beyond
        return moved

    found: NDArray[Any] = shapely.transform(geometries, project)
    return found
