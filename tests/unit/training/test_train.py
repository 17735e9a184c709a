import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mce_landcover.core.base.errors import Cancelled, InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.mapping.predict import PredictRequest, predict
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.scene.write import make_scene
from mce_landcover.service.jobs import run_job
from mce_landcover.training.config import Config, check_config, read_config
from mce_landcover.training.evaluate import evaluate
from mce_landcover.training.fit import read_best
from mce_landcover.training.prepare import prepare
from mce_landcover.training.train import train_config
from support.places import ROOT
from support.tile_files import flair_tile, tlm_list, tlm_tile, write_tif
from unit.training.data.test_georeferenced import write_scene
from unit.training.test_fit import Recording

pytestmark = pytest.mark.slow

CONFIGS = ROOT / "training" / "configs"
SMALL = {
    "decoder": "deeplabv3plus",
    "encoder": "tu-mobilenetv3_small_100",
    "decoder_channels": 16,
    "expert_channels": 16,
}
SILENT = SilentReporter()


def hectares(folder: Path, n: int = 4) -> dict[str, Any]:
    """Write TLM tiles that hold every class (ids 1..9) and return the section of a configuration."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        order = rng.permutation(np.arange(16) % 10).reshape(4, 4)
        labels = np.kron(order, np.ones((50, 50))).astype(np.uint8)
        rows.append(tlm_tile(folder, f"2563{i}_11123", labels, seed=i))
    listing = str(tlm_list(folder / "all.csv", rows))
    lists = {"train": listing, "val": listing, "test": listing}
    return {"kind": "tlm", "folder": str(folder), "lists": lists, "coding": "class_ids"}


def plan(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """Two epochs of two steps on small windows of one hectare."""
    raw: dict[str, Any] = {
        "output": str(tmp_path / "model.safetensors"),
        "model": {"name": "test", "architecture": SMALL, "window": 40, "stride": 20},
        "data": hectares(tmp_path, 1),
        "load": {"batch_size": 2, "workers": 0, "patches": 4, "cache": str(tmp_path / "cache")},
        "trainer": {"epochs": 2, "device": "cpu"},
    }
    for section, values in changes.items():
        raw[section] = {**raw.get(section, {}), **values} if isinstance(values, dict) else values
    return raw


def config(tmp_path: Path, **changes: Any) -> Config:
    return check_config(plan(tmp_path, **changes), "test")


def test_the_job_trains_a_bundle_that_predict_takes(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(tmp_path)))
    value = run_job("train", {"config": str(file), "change": ["trainer.epochs=1"]}, SILENT)
    card = load_bundle(value["model"]).card
    assert sum(card.pixel_counts) > 0 and card.provenance["best_epoch"] == 1
    assert card.provenance["config"]["trainer"]["epochs"] == 1
    assert card.scores.keys() == {"mean_responsible", "expert_1", "expert_2", "expert_3", "oracle"}
    scene = make_scene(tmp_path / "scene", size_m=40, seed=7)
    request = PredictRequest(
        source={"image": [scene.image], "dem": [scene.dem]},
        output=tmp_path / "map",
        model=value["model"],
        device="cpu",
        engine="torch",
    )
    assert predict(request, SILENT).products["land_cover"].exists()


def test_hectares_in_the_papers_format_train_with_published_normalisation(tmp_path: Path) -> None:
    raw = plan(tmp_path, model={"window": 200, "stride": 100}, load={"patches": None})
    made = check_config(raw | {"data": hectares(tmp_path)}, "test")
    card = load_bundle(train_config(made, SILENT)).card
    assert card.source("image").normalisation.mean == (0.5585, 0.5771, 0.5543)
    assert sum(card.pixel_counts) == sum(
        int((np.asarray(prepare(made, SILENT).data.train.tiles.read_labels(i)) > 0).sum()) for i in range(4)
    )
    assert card.provenance["splits"]["splits"]["train"]["tiles"] == 4


def test_flair_has_five_bands_and_measured_normalisation(tmp_path: Path) -> None:
    for number in range(1, 19):
        flair_tile(tmp_path, "D1_2020" if number < 18 else "D2_2020", number, number)
    for split, message in (("D1_2020", "no pixel of greenhouse"), (None, "")):
        data = {
            "kind": "flair",
            "images": str(tmp_path / "images"),
            "masks": str(tmp_path / "masks"),
            "domains": {"train": [split] if split else [], "val": ["D2_2020"]},
        }
        raw = plan(tmp_path, model={"window": None, "stride": None}, load={"patches": None, "keep_gb": 0})
        made = check_config(raw | {"data": data}, "test")
        if message:
            with pytest.raises(InputError, match=message):
                prepare(made, SILENT)
            continue
        ready = prepare(made, SILENT)
        assert (ready.card.window, ready.card.gsd_m, len(ready.card.classes)) == (512, 0.2, 18)
        assert ready.card.sources[0].normalisation.mean == pytest.approx([0.5] * 5, abs=0.02)
        assert set(ready.card.pixel_counts) == {512**2}


def test_rasters_are_split_by_blocks_and_labels_may_be_elsewhere(tmp_path: Path) -> None:
    files = write_scene(tmp_path)
    sources = [
        {"role": "image", "bands": ["R", "G", "B"], "gsd_m": 0.25, "scale": 1 / 255, "files": files["image"]},
        {"role": "dem", "bands": ["height"], "gsd_m": 0.5, "relief": True, "files": files["dem"]},
    ]
    data = {
        "kind": "rasters",
        "labels": [str(tmp_path / "labels.tif")],
        "split": {"strategy": "random", "ratios": [1, 1, 0]},
    }
    raw = plan(tmp_path, model={"sources": sources}, load={"patches": None, "batch_size": 1})
    ready = prepare(check_config(raw | {"data": data}, "test"), SILENT)
    assert len(ready.data.train) == 1 and ready.data.validation is not None and ready.data.test is None
    assert ready.card.source("dem").normalisation.kind == "window_min"
    assert ready.report.parted == 1 and "neighbouring" in ready.report.warnings()[0]


def test_a_class_missing_from_training_unknown_labels_and_no_labels_are_refused(tmp_path: Path) -> None:
    raw = plan(tmp_path, model={"window": 200, "stride": 100}, load={"patches": None})
    raw |= {"data": hectares(tmp_path)}
    for value, sentence in (
        (1, "no pixel of bedrock with grass"),
        (12, "ids 12"),
        (0, "None of the 4 tiles"),
    ):
        for i in range(4):
            labels = np.full((1, 200, 200), value, np.uint8)
            write_tif(tmp_path / f"2563{i}_11123_label.tif", labels)
        with pytest.raises(InputError, match=sentence):
            prepare(check_config(raw, "test"), SILENT)


def test_tiles_without_labels_are_left_out_and_told(tmp_path: Path) -> None:
    raw = plan(tmp_path, model={"window": 200, "stride": 100}, load={"patches": None})
    raw |= {"data": hectares(tmp_path)}
    write_tif(tmp_path / "25633_11123_label.tif", np.zeros((1, 200, 200), np.uint8))
    diary = Recording()
    assert len(prepare(check_config(raw, "test"), diary).data.train) == 3
    assert any("1 of 4 tiles" in line for line in diary.lines)


def test_scenes_are_areas_and_their_missing_classes_are_named(tmp_path: Path) -> None:
    data = {"kind": "scene", "seeds": {"train": [101]}, "side": 64}
    with pytest.raises(InputError, match="The training tiles have no pixel of"):
        prepare(check_config(plan(tmp_path) | {"data": data}, "test"), SILENT)


def test_experts_that_are_not_nested_are_refused(tmp_path: Path) -> None:
    experts = [
        {"name": "all", "classes": list(range(1, 10))},
        {"name": "rare", "classes": [3, 4]},
        {"name": "odd", "classes": [3, 7]},
    ]
    with pytest.raises(InputError, match="'odd' has the class water"):
        prepare(config(tmp_path, model={"experts": experts}), SILENT)
    experts[0]["classes"] = [1, 2]
    with pytest.raises(InputError, match="responsible for every class"):
        prepare(config(tmp_path, model={"experts": experts}), SILENT)


def test_a_cancelled_training_keeps_the_best_so_far_and_goes_on(tmp_path: Path) -> None:
    made = config(tmp_path, trainer={"epochs": 3})
    with pytest.raises(Cancelled):
        train_config(made, Recording(stop_at=3))
    assert not made.output.exists()
    kept = load_bundle(made.output.with_suffix(".best-so-far.safetensors")).card
    assert "cancelled" in kept.provenance["unfinished"]
    diary = Recording()
    train_config(made, diary)
    assert diary.steps[0][0] == 3 and made.output.exists()


@pytest.mark.slow
def test_two_processes_add_up_their_confusion_matrices(tmp_path: Path) -> None:
    """Scores of a run in two processes are those of its weights on all test tiles in one."""
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(tmp_path, load={"patches": 8}, trainer={"devices": 2, "epochs": 1})))
    command = [sys.executable, "-m", "mce_landcover.service.cli", "train", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("Epoch 1:") == 1
    made = read_config(file)
    tiles = prepare(made, SILENT).data.test.tiles
    card = load_bundle(made.output).card
    network = build_network(card)
    network.load_state_dict(read_best(made.run_folder)[0])
    areas = [tiles.read(i) for i in range(len(tiles.names))]
    found = evaluate(network.eval(), card, areas, ["expert_1"])["expert_1"]
    assert card.scores["expert_1"] == found.as_json([c.name for c in card.classes])


def test_a_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    train_config(config(tmp_path, trainer={"epochs": 1}), SILENT)
    with pytest.raises(InputError, match="another training"):
        train_config(config(tmp_path, loss={"complement": "channels"}), SILENT)


def test_bad_configurations_are_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    for text, sentence in (
        ("- 1", "no sections"),
        ("a: [", "not valid YAML"),
        ("output: a\ncolour: red", "model: Field required"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_config(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
    file.write_text(yaml.safe_dump(plan(tmp_path)))
    for change, sentence in (
        ("trainer.epochs", "not of the form"),
        ("output.x.y=1", "not of the form"),
        ("loss.name=best", "loss.name"),
        ("model.experts=9", "model.experts"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_config(file, [change])
    assert read_config(file, ["trainer.epochs=7", "optimizer.lr=0.5"]).optimizer.lr == 0.5


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_the_shipped_configurations_are_valid(name: str) -> None:
    assert read_config(CONFIGS / f"{name}.yaml").model.name
