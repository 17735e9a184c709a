"""Small pictures of large rasters: colours, relief and classes on one coarse grid, read from overviews where
there are any. How they are laid out is in `overview.py`. Memory is bounded by the picture, not by the raster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from .errors import InputError

Rgb = NDArray[np.uint8]
#: Direction of the light of `hillshade`, degrees clockwise from north and above the horizon.
AZIMUTH, ALTITUDE = 315.0, 45.0


@dataclass(frozen=True)
class Frame:
    """A coarse grid: `shape` rows and columns, `transform` to the coordinates of `crs`."""

    crs: str
    transform: Affine
    shape: tuple[int, int]

    @property
    def pixel_m(self) -> float:
        """Side of a pixel in the units of the CRS."""
        return float(self.transform.a)


def frame_of(raster: Path, max_width: int, max_height: int) -> Frame:
    """Return the largest grid over a raster's extent, square pixels kept, that fits the given size."""
    with open_raster(raster) as dataset:
        scale = max(dataset.width / max_width, dataset.height / max_height)
        rows, cols = max(1, round(dataset.height / scale)), max(1, round(dataset.width / scale))
        transform = dataset.transform @ Affine.scale(dataset.width / cols, dataset.height / rows)
        return Frame(dataset.crs.to_wkt(), transform, (rows, cols))


def open_raster(path: Path, level: int | None = None) -> DatasetReader:
    """Open a raster, or one of its overview levels; raise InputError with a sentence where that fails."""
    try:
        return rasterio.open(path) if level is None else rasterio.open(path, overview_level=level)
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"The raster {path} cannot be read: check that it is there and complete.") from error


def count_bands(path: Path) -> int:
    """Return the number of bands of a raster."""
    with open_raster(path) as dataset:
        return int(dataset.count)


def read_bands(
    paths: Sequence[Path], bands: Sequence[int], frame: Frame
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mosaic of some bands on the frame: values `[bands, rows, cols]`, valid `[rows, cols]`.

    Bands count from 1. Where tiles overlap, the first one wins.
    """
    values = np.zeros((len(bands), *frame.shape), np.float32)
    valid = np.zeros(frame.shape, bool)
    for path in paths:
        with open_raster(path, _coarse_level(path, frame)) as dataset, _warped(dataset, frame) as vrt:
            mask = (vrt.read_masks(bands[0]) > 0) & ~valid
            values[:, mask] = vrt.read(list(bands), out_dtype=np.float32)[:, mask]
            valid |= mask
    valid &= np.isfinite(values).all(axis=0)
    return values, valid


def _warped(dataset: DatasetReader, frame: Frame) -> WarpedVRT:
    masked = dataset.nodata is not None or ColorInterp.alpha in dataset.colorinterp
    rows, cols = frame.shape
    with WarpedVRT(dataset, crs=frame.crs) as vrt:
        is_shrunk = frame.pixel_m >= vrt.res[0]
    return WarpedVRT(
        dataset,
        crs=frame.crs,
        transform=frame.transform,
        width=cols,
        height=rows,
        # Averaging would give steps where a picture is enlarged, and a relief shows them.
        resampling=Resampling.average if is_shrunk else Resampling.cubic,
        add_alpha=not masked,  # else what lies outside the tile would be black, not missing
    )


def _coarse_level(path: Path, frame: Frame) -> int | None:
    """Return the index of the coarsest overview that is still at least as fine as the frame."""
    with open_raster(path) as dataset, WarpedVRT(dataset, crs=frame.crs) as vrt:
        shrink = frame.pixel_m / vrt.res[0]
        fitting = [i for i, factor in enumerate(dataset.overviews(1)) if factor <= shrink]
    return fitting[-1] if fitting else None


def read_picture(paths: Sequence[Path], frame: Frame) -> Rgb:
    """Return the first three bands (or the first, as grey) as 8-bit colours `[rows, cols, 3]`, missing white.

    8-bit data is shown as it is; other types are stretched between the 2 % and 98 % points of each band.
    """
    with open_raster(paths[0]) as dataset:
        bands = (1, 2, 3) if dataset.count >= 3 else (1, 1, 1)
        is_8_bit = dataset.dtypes[0] == "uint8"
    values, valid = read_bands(paths, bands, frame)
    if not is_8_bit and valid.any():
        low, high = np.percentile(values[:, valid], (2, 98), axis=1)[..., None, None]
        values = (values - low) / np.maximum(high - low, 1e-6) * 255
    values[:, ~valid] = 255
    return np.moveaxis(values.clip(0, 255).astype(np.uint8), 0, -1)


def read_relief(paths: Sequence[Path], frame: Frame) -> Rgb:
    """Return the shaded relief of an elevation raster `[rows, cols, 3]`, missing white."""
    values, valid = read_bands(paths, (1,), frame)
    grey = (255 * hillshade(np.where(valid, values[0], np.nan), frame.pixel_m)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def hillshade(heights: NDArray[np.float32], pixel_m: float) -> NDArray[np.float64]:
    """Return the Lambert shade of a surface, 0 dark to 1 bright, NaN heights bright.

    The cosine between the surface normal and the light, `(sin(alt) - z_x l_x - z_y l_y) / |(z_x, z_y, 1)|`
    with `l` the horizontal part of the direction to the light.
    """
    if min(heights.shape) < 2:
        return np.ones(heights.shape)
    azimuth, altitude = np.radians(AZIMUTH), np.radians(ALTITUDE)
    d_south, d_east = np.gradient(heights.astype(np.float64), pixel_m)
    towards = d_east * np.sin(azimuth) - d_south * np.cos(azimuth)
    cosine = np.sin(altitude) - towards * np.cos(altitude)
    shade = cosine / np.sqrt(1 + d_east**2 + d_south**2)
    return np.nan_to_num(shade, nan=1.0).clip(0, 1)


def read_classes(path: Path, frame: Frame) -> NDArray[np.uint8]:
    """Return class ids `[rows, cols]` on the frame, each the class at the middle of its pixel."""
    with open_raster(path) as dataset:
        ids: NDArray[np.uint8] = dataset.read(1, out_shape=frame.shape, resampling=Resampling.nearest)
    return ids


def count_classes(path: Path) -> NDArray[np.int64]:
    """Return the exact number of pixels of each value, `[256]`, read block by block."""
    counts = np.zeros(256, np.int64)
    with open_raster(path) as dataset:
        for _, window in dataset.block_windows(1):
            counts += np.bincount(dataset.read(1, window=window).ravel(), minlength=256)
    return counts
