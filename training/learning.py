"""What all trainings share, step by step: optimizer, courses of the rates, seeds, and the check of the loss.
What is learnt, and how it is scored, is a subclass's business."""

import math
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..core.base.errors import TrainingError
from ..core.model.card import SourceSpec
from ..core.model.normalise import Normaliser
from .learning_rates import cosine_factor
from .lightning_setup import LightningModule
from .settings import OptimizerSettings

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
