"""Judging a GeoTIFF that was just written: closing one on a full disk raises nothing, so one has to look."""

from collections.abc import Iterator
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from .errors import OutputError


def _extents(file: rasterio.DatasetReader) -> Iterator[tuple[int, int]]:
    """Yield where each tile of a file ends, and its size; both 0 for a tile that was never written."""
    bands = file.indexes if file.interleaving and file.interleaving.value.lower() == "band" else (1,)
    for band in bands:
        for (row, col), _ in file.block_windows(band):
            offset = file.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", band)
            size = file.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", band)
            yield (int(offset) + int(size), int(size)) if offset and size else (0, 0)


def check_whole(path: Path) -> None:
    """Raise OutputError unless every tile of a closed GeoTIFF lies within the file; reads no pixels.

    Not for files made with SPARSE_OK, whose missing tiles are meant.
    """
    length = path.stat().st_size
    message = f"{path.name.removesuffix('.partial')} was not written whole: check the free space of the disk."
    try:
        with rasterio.open(path) as file:
            whole = all(size > 0 and end <= length for end, size in _extents(file))
    except RasterioError as error:
        raise OutputError(message) from error
    if not whole:
        raise OutputError(message)
