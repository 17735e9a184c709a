"""Ours: the learnt chain rule over nested experts (`core/model/aggregation.py`) as a module. How it is
fitted lives in `compose.py`, the other learnt rules in `rules.py`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...core.base.errors import InputError
from ...core.model.aggregation import composed, nested_channels
from ...core.model.card import Composition


class ComposedRule(nn.Module):
    """Composition of nested experts with learnt gates, weights and biases; it begins as `conditional`.

    Args:
        responsible: `[K][C]`, nested, K at least 2.

    Raises:
        InputError: if there is one expert only, or the groups are not nested.
    """

    def __init__(self, responsible: Sequence[Sequence[bool]]):
        super().__init__()
        if len(responsible) < 2:
            raise InputError("The aggregation 'composed' needs several experts, but there is one only.")
        self.channels = nested_channels(responsible, "composed")
        k, c = len(responsible), len(responsible[0])
        gate = torch.zeros(k - 1, k * (k - 1))
        for level in range(k - 1):  # expert k's own opinion of the next group
            gate[level, level * (k - 1) + level] = 1
        self.gate = nn.Parameter(gate)
        self.gate_bias = nn.Parameter(torch.zeros(k - 1))
        self.voices = nn.Parameter(torch.eye(k))  # the lower triangle
        self.bias = nn.Parameter(torch.zeros(c))

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to log-probabilities `[B, C, H, W]`."""
        return composed(
            logits.unbind(1),
            self.channels,
            gate=[row.unbind() for row in self.gate.unbind()],
            gate_bias=self.gate_bias.unbind(),
            voices=[row[: k + 1].unbind() for k, row in enumerate(self.voices.unbind())],
            bias=self.bias.unbind(),
        )

    def composition(self, offset: Sequence[float]) -> Composition:
        """Return what was learnt, with an offset `[C]` of the class scores, as a bundle holds it."""
        return Composition(
            gate=tuple(map(tuple, self.gate.tolist())),
            gate_bias=tuple(self.gate_bias.tolist()),
            voices=tuple(tuple(row[: k + 1]) for k, row in enumerate(self.voices.tolist())),
            bias=tuple(self.bias.tolist()),
            offset=tuple(offset),
        )
