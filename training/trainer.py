"""The training loop: patches -> augmentation -> network -> MCE loss -> Adam, best checkpoint by validation
mean accuracy. What is trained on which data is a recipe's business."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..core.card import ModelCard
from ..core.errors import TrainingError
from ..core.network import MceNetwork, build_network
from ..core.normalise import Normaliser
from ..core.progress import Reporter, SilentReporter
from .data.area import Area
from .data.augment import find_colours, jitter_colours, mirror, turn
from .data.patches import Patch, PatchSampler, drawn_pixels
from .evaluate import evaluate
from .learning_rates import cosine_factor, parameter_groups
from .losses.mce import Complement, MceLoss


@dataclass(frozen=True)
class TrainSettings:
    """How to train. The paper's values (lr 1e-4, weight decay 0.01, batch 64, 50 epochs, plateau) are for
    pretrained encoders and many GPU hours; these are for minutes on a CPU from random weights."""

    steps: int = 1000
    batch_size: int = 8
    lr: float = 2e-3
    weight_decay: float = 1e-4
    warmup: int = 50
    adapted_lr: bool = True  # eq. 1
    complement: Complement = "pixels"
    complement_weight: float = 1.0
    balanced: float = 0.5  # share of patches drawn by class, so that rare classes are met at all
    jitter: float = 0.2
    symmetry: Literal["square", "mirror"] = "square"  # "mirror" where up is up, as in street scenes
    validate_every: int = 200
    encoder_weights: str | None = None  # "imagenet" downloads
    precision: Literal["fp32", "bf16"] = "fp32"  # bf16 halves the time where the device has it
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Checkpoint:
    """Weights at a step and the validation's mean recall there."""

    step: int
    mean_recall: float
    state: dict[str, Tensor]


@dataclass(frozen=True)
class TrainResult:
    """The best checkpoint, the course of (step, training loss, validation mean recall), the seconds spent,
    and the pixels per class of a sample of the patches, from which eq. 1 took its shares."""

    best: Checkpoint
    history: list[tuple[int, float, float]]
    seconds: float
    drawn_pixels: tuple[int, ...]


def train(
    card: ModelCard,
    areas: Sequence[Area],
    validation: Sequence[Area],
    settings: TrainSettings,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train the network of a card and return its checkpoint of the highest validation mean accuracy.

    Without validation areas the last checkpoint is returned, with a mean recall of NaN.
    The same seed gives the same weights on the same CPU with the same number of threads.

    Raises:
        TrainingError: if the loss stops being a number.
        Cancelled: if the reporter says so.
    """
    with torch.random.fork_rng(devices=[]):  # dropout draws from the global state
        torch.manual_seed(settings.seed)
        return _Training(card, areas, settings, reporter or SilentReporter()).run(validation)


class _Training:
    """The state of one run."""

    def __init__(self, card: ModelCard, areas: Sequence[Area], settings: TrainSettings, reporter: Reporter):
        self.card, self.settings, self.reporter = card, settings, reporter
        self.device = torch.device(settings.device)
        self.rng = np.random.default_rng(settings.seed)
        ids = [c.id for c in card.classes]
        self.sampler = PatchSampler(areas, ids, card.window, settings.balanced)
        self.network: MceNetwork = build_network(
            card, encoder_weights=settings.encoder_weights, seed=settings.seed
        ).to(self.device)
        self.half = settings.precision == "bf16"
        if self.half:  # bfloat16 convolutions are made for this layout
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normaliser = Normaliser(card.sources).to(self.device)
        self.loss = MceLoss(card.responsible, settings.complement, settings.complement_weight)
        self.colours = find_colours(card.sources) if settings.jitter else None
        self.drawn = drawn_pixels(self.sampler, len(ids), np.random.default_rng(settings.seed))
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Adam:
        s = self.settings
        if s.adapted_lr:
            groups = parameter_groups(self.network, self.card.responsible, self.drawn, s.lr)
        else:
            groups = [{"params": list(self.network.parameters()), "lr": s.lr}]
        for group in groups:
            group["base_lr"] = group["lr"]
        return torch.optim.Adam(groups, weight_decay=s.weight_decay)

    def run(self, validation: Sequence[Area]) -> TrainResult:
        started, history, recent = time.monotonic(), [], []
        best = Checkpoint(0, -1.0, {})
        for step in range(1, self.settings.steps + 1):
            recent.append(self._step(step))
            if step == self.settings.steps or (validation and step % self.settings.validate_every == 0):
                recall = self._validate(validation) if validation else math.nan
                history.append((step, float(np.mean(recent)), recall))
                told = f", validation mean accuracy {recall:.3f}" if validation else ""
                self.reporter.log(f"Step {step}: training loss {history[-1][1]:.3f}{told}.")
                recent = []
                if not recall <= best.mean_recall:  # NaN, nothing to judge by, keeps the latest
                    best = Checkpoint(step, recall, _copy(self.network))
            self.reporter.progress(step, self.settings.steps, "steps")
        return TrainResult(best, history, time.monotonic() - started, self.drawn)

    def _step(self, step: int) -> float:
        """Do one optimizer step and return its loss."""
        factor = cosine_factor(step - 1, self.settings.steps, self.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        raw, channels = self._batch()
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = self.network(self.normaliser(raw))
        loss = self.loss(logits, channels)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"The training diverged at step {step} (its loss is {value}); lower the learning rate "
                "or check the inputs."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return value

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Return raw bands `[B, n_bands, S, S]` and channels `[B, S, S]` of new, augmented patches."""
        patches = [self._augmented(self.sampler.draw(self.rng)) for _ in range(self.settings.batch_size)]
        raw = torch.from_numpy(np.stack([p.raw for p in patches]))
        channels = torch.from_numpy(np.stack([p.channels for p in patches]))
        return raw.to(self.device), channels.to(self.device)

    def _augmented(self, patch: Patch) -> Patch:
        patch = (turn if self.settings.symmetry == "square" else mirror)(patch, self.rng)
        if self.colours is None:
            return patch
        raw = jitter_colours(patch.raw, self.colours, self.settings.jitter, self.rng)
        return Patch(raw, patch.channels)

    def _validate(self, validation: Sequence[Area]) -> float:
        self.network.eval()
        rule = self.card.aggregation
        return evaluate(self.network, self.card, validation, [rule])[rule].mean_recall


def _copy(network: MceNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
