"""Trainings of tiles end to end: they learn, resume, and refuse what cannot be learnt."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.bundle import load_tile_bundle, save_tile_bundle
from mce_landcover.core.model.card import TileCard
from mce_landcover.core.model.normalise import Normaliser
from mce_landcover.core.model.tile_network import decision_scores
from mce_landcover.training.config import TrainerSettings
from mce_landcover.training.data.samples import Draw, augmentation
from mce_landcover.training.losses.multilabel import PAPER_LOSSES, MultilabelLossName
from mce_landcover.training.multilabel.metrics import multilabel_scores
from mce_landcover.training.multilabel.samples import TileSamples
from mce_landcover.training.multilabel.tiles import PictureTiles
from mce_landcover.training.multilabel.train import (
    MultilabelModule,
    TileOptimizer,
    TileResult,
    TileSplits,
    TileTraining,
    measured,
    train_tiles,
)
from support.tile_cards import tile_card
from torch import nn

pytestmark = pytest.mark.slow

CLASSES = 3
QUICK = TileTraining(
    optimizer=TileOptimizer(lr=5e-3, weight_decay=0.0, schedule="constant"),
    trainer=TrainerSettings(epochs=2, device="cpu"),
    batch_size=16,
    workers=0,
)


def card() -> TileCard:
    base = tile_card(window=32)
    return tile_card(
        classes=base.classes[:CLASSES],
        label_counts=[1] * CLASSES,
        sources=[base.sources[0]],
        window=32,
        architecture={"kind": "patch_cnn", "width": 8},
    )


def coloured(n: int, seed: int) -> PictureTiles:
    """Tiles with a spot of red, green or blue for each label."""
    rng = np.random.default_rng(seed)
    labels = rng.random((n, CLASSES)) < [0.6, 0.4, 0.3]
    pictures = []
    for own in labels:
        raw = rng.uniform(100, 140, (3, 32, 32)).astype(np.float32)
        for c in np.flatnonzero(own):
            r, k = rng.integers(0, 24, 2)
            raw[c, r : r + 8, k : k + 8] = 250
        pictures.append(raw)
    return PictureTiles(pictures, [f"tile {i}" for i in range(n)], labels)


def trained(folder: Path, settings: TileTraining = QUICK) -> TileResult:
    train = coloured(160, 1)
    own = card().model_copy(update={"sources": measured(card().sources, train)})
    return train_tiles(
        own, TileSplits(train, coloured(60, 2), coloured(60, 3)), settings, folder, SilentReporter()
    )


def test_it_learns_calibrates_and_survives_the_file(tmp_path: Path) -> None:
    result = trained(tmp_path / "run", replace(QUICK, trainer=TrainerSettings(epochs=8, device="cpu")))
    assert result.test is not None
    labels = coloured(60, 3).labels
    found = multilabel_scores(result.test > result.card.thresholds, labels)
    assert found.macro.f1 > 0.9
    assert [e.epoch for e in result.history] == list(range(1, 9))
    assert result.best.average_precision == max(e.average_precision for e in result.history)
    assert result.card.label_counts == tuple(coloured(160, 1).labels.sum(axis=0).tolist())
    save_tile_bundle(tmp_path / "m.safetensors", result.card, result.weights, torch.float32)
    bundle = load_tile_bundle(tmp_path / "m.safetensors")
    assert bundle.card == result.card
    raw = torch.from_numpy(np.stack(coloured(60, 3).pictures))
    with torch.inference_mode():
        again = decision_scores(bundle.network()(Normaliser(bundle.card.sources)(raw)), bundle.card.link)
    np.testing.assert_allclose(again.numpy(), result.test, atol=1e-3)


@pytest.mark.parametrize("loss", PAPER_LOSSES)
def test_every_loss_trains(tmp_path: Path, loss: MultilabelLossName) -> None:
    settings = replace(QUICK, loss=loss, trainer=TrainerSettings(epochs=1, device="cpu"))
    result = trained(tmp_path, settings)
    assert result.card.loss == loss and result.history[0].average_precision > 0.5
    assert len(result.card.calibration) == CLASSES and all(a >= 0 for a, _ in result.card.calibration)


def test_a_broken_training_goes_on_and_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    one = replace(QUICK, trainer=TrainerSettings(epochs=1, device="cpu"))
    two = replace(QUICK, trainer=TrainerSettings(epochs=2, device="cpu"))
    trained(tmp_path / "broken", one)
    resumed, whole = trained(tmp_path / "broken", two), trained(tmp_path / "whole", two)
    assert [e.epoch for e in resumed.history] == [2]
    assert all(torch.equal(resumed.weights[k], whole.weights[k]) for k in whole.weights)


def test_samples_vary_by_epoch_and_keep_their_labels() -> None:
    tiles = coloured(4, 5)
    samples = TileSamples(tiles, augmentation("square", 0.3, card().sources), seed=1)
    first, again, later = samples[Draw(0, 2)], samples[Draw(0, 2)], samples[Draw(1, 2)]
    assert torch.equal(first.raw, again.raw) and not torch.equal(first.raw, later.raw)
    assert first.labels.tolist() == later.labels.tolist() == tiles.labels[2].astype(float).tolist()
    assert torch.equal(TileSamples(tiles)[Draw(7, 2)].raw, torch.from_numpy(tiles.pictures[2]))


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD), ("rmsprop", torch.optim.RMSprop)]
)
def test_optimizers_by_name(name: str, kind: type[torch.optim.Optimizer]) -> None:
    module = MultilabelModule(card(), nn.Module(), TileOptimizer(name=name, lr=0.3))  # type: ignore[arg-type]
    optimizer = module.configure_optimizers()
    assert type(optimizer) is kind and optimizer.param_groups[0]["lr"] == 0.3


def test_what_cannot_be_learnt_is_refused(tmp_path: Path) -> None:
    train, empty = coloured(32, 1), coloured(8, 2)
    bare = PictureTiles(empty.pictures, empty.names, np.zeros_like(empty.labels))
    with pytest.raises(InputError, match="No validation tile has a label"):
        train_tiles(card(), TileSplits(train, bare), QUICK, tmp_path / "a", SilentReporter())
    lacking = PictureTiles(train.pictures, train.names, train.labels & [True, False, True])
    weighed = replace(QUICK, loss="wbce")
    with pytest.raises(InputError, match="class of logit 1 has no training sample"):
        train_tiles(card(), TileSplits(lacking, empty), weighed, tmp_path / "b", SilentReporter())
    with pytest.raises(InputError, match="fewer than a batch of 16"):
        train_tiles(card(), TileSplits(empty, empty), QUICK, tmp_path / "c", SilentReporter())
