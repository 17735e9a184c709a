"""The rules that join K experts' logits into one vector of class scores (METHODS.md section 1).

The learnt rules (mlp, cnn) do not live here. Experts are added in a fixed order, so that a result does not
depend on how a tensor lies in memory.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from .card import AggregationName
from .errors import InputError

Responsible = Sequence[Sequence[bool]]


def aggregate(logits: Tensor, name: AggregationName | str, responsible: Responsible) -> Tensor:
    """Join the experts' logits by the named rule.

    Args:
        logits: `[..., K, C, H, W]`; half precision is added up in float32.
        name: `mean` (eq. 5) divides the sum over experts by K; `mean_responsible` by the number of experts
            responsible for the class (what the authors' code does); `max` (eq. 6) takes the largest logit;
            `zero_nontarget` sets logits outside C_k to 0, then divides the sum by K, and
            `zero_nontarget_responsible` by the number of responsible experts; `conditional`, ours, lets
            each expert choose within its classes only (see `_conditional`).
        responsible: `[K][C]`, is expert k responsible for channel c (`ModelCard.responsible`).

    Returns:
        `[..., C, H, W]`, float32 (float64 if the logits are).

    Raises:
        InputError: if the name is none of these (`oracle` needs labels and is refused here).
    """
    experts = _experts(logits, responsible)
    if name == "max":
        return _largest(experts)
    if name == "conditional":
        return _conditional(experts, responsible)
    if name in ("zero_nontarget", "zero_nontarget_responsible"):
        masks = [_per_class(row, logits) for row in responsible]
        experts = [z * mask for z, mask in zip(experts, masks, strict=True)]
    elif name not in ("mean", "mean_responsible"):
        raise InputError(
            f"The aggregation {name!r} is not one of mean, mean_responsible, max, zero_nontarget, "
            "zero_nontarget_responsible and conditional."
        )
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


def _conditional(experts: Sequence[Tensor], responsible: Responsible) -> Tensor:
    """Compose nested experts by the chain rule; returns log-probabilities `[..., C, H, W]`.

    Expert k was trained on pixels of C_k, so it knows `p(c | C_k)` best, and whether a pixel of C_k is one of
    C_{k+1}. A class c whose narrowest group is C_d has
    `p(c) = P_1(C_2 | C_1) P_2(C_3 | C_2) ... p_d(c | C_d)`, each factor a softmax over the channels of its
    expert's own classes. Adding b to the channels of C_{k+1} in expert k multiplies its odds of the narrower
    group by e^b and changes nothing else: that is how a composition is calibrated.

    Raises:
        InputError: if the groups are not nested.
    """
    channels = [[c for c, answers in enumerate(row) if answers] for row in responsible]
    if any(not set(inner) < set(outer) for outer, inner in pairwise(channels)):
        raise InputError("The aggregation 'conditional' needs experts whose classes are nested.")
    parts = [dict(enumerate(z.unbind(-3))) for z in experts]
    out: dict[int, Tensor] = {}
    entering = torch.zeros_like(experts[0].select(-3, 0))  # log-probability of C_k
    for k, part in enumerate(parts):
        inner = channels[k + 1] if k + 1 < len(channels) else []
        entering = entering - _log_sum(part, channels[k])
        out |= {c: entering + part[c] for c in channels[k] if c not in inner}
        if inner:
            entering = entering + _log_sum(part, inner)
    return torch.stack([out[c] for c in range(experts[0].shape[-3])], dim=-3)


def _log_sum(part: Mapping[int, Tensor], channels: Sequence[int]) -> Tensor:
    """Return the log of the sum of exponentials of some channels, added in a fixed order."""
    largest = part[channels[0]]
    for c in channels[1:]:
        largest = torch.maximum(largest, part[c])
    total = (part[channels[0]] - largest).exp()
    for c in channels[1:]:
        total = total + (part[c] - largest).exp()
    return largest + total.log()


def _per_class(values: Sequence[float], like: Tensor) -> Tensor:
    """Return `[C, 1, 1]` on the device of `like`, in the precision that sums are made in."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    return torch.tensor([float(v) for v in values], dtype=dtype, device=like.device).reshape(-1, 1, 1)
