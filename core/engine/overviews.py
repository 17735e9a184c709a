"""Makes the smaller copies of a raster that viewers read when zoomed out, each half the one before.

GDAL makes them too, but takes five times as long for several bands as writing the raster itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

from ..mosaic import Mosaic

#: The smallest copy fits into one tile of the final file.
SMALLEST_PX = 512
#: Side of the pieces that are read and halved; even, so that pieces meet.
_PIECE_PX = 1024


def make_overviews(mosaic: Mosaic, name: Callable[[int], Path], profile: dict[str, Any]) -> list[Path]:
    """Write every second pixel of every second row, again and again, until the rest fits into one tile.

    Args:
        mosaic: the full raster.
        name: file for the copy that is 2, 4, 8 ... times smaller.
        profile: how rasterio is to write it.

    Returns:
        The files, the largest first; none for a small raster.
    """
    source, width, height, factor = mosaic.document(), mosaic.width, mosaic.height, 1
    files = []
    while max(width, height) > SMALLEST_PX:
        factor *= 2
        width, height = -(-width // 2), -(-height // 2)
        path = name(factor)
        shape = {"width": width, "height": height, "count": len(mosaic.bands), "dtype": mosaic.dtype}
        with (
            rasterio.open(source) as large,
            rasterio.open(path, "w", **shape, nodata=mosaic.nodata, **profile) as small,
        ):
            _halve(large, small)
        files.append(path)
        source = str(path)
    return files


def _halve(large: Any, small: Any) -> None:
    step = _PIECE_PX // 2
    for top in range(0, small.height, step):
        for left in range(0, small.width, step):
            rows, cols = min(step, small.height - top), min(step, small.width - left)
            fine = Window(
                2 * left,
                2 * top,
                min(2 * cols, large.width - 2 * left),
                min(2 * rows, large.height - 2 * top),
            )
            values = np.ascontiguousarray(large.read(window=fine)[:, ::2, ::2])
            small.write(values, window=Window(left, top, cols, rows))
