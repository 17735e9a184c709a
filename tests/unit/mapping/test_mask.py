from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Region, WorldGrid
from mce_landcover.core.mapping.plan import TileMask, tile_mask
from rasterio.crs import CRS

LV95 = CRS.from_epsg(2056)
spans = st.tuples(st.integers(-10, 10), st.integers(1, 8))


def region(rows: tuple[int, int], cols: tuple[int, int]) -> Region:
    return Region(rows[0], sum(rows), cols[0], sum(cols))


@settings(max_examples=60, deadline=None)
@given(tiles=st.lists(st.tuples(spans, spans), min_size=1, max_size=5), rows=spans, cols=spans)
def test_the_mask_holds_the_pixels_of_the_tiles(
    tiles: list[tuple[tuple[int, int], tuple[int, int]]], rows: tuple[int, int], cols: tuple[int, int]
) -> None:
    regions = [region(*tile) for tile in tiles]
    mask = TileMask(np.array([(r.row0, r.row1, r.col0, r.col1) for r in regions]))
    here = region(rows, cols)
    got = mask.wanted(here)
    for r in range(here.row0, here.row1):
        for c in range(here.col0, here.col1):
            inside = any(t.row0 <= r < t.row1 and t.col0 <= c < t.col1 for t in regions)
            assert got[r - here.row0, c - here.col0] == inside
    assert mask.touches(here) == got.any()
    assert all(mask.bounding().intersect(r) == r for r in regions)


def test_tiles_come_onto_the_grid() -> None:
    mask = tile_mask([(100.0, 200.0, 200.0, 300.0)], LV95, WorldGrid(LV95, 0.5))
    assert mask.edges.tolist() == [[-600, -400, 200, 400]]
    assert mask.digest() != tile_mask([(0.0, 0.0, 1.0, 1.0)], LV95, WorldGrid(LV95, 0.5)).digest()


def test_tiles_of_another_crs_or_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tiles are in EPSG:2154 and the map is in EPSG:2056"):
        tile_mask([(0, 0, 1, 1)], CRS.from_epsg(2154), WorldGrid(LV95, 0.5))
    with pytest.raises(InputError, match="No tile is chosen"):
        tile_mask([], LV95, WorldGrid(LV95, 0.5))
