"""The learnt rules of the MCE paper (mlp, cnn) and ours by a gate, the logits of frozen experts that they
learn from, and how they are fitted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...core.base.errors import InputError
from ...core.base.progress import Reporter
from ...core.model.aggregation import aggregate
from ...core.model.card import ModelCard
from ...core.model.network import MceNetwork
from ...core.model.normalise import Normaliser
from ..config import OptimizerSettings, TrainerSettings
from ..data.module import TileData
from ..data.patches import channel_table
from ..data.samples import cut, places
from ..data.tiles import Area
from ..fit import FitResult, fit
from ..losses.cross_entropy import CrossEntropy, rule_weights
from ..module import SegmentationModule

RuleName = Literal["mlp", "cnn", "gate", "calibrated"]


class MlpRule(nn.Sequential):
    """The paper's MLP on each pixel: `K C -> 512 -> 256 -> C`."""

    def __init__(self, n_experts: int, n_classes: int):
        super().__init__(
            nn.Flatten(1, 2),
            nn.Conv2d(n_experts * n_classes, 512, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(512, 256, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, n_classes, 1),
        )


class CnnRule(nn.Module):
    """The paper's CNN: Conv3x3 to 256, ReLU, batch norm, MaxPool(2, stride 1, padding 1), Conv1x1."""

    def __init__(self, n_experts: int, n_classes: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(1, 2),
            nn.Conv2d(n_experts * n_classes, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(256),
            nn.MaxPool2d(2, stride=1, padding=1),
            nn.Conv2d(256, n_classes, 1),
        )

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to `[B, C, H, W]`; the pooling adds a row and a column, which are cut off."""
        scores: Tensor = self.layers(logits)
        return scores[..., : logits.shape[-2], : logits.shape[-1]]


class GateRule(nn.Module):
    """Ours: weights of the experts, pixel by pixel, from what all of them say; the result is a mixture of
    their probabilities, so the gate chooses whom to believe and can invent nothing.

    It begins as the plain mean of the probabilities.
    """

    def __init__(self, n_experts: int, n_classes: int, hidden: int = 64):
        super().__init__()
        self.gate = nn.Sequential(
            nn.Flatten(1, 2),
            nn.Conv2d(n_experts * n_classes, hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, n_experts, 1),
        )
        last = self.gate[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to log-probabilities `[B, C, H, W]`."""
        opinions = logits.log_softmax(2)
        weights = self.gate(opinions).log_softmax(1).unsqueeze(2)  # (B, K, 1, H, W)
        return torch.logsumexp(opinions + weights, dim=1)


class CalibratedRule(nn.Module):
    """Ours: the chain rule over nested experts (`conditional`) after `z_k / T_k + b_k`, one temperature per
    expert and one bias per expert and class.

    `ComposedRule` hears other experts besides: what they add can be told from this one.
    """

    def __init__(self, responsible: Sequence[Sequence[bool]]):
        super().__init__()
        self.responsible = responsible
        n_experts, n_classes = len(responsible), len(responsible[0])
        self.log_scale = nn.Parameter(torch.zeros(n_experts))
        self.bias = nn.Parameter(torch.zeros(n_experts, n_classes))

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to log-probabilities `[B, C, H, W]`."""
        scaled = logits * self.log_scale.exp().view(-1, 1, 1, 1) + self.bias[:, :, None, None]
        return aggregate(scaled, "conditional", self.responsible)


def make_rule(name: RuleName, responsible: Sequence[Sequence[bool]]) -> nn.Module:
    """Return a new rule by name; all map logits `[B, K, C, H, W]` to scores `[B, C, H, W]`.

    Raises:
        InputError: if there is none of that name.
    """
    stacked = len(responsible), len(responsible[0])
    makers: dict[str, Callable[[], nn.Module]] = {
        "mlp": lambda: MlpRule(*stacked),
        "cnn": lambda: CnnRule(*stacked),
        "gate": lambda: GateRule(*stacked),
        "calibrated": lambda: CalibratedRule(responsible),
    }
    if name not in makers:
        raise InputError(f"There is no learnt rule {name!r}: choose one of {', '.join(makers)}.")
    return makers[name]()


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


#: Pixels, rare ones and as many others, that a bundle's rule is learnt from: thousands for each number.
PIXELS = 100_000


@dataclass(frozen=True)
class LogitSample:
    """N labelled pixels.

    Attributes:
        logits: `[N, K, C]` float32.
        labels: `[N]` int64, channels.
        weights: `[N]` float32, how many pixels of the areas each stands for.
    """

    logits: Tensor
    labels: Tensor
    weights: Tensor


def logit_area(network: MceNetwork, card: ModelCard, area: Area) -> Area:
    """Return an area whose bands `[K C, H, W]` are the logits, each pixel's from the window in whose middle
    it lies."""
    device = next(network.parameters()).device
    normaliser = Normaliser(card.sources)
    n_bands = len(card.experts) * len(card.classes)
    rows, cols = area.labels.shape
    stacked = np.zeros((n_bands, rows, cols), np.float32)
    for place in places(0, (rows, cols), card.window, card.window):
        raw = torch.from_numpy(cut(area.raw, place, card.window)[None])
        with torch.inference_mode():
            logits = network(normaliser(raw).to(device))[0].flatten(0, 1).float().cpu().numpy()
        stacked[:, *place.counted] = logits[:, place.rows, place.cols]
    return Area(stacked, area.labels)


def sample_pixels(areas: Iterable[Area], card: ModelCard, each: int, seed: int = 0) -> LogitSample:
    """Draw labelled pixels: of each area up to `each` of the narrowest expert's classes, which are few and
    matter most, and as many of all others.

    Args:
        areas: of `logit_area`, one at least.
    """
    rng = np.random.default_rng(seed)
    rare = card.experts[-1].classes
    chosen, labels, weights = [], [], []
    for area in areas:
        flat = area.labels.ravel()
        bands = area.raw.reshape(len(area.raw), -1)
        is_rare = np.isin(flat, rare)
        is_common = np.isin(flat, [c.id for c in card.classes]) & ~is_rare
        for mask in (is_rare, is_common):
            there = np.flatnonzero(mask)
            taken = rng.choice(there, min(len(there), each), replace=False)
            chosen.append(bands[:, taken].T)
            labels.append(flat[taken])
            weights.append(np.full(len(taken), len(there) / max(1, len(taken)), np.float32))
    channel = channel_table([c.id for c in card.classes])
    shape = -1, len(card.experts), len(card.classes)
    return LogitSample(
        torch.from_numpy(np.concatenate(chosen)).reshape(shape),
        torch.from_numpy(channel[np.concatenate(labels)]).long(),
        torch.from_numpy(np.concatenate(weights)),
    )
