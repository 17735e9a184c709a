"""The learning rates of a training: eq. 1 of the MCE paper per expert, and their course over the steps."""

import math
from collections.abc import Sequence
from typing import Any

from ..core.model.network import MceNetwork


def expert_shares(responsible: Sequence[Sequence[bool]], pixel_counts: Sequence[int]) -> list[float]:
    """Return, per expert, the share 0..1 of the training pixels that belong to its classes.

    Args:
        responsible: `[K][C]`.
        pixel_counts: `[C]` labelled pixels of the training set.

    Raises:
        ValueError: if there is no labelled pixel.
    """
    total = sum(pixel_counts)
    if not total:
        raise ValueError("there is no labelled pixel to train on")
    return [sum(n for n, own in zip(pixel_counts, row, strict=True) if own) / total for row in responsible]


def parameter_groups(
    network: MceNetwork, responsible: Sequence[Sequence[bool]], pixel_counts: Sequence[int], lr0: float
) -> list[dict[str, Any]]:
    """Return optimizer groups by eq. 1: backbone at `lr0`, expert i at `lr0 * sum_{C_i} n_c / sum n_c`.

    The first expert answers for every class, so it learns at `lr0`.
    """
    backbone = [*network.encoder.parameters(), *network.decoder.parameters()]
    groups: list[dict[str, Any]] = [{"name": "backbone", "params": backbone, "lr": lr0}]
    for i, share in enumerate(expert_shares(responsible, pixel_counts)):
        parameters = list(network.experts[i].parameters())
        groups.append({"name": f"expert_{i + 1}", "params": parameters, "lr": lr0 * share})
    return groups


def cosine_factor(step: int, steps: int, warmup: int) -> float:
    """Return what every learning rate is multiplied by at `step` 0..steps-1.

    It rises linearly over `warmup` steps, then falls along half a cosine to 0. A short training of known
    length is spent better so than by waiting for a plateau of the validation loss, which takes ten epochs
    to notice.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
