"""The door of the jobs that make models: what they hand on to training, and what comes back."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model import network
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.service.jobs import run_job
from mce_landcover.service.protocol import Failure, Request
from mce_landcover.service.worker import serve
from mce_landcover.training import authors
from mce_landcover.training.config import read_config
from mce_landcover.training.fit import LAST
from mce_landcover.training.requests import TrainRequest
from support.places import ROOT
from support.tiling import SIDE, write_landscape
from unit.training.test_fit import Recording
from unit.training.test_train import plan

pytestmark = pytest.mark.slow

SILENT = SilentReporter()


def refusal(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        run_job(name, parameters, SILENT)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_tiles_are_cut_and_told_as_plain_data(tmp_path: Path) -> None:
    files = {role: str(file) for role, file in write_landscape(tmp_path).items()}
    value = run_job("prepare_tiles", {**files, "output": str(tmp_path / "tiles"), "tile": SIDE}, SILENT)
    assert json.loads(json.dumps(value)) == value
    assert sum(value["tiles"].values()) == 64 and value["classes"] == [f"class {i}" for i in (1, 3, 5, 7)]
    for shares in value["shares"].values():
        assert sum(shares.values()) == pytest.approx(100, abs=1e-3)
    assert Path(value["config"]).parent == tmp_path / "tiles" and Path(value["report"]).exists()
    assert f"{value['neighbours_parted']} of {value['neighbours']} pairs" in value["message"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"image": ()}, "at least one raster"),
        ({"source": {"image": "b.tif"}}, "'image' is given twice"),
        ({"tile": 8}, "'tile'"),
        ({"split": "fairly"}, "'split'"),
        ({"val_share": 1}, "'val_share'"),
        ({"label_codes": "names"}, "'label_codes'"),
    ],
)
def test_bad_tiles_are_one_sentence(parameters: dict[str, Any], words: str) -> None:
    given = {"image": "a.tif", "labels": "l.tif", "output": "tiles"}
    assert words in refusal("prepare_tiles", {**given, **parameters})


def test_the_settings_of_a_training_become_changes_of_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(tmp_path)))
    given = {"epochs": 7, "experts": 1, "loss": "wce", "encoder": "resnet34", "device": "cuda"}
    given |= {"learning_rate": 1e-5, "pretrained": True, "output": str(tmp_path / 'a "b": c.safetensors')}
    job = TrainRequest.model_validate(
        {"config": file, **given, "change": "trainer.epochs=9\n\n# seed=8\nseed=3"}
    )
    config = read_config(job.config, job.changes)
    assert (config.model.experts, config.loss.name, config.optimizer.lr) == (1, "wce", 1e-5)
    assert (config.model.architecture.encoder, config.trainer.device) == ("resnet34", "cuda")
    assert config.model.encoder_weights == "imagenet"
    assert config.output == tmp_path / 'a "b": c.safetensors'
    assert (config.trainer.epochs, config.seed) == (9, 3), "single changes win"
    assert TrainRequest(config=file).changes == ()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"epochs": 0}, "'epochs'"),
        ({"experts": 4}, "'experts'"),
        ({"learning_rate": 0}, "'learning_rate'"),
        ({"device": "tpu"}, "'device'"),
        ({"loss": "best"}, "loss.name"),
        ({"loss": "ce"}, "set experts to 1"),
        ({"change": "faster"}, "not of the form"),
        ({"config": "/nowhere"}, "cannot be read"),
        ({"encoder": "resnet18x"}, "unknown"),
    ],
)
def test_a_bad_training_is_one_sentence(tmp_path: Path, parameters: dict[str, Any], words: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(tmp_path)))
    assert words in refusal("train", {"config": str(file), **parameters})
    assert not (tmp_path / "model.safetensors").exists()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two epochs of two steps."""
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(tmp_path)))
    return file


def test_a_training_tells_the_scores_of_its_card(config: Path) -> None:
    value = run_job("train", {"config": str(config), "epochs": 1}, SILENT)
    assert json.loads(json.dumps(value)) == value
    scores = load_bundle(value["model"]).card.scores["mean_responsible"]
    assert (value["scored_on"], value["best_epoch"], value["device"]) == ("test", 1, "cpu")
    assert value["mean_accuracy"] == scores["mean_recall"] and value["mean_iou"] == scores["mean_iou"]
    assert value["overall_accuracy"] == scores["overall"]
    assert {name: value[name] for name in ("head", "body", "tail")} == scores["groups"]


def test_without_test_tiles_the_validation_is_told(config: Path, tmp_path: Path) -> None:
    change = ["data.lists.test=null", "trainer.epochs=1"]
    value = run_job("train", {"config": str(config), "change": change}, SILENT)
    provenance = load_bundle(value["model"]).card.provenance
    assert value["scored_on"] == "validation" and value["mean_iou"] is None
    assert value["mean_accuracy"] == provenance["validation_mean_recall"]


def test_a_training_anew_discards_the_old_one(config: Path, tmp_path: Path) -> None:
    run_job("train", {"config": str(config), "epochs": 1}, SILENT)
    changed = {"config": str(config), "epochs": 1, "learning_rate": 0.5}
    assert "holds another training" in refusal("train", changed)
    note = tmp_path / "model.run" / "note.txt"
    note.write_text("mine")
    value = run_job("train", {**changed, "resume": False}, SILENT)
    assert load_bundle(value["model"]).card.provenance["config"]["optimizer"]["lr"] == 0.5
    assert note.exists(), "what is not of the training stays"


def test_a_model_of_another_training_is_not_replaced(config: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    model.write_text("precious")
    assert "is not of this training" in refusal("train", {"config": str(config)})
    assert model.read_text() == "precious"


@pytest.mark.parametrize("report", [16, 17, 20])
def test_a_signal_keeps_the_best_so_far_and_says_where(config: Path, tmp_path: Path, report: int) -> None:
    """In the second epoch's two steps, and while it validates; Lightning turns signals into exits."""
    with pytest.raises(Cancelled, match="the best weights so far, of epoch") as caught:
        run_job("train", {"config": str(config), "epochs": 4}, SignalAt(report))
    kept = tmp_path / "model.best-so-far.safetensors"
    assert str(kept) in str(caught.value) and load_bundle(kept).card.provenance["unfinished"]
    assert not (tmp_path / "model.safetensors").exists()


class SignalAt(SilentReporter):
    """Sends SIGTERM, as QGIS does to cancel, at the n-th report; an epoch has 2 steps, then validates 13."""

    def __init__(self, n: int) -> None:
        self.left = n

    def progress(self, done: int, total: int, unit: str) -> None:
        self.left -= unit == "steps"
        if unit == "steps" and self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def test_weights_that_cannot_be_downloaded_are_one_sentence(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a library raises without a network is an OSError."""
    build = network._backbone

    def offline(arch: Any, n_bands: int, weights: str | None = None) -> Any:
        if weights:
            raise ConnectionError("Name or service not known")
        return build(arch, n_bands)

    monkeypatch.setattr(network, "_backbone", offline)
    said = refusal("train", {"config": str(config), "pretrained": True})
    assert "imagenet weights of tu-mobilenetv3_small_100 cannot be downloaded" in said


def test_a_place_that_cannot_be_written_to_is_one_sentence(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = {"config": str(config), "output": str(tmp_path / "file" / "m.safetensors")}
    with pytest.raises(OutputError, match="Writing to"):
        run_job("train", given, SILENT)


def test_cancelled_before_the_first_epoch_nothing_is_kept(config: Path, tmp_path: Path) -> None:
    outcome = serve(Request("train", {"config": str(config)}), Recording(stop_at=1), debug=False)
    assert isinstance(outcome, Failure) and outcome.exit_code == 130
    assert outcome.message == "Cancelled before the first epoch was done, so there is nothing to keep."
    assert not list(tmp_path.glob("*.safetensors")) and not (tmp_path / "model.run" / LAST).exists()


def test_weights_are_imported_and_not_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def import_checkpoint(checkpoint: Path, output: Path, _reporter: object) -> Path:
        seen.append((checkpoint, output))
        return output

    monkeypatch.setattr(authors, "import_checkpoint", import_checkpoint)
    given = {"checkpoint": "net.pth", "output": str(tmp_path / "m.safetensors")}
    assert run_job("import_weights", given, SILENT) == {"model": given["output"]}
    (tmp_path / "m.safetensors").touch()
    assert "exists already" in refusal("import_weights", given)
    run_job("import_weights", {**given, "overwrite": True}, SILENT)
    assert seen == [(Path("net.pth"), tmp_path / "m.safetensors")] * 2


def test_tiles_and_imported_weights_need_no_lightning() -> None:
    code = (
        "import sys\nsys.modules['lightning'] = None\n"
        "import mce_landcover.training.jobs, mce_landcover.training.authors\n"
        "import mce_landcover.training.tiling.prepare_tiles\n"
        "from mce_landcover.service.protocol import Request\n"
        "from mce_landcover.service.worker import serve\n"
        "from mce_landcover.core.base.progress import SilentReporter\n"
        "request = Request('train', {'config': sys.argv[1]})\n"
        "print(serve(request, SilentReporter(), debug=False).message)\n"
    )
    config = ROOT / "training" / "configs" / "alpine.yaml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Training needs the package lightning" in done.stdout and "Set up the backend" in done.stdout
