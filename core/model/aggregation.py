"""The rules that join K experts' logits into one vector of class scores (docs/science/methods.md section
1): the paper's, and the chain rules over nested experts, `conditional` and `composed`. The paper's learnt
rules (mlp, cnn) live in training.

Experts are added in a fixed order, so that a result does not depend on how a tensor lies in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import get_args

import torch
from torch import Tensor

from ..base.errors import InputError
from .card import AggregationName, Composition

Responsible = Sequence[Sequence[bool]]
#: Numbers, or 0-d tensors while they are being learnt.
Value = float | Tensor


def nested_channels(responsible: Responsible, rule: str = "conditional") -> list[list[int]]:
    """Return the channels `C_k` of every expert, each within those of the expert before.

    Raises:
        InputError: if they are not nested.
    """
    channels = [[c for c, answers in enumerate(row) if answers] for row in responsible]
    if any(not set(inner) < set(outer) for outer, inner in pairwise(channels)):
        raise InputError(f"The aggregation '{rule}' needs experts whose classes are nested.")
    return channels


def conditional(experts: Sequence[Tensor], channels: Sequence[Sequence[int]]) -> Tensor:
    """Compose nested experts by the chain rule.

    Expert k was trained on pixels of C_k, so it knows `p(c | C_k)` best, and whether a pixel of C_k is one of
    C_{k+1}. A class c whose narrowest group is C_d has
    `p(c) = P_1(C_2 | C_1) P_2(C_3 | C_2) ... p_d(c | C_d)`, each factor a softmax over the channels of its
    expert's own classes.

    Args:
        experts: K times logits `[..., C, H, W]`.
        channels: of `nested_channels`.

    Returns:
        log-probabilities `[..., C, H, W]`.
    """
    parts = [dict(enumerate(z.unbind(-3))) for z in experts]
    odds = [_odds(parts[k], outer, inner) for k, (outer, inner) in enumerate(pairwise(channels))]
    return _chain(parts, odds, channels)


def composed(
    experts: Sequence[Tensor],
    channels: Sequence[Sequence[int]],
    *,
    gate: Sequence[Sequence[Value]],
    gate_bias: Sequence[Value],
    voices: Sequence[Sequence[Value]],
    bias: Sequence[Value],
) -> Tensor:
    """Compose nested experts by a learnt chain rule.

    `conditional` asks expert k alone whether a pixel of C_k is one of C_{k+1}, though the experts of narrower
    groups, whose logits the complementary loss holds near zero elsewhere, know something about it as well.
    Here the log odds of entering C_{k+1} are a linear function of the log odds that every expert gives to
    every group. A class whose narrowest group is C_k is told from its neighbours there by a weighted sum of
    the logits of all experts that answer for it, 1 to k, and a bias of its own.

    Args:
        experts, channels: as in `conditional`.
        gate: `[K-1][K (K-1)]`, for each narrower group the weights of all log odds, those of expert 1 first.
        gate_bias: `[K-1]`.
        voices: `[K]`, row k has the k weights of experts 1 to k.
        bias: `[C]`.

    Returns:
        log-probabilities `[..., C, H, W]`.
    """
    parts = [dict(enumerate(z.unbind(-3))) for z in experts]
    evidence = [_odds(part, outer, inner) for part in parts for outer, inner in pairwise(channels)]
    odds = [
        _sum([term * weight for term, weight in zip(evidence, row, strict=True)]) + offset
        for row, offset in zip(gate, gate_bias, strict=True)
    ]
    heard = []
    for k, row in enumerate(voices):
        own = _own(channels, k)
        sums = [_sum([part[c] * weight for part, weight in zip(parts, row, strict=False)]) for c in own]
        heard.append({c: z + bias[c] for c, z in zip(own, sums, strict=True)})
    return _chain(heard, odds, channels)


def _chain(
    parts: Sequence[Mapping[int, Tensor]], odds: Sequence[Tensor], channels: Sequence[Sequence[int]]
) -> Tensor:
    """Return log-probabilities from scores of each expert's own classes and the log odds of the next group
    within its group, `[K-1]`."""
    out: dict[int, Tensor] = {}
    entering = torch.zeros_like(parts[0][_own(channels, 0)[0]])  # log-probability of C_k
    for k, part in enumerate(parts):
        own, last = _own(channels, k), k == len(odds)
        here = entering if last else entering - _softplus(odds[k])  # not entering the next group
        here = here - _log_sum(part, own)
        out |= {c: here + part[c] for c in own}
        if not last:
            entering = entering - _softplus(-odds[k])
    return torch.stack([out[c] for c in sorted(out)], dim=-3)


def _own(channels: Sequence[Sequence[int]], k: int) -> list[int]:
    """Return the channels whose narrowest group is that of expert k."""
    inner = channels[k + 1] if k + 1 < len(channels) else ()
    return [c for c in channels[k] if c not in inner]


def _odds(part: Mapping[int, Tensor], outer: Sequence[int], inner: Sequence[int]) -> Tensor:
    """Return the log odds of the inner group within the outer one, as one expert sees them."""
    return _log_sum(part, inner) - _log_sum(part, [c for c in outer if c not in inner])


def _softplus(odds: Tensor) -> Tensor:
    """Return `log(1 + exp(odds))`; PyTorch's own differs in the last bit between memory layouts."""
    return odds.clamp(min=0) + (1 + (-odds.abs()).exp()).log()


def _log_sum(part: Mapping[int, Tensor], channels: Sequence[int]) -> Tensor:
    """Return the log of the sum of exponentials of some channels."""
    chosen = [part[c] for c in channels]
    largest = reduce(torch.maximum, chosen)
    return largest + _sum([(z - largest).exp() for z in chosen]).log()


def _sum(terms: Sequence[Tensor]) -> Tensor:
    add: Callable[[Tensor, Tensor], Tensor] = torch.add
    return reduce(add, terms)


def aggregate(
    logits: Tensor,
    name: AggregationName | str,
    responsible: Responsible,
    composition: Composition | None = None,
) -> Tensor:
    """Join the experts' logits by the named rule.

    Args:
        logits: `[..., K, C, H, W]`; half precision is added up in float32.
        name: `mean` (eq. 5) divides the sum over experts by K; `mean_responsible` by the number of experts
            responsible for the class (what the authors' code does); `max` (eq. 6) takes the largest logit;
            `zero_nontarget` sets logits outside C_k to 0, then divides the sum by K, and
            `zero_nontarget_responsible` by the number of responsible experts; `conditional`, ours, lets
            each expert choose within its classes only, and `composed`, ours, is its learnt form.
        responsible: `[K][C]`, is expert k responsible for channel c (`ModelCard.responsible`).
        composition: what `composed` has learnt; no other rule looks at it.

    Returns:
        `[..., C, H, W]`, float32 (float64 if the logits are).

    Raises:
        InputError: if the name is none of these (`oracle` needs labels and is refused here), or the experts
            of a chain rule are not nested.
        ValueError: if shapes do not fit, or `composed` lacks its composition.
    """
    experts = _experts(logits, responsible)
    if name == "max":
        return _largest(experts)
    if name == "conditional":
        return conditional(experts, nested_channels(responsible))
    if name == "composed":
        return _composed(experts, responsible, composition)
    if name in ("zero_nontarget", "zero_nontarget_responsible"):
        masks = [_per_class(row, logits) for row in responsible]
        experts = [z * mask for z, mask in zip(experts, masks, strict=True)]
    elif name not in ("mean", "mean_responsible"):
        raise InputError(f"The aggregation {name!r} is not one of {', '.join(get_args(AggregationName))}.")
    total = experts[0]
    for expert in experts[1:]:
        total = total + expert
    if name.endswith("_responsible"):
        return total / _per_class([sum(column) for column in zip(*responsible, strict=True)], logits)
    return total / len(experts)


def oracle(logits: Tensor, labels: Tensor, responsible: Responsible) -> Tensor:
    """Give each pixel the logits of the expert whose group holds its label; for benchmarks only.

    The group of an expert is what it answers for and no later expert does, so the most specialised
    responsible expert speaks.

    Args:
        logits: `[..., K, C, H, W]`.
        labels: `[..., H, W]`, logit channel of the true class; unlabelled (outside 0..C-1) gets expert 1.
        responsible: `[K][C]`.

    Returns:
        `[..., C, H, W]`, dtype as in `aggregate`.
    """
    experts = _experts(logits, responsible)
    chosen = experts[0]
    for k, row in enumerate(responsible):
        for channel, answers in enumerate(row):
            if k and answers:
                chosen = torch.where((labels == channel).unsqueeze(-3), experts[k], chosen)
    return chosen


def _experts(logits: Tensor, responsible: Responsible) -> list[Tensor]:
    """Split `[..., K, C, H, W]` into K tensors `[..., C, H, W]` of at least float32."""
    n_experts, n_classes = len(responsible), len(responsible[0])
    if tuple(logits.shape[-4:-2]) != (n_experts, n_classes):
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} are not {n_experts} experts x {n_classes} classes"
        )
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return list(logits.unbind(-4))


def _largest(experts: Sequence[Tensor]) -> Tensor:
    best = experts[0]
    for expert in experts[1:]:
        best = torch.maximum(best, expert)
    return best


def _composed(experts: Sequence[Tensor], responsible: Responsible, learnt: Composition | None) -> Tensor:
    if learnt is None:
        raise ValueError("composed needs what a model has learnt")
    channels = nested_channels(responsible, "composed")
    found = composed(
        experts,
        channels,
        gate=learnt.gate,
        gate_bias=learnt.gate_bias,
        voices=learnt.voices,
        bias=learnt.bias,
    )
    return found + _per_class(learnt.offset, found)


def _per_class(values: Sequence[float], like: Tensor) -> Tensor:
    """Return `[C, 1, 1]` on the device of `like`, in the precision that sums are made in."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    return torch.tensor([float(v) for v in values], dtype=dtype, device=like.device).reshape(-1, 1, 1)
