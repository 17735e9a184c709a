from dataclasses import replace

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import Cancelled, TrainingError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.data.tiles import Area
from mce_landcover.training.trainer import TrainSettings, train
from support.cards import tlm_card

pytestmark = pytest.mark.slow

CARD = tlm_card("tu-mobilenetv3_small_100", window=32, stride=16)
SETTINGS = TrainSettings(steps=6, batch_size=4, lr=2e-3, warmup=1, validate_every=3, seed=4)


def colourful(seed: int, side: int = 64) -> Area:
    """Patches of 16 pixels whose colour tells the class: easy to learn."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(1, 10, (side // 16, side // 16)), np.ones((16, 16))).astype(np.uint8)
    tones = np.random.default_rng(0).uniform(0, 255, (10, 3))
    rgb = tones[labels].transpose(2, 0, 1) + rng.normal(0, 3, (3, side, side))
    return Area(np.concatenate([rgb, np.full((1, side, side), 2000.0)]).astype(np.float32), labels)


class Recording(SilentReporter):
    def __init__(self, stop_at: int = 0) -> None:
        self.steps: list[int] = []
        self.lines: list[str] = []
        self.stop_at = stop_at

    def progress(self, done: int, total: int, unit: str) -> None:
        self.steps.append(done)
        if done == self.stop_at:
            raise Cancelled("stopped")

    def log(self, message: str) -> None:
        self.lines.append(message)


def test_same_seed_gives_the_same_weights_and_leaves_the_global_state_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    runs = [train(CARD, [colourful(0)], [colourful(1)], SETTINGS) for _ in range(2)]
    assert torch.equal(torch.rand(1), expected)
    one, two = (run.weights for run in runs)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert runs[0].history == runs[1].history


def test_progress_is_told_per_step_and_the_best_checkpoint_is_kept() -> None:
    diary = Recording()
    result = train(CARD, [colourful(0)], [colourful(1)], SETTINGS, diary)
    assert sorted(set(diary.steps)) == [1, 2, 3, 4, 5, 6]
    assert diary.steps == sorted(diary.steps), "while it validates, it stands still"
    assert [epoch.step for epoch in result.history] == [3, 6]
    assert result.best.mean_recall == max(epoch.mean_recall for epoch in result.history)
    assert any("mean accuracy" in line for line in diary.lines)
    assert len(result.drawn_pixels) == 9 and result.seconds > 0


def test_it_learns() -> None:
    """Nine classes told by colour: chance is 1/9."""
    settings = TrainSettings(steps=60, batch_size=8, lr=3e-3, warmup=5, validate_every=60, jitter=0.0)
    areas = [colourful(seed) for seed in range(4)]
    result = train(tlm_card("resnet18", window=32, stride=16), areas, [colourful(9)], settings)
    assert result.best.mean_recall > 0.5


def test_half_precision_and_upright_scenes_learn_too() -> None:
    settings = TrainSettings(steps=60, batch_size=8, lr=3e-3, warmup=5, jitter=0.0)
    settings = replace(settings, precision="bf16", symmetry="mirror", validate_every=60)
    areas = [colourful(seed) for seed in range(4)]
    result = train(tlm_card("resnet18", window=32, stride=16), areas, [colourful(9)], settings)
    assert result.best.mean_recall > 0.5
    assert all(t.dtype != torch.bfloat16 for t in result.weights.values())


def test_cancelling_stops_at_once() -> None:
    diary = Recording(stop_at=2)
    with pytest.raises(Cancelled):
        train(CARD, [colourful(0)], [colourful(1)], SETTINGS, diary)
    assert diary.steps == [1, 2]


def test_divergence_is_one_sentence() -> None:
    endless = Area(np.full((4, 64, 64), np.inf, np.float32), colourful(0).labels)
    with pytest.raises(TrainingError, match="diverged at step 1"):
        train(CARD, [endless], [colourful(1)], replace(SETTINGS, jitter=0.0))
