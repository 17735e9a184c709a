"""Trains a network on tiles with several labels and keeps its best epoch; its Lightning module, too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...core.base.errors import InputError
from ...core.base.progress import Reporter
from ...core.model.card import SourceSpec, TileCard
from ...core.model.tile_network import build_tile_network, decision_scores
from ..config import OptimizerSettings, TrainerSettings
from ..data.module import TileData
from ..data.samples import Draw, Symmetry, augmentation
from ..data.statistics import evenly, measured_sources
from ..fit import FitResult, fit
from ..lightning_setup import CatMetric
from ..losses.multilabel import MultilabelLossName, link_of, multilabel_loss
from ..module import LearningModule
from .metrics import (
    Floats,
    MultilabelScores,
    class_calibration,
    class_thresholds,
    mean_average_precision,
    multilabel_scores,
)
from .samples import DrawnTiles, LabelledSample, TileSamples
from .tiles import LabelledTiles


@dataclass(frozen=True)
class TileOptimizer(OptimizerSettings):
    """An optimizer by name: paper 001 takes SGD, paper 003 RMSprop; `momentum` is of SGD."""

    name: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: float = 0.9


class MultilabelModule(LearningModule[MultilabelScores]):
    """Trains the network of a card; the validation's mean average precision chooses the best checkpoint.

    F1 is that of the loss's own threshold, 0 of `decision_scores`.
    """

    MONITOR = "validation/average_precision"

    def __init__(
        self,
        card: TileCard,
        loss: nn.Module,
        optimizer: TileOptimizer,
        *,
        pretrained: bool = False,
        seed: int = 0,
    ):
        network = build_tile_network(card, pretrained=pretrained, seed=seed)
        super().__init__(network, loss, card.sources, optimizer, seed)
        self.card, self.optimizer_settings = card, optimizer
        self.kept_scores, self.kept_labels = CatMetric(), CatMetric()

    def forward(self, raw: Tensor) -> Tensor:
        """Return decision scores `[B, C]` of raw bands `[B, n_bands, S, S]`."""
        return decision_scores(self.network(self.normalised(raw)).float(), self.card.link)

    def make_optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return the optimizer of the settings' name."""
        s = self.optimizer_settings
        if s.name == "sgd":
            return torch.optim.SGD(groups, lr=s.lr, momentum=s.momentum, weight_decay=s.weight_decay)
        if s.name == "rmsprop":
            return torch.optim.RMSprop(groups, lr=s.lr, weight_decay=s.weight_decay)
        return super().make_optimizer(groups)

    def training_step(self, batch: LabelledSample, _batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        self.check_last()
        loss: Tensor = self.loss(self.network(self.normalised(batch.raw)), batch.labels)
        self.note_loss(loss, batch.name)
        return loss

    def validation_step(self, batch: LabelledSample, _batch_index: int) -> None:
        """Keep the scores of a batch, and add up the loss."""
        logits = self.network(self.normalised(batch.raw)).float()
        self.kept_scores.update(decision_scores(logits, self.card.link))
        self.kept_labels.update(batch.labels)
        loss = self.loss(logits, batch.labels)
        self.log("validation/loss", loss, on_epoch=True, sync_dist=True, batch_size=len(batch.raw))

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole validation set."""
        scores = self.kept_scores.compute().cpu().numpy().astype(np.float64)
        labels = self.kept_labels.compute().cpu().numpy() > 0
        self.kept_scores.reset()
        self.kept_labels.reset()
        if not labels.any():
            raise InputError("No validation tile has a label, so there is nothing to judge by.")
        found = multilabel_scores(scores > 0, labels)
        self.log(self.MONITOR, mean_average_precision(scores, labels))
        self.log("validation/macro_f1", found.macro.f1)
        self.log("validation/micro_f1", found.micro.f1)


@dataclass(frozen=True)
class TileTraining:
    """How to train."""

    loss: MultilabelLossName = "bce"
    optimizer: TileOptimizer = field(default_factory=TileOptimizer)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    batch_size: int = 32
    symmetry: Symmetry = "square"
    jitter: float = 0.0
    workers: int | None = None
    pretrained: bool = False  # asks timm for weights
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TileSplits:
    """The tiles to train on, to choose the best epoch and calibrate by, and to test with, if any; `drawn` are
    training samples to take in place of `train`, whose labels are counted all the same."""

    train: LabelledTiles
    validation: LabelledTiles
    test: LabelledTiles | None = None
    drawn: DrawnTiles | None = None


@dataclass(frozen=True, eq=False)
class TileResult(FitResult[MultilabelScores]):
    """What came of it, the card as trained (loss, link, calibration, thresholds), and the best network's
    decision scores `[N, C]` of the validation and the test tiles."""

    card: TileCard
    validation: Floats
    test: Floats | None


def train_tiles(
    card: TileCard,
    tiles: TileSplits,
    settings: TileTraining,
    folder: Path,
    reporter: Reporter,
) -> TileResult:
    """Train the network of a card, whose sources have their normalisation; `folder` is as in `fit`.

    Raises:
        InputError: if the loss cannot be used with these labels, or there are too few tiles.
        TrainingError, DeviceError, OutputError, Cancelled: see `fit`.
    """
    train, validation = tiles.train, tiles.validation
    counts, n = train.labels.sum(axis=0).tolist(), len(train.names)
    card = card.model_copy(
        update={
            "loss": settings.loss,
            "link": link_of(settings.loss),
            "label_counts": tuple(counts),
            "n_samples": n,
        }
    )
    module = MultilabelModule(
        card,
        multilabel_loss(settings.loss, *(tiles.drawn.drawn_labels() if tiles.drawn else (counts, n))),
        settings.optimizer,
        pretrained=settings.pretrained,
        seed=settings.seed,
    )
    variants = augmentation(settings.symmetry, settings.jitter, card.sources)
    data = TileData(
        tiles.drawn or TileSamples(train, variants, settings.seed),
        TileSamples(validation),
        batch_size=settings.batch_size,
        workers=settings.workers,
        seed=settings.seed,
    )
    found = fit(module, data, folder, settings.trainer, reporter)
    on_validation = score_tiles(module, validation, settings.batch_size)
    learnt = {
        "calibration": tuple(class_calibration(on_validation, validation.labels)),
        "thresholds": tuple(class_thresholds(on_validation, validation.labels)),
    }
    return TileResult(
        **vars(found),
        card=card.model_copy(update=learnt),
        validation=on_validation,
        test=None if tiles.test is None else score_tiles(module, tiles.test, settings.batch_size),
    )


def score_tiles(module: MultilabelModule, tiles: LabelledTiles, batch_size: int = 32) -> Floats:
    """Return the decision scores `[N, C]` of tiles."""
    module.eval()
    samples, found = TileSamples(tiles), []
    with torch.inference_mode():
        for start in range(0, len(samples), batch_size):
            items = range(start, min(start + batch_size, len(samples)))
            raw = torch.stack([samples[Draw(0, i)].raw for i in items])
            found.append(module(raw.to(module.device)).cpu().numpy())
    n_classes = len(module.card.classes)
    return np.concatenate(found).astype(np.float64) if found else np.empty((0, n_classes))


def measured(sources: Sequence[SourceSpec], tiles: LabelledTiles) -> tuple[SourceSpec, ...]:
    """Return the sources as `measured_sources` does, measured on up to 400 tiles."""
    raws = [tiles.read(i) for i in evenly(len(tiles.names))]
    return measured_sources(sources, raws, raws[0].shape[-1])
