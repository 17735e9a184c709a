"""The CamVid experiment on tiny frames, from config file to tables, and its decisions by another route."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.segments.counting import count_errors
from mce_landcover.training.experiments.command import read_settings, run_experiment
from mce_landcover.training.experiments.metafusion import camvid
from mce_landcover.training.experiments.metafusion.camvid import CONFIGS, CamvidSettings, study_priors
from mce_landcover.training.experiments.metafusion.frames import (
    SCORES,
    FrameMaps,
    decide_frames,
)
from mce_landcover.training.experiments.metafusion.study import GROWN, STRICT
from mce_landcover.training.experiments.metafusion.sweep import sweep_table
from scipy.ndimage import gaussian_filter
from support.streets import write_frames

CONFIG = """
reduction = "tiny"
data = "{data}"
size = [32, 48]
parts = ["test"]
alphas = [0.99, 1.0]
sigma_px = 3
frames_per_group = 2
folds = 2
window = 32
[architecture]
decoder = "unet"
encoder = "resnet18"
encoder_depth = 3
decoder_channels = 8
decoder_stride = 2
expert_channels = 8
[train]
steps = 3
batch_size = 2
warmup = 1
adapted_lr = false
balanced = 0.0
symmetry = "mirror"
precision = "bf16"
"""


def scene(n_frames: int = 12, n_classes: int = 4, rare: int = 2) -> FrameMaps:
    """Frames in which Bayes misses much of a rare class; what is confidently rare is so more often."""
    rng = np.random.default_rng(4)
    probabilities, truth = [], []
    for _ in range(n_frames):
        fields = np.stack([gaussian_filter(rng.normal(size=(60, 80)), 2) for _ in range(n_classes)])
        noise = np.stack([gaussian_filter(rng.normal(size=(60, 80)), 2) for _ in range(n_classes)])
        logits = 25 * fields
        logits[rare] -= 5
        labels = (logits + 10 * noise).argmax(0).astype(np.uint8)
        labels[:3] = 255
        weights = np.exp(logits)
        probabilities.append((weights / weights.sum(0)).astype(np.float32))
        truth.append(labels)
    bayes = [p.argmax(0).astype(np.uint8) for p in probabilities]
    groups = np.arange(n_frames) // 2
    return FrameMaps(bayes, truth, range(n_classes), probabilities, groups, rare, tuple("abcd"))


PRIORS = np.array([0.33, 0.33, 0.005, 0.335])
META = MetaSettings(folds=3)


def test_the_plain_rule_is_counted_frame_by_frame() -> None:
    frames = scene()
    decided_frames = decide_frames(frames, PRIORS, 0.9, META)
    plain = frames.judge(decided_frames.plain, [frames.channel])
    fp = fn = 0
    for p, truth in zip(frames.probabilities, frames.truth, strict=True):
        decided = (p / (0.1 + 0.9 * PRIORS)[:, None, None]).argmax(0)
        errors = count_errors(decided, truth, frames.channel)
        fp, fn = fp + errors.fp, fn + errors.fn
    assert plain[0][:2] == (fp, fn)


def test_fusion_lies_between_bayes_and_what_accepting_everything_gives() -> None:
    frames = scene()
    settings = read_settings(Path("camvid_cpu"), CamvidSettings, CONFIGS)
    wanted = {"alphas": (0.9, 1.0), "accepted_per_find": (2.0, 5.0), "folds": META.folds}
    study = study_priors("global", frames, PRIORS, settings.model_copy(update=wanted), SilentReporter())
    last = study.last
    assert last is not None
    none, some, all_ = (
        frames.judge(last.fused(SCORES, STRICT, price), last.flagged) for price in (0.0, 2.0, float("inf"))
    )
    sweeps = {(v.how, v.price): sweep for v, sweep in study.sweeps.items()}
    strict = sweeps[STRICT, 2.0]
    bayes, point = strict["bayes"], strict["points"][-1]
    assert point["fused"]["fn"] >= sweeps[STRICT, 5.0]["points"][-1]["fused"]["fn"]
    for (errors, mean_iou), row in ((none, bayes), (some, point["fused"])):
        assert {**errors._asdict(), "f1": errors.f1, "miou": mean_iou}.items() <= row.items()
    assert bayes["fn"] > some[0].fn >= all_[0].fn
    assert bayes["fp"] <= some[0].fp < all_[0].fp
    assert 0.5 < point["auc"] <= 1
    for sweep in sweeps.values():
        rows = sweep_table(sweep).rows
        assert [row[0] for row in rows] == ["0 (Bayes)", "0.9", "1"]
        assert {len(row) for row in rows} == {len(sweep_table(sweep).heads)}


def test_agreeing_outlines_find_more_and_without_scores_nothing_else_is_accepted() -> None:
    frames = scene(3)
    judged = decide_frames(frames, PRIORS, 1.0, META)
    everything = replace(judged, validations={})
    grown, strict, plain = (
        frames.judge(maps, [frames.channel])
        for maps in (*(everything.fused(SCORES, how, 1.0) for how in (GROWN, STRICT)), judged.plain)
    )
    assert plain[0].fn <= grown[0].fn < strict[0].fn  # candidates are missing from it
    assert strict == frames.judge(frames.bayes, [frames.channel])


def test_priors_per_pixel_that_are_equal_everywhere_are_global_ones() -> None:
    frames = scene(4)
    everywhere = np.broadcast_to(PRIORS[:, None, None], frames.probabilities[0].shape)
    one, two = (decide_frames(frames, priors, 0.95, META) for priors in (PRIORS, everywhere))
    for a, b in zip(one.plain, two.plain, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    names = tuple(f"0001TP_{i}" for i in range(4))
    for part in ("train", "test"):
        write_frames(tmp_path / "data", part, names, (64, 96), cell=16)
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG.format(data=tmp_path / "data"))
    return path


def test_from_config_to_tables_and_again_without_training(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camvid, "BETWEEN", (0.5,))
    out = tmp_path / "out"

    def run() -> dict[str, object]:
        assert run_experiment("camvid", CamvidSettings, camvid.run, CONFIGS, [str(config), str(out)]) == 0
        found: dict[str, object] = json.loads((out / "camvid.json").read_text())["results"]
        return found

    results = run()
    assert set(results) == {"global", "position", "network"}
    for kind in ("global", "position"):
        for sweep in results[kind]["sweeps"]:  # type: ignore[index]
            assert [p["alpha"] for p in sweep["points"]] == [0.99, 1.0]
    text = capsys.readouterr().out
    for words in ("Global priors", "Position priors", "MobileNetV2", "lossy", "Reduction: tiny"):
        assert words in text
    weights = (out / "network.safetensors").read_bytes()
    monkeypatch.setattr("mce_landcover.training.experiments.metafusion.camvid.train", None)
    assert run() == results and (out / "network.safetensors").read_bytes() == weights


def test_an_unknown_class_is_one_sentence(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text(config.read_text().replace("folds = 2", 'folds = 2\ntarget = "unicorn"'))
    arguments = [str(config), str(tmp_path / "out")]
    assert run_experiment("camvid", CamvidSettings, camvid.run, CONFIGS, arguments) == 2
    assert not (tmp_path / "out" / "camvid.md").exists()


@pytest.mark.parametrize("name", ["camvid_cpu", "camvid_full"])
def test_shipped_configs_can_be_read(name: str) -> None:
    settings = read_settings(Path(name), CamvidSettings, CONFIGS)
    assert settings.alphas == (0.9, 0.95, 0.975, 0.99, 0.995, 1.0)
    assert settings.train.balanced == 0 and not settings.train.adapted_lr  # natural frequencies
