"""Measures the shape of a loss as a function of its logits: is it convex, and does its slope jump?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Logits are drawn with this deviation: both sides of every kink are met.
_SPREAD = 3.0
N_CLASSES = 8
_SEGMENTS, _LINES, _POINTS = 2000, 40, 1500
#: Of a kink, a step ten times smaller leaves this share of the slope's largest jump at least.
_KINK = 0.5


@dataclass(frozen=True)
class Shape:
    """`convex` is the share of random segments whose middle lies on or below the chord; `jump` the largest
    change of slope along random lines with steps of 1/1500, over that with steps ten times as long: 0.1 where
    the slope is continuous, towards 1 where it jumps.
    """

    convex: float
    jump: float

    @property
    def mark(self) -> str:
        """H if convex without kinks, M if one of both, else L."""
        return "LMH"[(self.convex > 0.9999) + (self.jump < _KINK)]


def measure_shape(loss: nn.Module, seed: int = 0) -> Shape:
    """Measure a loss of `[B, C]` logits and labels at random logits, for labels drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    loss = loss.double()
    below = 0
    for _ in range(_SEGMENTS):
        labels, a, b = _drawn(generator)
        chord = (loss(a, labels) + loss(b, labels)) / 2
        below += bool(loss((a + b) / 2, labels) <= chord + 1e-12)
    jumps = [[0.0, 0.0]]
    for _ in range(_LINES):
        labels, a, b = _drawn(generator)
        jumps.append([_largest_jump(loss, a, b, labels, n) for n in (_POINTS, _POINTS // 10)])
    fine, coarse = (max(column) for column in zip(*jumps, strict=True))
    return Shape(below / _SEGMENTS, fine / coarse if coarse else 0.0)


def _drawn(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw labels of one sample, with at least one present and one absent, and two vectors of logits."""
    labels = torch.rand((1, N_CLASSES), generator=generator) < 0.4
    labels[0, 0], labels[0, 1] = True, False
    a, b = (_SPREAD * torch.randn((1, N_CLASSES), generator=generator, dtype=torch.float64) for _ in "ab")
    return labels, a, b


def _largest_jump(loss: nn.Module, a: Tensor, b: Tensor, labels: Tensor, n: int) -> float:
    """Return the largest difference of the slopes at neighbours of n points from a to b."""
    slopes = []
    for t in torch.linspace(0, 1, n, dtype=torch.float64):
        z = (a + t * (b - a)).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(z, labels), z)
        slopes.append((gradient * (b - a)).sum())
    return float(torch.stack(slopes).diff().abs().max())
