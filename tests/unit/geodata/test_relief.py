"""Altitude and slope against closed forms, and the same in every region."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.flagging.redecide import open_relief, slope_deg
from mce_landcover.core.geodata.cells import moved
from mce_landcover.core.geodata.grid import Region, WorldGrid
from rasterio.crs import CRS
from support.engine import write
from support.flag import COL0, GSD, ROW0, hilly, write_dem

GRID = WorldGrid(CRS.from_epsg(2056), GSD)


@settings(deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 5))
def test_slope_of_a_plane(east, south, gsd):
    rows, cols = np.mgrid[:6, :7]
    plane = (1000 + gsd * (east * cols + south * rows)).astype(np.float64)
    expected = np.degrees(np.arctan(np.hypot(east, south)))
    np.testing.assert_allclose(slope_deg(plane, gsd), expected, atol=1e-3)


def test_slope_beside_a_gap_is_taken_from_the_other_side():
    plane = np.tile(np.arange(5, dtype=np.float32), (5, 1))
    plane[2, 3] = np.nan
    np.testing.assert_allclose(slope_deg(plane, 1.0)[:, 0], 45.0)
    assert slope_deg(plane, 1.0)[1, 1] == pytest.approx(45.0)
    lonely = np.full((3, 3), np.nan, np.float32)
    lonely[1, 1] = 5
    assert slope_deg(lonely, 1.0)[0, 0] == 0


@pytest.fixture(scope="module")
def relief(tmp_path_factory):
    dem = hilly(700, 620)  # several cells
    dem[300:320, 200:230] = -9999
    opened = open_relief([write_dem(tmp_path_factory.mktemp("dem") / "dem.tif", dem)], GRID)
    yield opened, dem
    opened.close()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 600), st.integers(0, 500), st.integers(1, 120), st.integers(1, 120))
def test_any_region_is_that_part_of_the_whole(relief, row, col, height, width):
    opened, dem = relief
    part = Region(row, min(row + height, 700), col, min(col + width, 620))
    extent = Region(ROW0, ROW0 + 700, COL0, COL0 + 620)
    altitude, slope = opened.read(moved(part, extent))
    whole = np.where(dem == -9999, np.nan, dem)
    padded = np.pad(whole, 1, constant_values=np.nan)
    inside = np.s_[part.row0 : part.row1, part.col0 : part.col1]
    np.testing.assert_array_equal(altitude, whole[inside])
    np.testing.assert_array_equal(slope, slope_deg(padded, GSD)[inside])


def test_beyond_the_elevation_model_nothing_is_known(relief):
    altitude, _ = relief[0].read(Region(ROW0 - 2000, ROW0 - 1990, COL0, COL0 + 10))
    assert np.isnan(altitude).all()


def test_an_elevation_model_that_is_gone_or_in_feet_is_none(tmp_path):
    assert open_relief([tmp_path / "gone.tif"], GRID) is None
    two_bands = write(tmp_path / "two.tif", np.zeros((2, 9, 9), np.float32), GSD)
    assert open_relief([two_bands], GRID) is None
