"""Learnt rules that join the logits of frozen experts: the paper's two and two of ours. A third one of ours
is in `composed.py`; rules without weights live in `core/model/aggregation.py`, the fitting in `fit.py`."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ...core.base.errors import InputError
from ...core.model.aggregation import aggregate

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
