"""Makes cloud-optimised GeoTIFFs, as all maps of this program are: compressed, with overviews, palette,
category names and tags. Several together, and their names, are the business of `mapping/publish.py`.

Overviews are made here, not by GDAL, which takes five times as long for several bands as writing the raster.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.windows import Window

from ..base.files import check_whole, disk_errors
from .mosaic import Mosaic

#: How rasters are written that become others later, but for their shape and place.
WORK_PROFILE: dict[str, Any] = {
    "driver": "GTiff",
    "tiled": True,
    "blockxsize": 512,
    "blockysize": 512,
    "compress": "zstd",
    "zstd_level": 1,
    "bigtiff": "if_safer",
}
#: Tiles of chunk files; ZSTD at its fastest, since chunks are read once and thrown away.
CHUNK_PROFILE = {
    "driver": "GTiff",
    "tiled": True,
    "blockxsize": 512,
    "blockysize": 256,
    "interleave": "band",
    "transform": Affine(1, 0, 1, 0, -1, 1),  # any: a chunk's place is in the layout
    "compress": "zstd",
    "zstd_level": 1,
}

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


_COG_PROFILE = {
    "driver": "COG",
    "COMPRESS": "ZSTD",
    "LEVEL": "1",  # higher ones take twice as long and save 2 %
    "BLOCKSIZE": "512",
    "OVERVIEWS": "AUTO",
    "RESAMPLING": "NEAREST",
    "OVERVIEW_COMPRESS": "ZSTD",
    "BIGTIFF": "IF_SAFER",
    "NUM_THREADS": "ALL_CPUS",
}


def write_cog(mosaic: Mosaic, path: Path, overview_file: Callable[[int], Path], *, classes: bool) -> None:
    """Write a mosaic as a cloud-optimised GeoTIFF.

    Args:
        mosaic: what to write.
        path: the file; GDAL may put a sidecar beside it.
        overview_file: gives a temporary file for the copy that is 2, 4, 8 ... times smaller.
        classes: are the values class ids? Others are stored as differences, which compress better.

    Raises:
        OutputError: if a file is not whole.
    """
    overviews = make_overviews(mosaic, overview_file, CHUNK_PROFILE)
    document = replace(mosaic, overviews=overviews).document()
    rasterio.shutil.copy(document, str(path), **_COG_PROFILE, PREDICTOR="NO" if classes else "YES")
    for file in (*overviews, path):
        check_whole(file)


def put_in_place(part: Path, target: Path) -> None:
    """Bring a finished file and its sidecar to their names."""
    with disk_errors(target.parent):
        if sidecar(part).exists():
            sidecar(part).replace(sidecar(target))
        else:
            sidecar(target).unlink(missing_ok=True)
        part.replace(target)


def sidecar(path: Path) -> Path:
    """Return where GDAL keeps what a file itself has no room for, as category names."""
    return path.with_name(f"{path.name}.aux.xml")


def remove_part(part: Path) -> None:
    """Remove a temporary file and what GDAL put beside it."""
    with suppress(OSError):
        for path in part.parent.glob(f"{part.name}*"):
            path.unlink(missing_ok=True)


def run_in_daemons(work: Callable[[], None], n_threads: int, still_wanted: Callable[[], None]) -> None:
    """Run work that writes such files in threads, and wait for it while `still_wanted` does not raise.

    GDAL does not stop when asked: the threads are left behind then, and end with the process at the latest.
    """
    threads = [threading.Thread(target=work, name=f"publish-{n}", daemon=True) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=0.2)
            still_wanted()
