"""What the logits of a screening network mean: scores that are positive where a class is predicted, and
probabilities. Training them and judging them lives in training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .sparsemax import sparsemax_tau
from .tile_card import Link


def decision_scores(logits: Tensor, link: Link) -> Tensor:
    """Return scores `[N, C]` of logits `[N, C]`: above 0 is predicted, and higher is surer.

    With `sigmoid` they are the logits; with `sparsemax` what logits exceed the threshold of their tile by, so
    that positive means a positive sparsemax.
    """
    return logits - sparsemax_tau(logits) if link == "sparsemax" else logits


def calibrated(scores: Tensor, calibration: Sequence[tuple[float, float]]) -> Tensor:
    """Return probabilities `[N, C]`, `sigmoid(slope * score + offset)`; plain sigmoids without pairs."""
    if not calibration:
        return torch.sigmoid(scores)
    slope, offset = torch.tensor(calibration, dtype=scores.dtype, device=scores.device).unbind(1)
    return torch.sigmoid(scores * slope + offset)


def any_of(probabilities: Tensor) -> Tensor:
    """Return the probability `[N]` that one or more of k classes `[N, k]` is there, were they independent."""
    return 1 - (1 - probabilities).prod(dim=1)
