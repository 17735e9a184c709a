"""Sparsemax, the projection of logits onto the simplex (Martins and Astudillo 2016). The loss that belongs to
it lives in training."""

import torch
from torch import Tensor


def sparsemax_tau(logits: Tensor) -> Tensor:
    """Return the threshold of each row, `[B, 1]`, of logits `[B, C]`: `sparsemax(z) = max(0, z - tau)`.

    Its derivative by z is 1 / |S| on the support S and 0 elsewhere, as autograd finds it.
    """
    z, _ = logits.sort(dim=1, descending=True)
    k = torch.arange(1, z.shape[1] + 1, device=z.device, dtype=z.dtype)
    excess = z.cumsum(dim=1) - 1  # (B, C)
    size = (k * z > excess).sum(dim=1, keepdim=True)  # of the support
    return excess.gather(1, size - 1) / size


def sparsemax(logits: Tensor) -> Tensor:
    """Return probabilities `[B, C]` of logits `[B, C]`: rows sum to 1, small ones are exactly 0."""
    return (logits - sparsemax_tau(logits)).clamp(min=0)
