"""A raster of class ids, read part by part, on whatever grid it stands. What the ids mean is in
`class_table.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.progress import Reporter
from ..model.classes import NODATA_CLASS
from .grid import horizontal

IdArray = NDArray[np.uint8]
#: Pixels that are read at once.
_PART = 2**22


@dataclass(frozen=True, eq=False)
class ClassRaster:
    """An open raster of class ids 0..254 with one band, north up."""

    path: Path
    dataset: Any

    @property
    def crs(self) -> CRS:
        """The horizontal CRS."""
        return horizontal(self.dataset.crs)

    @property
    def transform(self) -> Affine:
        """From column and row to coordinates."""
        return self.dataset.transform

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.dataset.height), int(self.dataset.width)

    def strips(self) -> list[Window]:
        """Return windows of whole rows that cover the raster from top to bottom, along its blocks."""
        height, width = self.shape
        block = self.dataset.block_shapes[0][0]
        rows = max(1, _PART // width)
        rows = rows // block * block or rows
        return [Window(0, top, width, min(rows, height - top)) for top in range(0, height, rows)]

    def parts(self, side: int = 2048) -> list[Window]:
        """Return square windows (at the edges less) that cover the raster, along its blocks."""
        height, width = self.shape
        return [
            Window(left, top, min(side, width - left), min(side, height - top))
            for top in range(0, height, side)
            for left in range(0, width, side)
        ]

    def read(self, window: Window) -> IdArray:
        """Return the ids of a window `[h, w]`, 255 where the raster has none.

        Raises:
            InputError: if the file breaks while being read, or holds other numbers than ids.
        """
        try:
            return as_ids(
                self.dataset.read(1, window=window), self.dataset.read_masks(1, window=window), self.path
            )
        except RasterioError as error:
            raise InputError(f"{self.path} cannot be read to its end; copy or export it again.") from error


@contextmanager
def open_class_raster(path: Path) -> Iterator[ClassRaster]:
    """Open a class raster for a while.

    Raises:
        InputError: if it is no raster, has several bands or other numbers than whole ones, no CRS, or a
            transform that is not north-up.
    """
    if not path.exists():
        raise InputError(f"The class raster {path} does not exist.")
    try:
        dataset = rasterio.open(path)
    except RasterioError as error:
        raise InputError(
            f"{path} is no raster that can be read, or is incomplete; export it again."
        ) from error
    with dataset:
        check_class_raster(dataset, path)
        t = dataset.transform
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            raise InputError(f"{path} is not north-up; warp it to a north-up raster and try again.")
        yield ClassRaster(path, dataset)


def count_strips(raster: ClassRaster, reporter: Reporter) -> NDArray[np.int64]:
    """Return the pixels of each class in each strip, `[strips, 255]`."""
    strips, counts = raster.strips(), []
    for done, strip in enumerate(strips, start=1):
        counts.append(np.bincount(raster.read(strip).ravel(), minlength=256)[:NODATA_CLASS])
        reporter.progress(done, len(strips), "strips")
    return np.stack(counts)


def ids_at(raster: ClassRaster, points: NDArray[np.float64]) -> IdArray:
    """Return the id at each point `[n, 2]` of the raster's CRS, 255 where it has none."""
    height, width = raster.shape
    cols, rows = ~raster.transform @ (points[:, 0], points[:, 1])
    ids = np.full(len(points), NODATA_CLASS, np.uint8)
    with np.errstate(invalid="ignore"):
        inside = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
    for k in np.flatnonzero(inside):
        ids[k] = raster.read(Window(int(cols[k]), int(rows[k]), 1, 1))[0, 0]
    return ids


def check_class_raster(dataset: Any, path: Path) -> None:
    """Raise InputError unless an open raster has one band of whole numbers and a CRS."""
    if dataset.count != 1 or not np.issubdtype(np.dtype(dataset.dtypes[0]), np.integer):
        raise InputError(f"{path} is no class raster: it needs one band of whole numbers, the class ids.")
    if dataset.crs is None:
        raise InputError(f"{path} has no coordinate reference system; assign one and try again.")


def as_ids(values: NDArray[Any], mask: NDArray[Any], path: Path) -> IdArray:
    """Return values as ids, 255 where they are 255 or the mask is 0.

    Raises:
        InputError: if another value is not in 0..255.
    """
    valid = mask > 0
    found = values[valid]
    outside = found[(found < 0) | (found > NODATA_CLASS)]
    if outside.size:
        raise InputError(f"{path} holds the value {outside[0]}; class ids are whole numbers from 0 to 254.")
    ids = np.full(values.shape, NODATA_CLASS, np.uint8)
    ids[valid] = found
    return ids
