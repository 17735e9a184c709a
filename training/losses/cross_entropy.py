"""Cross-entropy of pixels, plain or with weights by class: inverse frequency, class-balanced (Cui et al.
2019) or balanced as in the CDFL paper. Ignored pixels never count.
"""

from collections.abc import Sequence
from math import expm1, log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.base.errors import InputError


def inverse_frequency(pixel_counts: Sequence[int]) -> list[float]:
    """Return `w_c = N / n_c`, `[C]` (the MCE paper's WCEL).

    Raises:
        InputError: if a class has no pixel.
    """
    _check_present(pixel_counts)
    return [sum(pixel_counts) / n for n in pixel_counts]


def class_balanced(pixel_counts: Sequence[int], tile_pixels: int, *, beta: float = 0.9999) -> list[float]:
    """Return `(1 - b) / (1 - b^n_c)` rescaled to sum C, `[C]` (Cui et al. 2019; the MCE paper's CBL).

    Args:
        pixel_counts: `[C]`.
        tile_pixels: pixels of a tile. n_c counts tile equivalents, `pixels / tile_pixels`: with n_c in
            pixels `b^n_c` is 0 for every class, and all weights are equal.
        beta: b, 0..1; 0 gives equal weights, towards 1 they become inverse frequencies.

    Raises:
        InputError: if a class has no pixel.
    """
    _check_present(pixel_counts)
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be at least 0 and less than 1, got {beta}")
    if not beta:
        return [1.0] * len(pixel_counts)
    raw = [-1 / expm1(n / tile_pixels * log(beta)) for n in pixel_counts]
    return [len(raw) * w / sum(raw) for w in raw]


def balanced(pixel_counts: Sequence[int]) -> list[float]:
    """Return `w_c = (N - N_c) / N`, `[C]` (balanced cross-entropy, eq. 2 of the CDFL paper)."""
    total = sum(pixel_counts)
    if not total:
        raise InputError("There is no labelled pixel to take class weights from; check the labels.")
    return [(total - n) / total for n in pixel_counts]


def _check_present(pixel_counts: Sequence[int]) -> None:
    absent = [str(c) for c, n in enumerate(pixel_counts) if n <= 0]
    if absent:
        raise InputError(
            f"The class of logit channel {absent[0]} has no training pixel, so it has no weight; add labels "
            "of it, leave it out, or choose another loss."
        )


def rule_weights(pixel_counts: Sequence[int], power: float) -> list[float]:
    """Return class weights `(N / n_c)^power`: 0 for overall accuracy, 1 for mean accuracy, between for both.

    Raises:
        ValueError: if a class has no pixel.
    """
    if min(pixel_counts) <= 0:
        raise ValueError("every class needs a pixel")
    return [weight**power for weight in inverse_frequency(pixel_counts)]


IGNORE_INDEX = 255


def full_precision(logits: Tensor) -> Tensor:
    """Return the logits in at least float32: half precision loses what the losses of rare classes add up."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def check_shapes(logits: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless logits are `[B, C, H, W]` and labels `[B, H, W]`."""
    if logits.dim() != 4 or labels.shape != logits.shape[:1] + logits.shape[2:]:
        raise ValueError(
            f"logits [B, C, H, W] and labels [B, H, W] needed, got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )


def split_labels(labels: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return the labels with 0 where there is none, and where there is one, `[B, H, W]` each."""
    valid = labels != ignore_index
    return labels.masked_fill(~valid, 0), valid


def at_labels(values: Tensor, known: Tensor) -> Tensor:
    """Return the value of each pixel's own channel: `[B, C, H, W]` at `[B, H, W]` gives `[B, H, W]`."""
    return values.gather(1, known.unsqueeze(1)).squeeze(1)


def labelled_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of `[B, H, W]` over the valid pixels; exact zero, attached to the graph, of none."""
    return values.masked_fill(~valid, 0).sum() / valid.sum().clamp(min=1)


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
