"""Cross-entropy, plain or with class weights: the baselines CEL, WCEL, CBL and balanced CE. Which weights
there are is told in `class_weights.py`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .pixels import IGNORE_INDEX, check_shapes, full_precision, split_labels


def cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor | None = None, *, ignore_index: int = IGNORE_INDEX
) -> Tensor:
    """Return `sum_p w_y CE(z_p, y_p) / sum_p w_y` over labelled pixels.

    That is `F.cross_entropy(z, y, weight=w, ignore_index=...)`, so only the ratios of the weights count; but
    a batch without a labelled pixel (or with weights 0 alone) gives an exact zero, attached to the graph.
    Half precision is computed in float32.

    Args:
        logits: `[B, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.
        weights: `[C]`, not negative; default 1.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shapes(logits, labels)
    z = full_precision(logits)
    known, valid = split_labels(labels, ignore_index)
    if weights is None:
        total = valid.sum().to(z.dtype)
    else:
        weights = weights.to(z)
        total = (weights[known] * valid).sum()
    summed = F.cross_entropy(z, labels, weight=weights, ignore_index=ignore_index, reduction="sum")
    return summed / torch.where(total > 0, total, 1)


class CrossEntropy(nn.Module):
    """`cross_entropy` with its settings."""

    weights: Tensor | None

    def __init__(self, weights: Sequence[float] | None = None, ignore_index: int = IGNORE_INDEX):
        super().__init__()
        self.register_buffer("weights", None if weights is None else torch.tensor(weights), persistent=False)
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C, H, W]` logits and `[B, H, W]` labels."""
        return cross_entropy(logits, labels, self.weights, ignore_index=self.ignore_index)
