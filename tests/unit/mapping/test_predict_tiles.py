"""Mapping only the tiles that screening put first: their map is the whole map's, the rest is nodata."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio.crs
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Bounds
from mce_landcover.core.geodata.tile_layer import TileLayer, write_tiles
from mce_landcover.core.mapping.plan import Settings
from mce_landcover.core.model.classes import load_catalogue
from support.engine import CRS, NORTH, WEST, FakeModel, predict_with, read, read_all, scene, tiny_model

GSD, SIDE_M = 0.5, 10.0


def first_tiles(path: Path, bounds: list[Bounds], crs: str = CRS) -> Path:
    """Write a layer of tiles, the first one ranked highest."""
    n, classes = len(bounds), load_catalogue()[:2]
    chances = np.linspace(0.9, 0.1, n)
    layer = TileLayer(
        bounds,
        [str(i) for i in range(n)],
        chances,
        classes,
        np.stack([chances, 1 - chances], axis=1),
        np.zeros((n, 2), bool),
        np.ones(n),
        rasterio.crs.CRS.from_user_input(crs),
        {},
    )
    write_tiles(path, layer)
    return path


def square(row: int, col: int) -> Bounds:
    """Return the tile whose first pixel is (row, col) of the scene's map."""
    left, top = WEST + col * GSD, NORTH - row * GSD
    return left, top - SIDE_M, left + SIDE_M, top


@pytest.fixture(scope="module")
def model() -> FakeModel:
    return tiny_model()


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return scene(tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize("sizes", [Settings(), Settings(40, 16, 64)])
def test_tiles_have_the_map_of_the_whole(
    model: FakeModel, rasters: dict[str, list[Path]], tmp_path: Path, sizes: Settings
) -> None:
    whole = predict_with(model, rasters, tmp_path / "whole")
    layer = first_tiles(tmp_path / "t.gpkg", [square(60, 90), square(20, 10), square(0, 50), square(40, 40)])
    result = predict_with(model, rasters, tmp_path / "part", sizes, tiles=layer, tiles_first=0.5)
    assert result.windows < whole.windows
    rows, cols = slice(20, 80), slice(10, 110)  # the box of the two first tiles
    chosen = np.zeros((60, 100), bool)
    chosen[40:60, 80:100] = chosen[0:20, 0:20] = True
    maps = read_all(whole)
    for name, pixels in read_all(result).items():
        np.testing.assert_array_equal(pixels[:, chosen], maps[name][:, rows, cols][:, chosen], err_msg=name)
    assert (read(result.products["land_cover"])[0][~chosen] == 255).all()
    record = json.loads(result.run_file.read_text())
    assert record["parameters"]["tiles"] == str(layer) and record["parameters"]["tiles_first"] == 0.5


def test_all_tiles_together_are_the_whole(
    model: FakeModel, rasters: dict[str, list[Path]], tmp_path: Path
) -> None:
    squares = [square(r, c) for r in range(0, 100, 20) for c in range(0, 130, 20)]
    layer = first_tiles(tmp_path / "t.gpkg", squares)
    whole = predict_with(model, rasters, tmp_path / "whole")
    part = predict_with(model, rasters, tmp_path / "part", tiles=layer, tiles_first=1.0)
    np.testing.assert_array_equal(read(part.products["land_cover"]), read(whole.products["land_cover"]))


def test_bad_tiles(model: FakeModel, rasters: dict[str, list[Path]], tmp_path: Path) -> None:
    away = first_tiles(tmp_path / "away.gpkg", [(0.0, 0.0, 10.0, 10.0)])
    with pytest.raises(InputError, match=r"None of the first tiles of .* lies in what is to be mapped"):
        predict_with(model, rasters, tmp_path / "a", tiles=away)
    french = first_tiles(tmp_path / "fr.gpkg", [square(0, 0)], "EPSG:2154")
    with pytest.raises(InputError, match="tiles are in EPSG:2154"):
        predict_with(model, rasters, tmp_path / "b", tiles=french)
    with pytest.raises(InputError, match="no GeoPackage of screened tiles"):
        predict_with(model, rasters, tmp_path / "c", tiles=rasters["image"][0])
    assert not (tmp_path / "a").exists()
