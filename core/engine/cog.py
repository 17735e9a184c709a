"""Makes one cloud-optimised GeoTIFF of a mosaic, as all maps of this program are: compressed, with overviews,
palette, category names and tags. Several together, and their names, are `publish.py`'s.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import rasterio.shutil

from ..geotiff import check_whole
from ..mosaic import Mosaic
from .files import disk_errors
from .overviews import make_overviews
from .store import CHUNK_PROFILE

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
