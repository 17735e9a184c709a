import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Region, WorldGrid, horizontal, parse_crs, parse_extent
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

LV95 = CRS.from_epsg(2056)
gsds = st.sampled_from([0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 10.0, 1 / 3])
pixels = st.integers(-20_000_000, 20_000_000)


@st.composite
def regions(draw):
    row, col = draw(pixels), draw(pixels)
    return Region(row, row + draw(st.integers(1, 5000)), col, col + draw(st.integers(1, 5000)))


@given(gsds, regions(), st.floats(-4e-4, 4e-4))
def test_bounds_and_covering_are_inverse_even_for_rasters_slightly_off(gsd, region, off):
    grid = WorldGrid(LV95, gsd)
    left, bottom, right, top = grid.bounds(region)
    assert grid.covering((left + off * gsd, bottom - off * gsd, right - off * gsd, top + off * gsd)) == region


@given(gsds, regions())
def test_transform_gives_the_bounds(gsd, region):
    grid = WorldGrid(LV95, gsd)
    transform = grid.transform(region)
    left, bottom, right, top = grid.bounds(region)
    assert transform @ (0, 0) == pytest.approx((left, top))
    assert transform @ region.shape[::-1] == pytest.approx((right, bottom))
    assert transform.e < 0 < transform.a
    assert isinstance(transform, Affine)


@given(regions(), regions())
def test_intersection_holds_what_both_hold(one, two):
    both = one.intersect(two)
    rows = set(range(one.row0, one.row1)) & set(range(two.row0, two.row1))
    cols = set(range(one.col0, one.col1)) & set(range(two.col0, two.col1))
    assert both.size == len(rows) * len(cols)


def test_extent_in_the_grids_crs():
    grid = WorldGrid(LV95, 0.5)
    expected = Region(-2_400_200, -2_400_000, 5_200_000, 5_200_300)
    assert parse_extent("2600000,2600150,1200000,1200100", grid) == expected
    assert parse_extent(" 2600000.0, 2600150 , 1.2e6,1200100 [EPSG:2056]", grid) == expected


def test_extent_in_another_crs_is_transformed():
    grid = WorldGrid(LV95, 0.5)
    bounds = (8.5, 47.2, 8.6, 47.3)
    expected = grid.covering(transform_bounds(CRS.from_epsg(4326), LV95, *bounds))
    for text in ("8.5,8.6,47.2,47.3 [EPSG:4326]", "8.5,8.6,47.2,47.3 EPSG:4326"):
        assert parse_extent(text, grid) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "a,b,c,d",
        "1,2,3,4 EPSG 2056",
        "2,1,3,4",
        "1,2,4,3",
        "1,1,3,4",
        "1,2,3,4 [EPSG:999999]",
        "nan,2,3,4",
        "inf,2,3,4",
        "1e400,2,3,4",
    ],
)
def test_bad_extents_are_refused_in_one_sentence(text):
    with pytest.raises(InputError, match="extent") as caught:
        parse_extent(text, WorldGrid(LV95, 0.5))
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize("text", ["EPSG:4326", "EPSG:2272", "EPSG:4978", "nonsense"])
def test_grids_are_metric(text):
    with pytest.raises(InputError, match="EPSG:2056"):
        parse_crs(text)


def test_vertical_half_is_dropped():
    compound = CRS.from_user_input("EPSG:2056+5728")
    assert horizontal(compound) == LV95
    assert horizontal(LV95) == LV95
