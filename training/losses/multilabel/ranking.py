"""Ranking losses over pairs of a present and an absent label (docs/science/methods.md section 4; eq. 7 of
paper 003): the hinge, and LSEP (Li, Song and Luo 2017), its smooth upper bound.

Only differences of logits count, so nothing pins the logit at which a label is predicted. Zero, the threshold
of the other losses, is what paper 003 took; one fitted on the validation set is the fair choice, see
`training/multilabel/metrics.py`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .shapes import prepared


def multilabel_ranking(logits: Tensor, labels: Tensor, *, margin: float = 1.0) -> Tensor:
    """Return the mean over samples of `sum max(0, margin + z_v - z_u)`, v absent, u present.

    A sample with no or with all labels has no pair: it counts as 0, attached to the graph.

    Args:
        logits: `[B, C]`.
        labels: `[B, C]`, 0 or 1.

    Raises:
        ValueError: if shapes do not fit.
    """
    z, y = prepared(logits, labels)
    return (F.relu(margin + _differences(z)) * _pairs(y)).sum(dim=(1, 2)).mean()


def multilabel_lsep(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over samples of `log(1 + sum exp(z_v - z_u))` over the same pairs; shapes as there."""
    z, y = prepared(logits, labels)
    exponents = _differences(z).masked_fill(_pairs(y) == 0, -torch.inf).flatten(1)  # (B, C C)
    one = torch.zeros_like(exponents[:, :1])
    return torch.logsumexp(torch.cat([one, exponents], dim=1), dim=1).mean()


def _differences(z: Tensor) -> Tensor:
    """Return `z_v - z_u` as `[B, v, u]`."""
    return z.unsqueeze(2) - z.unsqueeze(1)


def _pairs(y: Tensor) -> Tensor:
    """Return 1 where v is absent and u present, `[B, v, u]`."""
    return (1 - y).unsqueeze(2) * y.unsqueeze(1)


class MultilabelRanking(nn.Module):
    """`multilabel_ranking` with its margin."""

    def __init__(self, margin: float = 1.0):
        super().__init__()
        self.margin = margin

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_ranking(logits, labels, margin=self.margin)


class MultilabelLsep(nn.Module):
    """`multilabel_lsep`."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_lsep(logits, labels)
