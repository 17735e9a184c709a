"""Screening through both doors, and mapping the first of the tiles: what one gives the other gives, too."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from executables import Environment, Scene, make_scene, qgis_process, results_of, run_command, sentence_of


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Nine hectares of the synthetic landscape."""
    return make_scene(tmp_path_factory.mktemp("screened"), 300, seed=11)


@pytest.fixture(scope="module")
def tiles(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its tiles, by the command line."""
    path = tmp_path_factory.mktemp("tiles") / "tiles.gpkg"
    done = run_command("screen-tiles", *scene.options, "--output", path)
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout and "144 tiles of 25 m" in done.stderr
    return path


def test_the_layer_has_a_square_per_tile(tiles: Path) -> None:
    meta, _, geometry, fields = pyogrio.raw.read(tiles, layer="tiles")
    table = dict(zip(meta["fields"], fields, strict=True))
    assert sorted(table["rank"]) == list(range(1, 145))
    assert (np.diff(table["probability"][np.argsort(table["rank"])]) <= 0).all()
    assert set(shapely.area(shapely.from_wkb(geometry))) == {625.0}
    assert {"p_3_large_blocks", "p_4_large_blocks_with_grass", "p_9_glacier"} <= set(table)


def test_qgis_gives_the_same(environment: Environment, scene: Scene, tiles: Path, tmp_path: Path) -> None:
    target = tmp_path / "tiles.gpkg"
    done = qgis_process(
        environment,
        "--json",
        "run",
        "mce:screen_tiles",
        f"IMAGE={scene.image}",
        f"DEM={scene.dem}",
        f"TILES_FILE={target}",
    )
    assert done.returncode == 0, done.stderr
    assert results_of(done)["N_TILES"] == 144
    one, two = (
        pyogrio.raw.read(path, layer="tiles", columns=["tile", "rank"])[3] for path in (tiles, target)
    )
    assert [f.tolist() for f in one] == [f.tolist() for f in two]


def test_only_the_first_tiles_are_mapped(scene: Scene, tiles: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--tiles", str(tiles), "--tiles-first", "0.2", "--output", str(run)]
    done = run_command("predict", *scene.options, *options)
    assert done.returncode == 0, done.stderr
    with rasterio.open(run / "land_cover.tif") as dataset:
        mapped = int((dataset.read(1) != 255).sum())
    assert mapped == 29 * 50 * 50
    assert json.loads((run / "run.json").read_text())["parameters"]["tiles"] == str(tiles)


def test_wrong_models_are_refused_in_one_sentence(scene: Scene, tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "resources" / "models"
    done = run_command(
        "predict", *scene.options, "--model", shipped / "screen.safetensors", "--output", tmp_path / "r"
    )
    assert done.returncode != 0 and "is a screening model" in sentence_of(done)
    target = tmp_path / "t.gpkg"
    done = run_command(
        "screen-tiles", *scene.options, "--model", shipped / "demo.safetensors", "--output", target
    )
    assert done.returncode != 0 and "is a mapping model" in sentence_of(done)
    assert not target.exists()


def test_the_card_of_the_screening_model(tmp_path: Path) -> None:
    done = run_command("model-info", "screen")
    assert done.returncode == 0, done.stderr
    assert "SYNTHETIC" in done.stdout and "tiles of 25 px (25 m)" in done.stdout
