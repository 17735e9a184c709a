"""The rules that join K experts' logits into one vector of class scores (docs/science/methods.md section 1).

The chain rules are in `composition.py`; the paper's learnt rules (mlp, cnn) do not live here. Experts are
added in a fixed order, so that a result does not depend on how a tensor lies in memory.
"""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor

from .card import AggregationName, Composition
from .composition import Responsible, composed, conditional, nested_channels
from .errors import InputError


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
