"""The plugin through the real `qgis_process`, in its own profile: the same maps as the command line's."""

import csv
import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from executables import (
    QGIS_PYTHON,
    Environment,
    Scene,
    looks_finished,
    qgis_process,
    rasters_of,
    results_of,
)


def test_predict_gives_the_command_lines_bytes(
    environment: Environment, scene: Scene, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    results = results_of(
        qgis_process(
            environment,
            "--json",
            "run",
            "mce:predict",
            "--",
            f"IMAGE={scene.image}",
            f"DEM={scene.dem}",
            f"OUTPUT_DIR={run}",
        )
    )
    assert rasters_of(run) == rasters_of(finished)
    record = json.loads((run / "run.json").read_text())
    assert results["OUTPUT_DIR"] == str(run)
    assert results["DEVICE_USED"] == record["device"]
    assert results["PRECISION_USED"] == record["precision"]
    assert results["N_EXPERTS"] == 3


def test_a_model_hands_the_map_on_to_its_next_step(
    environment: Environment, scene: Scene, finished: Path, tmp_path: Path
) -> None:
    model, table, land_cover = tmp_path / "chain.model3", tmp_path / "table.csv", tmp_path / "map.tif"
    script = Path(__file__).with_name("chain_model.py")
    built = subprocess.run(
        [QGIS_PYTHON, str(script), str(model)], env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    inputs = [f"IMAGE={scene.image}", f"DEM={scene.dem}", f"FOLDER={tmp_path / 'run'}"]
    outputs = [f"count:Table={table}", f"map:Map={land_cover}"]
    results_of(qgis_process(environment, "--json", "run", str(model), "--", *inputs, *outputs))
    assert land_cover.read_bytes() == (finished / "land_cover.tif").read_bytes()
    with table.open(newline="") as file:
        counted = {int(float(row["value"])): int(float(row["count"])) for row in csv.DictReader(file)}
    with rasterio.open(finished / "land_cover.tif") as raster:
        values, counts = np.unique(raster.read(1), return_counts=True)
    assert counted == dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_a_refusal_is_the_backends_sentence_and_a_failed_exit(
    environment: Environment, scene: Scene, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = qgis_process(environment, "run", "mce:predict", "--", f"IMAGE={scene.image}", f"OUTPUT_DIR={run}")
    assert done.returncode != 0
    assert "dem" in (done.stdout + done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(run.glob("*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_fails_and_leaves_nothing_finished(
    environment: Environment, scene: Scene, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # Much overlap makes many windows, so that there is something left to cancel.
    inputs = [f"IMAGE={scene.image}", f"DEM={scene.dem}", f"OUTPUT_DIR={run}", "OVERLAP=0.9"]
    command = ["qgis_process", "run", "mce:predict", "--", *inputs]
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout
    for line in child.stdout:
        if line.startswith("Mapping"):
            child.send_signal(signal.SIGINT)
            break
    stdout, stderr = child.communicate(timeout=120)
    assert child.returncode != 0
    assert "Cancelled" in stdout + stderr
    assert looks_finished(run) == []


def test_a_missing_backend_says_so_and_fails(environment: Environment, scene: Scene, tmp_path: Path) -> None:
    missing = {**environment, "MCE_LANDCOVER_PYTHON": str(tmp_path / "no_python")}
    run = tmp_path / "run"
    done = qgis_process(missing, "run", "mce:predict", "--", f"IMAGE={scene.image}", f"OUTPUT_DIR={run}")
    assert done.returncode != 0
    assert str(tmp_path / "no_python") in done.stdout + done.stderr
    assert not run.exists()


def test_model_info_is_the_command_lines_text(environment: Environment) -> None:
    results = results_of(qgis_process(environment, "--json", "run", "mce:model_info"))
    assert any("bedrock with grass" in str(value) for value in results.values())
