"""Seesaw loss (Wang et al. 2021; docs/science/methods.md section 1): frequent classes push rare ones less,
but wrong classes push back. One function, one thin module that counts the pixels."""

import torch
from torch import Tensor, distributed, nn

from .cross_entropy import IGNORE_INDEX, at_labels, check_shapes, cross_entropy, full_precision, split_labels


def seesaw_loss(
    logits: Tensor,
    labels: Tensor,
    counts: Tensor,
    *,
    p: float = 0.8,
    q: float = 2.0,
    floor: float = 0.01,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return the cross-entropy of `z_j + log S_ij`, i the label; see `seesaw_factors`.

    Args:
        logits: `[B, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.
        counts: `[C]` training pixels of each class so far.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shapes(logits, labels)
    z = full_precision(logits)
    known, _ = split_labels(labels, ignore_index)
    return cross_entropy(
        z + seesaw_factors(z, known, counts, p=p, q=q, floor=floor), labels, ignore_index=ignore_index
    )


@torch.no_grad()
def seesaw_factors(
    logits: Tensor, known: Tensor, counts: Tensor, *, p: float = 0.8, q: float = 2.0, floor: float = 0.01
) -> Tensor:
    """Return `log S_ij` for every class j at pixels of class i, `[B, C, H, W]`, without a gradient.

    `S_ij = min(1, (N_j / N_i)^p) * max(1, (s_j / max(s_i, floor))^q)`: the mitigation spares classes j rarer
    than i, the compensation takes that back where the softmax s prefers j. `S_ii` is 1. Counts below 1 count
    as 1.

    Args:
        logits: `[B, C, H, W]`, at least float32.
        known: `[B, H, W]` labels 0..C-1.
        counts: `[C]`, N.
    """
    frequency = counts.to(logits).clamp(min=1).log()
    mitigation = (p * (frequency[None, :] - frequency[:, None])).clamp(max=0)  # (C, C): i, j
    s = logits.softmax(1)
    compensation = q * (s / at_labels(s, known).clamp(min=floor).unsqueeze(1)).clamp(min=1).log()
    return mitigation[known].movedim(-1, 1) + compensation


class SeesawLoss(nn.Module):
    """`seesaw_loss` with counts of its own, which grow with every batch in training mode, and only then.

    The counts are part of the state, so that a resumed training goes on with them. Ignored pixels are not
    counted. Processes of one training add up their batches.
    """

    counts: Tensor

    def __init__(
        self,
        n_classes: int,
        p: float = 0.8,
        q: float = 2.0,
        floor: float = 0.01,
        ignore_index: int = IGNORE_INDEX,
    ):
        super().__init__()
        self.register_buffer("counts", torch.zeros(n_classes, dtype=torch.int64))
        self.p, self.q, self.floor, self.ignore_index = p, q, floor, ignore_index

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C, H, W]` logits and `[B, H, W]` labels, which are counted first."""
        check_shapes(logits, labels)
        if self.training:
            self._count(labels)
        return seesaw_loss(
            logits,
            labels,
            self.counts,
            p=self.p,
            q=self.q,
            floor=self.floor,
            ignore_index=self.ignore_index,
        )

    def _count(self, labels: Tensor) -> None:
        new = torch.bincount(labels[labels != self.ignore_index], minlength=len(self.counts))
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(new)
        self.counts += new
