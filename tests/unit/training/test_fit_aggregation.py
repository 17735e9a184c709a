"""The job `fit_aggregation`: from a bundle and tiles to a bundle that joins its experts by what it learnt."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.mapping.predict import PredictRequest, predict
from mce_landcover.core.model.bundle import load_bundle, save_bundle
from mce_landcover.core.model.network import build_network
from mce_landcover.scene.write import make_scene
from mce_landcover.service.jobs import run_job
from mce_landcover.training.config import read_config
from mce_landcover.training.evaluate import evaluate_rules
from mce_landcover.training.formats import open_splits
from mce_landcover.training.prepare import prepare
from unit.service.test_model_jobs import refusal
from unit.training.test_train import plan

pytestmark = pytest.mark.slow

SILENT = SilentReporter()


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A configuration and an untrained model of its tiles."""
    folder = tmp_path_factory.mktemp("join")
    config, model = folder / "plan.yaml", folder / "model.safetensors"
    config.write_text(yaml.safe_dump(plan(folder)))
    card = prepare(read_config(config), SILENT).card
    save_bundle(model, card, build_network(card, seed=3).state_dict(), dtype=torch.bfloat16)
    return {"model": str(model), "config": str(config)}


def fit(given: dict[str, str], output: Path, **more: Any) -> dict[str, Any]:
    value = run_job("fit_aggregation", {**given, "output": str(output), **more}, SILENT)
    assert json.loads(json.dumps(value)) == value
    return value


def test_the_bundle_has_the_same_experts_and_another_rule(given: dict[str, str], tmp_path: Path) -> None:
    value = fit(given, tmp_path / "new" / "joined.safetensors")
    before, after = load_bundle(given["model"]), load_bundle(value["model"])
    assert all(torch.equal(before.weights[name], after.weights[name]) for name in before.weights)
    assert Path(value["model"]).stat().st_size < 1.05 * Path(given["model"]).stat().st_size
    assert after.card.aggregation == "composed" and after.card.composition is not None
    assert value["reference"] == "mean_responsible" and value["scored_on"] == "test"
    told = {"tiles": given["config"], "split": "val", "reference": "mean_responsible"}
    assert after.card.provenance["composition"] == told


def test_the_scores_are_those_of_the_test_tiles(given: dict[str, str], tmp_path: Path) -> None:
    value = fit(given, tmp_path / "joined.safetensors", reference="max")
    bundle = load_bundle(value["model"])
    card = bundle.card
    tiles = open_splits(read_config(Path(given["config"])), card.classes, card.sources, 40, SILENT)["test"]
    areas = [tiles.read(i) for i in range(len(tiles.names))]
    found = evaluate_rules(bundle.network(), card, areas, ["max", "composed"])
    for rule, when in (("max", "before"), ("composed", "after")):
        matrix = found[rule]
        assert value[when]["overall_accuracy"] == pytest.approx(matrix.trace() / matrix.sum(), abs=1e-4)
        recalls = matrix.diagonal() / matrix.sum(axis=1)
        assert value[when]["mean_accuracy"] == pytest.approx(recalls.mean(), abs=1e-4)
        assert card.scores[rule]["overall"] == value[when]["overall_accuracy"]


def test_predict_takes_the_bundle_and_the_model_learns_anew(given: dict[str, str], tmp_path: Path) -> None:
    joined = fit(given, tmp_path / "joined.safetensors", split="train", reference="mean")["model"]
    again = fit({**given, "model": joined}, tmp_path / "again.safetensors", split="train")
    assert again["reference"] == "mean"
    assert load_bundle(again["model"]).card.composition == load_bundle(joined).card.composition
    scene = make_scene(tmp_path / "scene", seed=1, size_m=32)
    sources = {"image": [scene.image], "dem": [scene.dem]}
    predict(PredictRequest(source=sources, output=tmp_path / "map", model=joined, device="cpu"), SILENT)
    record = json.loads((tmp_path / "map" / "run.json").read_text())
    assert record["parameters"]["aggregation"] == "composed" and record["composition"]


def test_bad_input_is_one_sentence(given: dict[str, str], tmp_path: Path) -> None:
    output = str(tmp_path / "joined.safetensors")
    raw = yaml.safe_load(Path(given["config"]).read_text())
    del raw["data"]["lists"]["val"]
    (tmp_path / "no_val.yaml").write_text(yaml.safe_dump(raw))
    refuse: list[tuple[dict[str, Any], str]] = [
        ({"config": str(tmp_path / "no_val.yaml")}, "has no val tiles; choose one of train, test"),
        ({"reference": "composed"}, "'reference'"),
        ({"model": "demo", "config": str(_camvid(tmp_path))}, "have other classes than the model"),
        ({"config": str(tmp_path / "none")}, "none"),
    ]
    for changes, words in refuse:
        assert words in refusal("fit_aggregation", {**given, "output": output, **changes})
    Path(output).write_text("mine")
    assert "exists already" in refusal("fit_aggregation", {**given, "output": output})
    assert Path(output).read_text() == "mine"


def _camvid(folder: Path) -> Path:
    """A configuration whose tiles are of other classes; its data are never opened."""
    raw = {
        "output": "m.safetensors",
        "model": {"architecture": {"decoder": "unet", "encoder": "resnet18", "expert_channels": 8}},
        "data": {"kind": "camvid", "folder": str(folder)},
    }
    (folder / "camvid.yaml").write_text(yaml.safe_dump(raw))
    return folder / "camvid.yaml"


def test_tiles_of_other_pixels_are_refused(given: dict[str, str], tmp_path: Path) -> None:
    raw = yaml.safe_load(Path(given["config"]).read_text())
    raw["model"]["gsd_m"] = 1.0
    (tmp_path / "coarse.yaml").write_text(yaml.safe_dump(raw))
    parameters = {**given, "config": str(tmp_path / "coarse.yaml"), "output": str(tmp_path / "o.safetensors")}
    with pytest.raises(InputError, match="have other pixels than the model test"):
        run_job("fit_aggregation", parameters, SILENT)
