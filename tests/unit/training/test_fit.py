import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import Cancelled, InputError, TrainingError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.card import ModelCard
from mce_landcover.training.config import LossSettings, OptimizerSettings, TrainerSettings
from mce_landcover.training.data.module import TileData
from mce_landcover.training.data.samples import Augmentation, ScoringWindows, TrainingTiles
from mce_landcover.training.data.tiles import Area, MemoryTiles
from mce_landcover.training.evaluate import evaluate
from mce_landcover.training.fit import BEST, LAST, FitResult, fit, read_best
from mce_landcover.training.module import SegmentationModule, make_loss
from support.cards import tlm_card

pytestmark = pytest.mark.slow

CARD = tlm_card("tu-mobilenetv3_small_100", window=32, stride=16)
IDS = [c.id for c in CARD.classes]
SETTINGS = TrainerSettings(epochs=3, device="cpu")
OPTIMIZER = OptimizerSettings(lr=2e-3, schedule="plateau", patience=0)


def colourful(seed: int, n: int = 4, side: int = 32) -> MemoryTiles:
    """Blocks of 8 pixels whose colour tells the class: easy to learn."""
    rng = np.random.default_rng(seed)
    tones = np.random.default_rng(0).uniform(0, 255, (10, 3))
    areas = []
    for _ in range(n):
        labels = np.kron(rng.integers(1, 10, (side // 8, side // 8)), np.ones((8, 8))).astype(np.uint8)
        rgb = tones[labels].transpose(2, 0, 1) + rng.normal(0, 3, (3, side, side))
        raw = np.concatenate([rgb, np.full((1, side, side), 2000.0)]).astype(np.float32)
        areas.append(Area(raw, labels))
    return MemoryTiles(areas, [f"tile_{seed}_{i}" for i in range(n)], "colourful")


def tile_data(train: MemoryTiles | None = None, **options: Any) -> TileData:
    training = TrainingTiles(train or colourful(1, 6), IDS, 32, Augmentation(), seed=2)
    scoring = ScoringWindows(colourful(2), IDS, 32)
    return TileData(training, scoring, scoring, **{"batch_size": 2, "workers": 0, "seed": 4} | options)


def new_module(card: ModelCard = CARD, optimizer: OptimizerSettings = OPTIMIZER, loss: str = "mce") -> Any:
    settings = LossSettings(name=loss)  # type: ignore[arg-type]
    return SegmentationModule(card, make_loss(settings, card, 1024), optimizer, seed=3)


def run(
    folder: Path, settings: TrainerSettings = SETTINGS, reporter: Any = None, **options: Any
) -> FitResult:
    optimizer = options.pop("optimizer", OPTIMIZER)
    return fit(
        new_module(optimizer=optimizer), tile_data(**options), folder, settings, reporter or SilentReporter()
    )


class Recording(SilentReporter):
    def __init__(self, stop_at: int = -1) -> None:
        self.steps: list[tuple[int, int]] = []
        self.lines: list[str] = []
        self.stop_at = stop_at

    def progress(self, done: int, total: int, unit: str) -> None:
        if unit == "steps":
            self.steps.append((done, total))
            if done == self.stop_at:
                raise Cancelled("stopped")

    def log(self, message: str) -> None:
        self.lines.append(message)


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def last_weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / LAST, weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(
    ("schedule", "stop_at", "workers"), [("plateau", 4, 0), ("cosine", 8, 0), ("plateau", 8, 1)]
)
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, schedule: Any, stop_at: int, workers: int
) -> None:
    """Three steps per epoch: killed in the second or third epoch, it loses no more than that epoch."""
    optimizer = replace(OPTIMIZER, schedule=schedule)
    run(tmp_path / "whole", optimizer=optimizer)
    with pytest.raises(Cancelled):
        run(tmp_path / "broken", reporter=Recording(stop_at), optimizer=optimizer, workers=workers)
    diary = Recording()
    result = run(tmp_path / "broken", reporter=diary, optimizer=optimizer, workers=workers)
    assert diary.steps[0][0] == (stop_at - 1) // 3 * 3 + 1
    assert same(last_weights(tmp_path / "whole"), last_weights(tmp_path / "broken"))
    assert same(read_best(tmp_path / "whole")[0], result.weights)


def test_the_best_epoch_is_kept_with_scores_that_evaluate_finds_too(tmp_path: Path) -> None:
    diary = Recording()
    result = run(tmp_path, reporter=diary)
    assert [e.epoch for e in result.history] == [1, 2, 3]
    assert result.best.mean_recall == max(e.mean_recall for e in result.history)
    steps = list(dict.fromkeys(diary.steps))  # told again while validating
    assert steps == [(done, 9) for done in range(1, 10)]
    assert sum("mean accuracy" in line for line in diary.lines) == 3
    network = new_module().network
    network.load_state_dict(result.weights)
    rules = ["mean_responsible", "expert_1", "expert_2", "expert_3", "oracle"]
    expected = evaluate(network.eval(), CARD, colourful(2).areas, rules)
    assert result.scores.keys() == set(rules)
    for rule in rules:
        np.testing.assert_allclose(result.scores[rule].recall, expected[rule].recall)
    assert result.best.mean_recall == pytest.approx(expected["mean_responsible"].mean_recall, abs=1e-6)
    assert list(tmp_path.glob("csv/*/metrics.csv")) and list(tmp_path.glob("tensorboard/*/events*"))


def test_the_global_random_state_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    run(tmp_path, replace(SETTINGS, epochs=1))
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("loss", ["ce", "wce", "cb", "seesaw", "focal", "lovasz", "cdfl"])
def test_single_heads_go_the_same_way(tmp_path: Path, loss: str) -> None:
    card = tlm_card("resnet18" if loss == "cdfl" else "tu-mobilenetv3_small_100", n_experts=1, window=32)
    module = new_module(card, loss=loss)
    result = fit(module, tile_data(), tmp_path, replace(SETTINGS, epochs=1), SilentReporter())
    assert result.scores.keys() == {"mean_responsible", "expert_1", "oracle"}
    assert math.isfinite(result.best.loss)


def test_a_single_head_loss_refuses_several_experts() -> None:
    with pytest.raises(InputError, match="set experts to 1"):
        new_module(loss="ce")


def test_rates_follow_equation_1_and_fall_on_a_plateau(tmp_path: Path) -> None:
    module = new_module(optimizer=replace(OPTIMIZER, lr=1e-9, patience=0))
    fit(module, tile_data(), tmp_path, replace(SETTINGS, epochs=2), SilentReporter())
    groups = module.trainer.optimizers[0].param_groups
    assert [g["base_lr"] for g in groups] == pytest.approx([1e-9, 1e-9, 1e-9 * 22 / 45, 1e-9 * 7 / 45])
    assert all(0 < g["lr"] <= g["base_lr"] for g in groups)


def test_divergence_names_the_tiles(tmp_path: Path) -> None:
    tiles = colourful(1, 6)
    tiles.areas[4].raw[:] = np.inf
    with pytest.raises(TrainingError, match=r"tile_1_4.* is nan"):
        run(tmp_path, train=tiles)


def test_validation_without_labels_is_one_sentence(tmp_path: Path) -> None:
    empty = colourful(2)
    for area in empty.areas:
        area.labels[:] = 0
    data = TileData(
        TrainingTiles(colourful(1), IDS, 32, Augmentation(), seed=2),
        ScoringWindows(empty, IDS, 32),
        batch_size=2,
        workers=0,
    )
    with pytest.raises(InputError, match="no labelled pixel"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(new_module(), data, tmp_path, SETTINGS, SilentReporter())


def test_without_validation_the_last_weights_count(tmp_path: Path) -> None:
    data = tile_data()
    data.validation = data.test = None
    result = fit(new_module(), data, tmp_path, replace(SETTINGS, epochs=2), SilentReporter())
    assert not (tmp_path / BEST).exists() and result.best.epoch == 2 and math.isnan(result.best.mean_recall)


def test_accumulated_batches_make_fewer_steps(tmp_path: Path) -> None:
    diary = Recording()
    run(tmp_path, replace(SETTINGS, epochs=1, accumulate=3), diary)
    assert diary.steps[-1] == (1, 1)


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    """Nine classes told by colour: chance is 1/9."""
    card = tlm_card("resnet18", window=32, stride=16)
    module = new_module(card, OptimizerSettings(lr=3e-3, schedule="cosine", adapted_lr=False))
    data = tile_data(colourful(1, 32), batch_size=8)
    result = fit(module, data, tmp_path, TrainerSettings(epochs=8, device="cpu"), SilentReporter())
    assert result.best.mean_recall > 0.3


def test_a_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(b"\x80\x05not one of ours")
    with pytest.raises(InputError, match="not one of this program"):
        run(tmp_path)
