"""Lovasz-softmax (Berman et al. 2018): a convex stand-in for 1 - IoU. One function, one thin module."""

import torch
from torch import Tensor, nn

from .cross_entropy import IGNORE_INDEX, check_shapes, full_precision


def lovasz_softmax(logits: Tensor, labels: Tensor, *, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Return the mean over the classes in the batch of the Lovasz extension of 1 - IoU.

    All labelled pixels of the batch count as one image. Where the softmax is one-hot, the loss is 1 - IoU
    itself, averaged over the classes that have labels. A batch without a labelled pixel gives an exact zero,
    attached to the graph. Half precision is computed in float32.

    Args:
        logits: `[B, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shapes(logits, labels)
    valid = labels != ignore_index
    p = full_precision(logits).softmax(1).movedim(1, 0)[:, valid]  # (C, P)
    if not p.shape[1]:
        return p.sum()
    own = labels[valid] == torch.arange(len(p), device=p.device)[:, None]  # (C, P)
    errors, order = torch.where(own, 1 - p, p).sort(dim=1, descending=True)
    per_class = (errors * jaccard_steps(own.gather(1, order)).to(errors.dtype)).sum(1)
    present = own.any(1)
    return (per_class * present).sum() / present.sum()


@torch.no_grad()
def jaccard_steps(own: Tensor) -> Tensor:
    """Return how much 1 - IoU grows as one pixel after the other is wrong (algorithm 1 of the paper).

    Args:
        own: `[C, P]` bool, does the pixel belong to the class, in the order in which pixels become wrong.

    Returns:
        `[C, P]` float64; a row with a pixel of its class sums to 1.
    """
    size = own.sum(1, keepdim=True)
    missed = own.cumsum(1)
    seen = torch.arange(1, own.shape[1] + 1, device=own.device)
    lost = 1 - (size - missed).double() / (size + seen - missed)
    return lost.diff(dim=1, prepend=torch.zeros_like(lost[:, :1]))


class LovaszSoftmax(nn.Module):
    """`lovasz_softmax` with its settings."""

    def __init__(self, ignore_index: int = IGNORE_INDEX):
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C, H, W]` logits and `[B, H, W]` labels."""
        return lovasz_softmax(logits, labels, ignore_index=self.ignore_index)
