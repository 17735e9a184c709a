"""A GeoTIFF is whole when all its tiles lie within the file."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import OutputError
from mce_landcover.core.base.files import check_whole


@pytest.fixture(params=["pixel", "band"])
def raster(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 100, "height": 70, "count": 2, "dtype": "uint8", "tiled": True}
    profile |= {"blockxsize": 32, "blockysize": 32, "compress": "deflate", "interleave": request.param}
    with rasterio.open(
        path, "w", crs="EPSG:2056", transform=rasterio.Affine(1, 0, 5, 0, -1, 5), **profile
    ) as file:
        file.write(np.random.default_rng(0).integers(0, 255, (2, 70, 100), np.uint8))
    return path


def test_a_whole_file_passes(raster: Path):
    check_whole(raster)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(raster: Path, kept: float):
    content = raster.read_bytes()
    raster.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(OutputError, match=r"a\.tif was not written whole"):
        check_whole(raster)


def test_a_file_with_missing_tiles_is_refused(raster: Path, tmp_path: Path):
    sparse = tmp_path / "sparse.tif"
    with rasterio.open(raster) as source:
        profile = source.profile | {"sparse_ok": True}
    with rasterio.open(sparse, "w", **profile) as file:
        file.write(np.ones((1, 32, 32), np.uint8), [1], window=rasterio.windows.Window(0, 0, 32, 32))
    with pytest.raises(OutputError, match="not written whole"):
        check_whole(sparse)
