"""Decides: from blended logits to classes and heat maps (docs/science/methods.md section 2, MetaFusion).
Joining the experts lives in `aggregation.py`, priors in `priors.py`, what is written in
`core/mapping/products.py`.

All functions work elementwise over pixels, with the class axis first, and add in a fixed order, so a
pixel's result does not depend on what is decided together. Classes come from additions and comparisons of
logits alone: priors of rare classes reach 1e-4, too small for quantised probabilities.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .aggregation import aggregate
from .card import Composition

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
    composition: Composition | None = None  # of the aggregation `composed`

    @property
    def n_experts(self) -> int:
        """Number of experts, K."""
        return len(self.responsible)

    @property
    def n_evidence(self) -> int:
        """Number of evidence bands, 6 + K."""
        return 6 + self.n_experts


class Decisions(NamedTuple):
    """The maps of N pixels.

    `classes` uint8 `[1 + K, N]`: class ids of the map, then of each expert; `evidence` int32 `[6 + K, N]`: ML
    class id, then in steps of 1/50000 entropy, margin, variation ratio, expert agreement, the map's support
    of the ML class and each expert's.
    """

    classes: Tensor
    evidence: Tensor


class Decider(nn.Module):
    """`decide` as a module, for engines that compile modules."""

    def __init__(self, rule: DecisionRule):
        super().__init__()
        self.rule = rule

    def forward(self, expert_logits: Tensor) -> tuple[Tensor, Tensor]:
        """Map logits `[K, C, N]` to the two tensors of `Decisions`."""
        return tuple(decide(expert_logits, self.rule))  # type: ignore[return-value]


def decide(expert_logits: Tensor, rule: DecisionRule, log_priors: Tensor | None = None) -> Decisions:
    """Decide N pixels.

    Support is `exp(z - max z)` at the ML class, without priors: its probability over that of the class that
    the map, or an expert, prefers.

    Args:
        expert_logits: blended, float32 `[K, C, N]`.
        rule: aggregation, priors and class ids.
        log_priors: `[C, N]`, in place of the rule's where priors differ from pixel to pixel.
    """
    joined = aggregate(
        expert_logits.unsqueeze(2), rule.aggregation, rule.responsible, rule.composition
    ).squeeze(1)
    scores = list(joined.unbind(0))  # C of (N)
    voices = [list(logits.unbind(0)) for logits in expert_logits.unbind(0)]  # K of C of (N)
    bayes, *experts = (_first_largest(voice) for voice in (scores, *voices))
    agreeing = [(expert == bayes).to(torch.float32) for expert in experts]
    agreement = sum(agreeing[1:], agreeing[0]) / rule.n_experts
    priors: Sequence[float | Tensor] = rule.log_priors if log_priors is None else log_priors.unbind(0)
    weighed = [score - prior for score, prior in zip(scores, priors, strict=True)]
    ml = _first_largest(weighed)
    support = [_support(voice, ml) for voice in (scores, *voices)]
    shares = [share * EVIDENCE_STEPS for share in (*heat_maps(weighed), agreement, *support)]
    return Decisions(
        torch.stack([_ids(channel, rule.class_ids) for channel in (bayes, *experts)]).to(torch.uint8),
        torch.stack([_ids(ml, rule.class_ids), *shares]).round().to(torch.int32),
    )


def heat_maps(scores: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return entropy, margin and variation ratio of the softmax of C scores `[N]`, each `[N]` in 0..1.

    `E = -sum p log p / log C`, `M = 1 - p1 + p2`, `V = 1 - p1` with p1 and p2 the two largest probabilities
    (docs/science/methods.md section 2).
    """
    best, second = _two_largest(scores)
    shifted = [score - best for score in scores]
    weights = [difference.exp() for difference in shifted]
    moments = [weight * difference for weight, difference in zip(weights, shifted, strict=True)]
    mass = sum(weights[1:], weights[0])  # at least 1, because the largest score's weight is 1
    moment = sum(moments[1:], moments[0])
    entropy = (mass.log() - moment / mass) / math.log(len(scores))
    first = 1 / mass
    runner_up = (second - best).exp() / mass
    return entropy.clamp(0, 1), 1 - first + runner_up, 1 - first


def _two_largest(scores: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    best = torch.maximum(scores[0], scores[1])
    second = torch.minimum(scores[0], scores[1])
    for score in scores[2:]:
        second = torch.maximum(second, torch.minimum(best, score))
        best = torch.maximum(best, score)
    return best, second


def _first_largest(scores: Sequence[Tensor]) -> Tensor:
    """Return the number of the largest of C scores `[N]`, the lowest among equals, as float32 `[N]`.

    Comparisons of whole rows are what compilers fuse and CPUs vectorise; a plain `argmax` over the first
    axis is many times slower.
    """
    best, channel = scores[0], torch.zeros_like(scores[0])
    for index, score in enumerate(scores[1:], start=1):
        channel = torch.maximum(channel, (score > best).to(torch.float32) * index)
        best = torch.maximum(best, score)
    return channel


def _support(scores: Sequence[Tensor], channel: Tensor) -> Tensor:
    """Return `exp(z[channel] - max z)` of C scores `[N]`, in 0..1."""
    best = chosen = scores[0]
    for index, score in enumerate(scores[1:], start=1):
        chosen = torch.where(channel == index, score, chosen)
        best = torch.maximum(best, score)
    return (chosen - best).exp()


def _ids(channel: Tensor, class_ids: Sequence[int]) -> Tensor:
    """Replace channel numbers by class ids, both float32."""
    first = class_ids[0]
    if tuple(class_ids) == tuple(range(first, first + len(class_ids))):
        return channel + first
    ids = torch.zeros_like(channel)
    for index, class_id in enumerate(class_ids):
        ids = ids + (channel == index).to(torch.float32) * class_id
    return ids
