"""Multi-label losses that are means over all `[B, C]` elements (docs/science/methods.md section 4; paper 003,
eq. 2 to 5): `bce`, `focal`, `wbce`, `hamming`, `huber`. A label set may be empty or full: every element
counts alike.

All predict a label where its logit is above 0, that is where the sigmoid is above 1/2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....core.base.errors import InputError
from .shapes import prepared


def multilabel_bce(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean of `-w_c log p_t`: p_t is the sigmoid's probability of what the label says (eq. 2).

    Args:
        logits: `[B, C]`.
        labels: `[B, C]`, 0 or 1.
        weights: `[C]`, of both terms; they scale the loss.

    Raises:
        ValueError: if shapes do not fit.
    """
    z, y = prepared(logits, labels)
    return F.binary_cross_entropy_with_logits(z, y, weight=None if weights is None else weights.to(z))


def multilabel_focal(logits: Tensor, labels: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Return the mean of `-(1 - p_t)^gamma log p_t` (eq. 3); no class factor alpha. Shapes as in `bce`."""
    z, y = prepared(logits, labels)
    margin = (2 * y - 1) * z  # p_t = sigmoid(margin)
    wrong = torch.sigmoid(-margin).clamp(min=torch.finfo(z.dtype).tiny)  # a power of 0 has no gradient
    return -(wrong**gamma * F.logsigmoid(margin)).mean()


def multilabel_hamming(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of `|y - p|`, the Hamming loss that is expected if labels are drawn from p.

    Eq. 4 has an exclusive or of hard labels, which has no gradient. Shapes as in `bce`.
    """
    z, y = prepared(logits, labels)
    return torch.sigmoid((1 - 2 * y) * z).mean()


def multilabel_huber(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of the modified Huber loss of `m = (2y - 1) z`: `max(0, 1 - m)^2`, or `-4 m` below -1.

    Shapes as in `bce` (eq. 5).
    """
    z, y = prepared(logits, labels)
    margin = (2 * y - 1) * z
    return torch.where(margin >= -1, (1 - margin).clamp(min=0) ** 2, -4 * margin).mean()


def inverse_label_frequency(label_counts: Sequence[int], n_samples: int) -> list[float]:
    """Return the weights of `wbce`, `(N / n_c) / mean(N / n)`, `[C]`: inverse frequencies of mean 1.

    Args:
        label_counts: n_c, samples that have each label, `[C]`.
        n_samples: N.

    Raises:
        InputError: if a label has no sample.
    """
    absent = [str(c) for c, n in enumerate(label_counts) if n <= 0]
    if absent:
        raise InputError(
            f"The class of logit {absent[0]} has no training sample, so wbce has no weight for it; add "
            "samples of it, leave it out, or choose another loss."
        )
    raw = [n_samples / n for n in label_counts]
    return [w * len(raw) / sum(raw) for w in raw]


class MultilabelBce(nn.Module):
    """`multilabel_bce` with its weights: `bce` without, `wbce` with those of `inverse_label_frequency`."""

    weights: Tensor | None

    def __init__(self, weights: Sequence[float] | None = None):
        super().__init__()
        self.register_buffer("weights", None if weights is None else torch.tensor(weights), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_bce(logits, labels, self.weights)


class MultilabelFocal(nn.Module):
    """`multilabel_focal` with its exponent."""

    def __init__(self, gamma: float = 2.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_focal(logits, labels, gamma=self.gamma)


class MultilabelHamming(nn.Module):
    """`multilabel_hamming`."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_hamming(logits, labels)


class MultilabelHuber(nn.Module):
    """`multilabel_huber`."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_huber(logits, labels)
