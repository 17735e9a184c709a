"""Screening from rasters to the layer, with a network whose answer is known."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from mce_landcover.core.base.errors import Cancelled, InputError, ModelError
from mce_landcover.core.geodata.tile_layer import column_of, read_chosen
from mce_landcover.core.model.bundle import save_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.core.screening.screen import ScreenRequest, ScreenResult, screen_tiles
from numpy.typing import NDArray
from support.cards import tlm_card
from support.screen import LEFT, TILE_M, TOP, WINDOW, bright_card, bright_model, bright_scene
from support.tile_files import write_tif

ROWS, COLS = 5, 7


def brightness(seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).permutation(3 * ROWS * COLS).reshape(3, ROWS, COLS) / (3 * ROWS * COLS)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return bright_model(tmp_path / "bright.safetensors")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return bright_scene(tmp_path / "image.tif", brightness())


def screen(model: Path, image: Path, output: Path, **more: Any) -> ScreenResult:
    request = ScreenRequest(
        source={"image": [image]}, output=output, model=model, device="cpu", precision="fp32", **more
    )
    return screen_tiles(request)


def rows_of(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of the layer by the tile's name."""
    meta, _, geometry, fields = pyogrio.raw.read(path, layer="tiles")
    table = dict(zip(meta["fields"], fields, strict=True)) | {"geometry": shapely.from_wkb(geometry)}
    n = len(geometry)
    return {str(table["tile"][i]): {k: v[i] for k, v in table.items()} for i in range(n)}


def test_a_mapping_model_is_refused_by_its_name(tmp_path: Path, image: Path) -> None:
    with pytest.raises(ModelError, match="is a mapping model"):
        screen_tiles(ScreenRequest(source={"image": [image]}, output=tmp_path / "t.gpkg", model="demo"))


def test_tiles_are_ranked_by_the_rare_class(tmp_path: Path, model: Path, image: Path) -> None:
    result = screen(model, image, tmp_path / "t.gpkg")
    assert result.n == ROWS * COLS and result.ranked_by == ("large blocks",)
    assert result.hectares == pytest.approx(ROWS * COLS * TILE_M**2 / 1e4)
    rows = rows_of(result.tiles)
    channel = [c.name for c in bright_card().classes].index("large blocks")
    bright = brightness()[channel].ravel()
    expected = np.argsort(np.argsort(-bright)) + 1
    names = [
        f"{round((LEFT + c * TILE_M) / TILE_M)}_{round((TOP - (r + 1) * TILE_M) / TILE_M)}"
        for r in range(ROWS)
        for c in range(COLS)
    ]
    assert [rows[name]["rank"] for name in names] == expected.tolist()
    logits = 2 * (np.round(bright * 255) / 255) - 1
    chances = 1 / (1 + np.exp(-2 * logits))
    np.testing.assert_allclose([rows[n]["probability"] for n in names], chances, atol=1e-4)
    named = column_of(bright_card().classes[channel])
    np.testing.assert_allclose([rows[n][named] for n in names], chances, atol=1e-4)
    assert [("large blocks" in rows[n]["classes"]) for n in names] == (logits > 0).tolist()
    first = rows[names[0]]["geometry"]
    assert first.bounds == (LEFT, TOP - TILE_M, LEFT + TILE_M, TOP)
    assert {row["covered"] for row in rows.values()} == {1.0}


def test_other_classes_rank_otherwise(tmp_path: Path, model: Path, image: Path) -> None:
    result = screen(model, image, tmp_path / "t.gpkg", classes=("water", "scree"))
    assert sorted(result.ranked_by) == ["scree", "water"]
    rows = sorted(rows_of(result.tiles).values(), key=lambda row: row["rank"])
    some = [column_of(c) for c in bright_card().classes if c.name != "large blocks"]
    union = [1 - np.prod([1 - row[name] for name in some]) for row in rows]
    np.testing.assert_allclose([row["probability"] for row in rows], union, atol=1e-6)
    assert union == sorted(union, reverse=True)


def test_a_part_has_the_tiles_of_the_whole(tmp_path: Path, model: Path, image: Path) -> None:
    whole = rows_of(screen(model, image, tmp_path / "whole.gpkg").tiles)
    inside = (LEFT + 2.5 * TILE_M, LEFT + 4.2 * TILE_M, TOP - 3.5 * TILE_M, TOP - 1.5 * TILE_M)
    extent = ",".join(f"{v:.2f}" for v in inside) + " [EPSG:2056]"
    part = rows_of(screen(model, image, tmp_path / "part.gpkg", extent=extent).tiles)
    assert len(part) == 9  # whole tiles, also at the edge of the extent
    for name, row in part.items():
        assert row["probability"] == whole[name]["probability"]
        assert row["geometry"].equals(whole[name]["geometry"])


def test_a_raster_off_the_lattice_is_cut_on_it(tmp_path: Path, model: Path) -> None:
    shifted = bright_scene(tmp_path / "s.tif", brightness(), left=LEFT + 5, top=TOP - 3)
    rows = rows_of(screen(model, shifted, tmp_path / "t.gpkg").tiles)
    assert len(rows) == (ROWS + 1) * (COLS + 1)
    assert all(row["geometry"].bounds[0] % TILE_M == 0 for row in rows.values())
    corner = rows[f"{round(LEFT / TILE_M)}_{round(TOP / TILE_M) - 1}"]
    assert corner["covered"] == pytest.approx((WINDOW - 5) * (WINDOW - 3) / WINDOW**2)


def test_tiles_without_data_are_left_out(tmp_path: Path, model: Path) -> None:
    values = np.full((3, 2 * WINDOW, 2 * WINDOW), 90, np.uint8)
    values[:, :WINDOW, :WINDOW] = 0
    image = write_tif(tmp_path / "holes.tif", values, Affine(1, 0, LEFT, 0, -1, TOP), nodata=0)
    assert screen(model, image, tmp_path / "t.gpkg").n == 3
    empty = write_tif(tmp_path / "empty.tif", values * 0, Affine(1, 0, LEFT, 0, -1, TOP), nodata=0)
    with pytest.raises(InputError, match="nothing to screen"):
        screen(model, empty, tmp_path / "e.gpkg")
    assert not (tmp_path / "e.gpkg").exists()


def test_larger_squares_are_as_probable_as_their_best_tile(tmp_path: Path, model: Path, image: Path) -> None:
    fine = rows_of(screen(model, image, tmp_path / "f.gpkg").tiles)
    coarse = rows_of(screen(model, image, tmp_path / "c.gpkg", grid_m=3 * TILE_M).tiles)
    for row in coarse.values():
        inner = [f for f in fine.values() if row["geometry"].contains(f["geometry"])]
        assert row["probability"] == max(f["probability"] for f in inner)
        assert row["covered"] == pytest.approx(len(inner) / 9)
    assert sum(row["covered"] for row in coarse.values()) * 9 == pytest.approx(ROWS * COLS)


@pytest.mark.parametrize("grid_m", [8.0, 20.0, 16.1])
def test_grids_that_do_not_suit_the_model_are_refused(
    tmp_path: Path, model: Path, image: Path, grid_m: float
) -> None:
    with pytest.raises(InputError, match=r"does not suit the model, whose tiles are squares of 16 m"):
        screen(model, image, tmp_path / "t.gpkg", grid_m=grid_m)


def test_the_layer_is_a_geopackage_with_style_and_provenance(
    tmp_path: Path, model: Path, image: Path
) -> None:
    path = screen(model, image, tmp_path / "t.gpkg").tiles
    with sqlite3.connect(path) as database:
        said = dict(database.execute("SELECT key, value FROM screening"))
        style = database.execute("SELECT styleQML FROM layer_styles WHERE f_table_name = 'tiles'").fetchone()
    assert said["model"] == '"bright"' and len(said["model_sha256"]) == 66
    assert "graduatedSymbol" in style[0] and 'attr="probability"' in style[0]
    assert pyogrio.read_info(path, layer="tiles")["crs"] == "EPSG:2056"


def test_the_first_tiles_can_be_read_again(tmp_path: Path, model: Path, image: Path) -> None:
    path = screen(model, image, tmp_path / "t.gpkg").tiles
    rows = sorted(rows_of(path).values(), key=lambda row: row["rank"])
    bounds, crs = read_chosen(path, 0.2)
    assert crs.to_epsg() == 2056 and len(bounds) == 7
    assert sorted(bounds) == sorted(row["geometry"].bounds for row in rows[:7])
    assert len(read_chosen(path, 1.0)[0]) == ROWS * COLS
    with pytest.raises(InputError, match="no GeoPackage of screened tiles"):
        read_chosen(image, 0.2)


def test_extents_are_what_predict_takes(tmp_path: Path, model: Path, image: Path) -> None:
    rows = rows_of(screen(model, image, tmp_path / "t.gpkg").tiles)
    row = next(iter(rows.values()))
    again = rows_of(screen(model, image, tmp_path / "one.gpkg", extent=row["extent"]).tiles)
    assert list(again) == [row["tile"]]


def test_results_are_not_replaced_unasked(tmp_path: Path, model: Path, image: Path) -> None:
    path = screen(model, image, tmp_path / "t.gpkg").tiles
    before = path.read_bytes()
    with pytest.raises(InputError, match="already there"):
        screen(model, image, path)
    assert path.read_bytes() == before
    screen(model, image, path, overwrite=True, classes=("water",))
    assert path.read_bytes() != before
    other = tmp_path / "other.gpkg"
    other.write_bytes(b"mine")
    with pytest.raises(InputError, match="no GeoPackage of screened tiles, so it is not replaced"):
        screen(model, image, other, overwrite=True)
    assert other.read_bytes() == b"mine"


def test_a_cancelled_run_leaves_nothing(tmp_path: Path, model: Path, image: Path) -> None:
    class Impatient:
        def progress(self, done: int, total: int, unit: str) -> None:
            raise Cancelled("stopped")

        def log(self, message: str) -> None:
            pass

    request = ScreenRequest(
        source={"image": [image]}, output=tmp_path / "out" / "t.gpkg", model=model, device="cpu"
    )
    with pytest.raises(Cancelled):
        screen_tiles(request, Impatient())
    assert not list((tmp_path / "out").iterdir())


def test_bad_input(tmp_path: Path, model: Path, image: Path) -> None:
    with pytest.raises(InputError, match="no class 'lava'"):
        screen(model, image, tmp_path / "t.gpkg", classes=("lava",))
    with pytest.raises(InputError, match=r"ends? in \.gpkg|must be a GeoPackage"):
        screen(model, image, tmp_path / "t.shp")
    with pytest.raises(InputError, match="has no source 'dem'"):
        screen_tiles(
            ScreenRequest(source={"image": [image], "dem": [image]}, output=tmp_path / "t.gpkg", model=model)
        )
    with pytest.raises(InputError, match="lies outside the rasters"):
        screen(model, image, tmp_path / "t.gpkg", extent="0,1,0,1")
    card = tlm_card()
    save_bundle(tmp_path / "map.safetensors", card, build_network(card).state_dict())
    with pytest.raises(ModelError, match="is a mapping model"):
        screen(tmp_path / "map.safetensors", image, tmp_path / "t.gpkg")
    assert not list(tmp_path.glob("t.*"))
