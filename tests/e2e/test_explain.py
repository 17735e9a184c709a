"""Why a candidate was flagged, through both doors: the same heat map from the command line and from QGIS."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rasterio
from executables import (
    PLAIN,
    Environment,
    Scene,
    make_scene,
    qgis_process,
    results_of,
    run_command,
    sentence_of,
)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """120 m of a landscape with many blocks."""
    return make_scene(tmp_path_factory.mktemp("scene"), 120, seed=5)


@pytest.fixture(scope="module")
def candidates(blocks: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its candidates."""
    run = tmp_path_factory.mktemp("flagged") / "run"
    done = run_command("flag-candidates", run, *blocks.options, *PLAIN, "--alpha", "1")
    assert done.returncode == 0, done.stderr
    return run / "candidates.gpkg"


def first_of(candidates: Path) -> tuple[str, str]:
    """The uuid and the class of the candidate to look at first."""
    with closing(sqlite3.connect(candidates)) as database:
        found = database.execute("SELECT uuid, class_name FROM candidates ORDER BY rank").fetchone()
    assert found, "the scene has candidates"
    return found


def read(path: str | Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def test_both_doors_give_one_heat_map(candidates: Path, environment: Environment, tmp_path: Path) -> None:
    uuid, class_name = first_of(candidates)
    mine, theirs = tmp_path / "mine.tif", tmp_path / "theirs.tif"
    asked = ("--candidates", candidates, "--uuid", uuid, "--output", mine, "--device", "cpu", "--json")
    done = run_command("explain", *asked)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout.splitlines()[-1])["value"]
    given = (f"CANDIDATES={candidates}", f"UUID={uuid}", f"HEAT_MAP={theirs}", "DEVICE=cpu")
    found = results_of(qgis_process(environment, "--json", "run", "mce:explain", "--", *given))
    assert (found["CLASS_NAME"], found["EXPERT_NAME"]) == (class_name, value["expert"])
    assert found["MESSAGE"] == value["message"]
    assert found["LOGIT"] == pytest.approx(value["logit"])
    np.testing.assert_array_equal(read(mine), read(theirs))
    assert theirs.with_suffix(".qml").read_bytes() == mine.with_suffix(".qml").read_bytes()


def test_a_point_and_what_is_wrong_with_another(blocks: Scene, tmp_path: Path) -> None:
    output = tmp_path / "heat.tif"
    with rasterio.open(blocks.image) as file:
        x, y = file.xy(file.height // 2, file.width // 2)
        crs = file.crs
    asked = ("explain", *blocks.options, "--class", "large blocks", "--output", output)
    done = run_command(*asked, "--point", f"{x},{y}", "--against", "scree")
    assert done.returncode == 0, done.stderr
    assert "expert tail" in done.stderr and "above scree" in done.stderr
    with rasterio.open(output) as file:
        assert file.crs == crs
        assert file.bounds.left < x < file.bounds.right
        assert file.count == 3
    done = run_command(*asked, "--point", "0,0", "--overwrite")
    assert done.returncode == 2
    assert "lies outside the rasters" in sentence_of(done)
    assert output.exists()


def test_an_unknown_candidate(candidates: Path, tmp_path: Path) -> None:
    asked = ("--candidates", candidates, "--uuid", "none", "--output", tmp_path / "heat.tif")
    done = run_command("explain", *asked)
    assert done.returncode == 2
    assert "has no candidate 'none'" in sentence_of(done)
    assert not list(tmp_path.iterdir())
