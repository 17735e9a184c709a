"""Focal loss over the softmax (Lin et al. 2017; eq. 3 of the CDFL paper): one function, one thin module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .cross_entropy import IGNORE_INDEX, at_labels, check_shapes, full_precision, labelled_mean, split_labels


def focal_loss(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    *,
    gamma: float = 2.0,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return the mean over labelled pixels of `-a_y (1 - p_y)^gamma log p_y`.

    The paper extends the binary focal loss by the softmax; gamma 0 is cross-entropy. (The class `FocalLoss`
    of segmentation-models-pytorch is another extension, one sigmoid per class.) A batch without a labelled
    pixel gives an exact zero, attached to the graph. Half precision is computed in float32.

    Args:
        logits: `[B, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.
        weights: `[C]`, a; default 1. They scale the loss, unlike those of cross-entropy.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shapes(logits, labels)
    known, valid = split_labels(labels, ignore_index)
    log_p = at_labels(full_precision(logits).log_softmax(1), known)  # (B, H, W)
    wrong = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny)  # a power of 0 has no gradient
    loss = -(wrong**gamma) * log_p
    if weights is not None:
        loss = loss * weights.to(loss)[known]
    return labelled_mean(loss, valid)


class FocalLoss(nn.Module):
    """`focal_loss` with its settings."""

    weights: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ):
        super().__init__()
        self.register_buffer("weights", None if weights is None else torch.tensor(weights), persistent=False)
        self.gamma, self.ignore_index = gamma, ignore_index

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C, H, W]` logits and `[B, H, W]` labels."""
        return focal_loss(logits, labels, self.weights, gamma=self.gamma, ignore_index=self.ignore_index)
