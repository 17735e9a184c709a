"""The Lightning module of networks that say what a tile holds. What all trainings share is in
`training/learning.py`; the Trainer, files and data live elsewhere."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...core.base.errors import InputError
from ...core.model.card import TileCard
from ...core.model.tile_network import build_tile_network, decision_scores
from ..learning import LearningModule
from ..lightning_setup import CatMetric
from ..settings import OptimizerSettings
from .metrics import MultilabelScores, mean_average_precision, multilabel_scores
from .samples import LabelledSample


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
