"""The Lightning module of segmentation: one network, one loss, one step, for K experts and for single-head
baselines alike. What all trainings share is in `learning.py`; the Trainer, files and data live elsewhere."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..core.base.errors import InputError
from ..core.evaluation.scores import Scores, scores
from ..core.model.card import ModelCard
from ..core.model.network import MceNetwork
from .data.samples import Sample
from .evaluate import all_rules, join
from .learning import LearningModule
from .learning_rates import parameter_groups
from .lightning_setup import MulticlassConfusionMatrix
from .losses.by_name import loss_by_name
from .losses.cdfl import CrossDropoutFocalLoss, dropout_variance
from .losses.cross_entropy import cross_entropy
from .losses.mce import MceLoss
from .losses.pixels import IGNORE_INDEX
from .pretrained import starting_network
from .settings import LossSettings, OptimizerSettings

MONITOR = "validation/mean_accuracy"


def make_loss(settings: LossSettings, card: ModelCard, tile_pixels: int) -> nn.Module:
    """Return the loss of a card's network.

    Raises:
        InputError: if a single-head loss is asked for several experts, or it is unknown.
    """
    if settings.name == "mce":
        return MceLoss(
            card.responsible, settings.complement, settings.complement_weight, settings.rare_weight
        )
    if len(card.experts) > 1:
        raise InputError(
            f"The loss {settings.name!r} is for one expert, but the model has {len(card.experts)}; set "
            "experts to 1, or the loss to mce."
        )
    return loss_by_name(settings.name, card.pixel_counts, tile_pixels)


class SegmentationModule(LearningModule[Scores]):
    """Trains the network of a card; `counts` are the pixels per class that eq. 1 takes its shares from."""

    MONITOR = MONITOR

    def __init__(
        self,
        card: ModelCard,
        loss: nn.Module,
        optimizer: OptimizerSettings,
        *,
        counts: Sequence[int] | None = None,
        encoder_weights: str | None = None,
        network: nn.Module | None = None,
        seed: int = 0,
    ):
        """Build the card's network, or take one that maps to as many experts."""
        super().__init__(
            network or starting_network(card, encoder_weights, seed),
            loss,
            card.sources,
            optimizer,
            seed,
        )
        self.card, self.counts = card, tuple(counts or card.pixel_counts)
        self.matrices = nn.ModuleDict(
            {
                rule: MulticlassConfusionMatrix(
                    len(card.classes), ignore_index=IGNORE_INDEX, validate_args=False
                )
                for rule in all_rules(card)
            }
        )

    def forward(self, raw: Tensor) -> Tensor:
        """Return logits `[B, K, C, H, W]` of raw bands `[B, n_bands, H, W]`."""
        network: Tensor = self.network(self.normalised(raw))
        return network

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return a group for the backbone and one for each expert."""
        if isinstance(self.network, MceNetwork):
            return parameter_groups(self.network, self.card.responsible, self.counts, self.settings.lr)
        return super().parameter_groups()

    def training_step(self, batch: Sample, _batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        self.check_last()
        x = self.normalised(batch.raw)
        loss = self._loss(self.network(x), x, batch.channels.long())
        self.note_loss(loss, batch.name)
        return loss

    def validation_step(self, batch: Sample, _batch_index: int) -> None:
        """Add a batch to the matrix of the default rule and to the loss."""
        x = self.normalised(batch.raw)
        logits = self.network(x)
        self._score(logits, batch, [self.card.aggregation])
        loss = self._loss(logits, x, batch.channels.long())
        self.log("validation/loss", loss, on_epoch=True, sync_dist=True, batch_size=len(batch.raw))

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole validation set."""
        found = self._collect([self.card.aggregation])[self.card.aggregation]
        if math.isnan(found.mean_recall):
            raise InputError("The validation tiles hold no labelled pixel, so there is nothing to judge by.")
        self.log(MONITOR, found.mean_recall)
        self.log("validation/mean_iou", found.mean_iou)
        self.log("validation/overall", found.overall)
        for group, value in found.groups.items():
            if not math.isnan(value):
                self.log(f"validation/{group}", value)

    def test_step(self, batch: Sample, _batch_index: int) -> None:
        """Add a batch to the matrices of all rules."""
        self._score(self(batch.raw), batch, list(self.matrices))

    def on_test_epoch_end(self) -> None:
        """Keep the scores of every rule in `results`."""
        self.results = self._collect(list(self.matrices))

    def _loss(self, logits: Tensor, x: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of logits `[B, K, C, H, W]` of normalised x; without dropout passes to validate."""
        if isinstance(self.loss, MceLoss):
            found: Tensor = self.loss(logits, labels)
        elif isinstance(self.loss, CrossDropoutFocalLoss):
            if not self.training:
                return cross_entropy(logits[:, 0], labels)
            variance = dropout_variance(self.network, x, passes=self.loss.passes)[:, 0]
            found = self.loss(logits[:, 0], labels, variance)
        else:
            found = self.loss(logits[:, 0], labels)
        return found

    def _score(self, logits: Tensor, batch: Sample, rules: Sequence[str]) -> None:
        """Add the arg-max classes of a batch to the rules' matrices."""
        labels = batch.channels.long()
        for rule in rules:
            self._matrix(rule).update(join(logits, labels, rule, self.card).argmax(1), labels)

    def _collect(self, rules: Sequence[str]) -> dict[str, Scores]:
        """Return scores of matrices summed over all processes, and clear them."""
        groups = [c.group for c in self.card.classes]
        found = {}
        for rule in rules:
            matrix = self._matrix(rule)
            found[rule] = scores(matrix.compute().cpu().numpy().astype(np.int64), groups)
            matrix.reset()
        return found

    def _matrix(self, rule: str) -> MulticlassConfusionMatrix:
        matrix = self.matrices[rule]
        assert isinstance(matrix, MulticlassConfusionMatrix)
        return matrix
