"""The CIFAR-10 experiment on tiny pictures, from config file to tables, and its decisions one by one."""

import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.flagging.boosting import MetaSettings, fit_boosting
from mce_landcover.training.experiments.command import read_settings, run_experiment
from mce_landcover.training.experiments.metafusion import cifar10
from mce_landcover.training.experiments.metafusion.cifar10 import (
    CONFIGS,
    CifarSettings,
    accept_out_of_fold,
    evaluate_network,
)
from mce_landcover.training.experiments.metafusion.image_network import FitSettings
from mce_landcover.training.experiments.metafusion.sweep import PUBLISHED
from scipy.special import log_softmax
from unit.training.data.test_cifar10 import NAMES, write_archive

CONFIG = """
reduction = "tiny"
data = "{data}"
rare = [1, 2]
kept = 0.5
alphas = [0.9, 1.0]
folds = 2
[network]
stages = [[4], [4]]
hidden = 0
dropout = [0.0, 0.0, 0.0]
[fit]
epochs = 1
batch_size = 4
shift = 1
"""
SETTINGS = CifarSettings(reduction="", data=Path(), alphas=(0.5, 1.0), folds=4, fit=FitSettings(epochs=1))


def test_every_picture_is_decided_as_the_paper_says() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    counts, rare = [100, 100, 5, 100], 2
    logits = rng.normal(size=(400, 4)) + 2 * np.eye(4)[labels]
    logits[:, rare] -= 2
    log_p = log_softmax(logits, axis=1)
    result = evaluate_network(log_p, labels, counts, rare, SETTINGS)
    p = np.exp(log_p)
    for point in result["points"]:
        alpha, plain, fused, bayes = point["alpha"], point["plain"], point["fused"], result["bayes"]
        fp = fn = candidates = 0
        for row, label in zip(p, labels, strict=True):
            priors = [1 - alpha + alpha * n / sum(counts) for n in counts]
            said = int(np.argmax(row / priors))
            fp += said == rare != label
            fn += said != rare == label
            candidates += said == rare != int(np.argmax(row))
        assert (plain["fp"], plain["fn"], point["candidates"]) == (fp, fn, candidates)
        assert bayes["fp"] <= fused["fp"] <= plain["fp"]
        assert plain["fn"] <= fused["fn"] <= bayes["fn"]
        assert fused["fp"] + fused["tp"] <= bayes["fp"] + bayes["tp"] + candidates
    assert result["bayes"]["accuracy"] == np.mean(log_p.argmax(1) == labels)


def test_leaving_one_out_is_a_loop_over_candidates() -> None:
    rng = np.random.default_rng(1)
    right = rng.random(30) < 0.5
    features = rng.normal(size=(30, 3)) + right[:, None]
    expected = []
    for i in range(30):
        others = np.arange(30) != i
        model = fit_boosting(features[others], right[others], MetaSettings(kind="image"))
        expected.append(bool(model.raw(features[[i]])[0] > 0))
    assert accept_out_of_fold(features, right, 30, seed=0).tolist() == expected
    assert accept_out_of_fold(features, right, 999, seed=0).tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_one_outcome_only_is_all_or_nothing(n: int) -> None:
    features = np.random.default_rng(0).normal(size=(n, 3))
    always = accept_out_of_fold(features, np.ones(n, np.bool_), 3, seed=0)
    assert always.tolist() == [n > 1] * n
    assert not accept_out_of_fold(features, np.zeros(n, np.bool_), 3, seed=0).any()


def test_from_config_to_tables_and_again_without_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [(part, name, n) for part in ("train", "test") for name in NAMES for n in range(6)]
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG.format(data=write_archive(tmp_path / "a.tar", members, side=8)))
    out = tmp_path / "out"

    def run() -> dict[str, object]:
        arguments = [str(config), str(out)]
        assert run_experiment("cifar10", CifarSettings, cifar10.run, CONFIGS, arguments) == 0
        found: dict[str, object] = json.loads((out / "cifar10.json").read_text())["results"]
        return found

    results = run()
    assert [n["rare"] for n in results["networks"]] == [1, 2]  # type: ignore[attr-defined]
    text = capsys.readouterr().out
    for words in (
        "1 bird, ours",
        "2 cat, published",
        "mean of 2, ours",
        "Figure 4",
        "lossy",
        "Reduction: tiny",
    ):
        assert words in text
    monkeypatch.setattr(cifar10, "fit_image_network", None)
    assert run() == results
    config.write_text(config.read_text().replace("kept = 0.5", "kept = 0.01"))
    assert run_experiment("cifar10", CifarSettings, cifar10.run, CONFIGS, [str(config), str(out)]) == 2


def test_the_published_means_are_those_of_the_published_rows() -> None:
    """Guards the figures against slips of the pen: the paper's mean row is the mean of its ten rows."""
    table = PUBLISHED["cifar10"]
    for column, mean in table["mean"].items():
        if not column.endswith("F1"):
            found = np.mean([table[str(c)][column] for c in range(10)])  # type: ignore[misc]
            assert found == pytest.approx(mean, abs=0.011 if column.endswith("Δ") else 0.51)


@pytest.mark.parametrize("name", ["cifar10_cpu", "cifar10_full"])
def test_shipped_configs_can_be_read(name: str) -> None:
    settings = read_settings(Path(name), CifarSettings, CONFIGS)
    assert settings.rare == tuple(range(10)) and settings.alphas[-1] == 1.0 and settings.kept == 0.1
