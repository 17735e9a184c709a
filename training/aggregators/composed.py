"""Ours: the chain rule over nested experts, where all experts together say which group a pixel is of, and a
small correction looks at all their logits around it. The other learnt rules live in `rules.py`."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import InputError

_DILATIONS = (1, 2, 4)
#: The experts say nothing finer: their logits are made at stride 4.
_COARSE = 4


class ComposedRule(nn.Module):
    """Composition of nested experts with a learnt gate for each group and a learnt correction.

    `conditional` asks expert k alone whether a pixel of C_k is one of C_{k+1}, though the experts of narrower
    groups, whose logits the complementary loss holds near zero elsewhere, know something about it as well.
    Here the log odds of entering C_{k+1} are a linear function of the log odds that every expert gives to
    every group (`K (K - 1)` numbers, for each k), each expert has a temperature and each class a bias, and a
    small network of dilated convolutions on logits at a quarter of the size, which sees 60 x 60 pixels, adds
    to the class scores: what stands around a pixel tells a rare object from a stray opinion. It begins as
    `conditional` exactly.

    Args:
        responsible: `[K][C]`, nested, K at least 2.
        hidden: width of the correction; 0 leaves it out.

    Raises:
        InputError: if there is one expert only, or the groups are not nested.
    """

    def __init__(self, responsible: Sequence[Sequence[bool]], hidden: int = 32):
        super().__init__()
        self.groups = [[c for c, answers in enumerate(row) if answers] for row in responsible]
        nested = all(set(inner) < set(outer) for outer, inner in pairwise(self.groups))
        if len(self.groups) < 2 or not nested:
            raise InputError("The rule 'composed' needs several experts whose classes are nested.")
        k, c = len(responsible), len(responsible[0])
        self.gate = nn.Conv2d(k * (k - 1), k - 1, 1)
        nn.init.zeros_(self.gate.weight)
        assert self.gate.bias is not None
        nn.init.zeros_(self.gate.bias)
        with torch.no_grad():
            for level in range(k - 1):  # expert k's own opinion of the next group
                self.gate.weight[level, level * (k - 1) + level] = 1
        self.log_scale = nn.Parameter(torch.zeros(k))
        self.bias = nn.Parameter(torch.zeros(c))
        self.correction = _correction(k * c, hidden, c) if hidden else None

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to scores `[B, C, H, W]`: log-probabilities before the correction."""
        gates = self.gate(self._evidence(logits))
        entering = torch.zeros_like(gates[:, :1])  # log-probability of C_k
        found: dict[int, Tensor] = {}
        for k, group in enumerate(self.groups):
            inner = self.groups[k + 1] if k + 1 < len(self.groups) else []
            own = [c for c in group if c not in inner]
            leaving = entering + F.logsigmoid(-gates[:, k : k + 1]) if inner else entering
            scores = logits[:, k, own] * self.log_scale[k].exp() + self.bias[own].view(-1, 1, 1)
            found |= dict(zip(own, (leaving + scores.log_softmax(1)).unbind(1), strict=True))
            if inner:
                entering = entering + F.logsigmoid(gates[:, k : k + 1])
        joined = torch.stack([found[c] for c in range(logits.shape[2])], dim=1)
        return joined if self.correction is None else joined + self._corrected(logits)

    def _corrected(self, logits: Tensor) -> Tensor:
        """Return what is added to the scores, `[B, C, H, W]`."""
        assert self.correction is not None
        coarse = F.avg_pool2d(logits.flatten(1, 2), _COARSE, ceil_mode=True, count_include_pad=False)
        added = self.correction(coarse)
        return F.interpolate(added, size=logits.shape[-2:], mode="bilinear", align_corners=False)

    def _evidence(self, logits: Tensor) -> Tensor:
        """Return the log odds `[B, K (K - 1), H, W]` of each narrower group within the wider one, as every
        expert sees them."""
        odds = []
        for expert in logits.unbind(1):
            for outer, inner in pairwise(self.groups):
                rest = [c for c in outer if c not in inner]
                odds.append(expert[:, inner].logsumexp(1) - expert[:, rest].logsumexp(1))
        return torch.stack(odds, dim=1)


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
