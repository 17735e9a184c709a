"""Sources on the grid, against independent reprojections by rasterio and plain numpy."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from mce_landcover.core.geodata.cells import GridSource
from mce_landcover.core.geodata.grid import Region, WorldGrid
from mce_landcover.core.geodata.sources import open_source
from mce_landcover.core.model.card import SourceSpec
from rasterio.crs import CRS
from rasterio.warp import Resampling, calculate_default_transform, reproject
from support.engine import NORTH, WEST, write

LV95 = CRS.from_epsg(2056)
CELL = 64


def spec(n_bands: int = 1, **changes) -> SourceSpec:
    fields = {"role": "dem", "bands": ["b"] * n_bands, "gsd_m": 0.5}
    normalisation = {"mean": [0.0] * n_bands, "std": [1.0] * n_bands}
    return SourceSpec.model_validate(fields | {"normalisation": normalisation} | changes)


def smooth(rows: int, cols: int, bands: int = 1) -> np.ndarray:
    y, x = np.mgrid[:rows, :cols]
    return np.stack([1000 + 50 * np.sin(x / 9 + b) + 40 * np.cos(y / 7) for b in range(bands)]).astype(
        np.float32
    )


def read_region(source: GridSource, region: Region) -> np.ndarray:
    """Paste cells together the slow way."""
    out = np.full((source.raster.n_bands, *region.shape), np.nan, np.float32)
    for row in range(region.row0, region.row1):
        for cell_col in range(region.col0 // CELL, -(-region.col1 // CELL)):
            cell = source.read_cell(row // CELL, cell_col)
            if cell is None:
                continue
            first, last = max(region.col0, cell_col * CELL), min(region.col1, (cell_col + 1) * CELL)
            piece = cell[:, row % CELL, first - cell_col * CELL : last - cell_col * CELL]
            out[:, row - region.row0, first - region.col0 : last - region.col0] = piece
    return out


def gridded(paths: list[Path], gsd: float = 0.5, crs: CRS = LV95, **changes) -> GridSource:
    with rasterio.open(paths[0]) as dataset:
        n_bands = dataset.count
    one = spec(n_bands, **changes)
    return GridSource(open_source(one, paths), one, WorldGrid(crs, gsd), CELL)


def test_a_raster_on_the_grid_comes_back_unchanged(tmp_path):
    values = np.random.default_rng(0).integers(0, 65535, (3, 150, 170), dtype=np.uint16)
    source = gridded([write(tmp_path / "a.tif", values, 0.5)])
    assert source.footprint.shape == (150, 170)
    np.testing.assert_array_equal(read_region(source, source.footprint), values)
    beyond = Region(
        source.footprint.row0 - 3,
        source.footprint.row1 + 5,
        source.footprint.col0 - 70,
        source.footprint.col1,
    )
    assert np.isnan(read_region(source, beyond)[:, :3]).all()
    assert np.isnan(read_region(source, beyond)[:, 3:-5, :70]).all()
    assert source.read_cell(0, 0) is None
    source.close()


def test_a_transform_with_rounding_errors_still_fits_the_grid(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (1, 252, 252), dtype=np.uint8)
    transform = Affine(0.19999999999963, 0, 2600000.2000000002, 0, -0.2000000000007, 1200100.0)
    source = gridded([write(tmp_path / "a.tif", values, 0.2, transform=transform)], gsd=0.2)
    assert source.footprint.shape == (252, 252)
    np.testing.assert_array_equal(read_region(source, source.footprint), values)


@pytest.mark.parametrize("factor", [2, 5])
def test_whole_fractions_of_a_pixel_are_averaged(tmp_path, factor):
    values = np.random.default_rng(1).integers(0, 256, (3, 60 * factor, 80 * factor), dtype=np.uint8)
    source = gridded([write(tmp_path / "a.tif", values, 0.5 / factor)])
    expected = values.astype(np.float64).reshape(3, 60, factor, 80, factor).mean(axis=(2, 4))
    np.testing.assert_allclose(read_region(source, source.footprint), expected, rtol=1e-6)


def test_missing_pixels_do_not_enter_the_average(tmp_path):
    values = smooth(80, 80)
    values[0, :4, :4] = -9999  # two by two whole pixels of the grid
    values[0, 10, 10] = -9999  # one quarter of another
    values[0, 21, 21] = np.nan
    source = gridded([write(tmp_path / "a.tif", values, 0.25, nodata=-9999)])
    found = read_region(source, source.footprint)[0]
    valid = np.where((values[0] == -9999) | np.isnan(values[0]), np.nan, values[0].astype(np.float64))
    blocks = valid.reshape(40, 2, 40, 2)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    expected = np.where(count, np.nansum(blocks, axis=(1, 3)) / np.maximum(count, 1), np.nan)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.isnan(found[:2, :2]).all() and np.isfinite(found[5, 5])


def reprojected(path: Path, region: Region, gsd: float, crs: CRS, resampling: Resampling) -> np.ndarray:
    """What rasterio makes of the whole raster at once, in float64 from its own handle."""
    grid = WorldGrid(crs, gsd)
    with rasterio.open(path) as dataset:
        out = np.full((dataset.count, *region.shape), np.nan)
        for band in range(dataset.count):
            reproject(
                rasterio.band(dataset, band + 1),
                out[band],
                dst_transform=grid.transform(region),
                dst_crs=crs,
                dst_nodata=np.nan,
                resampling=resampling,
                tolerance=0,
            )
    return out


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("gsd", [0.7, 2.0])
def test_enlarging_and_shifting_against_reproject(tmp_path, resampling, gsd):
    path = write(tmp_path / "a.tif", smooth(90, 110), gsd, west=WEST + 0.13, nodata=-1)
    source = gridded([path], resampling=resampling)
    found = read_region(source, source.footprint)
    expected = reprojected(path, source.footprint, 0.5, LV95, Resampling[resampling])
    both = np.isfinite(found) & np.isfinite(expected)
    assert both.mean() > 0.95
    assert (np.isfinite(found) == np.isfinite(expected)).mean() > 0.999
    np.testing.assert_allclose(found[both], expected[both], atol=0.05)
    assert np.median(np.abs(found[both] - expected[both])) < 1e-3


def test_shrinking_by_an_uneven_factor_averages(tmp_path):
    noise = np.random.default_rng(3).normal(100, 30, (1, 400, 400)).astype(np.float32)
    path = write(tmp_path / "a.tif", noise, 0.15, nodata=-1)
    source = gridded([path], resampling="bilinear")
    found = read_region(source, source.footprint)
    expected = reprojected(path, source.footprint, 0.5, LV95, Resampling.average)
    inner = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-4)
    assert found[inner].std() < 12  # one pixel in 11 would keep a standard deviation of 30


def test_nearest_takes_single_pixels_even_when_shrinking(tmp_path):
    codes = np.random.default_rng(3).integers(1, 200, (1, 100, 100), dtype=np.uint8)
    source = gridded([write(tmp_path / "a.tif", codes, 0.25)], resampling="nearest")
    found = read_region(source, source.footprint)
    candidates = codes[0].reshape(50, 2, 50, 2).transpose(0, 2, 1, 3).reshape(50, 50, 4)
    assert (found[0][..., None] == candidates).any(axis=-1).all()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "EPSG:21781", "EPSG:2056+5728"])
def test_another_crs_against_reproject(tmp_path, crs):
    native = write(tmp_path / "native.tif", smooth(200, 220), 1.0, nodata=-1)
    path = tmp_path / "other.tif"
    with rasterio.open(native) as dataset:
        transform, width, height = calculate_default_transform(
            dataset.crs, CRS.from_user_input(crs), dataset.width, dataset.height, *dataset.bounds
        )
        values = np.full((1, height, width), -1, np.float32)
        reproject(
            rasterio.band(dataset, 1),
            values[0],
            dst_transform=transform,
            dst_crs=CRS.from_user_input(crs),
            dst_nodata=-1,
        )
    write(path, values, 0, crs=crs, transform=transform, nodata=-1)
    source = gridded([path])
    found = read_region(source, source.footprint)
    expected = reprojected(path, source.footprint, 0.5, LV95, Resampling.bilinear)
    both = np.isfinite(found) & np.isfinite(expected)
    assert both.mean() > 0.8
    assert (np.isfinite(found) != np.isfinite(expected)).mean() < 2e-3
    np.testing.assert_allclose(found[both], expected[both], atol=0.05)


@pytest.mark.parametrize("gsd", [0.5, 0.25, 0.4])
@pytest.mark.parametrize("kind", ["nodata", "alpha", "mask", "partial"])
def test_every_way_of_saying_missing(tmp_path, gsd, kind):
    values = np.full((3, 120, 120), 100, np.uint8)
    values[1] = 150
    hole = np.s_[40:60, 60:90]
    if kind == "nodata":
        values[:, *hole] = 7
        path = write(tmp_path / "a.tif", values, gsd, nodata=7)
    elif kind == "partial":  # one band with the nodata value is a colour, not a hole
        values[:, *hole] = 7
        values[0, 10:20] = 7
        path = write(tmp_path / "a.tif", values, gsd, nodata=7)
    elif kind == "alpha":
        alpha = np.full((1, 120, 120), 255, np.uint8)
        alpha[0, *hole] = 0
        path = write(tmp_path / "a.tif", np.concatenate([values, alpha]), gsd, photometric="RGB", alpha="YES")
    else:
        path = write(tmp_path / "a.tif", values, gsd)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            mask = np.full((120, 120), 255, np.uint8)
            mask[hole] = 0
            dataset.write_mask(mask)
    one = spec(3)
    source = GridSource(open_source(one, [path]), one, WorldGrid(LV95, 0.5), CELL)
    found = read_region(source, source.footprint)
    rows, cols = source.footprint.shape
    scale = gsd / 0.5
    inside = found[
        :, round(42 * scale) + 1 : round(58 * scale) - 1, round(62 * scale) + 1 : round(88 * scale) - 1
    ]
    assert np.isnan(inside).all()
    outside = found[:, round(70 * scale) : rows - 2, 2 : cols - 2]
    np.testing.assert_allclose(outside[0], 100, rtol=1e-5)
    np.testing.assert_allclose(outside[1], 150, rtol=1e-5)
    if kind == "partial":
        band = found[:, round(12 * scale) : round(18 * scale), 5:20]
        np.testing.assert_allclose(band[0], 7, rtol=1e-5)


def test_the_cards_nodata_counts_where_the_raster_has_none(tmp_path):
    values = smooth(64, 64)
    values[0, 5, 6] = -5
    path = write(tmp_path / "a.tif", values, 0.5)
    found = read_region(source := gridded([path], nodata=-5.0), source.footprint)
    assert np.isnan(found[0, 5, 6]) and np.isfinite(found).sum() == 64 * 64 - 1
    write(path, values, 0.5, nodata=-7)
    found = read_region(source := gridded([path], nodata=-5.0), source.footprint)
    assert found[0, 5, 6] == -5


@pytest.mark.parametrize("gsd", [0.5, 0.25, 0.35])
@pytest.mark.parametrize("nodata", [None, 0])
def test_a_mosaic_is_the_single_file(tmp_path, gsd, nodata):
    values = np.random.default_rng(5).integers(0, 256, (3, 200, 260), dtype=np.uint8)
    whole = gridded([write(tmp_path / "whole.tif", values, gsd, nodata=nodata)])
    tiles = []
    for row in range(0, 200, 100):
        for col in range(0, 260, 130):
            tiles.append(
                write(
                    tmp_path / f"{row}_{col}.tif",
                    values[:, row : row + 100, col : col + 130],
                    gsd,
                    west=WEST + col * gsd,
                    north=NORTH - row * gsd,
                    nodata=nodata,
                )
            )
    mosaic = gridded(tiles[::-1])
    assert mosaic.footprint == whole.footprint
    np.testing.assert_array_equal(read_region(mosaic, whole.footprint), read_region(whole, whole.footprint))


@pytest.mark.parametrize("gsd", [0.5, 0.35])
def test_gaps_of_a_mosaic_are_missing(tmp_path, gsd):
    values = np.full((1, 80, 80), 9, np.uint8)
    paths = [write(tmp_path / f"{k}.tif", values, gsd, west=WEST + k * 160 * gsd) for k in range(2)]
    source = gridded(paths)
    found = read_region(source, source.footprint)[0]
    scale = gsd / 0.5
    assert np.isnan(found[:, round(84 * scale) : round(156 * scale)]).all()
    assert (found[3:-3, 3 : round(76 * scale)] == 9).all() and (
        found[3:-3, round(164 * scale) : -3] == 9
    ).all()


@pytest.mark.parametrize("gsd", [0.5, 0.25, 0.37])
def test_cells_do_not_depend_on_what_was_read_before(tmp_path, gsd):
    path = write(
        tmp_path / "a.tif", np.random.default_rng(6).normal(size=(1, 300, 300)).astype(np.float32), gsd
    )
    forwards, backwards = gridded([path]), gridded([path])
    region = forwards.footprint
    keys = [
        (row, col)
        for row in range(region.row0 // CELL, region.row1 // CELL + 1)
        for col in range(region.col0 // CELL, region.col1 // CELL + 1)
    ]
    one = {key: forwards.read_cell(*key) for key in keys}
    two = {key: backwards.read_cell(*key) for key in reversed(keys)}
    for key in keys:
        np.testing.assert_array_equal(one[key], two[key])
