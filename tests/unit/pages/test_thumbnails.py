"""Small pictures of large rasters: the grid, the values on it, exact counts, the shade of planes."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.pages.overview import (
    ALTITUDE,
    AZIMUTH,
    Frame,
    count_classes,
    frame_of,
    hillshade,
    read_bands,
    read_classes,
    read_picture,
    read_relief,
)
from rasterio.enums import Resampling

WEST, NORTH = 2_600_000.0, 1_200_000.0


def write(
    path: Path,
    data: np.ndarray,
    gsd: float = 0.5,
    west: float = WEST,
    north: float = NORTH,
    **profile: object,
) -> Path:
    """Write `[bands, rows, cols]` in EPSG:2056."""
    profile = {"crs": "EPSG:2056", "nodata": None, **profile}
    count, height, width = data.shape
    transform = Affine(gsd, 0, west, 0, -gsd, north)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=data.dtype,
        transform=transform,
        **profile,
    ) as dataset:
        dataset.write(data)
    return path


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_frame_fits_and_covers_the_raster(rows: int, cols: int) -> None:
    with rasterio.io.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=1,
            height=rows,
            width=cols,
            dtype="uint8",
            crs="EPSG:2056",
            sparse_ok=True,
            transform=Affine(0.5, 0, WEST, 0, -0.5, NORTH),
        ):
            pass
        frame = frame_of(memory.name, 600, 900)
    assert frame.shape[0] <= 900
    assert frame.shape[1] <= 600
    assert frame.shape[1] == 600 or frame.shape[0] == 900
    far_corner = frame.transform @ (frame.shape[1], frame.shape[0])
    assert far_corner == pytest.approx((WEST + cols * 0.5, NORTH - rows * 0.5))


def test_tiles_become_one_mosaic_and_gaps_are_missing(tmp_path: Path) -> None:
    ones = np.ones((1, 8, 8), np.uint8)
    tiles = [write(tmp_path / f"{k}.tif", k * 10 * ones, west=WEST + 4 * (k - 1)) for k in (1, 2)]
    frame = Frame("EPSG:2056", Affine(1, 0, WEST, 0, -1, NORTH), (4, 12))
    values, valid = read_bands(tiles, (1,), frame)
    assert values[0, :, :8].tolist() == [[10] * 4 + [20] * 4] * 4
    assert valid[:, :8].all()
    assert not valid[:, 8:].any()


@pytest.mark.parametrize("overviews", [[], [2, 4, 8]])
def test_shrinking_averages_with_and_without_overviews(tmp_path: Path, overviews: list[int]) -> None:
    data = np.random.default_rng(3).integers(0, 256, (1, 256, 256), np.uint8)
    path = write(tmp_path / "a.tif", data)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews(overviews, Resampling.average)
    frame = frame_of(path, 32, 32)
    values, _ = read_bands([path], (1,), frame)
    expected = data[0].reshape(32, 8, 32, 8).mean((1, 3))
    assert np.abs(values[0] - expected).max() < 2


def test_a_picture_in_another_crs_lands_in_its_place(tmp_path: Path) -> None:
    data = np.zeros((3, 64, 64), np.uint8)
    data[0, :, 32:] = 200
    path = write(tmp_path / "a.tif", data)
    with rasterio.open(path) as source, rasterio.vrt.WarpedVRT(source, crs="EPSG:21781") as vrt:
        other = write(
            tmp_path / "b.tif", vrt.read(), abs(vrt.res[0]), vrt.bounds.left, vrt.bounds.top, crs="EPSG:21781"
        )
    frame = frame_of(path, 16, 16)
    assert (
        np.abs(
            read_picture([other], frame)[2:-2, 2:-2].astype(int) - read_picture([path], frame)[2:-2, 2:-2]
        ).max()
        < 40
    )


def test_other_types_than_bytes_are_stretched_and_missing_is_white(tmp_path: Path) -> None:
    data = np.linspace(500, 900, 32 * 32, dtype=np.float32).reshape(1, 32, 32).copy()
    data[:, :8] = -9999
    picture = read_picture(
        [write(tmp_path / "a.tif", data, nodata=-9999)], frame_of(tmp_path / "a.tif", 32, 32)
    )
    assert (picture[:8] == 255).all()
    assert picture[8, 0, 0] == 0
    assert picture[-1, -1, 0] == 255


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.1, 50))
def test_the_shade_of_a_plane_is_the_cosine_to_the_light(east: float, south: float, pixel_m: float) -> None:
    rows, cols = np.mgrid[0:5, 0:5]
    shade = hillshade((east * cols + south * rows) * pixel_m, pixel_m)
    azimuth, altitude = np.radians((AZIMUTH, ALTITUDE))
    light = np.array(
        [np.sin(azimuth) * np.cos(altitude), np.cos(azimuth) * np.cos(altitude), np.sin(altitude)]
    )
    normal = np.array(
        [-east, south, 1.0]
    )  # east, north, up; heights fall to the north as they rise to the south
    expected = max(0.0, float(light @ normal / np.linalg.norm(normal)))
    assert shade == pytest.approx(np.full((5, 5), expected), abs=1e-6)


def test_a_relief_is_bright_towards_the_light_and_white_where_missing(tmp_path: Path) -> None:
    ridge = -np.abs(np.mgrid[0:32, 0:32][1].astype(np.float32) - 16)
    ridge[-4:] = -9999
    path = write(tmp_path / "dem.tif", ridge[None], nodata=-9999)
    relief = read_relief([path], frame_of(path, 32, 32))
    assert relief[5, 5, 0] > relief[5, 25, 0]
    assert (relief[-3:] == 255).all()


def test_counts_are_exact_and_classes_are_never_mixed(tmp_path: Path) -> None:
    data = np.random.default_rng(5).choice(np.array([1, 9, 255], np.uint8), (1, 300, 500))
    path = write(tmp_path / "map.tif", data, tiled=True, blockxsize=128, blockysize=128)
    assert count_classes(path).tolist() == np.bincount(data.ravel(), minlength=256).tolist()
    assert set(np.unique(read_classes(path, frame_of(path, 50, 50)))) <= {1, 9, 255}


def test_what_is_no_raster_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"no raster")
    for path in (tmp_path / "a.tif", tmp_path / "absent.tif"):
        with pytest.raises(InputError, match="cannot be read"):
            count_classes(path)
