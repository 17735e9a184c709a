"""Brings one source onto the world grid, cell by cell, and puts any region together from the cells. What a
raster is lives in `sources.py`.

The world grid is cut into fixed square cells; a raster is only ever read in whole cells. Whatever extent,
band or order is asked for, a pixel therefore comes out of the same GDAL call and has the same bits.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from ..base.errors import InputError
from ..model.card import SourceSpec
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
        return values

    def close(self) -> None:
        """Close the handles of all threads."""
        with self._lock:
            for dataset in reversed(self._opened):
                dataset.close()
            self._opened.clear()
            self._local = threading.local()

    def _read_aligned(self, region: Region) -> Values:
        """Read without resampling: the raster's pixels are the grid's, or divide them and are averaged."""
        raster, factor = self.raster, self._factor
        fine = self._grid.gsd / factor
        col0 = region.col0 * factor - round(raster.transform.c / fine)
        row0 = region.row0 * factor + round(raster.transform.f / fine)
        rows, cols = region.shape[0] * factor, region.shape[1] * factor
        top, bottom = max(row0, 0), min(row0 + rows, raster.height)
        left, right = max(col0, 0), min(col0 + cols, raster.width)
        if top >= bottom or left >= right:
            return np.full((raster.n_bands, *region.shape), np.nan, np.float32)
        native, missing = self._read_native(Window(left, top, right - left, bottom - top))
        if missing is None and native.shape[1:] == (rows, cols):
            return _block_mean(native, factor)
        values = np.full((raster.n_bands, rows, cols), np.nan, np.float32)
        inner = values[:, top - row0 : bottom - row0, left - col0 : right - col0]
        inner[:] = native
        if missing is not None:
            inner[:, missing] = np.nan
        return values if factor == 1 else _block_mean_of_valid(values, factor)

    def _read_native(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the stored values, and which pixels are missing: None if none is."""
        raster, dataset = self.raster, self._handle(warped=False)
        native = dataset.read(indexes=list(range(1, raster.n_bands + 1)), window=window)
        if raster.alpha is not None:
            missing = dataset.read(raster.alpha, window=window) == 0
        elif raster.masked:
            missing = dataset.read_masks(1, window=window) == 0
        elif raster.nodata is not None and not np.isnan(raster.nodata):
            missing = (native == _as_stored(raster.nodata, native.dtype)).all(axis=0)
        else:
            missing = np.zeros((1, 1), np.bool_)
        if raster.dtype.startswith("float") and not np.isfinite(native).all():
            native[~np.isfinite(native)] = np.nan
            missing = np.broadcast_to(missing, native.shape[1:])  # some band may be, so none can be left out
            return native, missing
        return native, missing if missing.any() else None

    def _read_warped(self, region: Region) -> Values:
        origin = self._cells()
        window = Window(
            region.col0 - origin.col0, region.row0 - origin.row0, region.shape[1], region.shape[0]
        )
        values: Values = self._handle(warped=True).read(
            indexes=list(range(1, self.raster.n_bands + 1)), window=window, out_dtype=np.float32
        )
        values[np.isinf(values)] = np.nan
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


def ground_gsd(raster: Raster, crs: CRS) -> float:
    """Return the side in metres of a raster's middle pixel, measured in a metric CRS."""
    return _ground_size(raster, WorldGrid(crs, 1.0))


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


def _block_mean(values: NDArray[Any], factor: int) -> Values:
    """Average blocks of `factor` x `factor` pixels of `[bands, rows, cols]`, none of them missing."""
    if factor == 1:
        return values.astype(np.float32)
    total = values[:, ::factor, ::factor].astype(np.float32)
    for part in _phases(factor)[1:]:
        total += values[part]
    total *= np.float32(1 / factor**2)
    return total


def _block_mean_of_valid(values: Values, factor: int) -> Values:
    """Average the valid pixels of each block; a block without any is missing."""
    missing = np.isnan(values)
    filled = np.where(missing, np.float32(0), values)
    total = sum(filled[part] for part in _phases(factor))
    count = sum((~missing[part]).astype(np.float32) for part in _phases(factor))
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count, np.float32)


def _phases(factor: int) -> list[tuple[slice, slice, slice]]:
    """Return the slices that take the first, second, ... pixel of every block."""
    return [np.s_[:, down::factor, right::factor] for down in range(factor) for right in range(factor)]


#: Cells kept in memory; a block of pixels and its halo touch 16 at most.
_CELLS_KEPT = 32
Floats = NDArray[np.float32]


class RegionReader:
    """Regions of a source; a pixel has the same values whichever region it is read with."""

    def __init__(self, source: GridSource, n_bands: int):
        self._source = source
        self._n_bands = n_bands
        self._cells: OrderedDict[tuple[int, int], Floats | None] = OrderedDict()

    def read(self, region: Region) -> Floats:
        """Return float32 `[bands, h, w]` of a region of the world grid, NaN where there is nothing.

        Raises:
            InputError: if a file breaks while being read.
        """
        side = self._source.cell
        values = np.full((self._n_bands, *region.shape), np.nan, np.float32)
        for row in range(region.row0 // side, (region.row1 - 1) // side + 1):
            for col in range(region.col0 // side, (region.col1 - 1) // side + 1):
                cell = self._cell(row, col)
                if cell is None:
                    continue
                place = Region(row * side, (row + 1) * side, col * side, (col + 1) * side)
                part = place.intersect(region)
                values[:, *part.slices_in(region)] = cell[:, *part.slices_in(place)]
        return values

    def close(self) -> None:
        """Close the files."""
        self._source.close()

    def _cell(self, row: int, col: int) -> Floats | None:
        if (row, col) not in self._cells:
            self._cells[row, col] = self._source.read_cell(row, col)
            while len(self._cells) > _CELLS_KEPT:
                self._cells.popitem(last=False)
        self._cells.move_to_end((row, col))
        return self._cells[row, col]


def moved(region: Region, extent: Region) -> Region:
    """Return a region of a raster as one of the world grid, where the raster is `extent`."""
    return Region(
        region.row0 + extent.row0,
        region.row1 + extent.row0,
        region.col0 + extent.col0,
        region.col1 + extent.col0,
    )


Block = TypeVar("Block")


def halo_regions(shape: tuple[int, int], block: int) -> Iterator[Region]:
    """Yield the blocks of a raster in raster order, each with a halo of one pixel inside the raster, as
    `segment_stream.stream_segments` asks for them.
    """
    whole = Region(0, shape[0], 0, shape[1])
    for row in range(0, shape[0], block):
        for col in range(0, shape[1], block):
            yield Region(row - 1, row + block + 1, col - 1, col + block + 1).intersect(whole)


class ReadAhead(Generic[Block]):
    """Calls `read` for regions in their order, one ahead, in a thread of its own; others are read when asked.

    Only one call runs at a time, so `read` needs no lock.
    """

    def __init__(self, read: Callable[[Region], Block], regions: Iterator[Region]):
        self._read, self._regions = read, regions
        self._next: tuple[Region, Future[Block]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._start()

    def __call__(self, region: Region) -> Block:
        """Return what `read` gives for a region, or raise what it raises."""
        if self._next is None or self._next[0] != region:
            return self._thread.submit(self._read, region).result()
        block = self._next[1].result()
        self._start()
        return block

    def _start(self) -> None:
        region = next(self._regions, None)
        self._next = None if region is None else (region, self._thread.submit(self._read, region))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the call that runs."""
        self._thread.shutdown(cancel_futures=True)
