"""Where a rule stands between common and rare classes: how much each counts while it is fitted, and how it is
moved afterwards, so that two rules are compared where they call equally many pixels rare. What rules compute
lives in `rules.py` and `composed.py`."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Rule = Callable[[Tensor], Tensor]
#: Between which shifts is sought, and how often the interval is halved: log odds, or powers of class shares.
_LIMITS, _HALVINGS = (-8.0, 8.0), 30
#: One pixel in so many rows and columns decides where the point lies.
_SPARSE = 2


class ShiftedRule(nn.Module):
    """A rule whose class scores are shifted by `power * log(N / n_c)`, the logit adjustment of Menon et al.
    (2021): more power calls more pixels rare.

    Args:
        rule: maps logits `[B, K, C, H, W]` to log-probabilities `[B, C, H, W]`.
        pixel_counts: `n_c`, at least one of each class.
    """

    def __init__(self, rule: nn.Module, pixel_counts: Sequence[int], power: float):
        super().__init__()
        self.rule, self.power = rule, power
        self.rarity = rarity(pixel_counts).view(-1, 1, 1)

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to shifted scores `[B, C, H, W]`."""
        scores: Tensor = self.rule(logits) + self.power * self.rarity.to(logits.device)
        return scores


def rule_weights(pixel_counts: Sequence[int], power: float) -> list[float]:
    """Return class weights `(N / n_c)^power`: 0 for overall accuracy, 1 for mean accuracy, between for both.

    Raises:
        ValueError: if a class has no pixel.
    """
    if min(pixel_counts) <= 0:
        raise ValueError("every class needs a pixel")
    total = sum(pixel_counts)
    return [(total / n) ** power for n in pixel_counts]


def rarity(pixel_counts: Sequence[int]) -> Tensor:
    """Return `log(N / n_c)`, `[C]`.

    Raises:
        ValueError: if a class has no pixel.
    """
    return torch.tensor(rule_weights(pixel_counts, 1.0), dtype=torch.float64).log().float()


def as_rare_as(
    reference: Rule,
    rule: nn.Module,
    logits: Sequence[NDArray[np.float32]],
    *,
    n_experts: int,
    tail: Sequence[int],
    pixel_counts: Sequence[int],
) -> ShiftedRule:
    """Return the rule shifted so that it calls as many pixels of tiles a tail class as the reference does.

    No label is needed: the number of pixels to verify is kept, and only the places change.

    Args:
        reference: maps logits `[B, K, C, H, W]` to scores `[B, C, H, W]`.
        logits: of the frozen experts, tiles `[K C, H, W]`.
        tail: channels of the tail classes, rarer than all others.
        pixel_counts: of the training, `[C]`.
    """
    of_tail = torch.zeros(len(pixel_counts), dtype=torch.bool)
    of_tail[list(tail)] = True
    wanted, scores = 0, []
    for tile in logits:
        stacked = torch.from_numpy(tile).unflatten(0, (n_experts, -1))[None]
        with torch.inference_mode():
            wanted += int(of_tail[_sparse(reference(stacked)).argmax(0)].sum())
            scores.append(_sparse(rule(stacked)))
    found, shift = torch.cat(scores, dim=1), rarity(pixel_counts)[:, None]
    power = sought(lambda p: int(of_tail[(found + p * shift).argmax(0)].sum()), wanted)
    return ShiftedRule(rule, pixel_counts, power)


def sought(measured: Callable[[float], float], wanted: float) -> float:
    """Return the shift at which something that rises with it reaches what is wanted."""
    low, high = _LIMITS
    for _ in range(_HALVINGS):
        shift = (low + high) / 2
        low, high = (shift, high) if measured(shift) < wanted else (low, shift)
    return (low + high) / 2


def _sparse(scores: Tensor) -> Tensor:
    """Return the scores of some pixels of one tile, `[C, n]`."""
    return scores[0, :, ::_SPARSE, ::_SPARSE].flatten(1)
