"""Brings one source onto the world grid, cell by cell. What a raster is lives in `sources.py`.

The world grid is cut into fixed square cells; a raster is only ever read in whole cells. Whatever extent,
band or order is asked for, a pixel therefore comes out of the same GDAL call and has the same bits.
"""

import threading
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from .card import SourceSpec
from .errors import InputError
from .grid import SNAP, Bounds, Region, WorldGrid, name_of
from .sources import Raster, unreadable

CELL = 512
#: Largest error of GDAL's piecewise linear approximation of a change of CRS, in the raster's pixels. Its
#: pieces are the rows of one cell, so it is the same for every run. (rasterio's WarpedVRT refuses 0.)
WARP_TOLERANCE = 0.01
Values = NDArray[np.float32]  # [bands, rows, cols], NaN where missing


class GridSource:
    """One source on the world grid: `footprint` is where it can have values, `read_cell` gives them.

    Each thread has its own dataset handle; `close` closes them all.
    """

    def __init__(self, raster: Raster, spec: SourceSpec, grid: WorldGrid, cell: int = CELL):
        self.raster = raster
        self.cell = cell
        self._grid = grid
        self._resampling = spec.resampling
        self.footprint = grid.covering(_bounds_on(raster, grid))
        self._factor = _aligned_factor(raster, grid)
        if self._factor > 1 and spec.resampling == "nearest":
            self._factor = 0
        self._shrinks = _ground_size(raster, grid) < 1 - SNAP
        self._local = threading.local()
        self._opened: list[Any] = []
        self._lock = threading.Lock()

    def read_cell(self, row: int, col: int) -> Values | None:
        """Return the values of cell (row, col), float32 `[bands, cell, cell]`, NaN where missing.

        None if the cell lies beyond the footprint.

        Raises:
            InputError: if the file breaks while being read.
        """
        region = Region(row * self.cell, (row + 1) * self.cell, col * self.cell, (col + 1) * self.cell)
        if region.intersect(self.footprint).size == 0:
            return None
        try:
            values = self._read_aligned(region) if self._factor else self._read_warped(region)
        except RasterioError as error:
            raise unreadable(self.raster, error) from error
        values[~np.isfinite(values)] = np.nan
        return values

    def close(self) -> None:
        """Close the handles of all threads."""
        with self._lock:
            for dataset in reversed(self._opened):
                dataset.close()
            self._opened.clear()
            self._local = threading.local()

    def _read_aligned(self, region: Region) -> Values:
        """Read without resampling: the raster's pixels are the grid's, or divide them evenly and are
        averaged.
        """
        raster, factor = self.raster, self._factor
        fine = self._grid.gsd / factor
        col0 = region.col0 * factor - round(raster.transform.c / fine)
        row0 = region.row0 * factor + round(raster.transform.f / fine)
        rows, cols = region.shape[0] * factor, region.shape[1] * factor
        top, bottom = max(row0, 0), min(row0 + rows, raster.height)
        left, right = max(col0, 0), min(col0 + cols, raster.width)
        values = np.full((raster.n_bands, rows, cols), np.nan, np.float32)
        if top < bottom and left < right:
            window = Window(left, top, right - left, bottom - top)
            values[:, top - row0 : bottom - row0, left - col0 : right - col0] = self._read_native(window)
        return values if factor == 1 else _block_mean(values, factor)

    def _read_native(self, window: Window) -> Values:
        raster, dataset = self.raster, self._handle(warped=False)
        native = dataset.read(indexes=list(range(1, raster.n_bands + 1)), window=window)
        values: Values = native.astype(np.float32)
        if raster.alpha is not None:
            values[:, dataset.read(raster.alpha, window=window) == 0] = np.nan
        elif raster.masked:
            values[:, dataset.read_masks(1, window=window) == 0] = np.nan
        elif raster.nodata is not None:
            values[:, (native == _as_stored(raster.nodata, native.dtype)).all(axis=0)] = np.nan
        return values

    def _read_warped(self, region: Region) -> Values:
        origin = self._cells()
        window = Window(
            region.col0 - origin.col0, region.row0 - origin.row0, region.shape[1], region.shape[0]
        )
        values: Values = self._handle(warped=True).read(
            indexes=list(range(1, self.raster.n_bands + 1)), window=window, out_dtype=np.float32
        )
        return values

    def _cells(self) -> Region:
        """Return the footprint, grown to whole cells."""
        region, cell = self.footprint, self.cell
        return Region(
            region.row0 // cell * cell,
            -(-region.row1 // cell) * cell,
            region.col0 // cell * cell,
            -(-region.col1 // cell) * cell,
        )

    def _handle(self, *, warped: bool) -> Any:
        """Return this thread's dataset."""
        if not hasattr(self._local, "dataset"):
            dataset = rasterio.open(self.raster.name)
            handles = [dataset, self._warp(dataset)] if warped else [dataset]
            with self._lock:
                self._opened.extend(handles)
            self._local.dataset = handles[-1]
        return self._local.dataset

    def _warp(self, dataset: Any) -> WarpedVRT:
        raster, region = self.raster, self._cells()
        shrinking = self._shrinks and self._resampling != "nearest"
        return WarpedVRT(
            dataset,
            src_crs=raster.crs,
            crs=self._grid.crs,
            transform=self._grid.transform(region),
            height=region.shape[0],
            width=region.shape[1],
            resampling=Resampling.average if shrinking else Resampling[self._resampling],
            src_nodata=raster.nodata,
            src_alpha=raster.alpha or 0,
            nodata=np.nan,
            dtype="float32",
            tolerance=WARP_TOLERANCE,
            UNIFIED_SRC_NODATA="YES",
        )


def _bounds_on(raster: Raster, grid: WorldGrid) -> Bounds:
    """Return the raster's bounds in the grid's CRS."""
    if raster.crs == grid.crs:
        return raster.bounds
    try:
        left, bottom, right, top = transform_bounds(raster.crs, grid.crs, *raster.bounds)
    except RasterioError as error:
        raise _elsewhere(raster, grid) from error
    if not np.isfinite([left, bottom, right, top]).all():
        raise _elsewhere(raster, grid)
    return left, bottom, right, top


def _elsewhere(raster: Raster, grid: WorldGrid) -> InputError:
    return InputError(f"{raster.files[0]} lies where {name_of(grid.crs)} is not defined; check its CRS.")


def _aligned_factor(raster: Raster, grid: WorldGrid) -> int:
    """Return how many of the raster's pixels make the side of a grid pixel; 0 if they do not divide it
    evenly.
    """
    if raster.crs != grid.crs:
        return 0
    factor = round(grid.gsd / raster.transform.a)
    if factor < 1:
        return 0
    fine = grid.gsd / factor
    corners = [value / fine for value in raster.bounds]
    spans = corners[2] - corners[0], corners[3] - corners[1]
    even = all(abs(corner - round(corner)) < SNAP for corner in corners)
    return factor if even and (round(spans[0]), round(spans[1])) == (raster.width, raster.height) else 0


def _ground_size(raster: Raster, grid: WorldGrid) -> float:
    """Return the side of the raster's middle pixel in grid pixels."""
    x, y = raster.transform @ (raster.width / 2, raster.height / 2)
    corners = [x, x + raster.transform.a, x], [y, y, y + raster.transform.e]
    xs, ys = transform(raster.crs, grid.crs, *corners) if raster.crs != grid.crs else corners
    across, down = (xs[1] - xs[0], ys[1] - ys[0]), (xs[2] - xs[0], ys[2] - ys[0])
    return float(abs(across[0] * down[1] - across[1] * down[0]) ** 0.5 / grid.gsd)


def _as_stored(nodata: float, dtype: Any) -> Any:
    """Return the nodata value as an array of that type holds it."""
    return np.asarray(nodata).astype(dtype) if np.issubdtype(dtype, np.floating) else nodata


def _block_mean(values: Values, factor: int) -> Values:
    """Average blocks of `factor` x `factor` pixels, missing ones not counted; a block without any is
    missing.
    """
    missing = np.isnan(values)
    parts = [np.s_[:, down::factor, right::factor] for down in range(factor) for right in range(factor)]
    if not missing.any():
        return np.asarray(sum(values[part] for part in parts) / np.float32(len(parts)), np.float32)
    filled = np.where(missing, np.float32(0), values)
    total = sum(filled[part] for part in parts)
    count = sum((~missing[part]).astype(np.float32) for part in parts)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count, np.float32)
