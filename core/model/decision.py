"""Decides: from blended logits to classes and heat maps, by prior probabilities of the classes
(docs/science/methods.md section 2, MetaFusion). Joining the experts is in `aggregation.py`.

Global priors are training frequencies; for fixed frames they may differ from pixel to pixel, on a map by
altitude.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from ..base.errors import InputError
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


Array = TypeVar("Array", NDArray[Any], Tensor)


def interpolated(priors: Array, alpha: float) -> Array:
    """Return `(1 - alpha) + alpha * prior`, any shape: 1 for Bayes (0), the prior for maximum likelihood (1).

    Raises:
        InputError: if alpha is not in 0..1.
    """
    check_alpha(alpha)
    return (1 - alpha) + alpha * priors


def check_alpha(alpha: float) -> None:
    """Raise InputError unless alpha is in 0..1."""
    if not 0 <= alpha <= 1:
        raise InputError(f"Alpha {alpha} is not between 0 (Bayes) and 1 (maximum likelihood).")


def log_priors(pixel_counts: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Return `log((1 - alpha) + alpha * prior)` per class, prior = relative training frequency.

    A class without training pixels keeps prior 1: the ML rule has nothing to weigh it by and must not divide
    by 0.

    Raises:
        InputError: if alpha is not in 0..1.
    """
    check_alpha(alpha)
    total = sum(pixel_counts)
    return tuple(math.log((1 - alpha) + alpha * n / total) if n else 0.0 for n in pixel_counts)


def weigh(probabilities: Array, priors: Array, alpha: float) -> Array:
    """Return `p / prior_alpha`, renormalised to sum 1 over classes; its arg-max is the interpolated decision.

    Args:
        probabilities: `[C, ...]`, NumPy or torch, float32 or better.
        priors: `[C]`, or one per pixel, `[C, ...]`; above 0.
        alpha: 0 (Bayes) to 1 (maximum likelihood).

    Returns:
        As the probabilities.
    """
    divisor = interpolated(priors, alpha)
    if divisor.ndim == 1:
        divisor = divisor.reshape(-1, *[1] * (probabilities.ndim - 1))
    weighed = probabilities / divisor
    return weighed / weighed.sum(0)


def position_priors(
    labels: Iterable[NDArray[np.integer[Any]]], n_classes: int, *, sigma_px: float = 80.0, floor: float = 1e-5
) -> NDArray[np.float64]:
    """Return priors `[C, H, W]` of frames that always show the same place or come from one camera.

    The share of each class among the labels at a pixel, smoothed over the frame by a Gaussian, plus a floor,
    then scaled to sum 1. Sigma 80 px and floor 1e-5 are the authors'; the paper gives neither.

    Args:
        labels: frames `[H, W]` of one size; values outside 0..C-1 are unlabelled.
        n_classes: C.
        sigma_px: standard deviation of the Gaussian.
        floor: added to every share.

    Raises:
        InputError: if there is no frame, or frames differ in size.
    """
    counts: NDArray[np.float64] | None = None
    for frame in labels:
        if counts is None:
            counts = np.zeros((n_classes, *frame.shape))
        if counts.shape[1:] != frame.shape:
            raise InputError(f"A frame of {frame.shape} among frames of {counts.shape[1:]} has no position.")
        for channel in range(n_classes):
            counts[channel] += frame == channel
    if counts is None:
        raise InputError("Position-specific priors need at least one labelled frame.")
    smooth = np.stack([gaussian_filter(layer, sigma_px) for layer in counts])
    seen = smooth.sum(axis=0)
    shares = np.divide(smooth, seen, out=np.full_like(smooth, 1 / n_classes), where=seen > 0) + floor
    return shares / shares.sum(axis=0)


@dataclass(frozen=True, eq=False)
class AltitudePriors:
    """Priors per altitude band: `edges_m` `[B + 1]` rising, `shares` `[B, C]`, rows sum to 1."""

    edges_m: NDArray[np.float64]
    shares: NDArray[np.float64]

    def at(self, altitude_m: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return priors `[C, ...]` at altitudes `[...]`; outside the table the nearest band holds."""
        band = np.searchsorted(self.edges_m, altitude_m, side="right") - 1
        rows = self.shares[np.clip(band, 0, len(self.shares) - 1)]
        return np.moveaxis(rows, -1, 0)


def read_altitude_priors(path: Path, class_names: Sequence[str]) -> AltitudePriors:
    """Read a table of priors: CSV with the columns `from_m`, `to_m` and one per class name.

    Values are pixel counts or shares; each row is scaled to sum 1. Bands must follow each other without gap.

    Raises:
        InputError: in one sentence, if the table cannot be read so.
    """
    needed = ["from_m", "to_m", *class_names]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        values = np.array([[float(row[name]) for name in needed] for row in rows])
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The table of priors {path} cannot be read; check the file.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The table of priors {path} needs a number in each of the columns {', '.join(needed)} ({error})."
        ) from error
    if not len(values):
        raise InputError(f"The table of priors {path} has no altitude band.")
    low, high, shares = values[:, 0], values[:, 1], values[:, 2:]
    if not (np.isfinite(values).all() and (high > low).all() and (low[1:] == high[:-1]).all()):
        raise InputError(f"The altitude bands of {path} must rise from row to row without gap or overlap.")
    if not ((shares > 0).all()):
        raise InputError(f"Each prior of {path} must be above 0: nothing can be divided by it otherwise.")
    return AltitudePriors(np.append(low, high[-1]), shares / shares.sum(axis=1, keepdims=True))
