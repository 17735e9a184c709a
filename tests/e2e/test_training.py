"""From a scene to a model of one's own and its map, through QGIS and on the command line; kills included."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rasterio
from executables import (
    ROOT,
    Environment,
    Scene,
    command_line,
    qgis_process,
    results_of,
    run_command,
    sentence_of,
)
from mce_landcover.core.model.bundle import load_bundle

#: The smallest network, read by one process: quick, and the same on every machine.
SMALL = ("--encoder", "tu-mobilenetv3_small_100", "--device", "cpu", "--set", "load.workers=0")
CUT = ("--tile", "40", "--split", "iterative")


@pytest.fixture(scope="module")
def tiles(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiles that the command line cuts of the scene."""
    folder = tmp_path_factory.mktemp("training") / "tiles"
    done = run_command("prepare-tiles", *scene.options, "--labels", scene.labels, *CUT, "--output", folder)
    assert done.returncode == 0, done.stderr
    assert "tiles" in done.stdout and str(folder / "train.yaml") in done.stdout
    return folder


def algorithm(environment: Environment, name: str, *parameters: str) -> dict[str, Any]:
    """Run an algorithm through `qgis_process` and return its outputs."""
    return results_of(qgis_process(environment, "--json", "run", f"mce:{name}", "--", *parameters))


def test_a_model_is_made_taught_and_used_in_qgis(
    environment: Environment, scene: Scene, tiles: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    rasters = (f"IMAGE={scene.image}", f"DEM={scene.dem}")
    made = algorithm(
        environment,
        "prepare_tiles",
        *(*rasters, f"LABELS={scene.labels}", "TILE=40", "SPLIT=iterative", f"OUTPUT_DIR={folder}"),
    )
    for listing in ("train.csv", "val.csv", "test.csv", "statistics.csv", "train.yaml"):
        assert (folder / listing).read_bytes() == (tiles / listing).read_bytes()
    assert made["N_TILES"] == made["N_TRAIN"] + made["N_VAL"] + made["N_TEST"] == 36
    trained = algorithm(
        environment,
        "train",
        *(f"CONFIG={made['CONFIG']}", "EPOCHS=1", "ENCODER=tu-mobilenetv3_small_100", "DEVICE=cpu"),
        "SET=load.workers=0",
    )
    model = Path(trained["MODEL"])
    assert model == folder / "model.safetensors" and trained["SCORED_ON"] == "test"
    assert 0 <= trained["MEAN_ACCURACY"] <= 1 and trained["BEST_EPOCH"] == 1
    card = load_bundle(model).card
    assert len(card.classes) == made["N_CLASSES"] and card.window == 40
    joined, again = tmp_path / "joined.safetensors", tmp_path / "again.safetensors"
    learnt = algorithm(
        environment,
        "fit_aggregation",
        *(f"MODEL={model}", f"CONFIG={folder}", "SPLIT=train", f"OUTPUT={joined}"),
    )
    assert (learnt["REPLACES"], learnt["SCORED_ON"]) == ("mean_responsible", "test")
    # a bundle holds rounded weights
    assert learnt["MEAN_ACCURACY_BEFORE"] == pytest.approx(trained["MEAN_ACCURACY"], abs=0.02)
    done = run_command("fit-aggregation", model, "--config", folder, "--split", "train", "--output", again)
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == joined.read_bytes()
    run = algorithm(environment, "predict", *rasters, f"MODEL={joined}", f"OUTPUT_DIR={tmp_path / 'run'}")
    assert json.loads(Path(run["RUN_FILE"]).read_text())["parameters"]["aggregation"] == "composed"
    with rasterio.open(Path(run["OUTPUT_DIR"]) / "land_cover.tif") as land_cover:
        assert set(land_cover.read(1).ravel().tolist()) <= {c.id for c in card.classes}


def test_a_killed_training_loses_an_epoch_at_most_and_ends_like_an_unbroken_one(
    tiles: Path, tmp_path: Path
) -> None:
    """`kill -9` in the third epoch of three; what it says of the second was not for nothing."""
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    asked = ("train", "--config", tiles, *SMALL, "--epochs", "3", "--output")
    done = run_command(*asked, whole)
    assert done.returncode == 0, done.stderr
    with subprocess.Popen(command_line(*asked, broken), stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        # The epoch is told before its checkpoint is whole: the next step comes after that.
        told = False
        for line in child.stderr:
            told = told or line.startswith("Epoch 2")
            if told and "steps" in line:
                break
        child.kill()
    assert told and not broken.exists()
    done = run_command(*asked, broken)
    assert done.returncode == 0, done.stderr
    assert "Going on after epoch 2" in done.stderr and "Epoch 2:" not in done.stderr
    one, two = load_bundle(whole), load_bundle(broken)
    assert all((one.weights[name] == two.weights[name]).all() for name in one.weights)
    assert one.card.scores == two.card.scores


def test_cancelling_keeps_the_best_so_far_and_says_where(tiles: Path, tmp_path: Path) -> None:
    """Through the worker, with the signal that QGIS sends."""
    model = tmp_path / "model.safetensors"
    parameters = {"config": str(tiles), "output": str(model), "epochs": 50, "device": "cpu"}
    parameters |= {"encoder": "tu-mobilenetv3_small_100", "change": "load.workers=0"}
    request = json.dumps({"job": "train", "parameters": parameters, "protocol": 1}) + "\n"
    worker = [sys.executable, "-I", str(ROOT / "service" / "bootstrap.py")]
    lines = []
    with subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(request)
        child.stdin.close()
        for line in child.stdout:
            lines.append(json.loads(line))
            if str(lines[-1].get("message")).startswith("Epoch 1:"):
                os.kill(child.pid, signal.SIGTERM)
    kept = tmp_path / "model.best-so-far.safetensors"
    assert child.returncode == 130
    assert (lines[-1]["type"], lines[-1]["kind"]) == ("error", "Cancelled")
    assert str(kept) in lines[-1]["message"] and load_bundle(kept).card.provenance["unfinished"]
    assert not model.exists()


def test_bad_input_is_one_sentence(scene: Scene, tiles: Path, tmp_path: Path) -> None:
    labels = ("--labels", scene.labels)
    taken = run_command("prepare-tiles", *scene.options, *labels, *CUT, "--output", tiles)
    assert "holds tiles already" in sentence_of(taken) and taken.returncode == 2
    lost = run_command("train", "--config", tmp_path)
    assert "cannot be read" in sentence_of(lost) and lost.returncode == 2
