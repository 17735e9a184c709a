"""Tiles of rasters that lie in folders by role, one file per tile, and reading their bands."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window, from_bounds

from ...core.base.errors import InputError
from ...core.model.card import SourceSpec
from .tiles import Area, FloatArray

#: Steps of the grid by which two rasters may differ and still be called the same grid.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Bounds:
    """A rectangle in the rasters' CRS, in its units."""

    left: float
    bottom: float
    right: float
    top: float


def read_area(
    files: Mapping[str, Path], sources: Sequence[SourceSpec], labels: Path, bounds: Bounds | None = None
) -> Area:
    """Read the bands of every source and the labels, cut to `bounds` (whole pixels, default everything).

    Args:
        files: role of a source -> raster with its bands in order.
        labels: one band of class ids 0..255; its own nodata value becomes 0, unlabelled.

    Raises:
        InputError: if a raster is missing, has other bands, or another grid than the labels.
    """
    with _open(labels) as label_file:
        window = _window(label_file, bounds)
        ids = label_file.read(1, window=window)
        if ids.dtype != np.uint8:
            raise InputError(f"The labels {labels} are {ids.dtype}, not class ids of one byte.")
        if label_file.nodata is not None:
            ids = np.where(ids == label_file.nodata, 0, ids).astype(np.uint8)
        bands = [_read_bands(files, source, label_file, window) for source in sources]
    return Area(np.concatenate(bands), ids)


def keep_labels(area: Area, inside: tuple[slice, slice]) -> Area:
    """Return the area with labels only `inside` (rows, columns), 0 elsewhere; the bands stay as context."""
    kept = np.zeros_like(area.labels)
    kept[inside] = area.labels[inside]
    return Area(area.raw, kept)


def pixel_slices(labels: Path, bounds: Bounds) -> tuple[slice, slice]:
    """Return the rows and columns of `bounds` in a raster.

    Raises:
        InputError: if they do not overlap.
    """
    with _open(labels) as dataset:
        window = _window(dataset, bounds)
    rows, cols = window.toslices()
    return rows, cols


def _read_bands(
    files: Mapping[str, Path], source: SourceSpec, grid: DatasetReader, window: Window
) -> FloatArray:
    path = files.get(source.role)
    if path is None:
        raise InputError(f"No raster is given for the source {source.role!r}.")
    with _open(path) as dataset:
        if dataset.count != len(source.bands):
            raise InputError(
                f"{path} has {dataset.count} bands, the source {source.role!r} needs {len(source.bands)} "
                f"({', '.join(source.bands)})."
            )
        if not _same_grid(dataset, grid):
            raise InputError(f"{path} and the labels {grid.name} do not share one grid (CRS, origin, size).")
        raw = dataset.read(window=window, masked=True).astype(np.float32).filled(np.nan)
    return np.where(raw == source.nodata, np.nan, raw) if source.nodata is not None else raw


def _same_grid(one: DatasetReader, other: DatasetReader) -> bool:
    step = abs(other.transform.a)
    return (
        one.crs == other.crs
        and one.shape == other.shape
        and np.allclose(one.transform, other.transform, rtol=0, atol=step * _TOLERANCE)
    )


def _window(dataset: DatasetReader, bounds: Bounds | None) -> Window:
    whole = Window(0, 0, dataset.width, dataset.height)
    if bounds is None:
        return whole
    asked = from_bounds(bounds.left, bounds.bottom, bounds.right, bounds.top, dataset.transform)
    rows = max(0, round(asked.row_off)), min(dataset.height, round(asked.row_off + asked.height))
    cols = max(0, round(asked.col_off)), min(dataset.width, round(asked.col_off + asked.width))
    if rows[0] >= rows[1] or cols[0] >= cols[1]:
        raise InputError(f"The part asked for does not overlap {dataset.name}.")
    return Window.from_slices(rows, cols)


def _open(path: Path) -> DatasetReader:
    try:
        return rasterio.open(path)
    except RasterioError as error:
        raise InputError(f"The raster {path} cannot be read ({str(error).splitlines()[0]}).") from error


def read_bands(
    path: Path, n_bands: int, shape: tuple[int, int] | None = None, dtype: Any = np.float32
) -> NDArray[Any]:
    """Read `[n_bands, H, W]`; in floating point, missing values are NaN.

    Raises:
        InputError: if the file is missing or broken, or has other bands or another size.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # benchmarks' tiles have no place
            with rasterio.open(path) as file:
                _check(path, (file.count, file.height, file.width), n_bands, shape)
                values, nodata = file.read(), file.nodata
    except (RasterioError, OSError) as error:
        raise InputError(f"The image {path} cannot be read ({str(error).splitlines()[0]}).") from error
    if not np.issubdtype(dtype, np.floating):
        return values
    out = values.astype(dtype)
    if nodata is not None:
        out[values == nodata] = np.nan
    out[~np.isfinite(out)] = np.nan
    return out


def _check(path: Path, found: tuple[int, int, int], n_bands: int, shape: tuple[int, int] | None) -> None:
    if found[0] != n_bands:
        raise InputError(f"{path} has {found[0]} band{'s' * (found[0] != 1)} where {n_bands} are needed.")
    if shape is not None and found[1:] != shape:
        raise InputError(
            f"{path} has {found[1]} rows and {found[2]} columns where {shape[0]} and {shape[1]} are needed."
        )
