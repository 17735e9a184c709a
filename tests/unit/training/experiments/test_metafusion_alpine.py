"""The alpine experiment on a small scene, and its parts by other routes."""

import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.cross_validation import CrossValidation, cross_validate
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.training.experiments.command import read_settings, run_experiment
from mce_landcover.training.experiments.metafusion import alpine
from mce_landcover.training.experiments.metafusion.alpine import CONFIGS, AlpineSettings, auc_gain
from mce_landcover.training.experiments.metafusion.scenes import ALL, PAPER, candidate_numbers, feature_sets
from scipy.ndimage import label
from unit.training.experiments.test_natural_priors import write_model

pytestmark = pytest.mark.slow


def test_candidates_are_numbered_where_they_lie() -> None:
    rng = np.random.default_rng(0)
    ml = rng.choice([1, 3, 4], (20, 30), p=[0.6, 0.2, 0.2]).astype(np.uint8)
    parts = [(c, label(ml == c, np.ones((3, 3)))[0]) for c in (3, 4)]
    chosen = [(c, p == index) for c, p in parts for index in range(1, p.max() + 1, 2)]
    numbers = candidate_numbers(
        ml, np.array([c for c, _ in chosen]), np.array([np.flatnonzero(mask)[0] for _, mask in chosen])
    )
    expected = np.zeros(ml.shape, int)
    for number, (_, mask) in enumerate(chosen, start=1):
        expected[mask] = number
    np.testing.assert_array_equal(numbers, expected)
    none = np.zeros(0, np.int64)
    assert not candidate_numbers(ml, none, none).any()


def test_gains_are_differences_over_the_same_folds() -> None:
    rng = np.random.default_rng(0)
    targets = rng.random(300) < 0.4
    groups = np.repeat(np.arange(30), 10)
    table = FeatureTable(
        ("M", "mce_support"), np.stack([rng.normal(size=300), targets + rng.normal(size=300)], 1)
    )
    values = feature_sets(table)
    assert values[PAPER].shape == (300, 1) and values[ALL].shape == (300, 2)
    meta = MetaSettings(folds=4)
    validations = {name: cross_validate(v, targets, groups, meta) for name, v in values.items()}
    one, two = validations[PAPER], validations[ALL]
    np.testing.assert_array_equal(one.folds, two.folds)
    gain = auc_gain(0.9, validations)
    assert gain["gain"] == pytest.approx(np.mean(np.subtract(two.aucs, one.aucs)))
    assert gain["gain_std"] == pytest.approx(np.std(np.subtract(two.aucs, one.aucs), ddof=1))
    assert gain["both"] > 0.7 > gain["paper"]
    nothing: dict[str, CrossValidation] = {}
    assert np.isnan(list(auc_gain(0.9, nothing).values())[1:]).all()


@pytest.mark.slow
def test_from_config_to_tables_and_again_without_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpine, "BETWEEN", (0.5,))
    model = write_model(tmp_path / "m.safetensors")
    config, out = tmp_path / "c.toml", tmp_path / "out"
    config.write_text(
        'reduction = "tiny"\nseeds = [301]\nsize_m = 40\ntile_m = 10\nfolds = 2\nalphas = [1.0]\n'
        "price_alpha = 1.0\n"
        f'natural_priors = false\nflagged = [["tail"]]\nmodel = "{model}"\n'
    )

    def run() -> dict[str, object]:
        assert run_experiment("alpine", AlpineSettings, alpine.run, CONFIGS, [str(config), str(out)]) == 0
        found: dict[str, object] = json.loads((out / "alpine.json").read_text())["results"]
        return found

    results = run()
    text = capsys.readouterr().out
    for words in (
        "SYNTHETIC",
        "Classes of tail, metrics of the paper and ours, eq. 14",
        "at other prices",
        "MobileNetV2",
    ):
        assert words in text
    monkeypatch.setattr("mce_landcover.training.experiments.metafusion.scenes.predict", None)
    assert run() == results


@pytest.mark.parametrize("name", ["alpine_cpu", "alpine_full"])
def test_shipped_configs_leave_out_what_the_demo_model_has_seen(name: str) -> None:
    settings = read_settings(Path(name), AlpineSettings, CONFIGS)
    assert not set(settings.seeds) & {7, 201, 202, *range(101, 117)}
    assert settings.flagged == (("tail",), ("body", "tail"))
