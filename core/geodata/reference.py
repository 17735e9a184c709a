"""Reference classes on the grid of a map, window by window: from a class raster on any grid, or from polygons
in any CRS."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from ..base.errors import InputError
from ..model.classes import BACKGROUND, NODATA_CLASS
from .class_raster import ClassRaster, IdArray, as_ids, check_class_raster
from .class_table import MapClass, class_key, ids_by_key
from .grid import horizontal
from .polygons import read_polygons, split_layer

#: Largest error of GDAL's approximation of a change of CRS, in the reference's pixels.
_WARP_TOLERANCE = 0.01


class Reference(Protocol):
    """Reference ids on a map's grid; `unknown` counts polygons whose class is none of the map's."""

    unknown: Counter[str]

    def read(self, window: Window) -> IdArray:
        """Return the ids of a window of the map `[h, w]`, 255 where there is no reference."""


@contextmanager
def open_reference(
    path: Path, raster: ClassRaster, classes: Sequence[MapClass], field: str = "class"
) -> Iterator[Reference]:
    """Open the reference of a map for a while.

    Args:
        path: class raster on any grid (each pixel of the map takes the value under its centre), or polygons
            in any CRS (the last one over its centre).
        raster: the map.
        classes: of the map; polygons name them by id or name. If none are known, polygons name ids.
        field: of the polygons' class.

    Raises:
        InputError: if it does not exist or cannot be used so.
    """
    file, _ = split_layer(path)
    if not file.exists():
        raise InputError(f"The reference {file} does not exist.")
    try:
        dataset = rasterio.open(file)
    except RasterioError:
        yield PolygonReference(path, raster, classes, field)
        return
    with dataset, _on_grid(dataset, file, raster) as warped:
        yield RasterReference(file, warped)


def _on_grid(dataset: Any, path: Path, raster: ClassRaster) -> WarpedVRT:
    check_class_raster(dataset, path)
    height, width = raster.shape
    return WarpedVRT(
        dataset,
        src_crs=horizontal(dataset.crs),
        crs=raster.crs,
        transform=raster.transform,
        width=width,
        height=height,
        resampling=Resampling.nearest,
        tolerance=_WARP_TOLERANCE,
        # Without nodata what lies beyond the reference would be 0, not missing.
        add_alpha=MaskFlags.all_valid in dataset.mask_flag_enums[0],
    )


class RasterReference:
    """Ids of a raster, brought to the map's grid."""

    def __init__(self, path: Path, warped: WarpedVRT):
        self.unknown: Counter[str] = Counter()
        self._path, self._warped = path, warped

    def read(self, window: Window) -> IdArray:
        """See `Reference`; raises InputError where the file breaks or holds other numbers than ids."""
        try:
            mask = self._warped.read_masks(1, window=window)
            return as_ids(self._warped.read(1, window=window), mask, self._path)
        except RasterioError as error:
            raise InputError(f"{self._path} cannot be read to its end; copy or export it again.") from error


class PolygonReference:
    """Ids of polygons, held in memory and drawn where they are asked for."""

    def __init__(self, path: Path, raster: ClassRaster, classes: Sequence[MapClass], field: str):
        polygons, values = read_polygons(path, field, raster.crs)
        ids, self.unknown = _ids(values, classes)
        self._polygons, self._ids = polygons[ids != NODATA_CLASS], ids[ids != NODATA_CLASS]
        self._tree = shapely.STRtree(self._polygons)
        self._transform = raster.transform

    def read(self, window: Window) -> IdArray:
        """See `Reference`."""
        shape = int(window.height), int(window.width)
        here = self._transform @ Affine.translation(window.col_off, window.row_off)
        corners = here.c, here.f + here.e * shape[0], here.c + here.a * shape[1], here.f
        hits = np.sort(self._tree.query(shapely.box(*corners)))
        if not hits.size:
            return np.full(shape, NODATA_CLASS, np.uint8)
        burnt: IdArray = rasterize(
            zip(self._polygons[hits], self._ids[hits].tolist(), strict=True),
            out_shape=shape,
            fill=NODATA_CLASS,
            transform=here,
            dtype=np.uint8,
        )
        return burnt


def _ids(values: Sequence[Any], classes: Sequence[MapClass]) -> tuple[NDArray[np.int64], Counter[str]]:
    """Return the id of each value, 255 where it is empty, 0 or unknown, and the unknown ones, counted."""
    known = ids_by_key(classes or [MapClass(i, str(i)) for i in range(1, NODATA_CLASS)])
    known = {"": NODATA_CLASS, str(BACKGROUND): NODATA_CLASS, str(NODATA_CLASS): NODATA_CLASS} | known
    keys = [class_key(value) for value in values]
    unknown = Counter(str(value) for key, value in zip(keys, values, strict=True) if key not in known)
    return np.array([known.get(key, NODATA_CLASS) for key in keys], np.int64), unknown
