"""Ours: the learnt chain rule over nested experts (`core/composition.py`) as a module, and where asked for a
small correction that looks at all their logits around a pixel. How it is fitted lives in `compose.py` and
`fit.py`, the other learnt rules in `rules.py`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.card import Composition
from ...core.composition import composed, nested_channels
from ...core.errors import InputError

_DILATIONS = (1, 2, 4)
#: The experts say nothing finer: their logits are made at stride 4.
_COARSE = 4


class ComposedRule(nn.Module):
    """Composition of nested experts with learnt gates, weights and biases.

    The correction is a small network of dilated convolutions on logits at a quarter of the size, which sees
    60 x 60 pixels and adds to the class scores: what stands around a pixel tells a rare object from a stray
    opinion. The rule begins as `conditional` exactly.

    Args:
        responsible: `[K][C]`, nested, K at least 2.
        hidden: width of the correction; 0 leaves it out, and only then a bundle can hold the rule.

    Raises:
        InputError: if there is one expert only, or the groups are not nested.
    """

    def __init__(self, responsible: Sequence[Sequence[bool]], hidden: int = 32):
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
        self.correction = _correction(k * c, hidden, c) if hidden else None

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to scores `[B, C, H, W]`: log-probabilities before the correction."""
        joined = composed(
            logits.unbind(1),
            self.channels,
            gate=[row.unbind() for row in self.gate.unbind()],
            gate_bias=self.gate_bias.unbind(),
            voices=[row[: k + 1].unbind() for k, row in enumerate(self.voices.unbind())],
            bias=self.bias.unbind(),
        )
        return joined if self.correction is None else joined + self._corrected(logits)

    def composition(self, offset: Sequence[float]) -> Composition:
        """Return what was learnt, with an offset `[C]` of the class scores, as a bundle holds it.

        Raises:
            ValueError: if there is a correction.
        """
        if self.correction is not None:
            raise ValueError("a bundle holds no correction")
        return Composition(
            gate=tuple(map(tuple, self.gate.tolist())),
            gate_bias=tuple(self.gate_bias.tolist()),
            voices=tuple(tuple(row[: k + 1]) for k, row in enumerate(self.voices.tolist())),
            bias=tuple(self.bias.tolist()),
            offset=tuple(offset),
        )

    def _corrected(self, logits: Tensor) -> Tensor:
        """Return what is added to the scores, `[B, C, H, W]`."""
        assert self.correction is not None
        coarse = F.avg_pool2d(logits.flatten(1, 2), _COARSE, ceil_mode=True, count_include_pad=False)
        added = self.correction(coarse)
        return F.interpolate(added, size=logits.shape[-2:], mode="bilinear", align_corners=False)


def _correction(n_in: int, hidden: int, n_out: int) -> nn.Sequential:
    """Return a network that begins as zero."""
    layers: list[nn.Module] = [nn.BatchNorm2d(n_in)]
    for width, dilation in zip((n_in, hidden, hidden), _DILATIONS, strict=True):
        layers += [nn.Conv2d(width, hidden, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
    last = nn.Conv2d(hidden, n_out, 1)
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
