"""Fits a learnt rule on the experts of a trained network, with the training's own module and trainer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...core.base.progress import Reporter
from ...core.model.card import ModelCard
from ...core.model.network import MceNetwork
from ..data.module import TileData
from ..fit import FitResult, fit
from ..losses.class_weights import rule_weights
from ..losses.cross_entropy import CrossEntropy
from ..module import SegmentationModule
from ..settings import OptimizerSettings, TrainerSettings
from .rules import RuleName, make_rule

#: docs/science/methods.md section 1: the paper's rules decay by 0.1 every 10 of 50 epochs; shorter fits decay
#: as often.
_STAGES = 5
_PAPER: tuple[RuleName, ...] = ("mlp", "cnn")
_RATES: Mapping[RuleName, float] = {
    "mlp": 1e-5,
    "cnn": 5e-4,
    "gate": 1e-3,
    "calibrated": 5e-2,
}
EPOCHS = 50


class StackedLogits(nn.Module):
    """Stands for K frozen experts where their logits, `K C` bands, were worked out before."""

    def __init__(self, n_experts: int):
        super().__init__()
        self.n_experts = n_experts

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, K C, H, W]` to `[B, K, C, H, W]`."""
        return x.unflatten(1, (self.n_experts, -1))


class JoinedNetwork(nn.Module):
    """Frozen experts and a rule that learns, as a network of one head."""

    def __init__(self, experts: MceNetwork | StackedLogits, rule: nn.Module):
        super().__init__()
        self.experts = experts.requires_grad_(False).eval()
        self.rule = rule

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised `[B, n_bands, H, W]` to `[B, 1, C, H, W]`."""
        with torch.no_grad():
            logits = self.experts(x)
        scores: Tensor = self.rule(logits.float())
        return scores.unsqueeze(1)

    def train(self, mode: bool = True) -> "JoinedNetwork":
        """Set the mode of the rule; the experts always evaluate."""
        super().train(mode)
        self.experts.eval()
        return self


@dataclass(frozen=True)
class RuleResult:
    """The fitted rule, and how its training went (its scores are under `mean`)."""

    rule: nn.Module
    fitted: FitResult


def fit_rule(
    name: RuleName,
    network: MceNetwork | StackedLogits,
    card: ModelCard,
    data: TileData,
    *,
    folder: Path,
    reporter: Reporter,
    trainer: TrainerSettings | None = None,
    balance: float = 0.0,
    lr: float | None = None,
    seed: int = 0,
) -> RuleResult:
    """Fit a rule by weighted cross-entropy on the tiles of `data`; judge it there on other tiles.

    Tiles that the experts were trained on make them look surer than they are: give others where there are.

    Args:
        balance: power of `rule_weights`.
        lr: by default the paper's.

    Raises:
        see `fit`.
    """
    settings = trainer or TrainerSettings(epochs=EPOCHS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rule = make_rule(name, card.responsible)
    single = card.model_copy(update={"experts": card.experts[:1], "aggregation": "mean"})
    module = SegmentationModule(
        single,
        CrossEntropy(rule_weights(card.pixel_counts, balance) if balance else None),
        _course(name, lr or _RATES[name], settings.epochs),
        network=JoinedNetwork(network, rule),
        seed=seed,
    )
    fitted = fit(module, data, folder, settings, reporter)
    return RuleResult(rule.cpu().eval(), fitted)


def _course(name: RuleName, lr: float, epochs: int) -> OptimizerSettings:
    """Return how the rate falls: in steps for the paper's rules, evenly for ours."""
    common = {"lr": lr, "weight_decay": 0.0, "adapted_lr": False}
    if name in _PAPER:
        stage = max(1, epochs // _STAGES)
        return OptimizerSettings(schedule="step", patience=stage, **common)  # type: ignore[arg-type]
    return OptimizerSettings(schedule="cosine", **common)  # type: ignore[arg-type]
