"""Decides: from blended logits to classes and heat maps (METHODS.md section 2, MetaFusion). Joining the
experts lives in `aggregation.py`, what is written in `engine/products.py`.

All functions work elementwise over pixels, with the class axis first, and add in a fixed order, so a
pixel's result does not depend on what is decided together. Classes come from additions and comparisons of
logits alone: priors of rare classes reach 1e-4, too small for quantised probabilities.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .aggregation import aggregate
from .errors import InputError

#: Heat maps are stored as whole numbers of 1/50000.
EVIDENCE_STEPS = 50_000


@dataclass(frozen=True)
class DecisionRule:
    """How K experts' logits of C classes become maps.

    `class_ids[c]` is the raster value of channel c, `log_priors[c]` what the ML rule takes off its logit.
    """

    class_ids: tuple[int, ...]
    responsible: tuple[tuple[bool, ...], ...]  # [K][C]
    aggregation: str
    log_priors: tuple[float, ...]

    @property
    def n_experts(self) -> int:
        """Number of experts, K."""
        return len(self.responsible)


class Decisions(NamedTuple):
    """The maps of N pixels.

    `land_cover` uint8 `[N]` and `experts` uint8 `[K, N]` are class ids; `evidence` uint16 `[5, N]`: ML
    class id, then entropy, margin, variation ratio and expert agreement in steps of 1/50000.
    """

    land_cover: Tensor
    experts: Tensor
    evidence: Tensor


def log_priors(pixel_counts: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Return `log((1 - alpha) + alpha * prior)` per class: 0 = Bayes rule, 1 = maximum likelihood.

    Priors are relative training frequencies. A class without training pixels keeps prior 1: the ML rule has
    nothing to weigh it by and must not divide by 0.

    Raises:
        InputError: if alpha is not in 0..1.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"Alpha {alpha} is not between 0 (Bayes) and 1 (maximum likelihood).")
    total = sum(pixel_counts)
    return tuple(math.log((1 - alpha) + alpha * n / total) if n else 0.0 for n in pixel_counts)


def decide(expert_logits: Tensor, rule: DecisionRule) -> Decisions:
    """Decide N pixels.

    Args:
        expert_logits: blended, float32 `[K, C, N]`, contiguous along N.
        rule: aggregation, priors and class ids.
    """
    scores = aggregate(expert_logits.unsqueeze(2), rule.aggregation, rule.responsible).squeeze(1)  # (C, N)
    bayes = _first_largest(scores)
    experts = torch.stack([_first_largest(logits) for logits in expert_logits])  # (K, N)
    agreement = (experts == bayes).sum(dim=0, dtype=torch.float32) / rule.n_experts
    weighed = torch.stack([score - prior for score, prior in zip(scores, rule.log_priors, strict=True)])
    ml = _first_largest(weighed)
    maps = torch.stack([*heat_maps(weighed), agreement])
    steps = (maps * EVIDENCE_STEPS).round_().to(torch.int32)
    return Decisions(
        _ids(bayes, rule.class_ids),
        torch.stack([_ids(expert, rule.class_ids) for expert in experts]),
        torch.cat([_ids(ml, rule.class_ids).to(torch.int32).unsqueeze(0), steps]).to(torch.uint16),
    )


def heat_maps(scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return entropy, margin and variation ratio of the softmax of scores `[C, ...]`, each `[...]` in 0..1.

    `E = -sum p log p / log C`, `M = 1 - p1 + p2`, `V = 1 - p1` with p1 and p2 the two largest probabilities
    (METHODS.md section 2).
    """
    best, second = _two_largest(scores)
    mass = torch.zeros_like(best)  # of exp(score - best); at least 1
    moment = torch.zeros_like(best)  # of (score - best) * exp(score - best)
    for score in scores:
        shifted = score - best
        weight = shifted.exp()
        mass += weight
        moment += weight.mul_(shifted)
    entropy = (mass.log() - moment / mass) / math.log(len(scores))
    first = 1 / mass
    runner_up = (second - best).exp_() / mass
    return entropy.clamp_(0, 1), 1 - first + runner_up, 1 - first


def _two_largest(scores: Tensor) -> tuple[Tensor, Tensor]:
    best = torch.maximum(scores[0], scores[1])
    second = torch.minimum(scores[0], scores[1])
    for score in scores[2:]:
        second = torch.maximum(second, torch.minimum(best, score))
        best = torch.maximum(best, score)
    return best, second


def _first_largest(scores: Tensor) -> Tensor:
    """Return the channel of the largest score, the lowest one among equals, as float32 `[...]`.

    A plain `argmax` over the first axis is many times slower on a CPU. Comparisons are written as 0 or 1 in
    float32 because that is what vectorises.
    """
    best = scores[0].clone()
    channel = torch.zeros_like(best)
    larger = torch.empty_like(best)
    for index in range(1, len(scores)):
        torch.gt(scores[index], best, out=larger)
        torch.maximum(best, scores[index], out=best)
        torch.maximum(channel, larger.mul_(index), out=channel)
    return channel


def _ids(channel: Tensor, class_ids: Sequence[int]) -> Tensor:
    """Replace channel numbers by class ids, uint8."""
    first = class_ids[0]
    if tuple(class_ids) == tuple(range(first, first + len(class_ids))):
        return (channel + first).to(torch.uint8)
    table = torch.tensor(class_ids, dtype=torch.uint8, device=channel.device)
    return table[channel.to(torch.int32)]
