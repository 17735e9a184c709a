"""Reads the bands of one small image file whole. Rasters that have to be brought to a grid are the business
of `georeferenced.py`."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ...core.base.errors import InputError


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
