"""Seven losses of tiles with several labels (docs/science/methods.md section 4), by the names that
configurations use. All take logits and labels `[B, C]` and average over all elements.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.base.errors import InputError
from ...core.model.card import Link
from ...core.model.tile_network import sparsemax_tau
from .cross_entropy import full_precision


def prepared(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in at least float32 and labels of the same type, both `[B, C]`.

    Raises:
        ValueError: unless both are `[B, C]`.
    """
    if logits.dim() != 2 or labels.shape != logits.shape:
        raise ValueError(
            f"logits and labels [B, C] needed, got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    z = full_precision(logits)
    return z, labels.to(z)


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


def multilabel_sparsemax(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over samples of `-q.z + 1/2 sum_S (z^2 - tau^2) + 1/2 |q|^2`, `q = y / |y|_1`.

    S is the support of sparsemax(z), tau its threshold. The paper prints y for q, with which the loss is
    unbounded below once a sample has two labels. With q it is at least 0, and its gradient is
    `sparsemax(z) - q`. A sample without labels has no q: it counts as 0, attached to the graph.

    Args:
        logits: `[B, C]`.
        labels: `[B, C]`, 0 or 1.

    Raises:
        ValueError: if shapes do not fit.
    """
    z, y = prepared(logits, labels)
    z = z - z.detach().amax(dim=1, keepdim=True)  # changes nothing but the rounding of large logits
    n = y.sum(dim=1, keepdim=True)
    q = y / n.clamp(min=1)
    tau = sparsemax_tau(z)
    squares = torch.where(z > tau, (z - tau) * (z + tau), 0).sum(dim=1)
    loss = -(q * z).sum(dim=1) + squares / 2 + q.square().sum(dim=1) / 2
    return torch.where(n.squeeze(1) > 0, loss, 0 * loss).mean()


class MultilabelLoss(nn.Module):
    """One of the functions above as a module, with the class weights `[C]` that `wbce` has."""

    weights: Tensor | None

    def __init__(self, function: Callable[..., Tensor], weights: Sequence[float] | None = None):
        super().__init__()
        self.function = function
        self.register_buffer("weights", None if weights is None else torch.tensor(weights), persistent=False)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        loss: Tensor = self.function(logits, labels, *(() if self.weights is None else (self.weights,)))
        return loss


MultilabelLossName = Literal["bce", "focal", "wbce", "hamming", "huber", "ranking", "sparsemax", "lsep"]
#: The seven of paper 003; `lsep` is an option beside `ranking`.
PAPER_LOSSES: tuple[MultilabelLossName, ...] = get_args(MultilabelLossName)[:7]


def multilabel_loss(name: MultilabelLossName, label_counts: Sequence[int], n_samples: int) -> nn.Module:
    """Return the module of a loss; all take logits and labels `[B, C]`.

    Args:
        label_counts: training samples that have each label, `[C]`; `wbce` weighs by them.
        n_samples: training samples in all.

    Raises:
        InputError: if there is no such loss, or it needs samples of a label that has none.
    """
    functions: dict[str, Callable[..., Tensor]] = {
        "bce": multilabel_bce,
        "focal": multilabel_focal,
        "wbce": multilabel_bce,
        "hamming": multilabel_hamming,
        "huber": multilabel_huber,
        "ranking": multilabel_ranking,
        "sparsemax": multilabel_sparsemax,
        "lsep": multilabel_lsep,
    }
    if name not in functions:
        raise InputError(f"There is no multi-label loss {name!r}: choose one of {', '.join(functions)}.")
    weights = inverse_label_frequency(label_counts, n_samples) if name == "wbce" else None
    return MultilabelLoss(functions[name], weights)


def link_of(name: MultilabelLossName) -> Link:
    """Return what the logits of a network trained with this loss stand for; see `core/model/card.py`."""
    return "sparsemax" if name == "sparsemax" else "sigmoid"
