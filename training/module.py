"""The Lightning modules that train: MCE networks and networks with a single head, their optimizers and
learning rates, the losses of an epoch and the confusion matrix that validates it.
"""

import math
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..core.base.errors import InputError, TrainingError
from ..core.evaluation.places import Places
from ..core.evaluation.scores import Scores, scores
from ..core.model.card import ModelCard, SourceSpec
from ..core.model.network import MceNetwork
from ..core.model.normalise import Normaliser
from .config import LossSettings, OptimizerSettings
from .data.samples import Sample
from .evaluate import all_rules, join
from .lightning_setup import LightningModule, MulticlassConfusionMatrix
from .losses.by_name import loss_by_name
from .losses.cdfl import CrossDropoutFocalLoss, dropout_variance
from .losses.cross_entropy import IGNORE_INDEX, cross_entropy
from .losses.mce import MceLoss
from .place_counts import PlaceCounts, false_per_found
from .pretrained import starting_network


def expert_shares(responsible: Sequence[Sequence[bool]], pixel_counts: Sequence[int]) -> list[float]:
    """Return, per expert, the share 0..1 of the training pixels that belong to its classes.

    Args:
        responsible: `[K][C]`.
        pixel_counts: `[C]` labelled pixels of the training set.

    Raises:
        ValueError: if there is no labelled pixel.
    """
    total = sum(pixel_counts)
    if not total:
        raise ValueError("there is no labelled pixel to train on")
    return [sum(n for n, own in zip(pixel_counts, row, strict=True) if own) / total for row in responsible]


def parameter_groups(
    network: MceNetwork, responsible: Sequence[Sequence[bool]], pixel_counts: Sequence[int], lr0: float
) -> list[dict[str, Any]]:
    """Return optimizer groups by eq. 1: backbone at `lr0`, expert i at `lr0 * sum_{C_i} n_c / sum n_c`.

    The first expert answers for every class, so it learns at `lr0`.
    """
    backbone = [*network.encoder.parameters(), *network.decoder.parameters()]
    groups: list[dict[str, Any]] = [{"name": "backbone", "params": backbone, "lr": lr0}]
    for i, share in enumerate(expert_shares(responsible, pixel_counts)):
        parameters = list(network.experts[i].parameters())
        groups.append({"name": f"expert_{i + 1}", "params": parameters, "lr": lr0 * share})
    return groups


def cosine_factor(step: int, steps: int, warmup: int) -> float:
    """Return what every learning rate is multiplied by at `step` 0..steps-1.

    It rises linearly over `warmup` steps, then falls along half a cosine to 0. A short training of known
    length is spent better so than by waiting for a plateau of the validation loss, which takes ten epochs
    to notice.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


#: What a training's test gives for each way of deciding.
ScoresT = TypeVar("ScoresT")
#: Names of a batch that an error lists.
_NAMED = 8


class LearningModule(LightningModule, Generic[ScoresT]):
    """A network that learns from batches with a name per item; `results` holds scores after a test.

    `MONITOR` is the validation score whose highest value makes the best checkpoint. A subclass logs it, and
    calls `check_last` before a step and `note_loss` after it.
    """

    MONITOR: str

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        sources: Sequence[SourceSpec],
        settings: OptimizerSettings,
        seed: int,
    ):
        super().__init__()
        self.settings, self.seed = settings, seed
        self.network, self.loss = network, loss
        self.normaliser = Normaliser(sources)
        self.results: dict[str, ScoresT] = {}
        self._plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        self._unchecked: tuple[Tensor, list[str], int] | None = None

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the optimizer's groups, each with a name and a rate."""
        learning = [p for p in self.network.parameters() if p.requires_grad]
        return [{"name": "all", "params": learning, "lr": self.settings.lr}]

    def make_optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return the optimizer of these groups."""
        s, fused = self.settings, self.device.type == "cuda"
        return torch.optim.Adam(groups, lr=s.lr, weight_decay=s.weight_decay, fused=fused)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer, its rates at the start."""
        s, groups = self.settings, self.parameter_groups()
        for group in groups:
            group["base_lr"] = group["lr"] = group["lr"] if s.adapted_lr else s.lr
        optimizer = self.make_optimizer(groups)
        if s.schedule == "plateau":
            self._plateau = ReduceLROnPlateau(optimizer, factor=s.factor, patience=s.patience)
            if self._plateau_state is not None:
                self._plateau.load_state_dict(self._plateau_state)
        return optimizer

    def on_train_batch_start(self, _batch: Any, _batch_index: int) -> None:
        """Set the step's learning rates, and make dropout a function of seed, step and process."""
        torch.manual_seed(_mixed(self.seed, self._draws(), self.global_rank))
        if self.settings.schedule == "cosine":
            steps = int(self.trainer.estimated_stepping_batches)
            self._set_rates(cosine_factor(min(self.global_step, steps - 1), steps, self.settings.warmup))
        elif self.settings.schedule == "step":
            self._set_rates(self.settings.factor ** (self.current_epoch // self.settings.patience))

    def on_train_epoch_end(self) -> None:
        """Check the last loss; lower the rates if the validation loss has come to a halt."""
        self.check_last()
        for group in self.trainer.optimizers[0].param_groups:
            self.log(f"lr/{group['name']}", group["lr"])
        value = self.trainer.callback_metrics.get("validation/loss")
        if self._plateau is not None and value is not None:
            self._plateau.step(float(value))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the plateau schedule, which Lightning would save a step too early."""
        if self._plateau is not None:
            state = self._plateau.state_dict()
            checkpoint["plateau"] = {
                k: v for k, v in state.items() if isinstance(v, int | float | str | list)
            }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the plateau schedule where it was."""
        self._plateau_state = checkpoint.get("plateau")

    def normalised(self, raw: Tensor) -> Tensor:
        """Normalise in float32, whatever the network computes in: a DEM needs it."""
        with torch.autocast(raw.device.type, enabled=False):
            normalised: Tensor = self.normaliser(raw.float())
        return normalised

    def note_loss(self, loss: Tensor, names: Sequence[str]) -> None:
        """Log a step's loss, to be checked before the next."""
        self._unchecked = loss.detach(), list(names), self.global_step + 1
        self.log("train/loss", loss.detach(), on_step=True, on_epoch=True, batch_size=len(names))

    def _set_rates(self, factor: float) -> None:
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["base_lr"] * factor

    def check_last(self) -> None:
        """Stop if the loss of the step before was no number: looking one step late keeps the device busy.

        Raises:
            TrainingError: with the names of the batch's tiles.
        """
        if self._unchecked is None:
            return
        (loss, names, step), self._unchecked = self._unchecked, None
        value = float(loss)
        if not math.isfinite(value):
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise TrainingError(
                f"The training diverged at step {step}: the loss of the tiles "
                f"{', '.join(names[:_NAMED])}{more} is {value}; check these tiles or lower the learning rate."
            )

    def _draws(self) -> int:
        """Number of batches that this training has taken before."""
        return self.trainer.fit_loop.epoch_loop.total_batch_idx


def _mixed(*numbers: int) -> int:
    """Return one 63-bit seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


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
        self.place_counts = PlaceCounts(card)
        #: Rare places of the default rule on the tiles of the last validation or test, by class.
        self.places: dict[str, Places] = {}

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
        share = false_per_found(self._collect_places())
        if not math.isnan(share):
            self.log("validation/false_per_found", share)

    def test_step(self, batch: Sample, _batch_index: int) -> None:
        """Add a batch to the matrices of all rules."""
        self._score(self(batch.raw), batch, list(self.matrices))

    def on_test_epoch_end(self) -> None:
        """Keep the scores of every rule in `results`."""
        self.results = self._collect(list(self.matrices))
        self._collect_places()

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
            predicted = join(logits, labels, rule, self.card).argmax(1)
            self._matrix(rule).update(predicted, labels)
            if rule == self.card.aggregation:
                self.place_counts.update(predicted, labels)

    def _collect(self, rules: Sequence[str]) -> dict[str, Scores]:
        """Return scores of matrices summed over all processes, and clear them."""
        groups = [c.group for c in self.card.classes]
        found = {}
        for rule in rules:
            matrix = self._matrix(rule)
            found[rule] = scores(matrix.compute().cpu().numpy().astype(np.int64), groups)
            matrix.reset()
        return found

    def _collect_places(self) -> dict[str, Places]:
        """Return the places summed over all processes, and clear them."""
        self.places = self.place_counts.places()
        self.place_counts.reset()
        return self.places

    def _matrix(self, rule: str) -> MulticlassConfusionMatrix:
        matrix = self.matrices[rule]
        assert isinstance(matrix, MulticlassConfusionMatrix)
        return matrix
