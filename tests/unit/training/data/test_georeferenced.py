from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import WorldGrid, parse_crs
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.georeferenced import GridTiles, grid_tiles, raster_labels
from mce_landcover.training.data.polygons import PolygonCells
from mce_landcover.training.data.tiles import class_codes, label_table
from support.cards import tlm_card
from support.tile_files import write_tif

SIDE = 32
GRID = WorldGrid(parse_crs("EPSG:2056"), 0.5)
LEFT, TOP = 2_600_000.0, 1_200_000.0  # a corner of the lattice of 32 px at 0.5 m
CLASSES = load_catalogue()
TABLE = label_table(class_codes(CLASSES, own_codes=False))
SPECS = tlm_card().sources


def write_scene(folder: Path) -> dict[str, list[Path]]:
    """Image at 0.25 m in two files, DEM at 0.5 m, labels at 0.5 m: 32 x 64 px of the grid, two tiles."""
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 255, (3, 64, 128), dtype=np.uint8)
    for i in range(2):
        place = Affine(0.25, 0, LEFT + 16 * i, 0, -0.25, TOP)
        write_tif(folder / "image" / f"{i}.tif", fine[:, :, 64 * i : 64 * i + 64], place)
    dem = rng.uniform(2000, 2010, (1, 32, 64)).astype(np.float32)
    half = Affine(0.5, 0, LEFT, 0, -0.5, TOP)
    write_tif(folder / "dem.tif", dem, half)
    labels = rng.integers(0, 10, (1, 32, 64), dtype=np.uint8)
    write_tif(folder / "labels.tif", labels, half)
    return {"image": [folder / "image"], "dem": [folder / "dem.tif"]}


def scene_tiles(folder: Path) -> GridTiles:
    files = write_scene(folder)
    return grid_tiles(SPECS, files, raster_labels([folder / "labels.tif"], GRID, SIDE, TABLE), GRID, SIDE)


def test_tiles_stand_on_the_lattice_and_hold_what_the_rasters_hold(tmp_path: Path) -> None:
    tiles = scene_tiles(tmp_path)
    assert len(tiles.names) == 2 and tiles.bounds is not None
    assert tiles.bounds.tolist() == [[LEFT + 16 * i, TOP - 16, LEFT + 16 * (i + 1), TOP] for i in range(2)]
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 255, (3, 64, 128), dtype=np.uint8).astype(np.float32)
    dem = rng.uniform(2000, 2010, (1, 32, 64)).astype(np.float32)
    labels = rng.integers(0, 10, (1, 32, 64), dtype=np.uint8)
    mean = fine.reshape(3, 32, 2, 64, 2).mean(axis=(2, 4))
    for i in range(2):
        area, part = tiles.read(i), np.s_[:, :, 32 * i : 32 * i + 32]
        np.testing.assert_allclose(area.raw[:3], mean[part], atol=1e-3)
        np.testing.assert_allclose(area.raw[3:], dem[part])
        np.testing.assert_array_equal(area.labels, labels[part][0])


def test_beyond_the_rasters_nothing_is_labelled(tmp_path: Path) -> None:
    files = write_scene(tmp_path)
    half = Affine(0.5, 0, LEFT + 8, 0, -0.5, TOP)
    write_tif(tmp_path / "labels.tif", np.full((1, 32, 64), 3, np.uint8), half)
    tiles = grid_tiles(SPECS, files, raster_labels([tmp_path / "labels.tif"], GRID, SIDE, TABLE), GRID, SIDE)
    assert len(tiles.names) == 2  # the third column of labels has no image
    assert (tiles.read_labels(0) == 3).sum() == 32 * 16


def test_polygons_are_burnt_in_by_class_name(tmp_path: Path) -> None:
    files = write_scene(tmp_path)
    drawn = shapely.box(LEFT, TOP - 8, LEFT + 16, TOP)  # upper half of the first tile
    names = np.array(["water"], dtype=object)
    target = tmp_path / "labels.gpkg"
    pyogrio.raw.write(
        target,
        np.array([shapely.to_wkb(drawn)], object),
        [names],
        ["kind"],
        crs="EPSG:2056",
        geometry_type="Polygon",
    )
    cells = PolygonCells(target, "kind", CLASSES, GRID, SIDE)
    tiles = grid_tiles(SPECS, files, cells, GRID, SIDE)
    assert len(tiles.names) == 1
    expected = np.zeros((32, 32), np.uint8)
    expected[:16] = 7
    np.testing.assert_array_equal(tiles.read_labels(0), expected)


def test_bad_inputs_are_one_sentence(tmp_path: Path) -> None:
    files = write_scene(tmp_path)
    labels = raster_labels([tmp_path / "labels.tif"], GRID, SIDE, TABLE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no raster"):
        grid_tiles(SPECS, files | {"image": [tmp_path / "empty"]}, labels, GRID, SIDE)
    with pytest.raises(InputError, match="No raster is given for the source 'dem'"):
        grid_tiles(SPECS, {"image": files["image"]}, labels, GRID, SIDE)
    far = write_tif(
        tmp_path / "far.tif", np.ones((1, 32, 32), np.uint8), Affine(0.5, 0, LEFT + 1e4, 0, -0.5, TOP)
    )
    with pytest.raises(InputError, match="do not overlap"):
        grid_tiles(SPECS, files, raster_labels([far], GRID, SIDE, TABLE), GRID, SIDE)
    write_tif(tmp_path / "labels.tif", np.full((1, 32, 64), 77, np.uint8), Affine(0.5, 0, LEFT, 0, -0.5, TOP))
    tiles = grid_tiles(SPECS, files, raster_labels([tmp_path / "labels.tif"], GRID, SIDE, TABLE), GRID, SIDE)
    with pytest.raises(InputError, match="ids 77"):
        tiles.read(0)
