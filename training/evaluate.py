"""Scores of a network on areas with labels: every aggregation, each expert alone and the oracle. The engine's
blending does not live here: each pixel takes the window in whose middle it lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.accuracy import Scores, confusion_matrix, scores
from ..core.aggregation import aggregate, oracle
from ..core.card import ModelCard
from ..core.network import MceNetwork
from ..core.normalise import Normaliser
from ..core.progress import Reporter, SilentReporter
from .data.area import Area
from .losses.pixels import IGNORE_INDEX

ORACLE = "oracle"


@dataclass(frozen=True)
class _Place:
    """A window at (top, left) of an area, and the part of it that counts, in window coordinates."""

    area: int
    top: int
    left: int
    rows: slice
    cols: slice


def evaluate(
    network: MceNetwork,
    card: ModelCard,
    areas: Sequence[Area],
    rules: Sequence[str],
    *,
    stride: int | None = None,
    batch_size: int = 8,
    paper_convention: bool = False,
    reporter: Reporter | None = None,
) -> dict[str, Scores]:
    """Score the arg-max class of every rule on all labelled pixels of the areas together.

    Args:
        network: in evaluation mode, on any device.
        rules: names of aggregations, `expert_1` ... `expert_K`, or `oracle` (which sees the labels).
        stride: of the windows, in pixels; the default is the window, which is fastest.

    Returns:
        The scores by rule.
    """
    report = reporter or SilentReporter()
    ids = np.array([c.id for c in card.classes], dtype=np.uint8)
    channel = np.full(256, IGNORE_INDEX, dtype=np.int64)
    channel[ids] = np.arange(len(ids))
    places = [p for a, area in enumerate(areas) for p in _places(a, area, card.window, stride or card.window)]
    matrices = {rule: np.zeros((len(ids), len(ids)), np.int64) for rule in rules}
    normaliser = Normaliser(card.sources)
    device = next(network.parameters()).device
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        raw = torch.from_numpy(np.stack([_cut(areas[p.area].raw, p, card.window) for p in batch]))
        truth = np.stack([_cut(areas[p.area].labels, p, card.window) for p in batch])
        with torch.inference_mode():
            logits = network(normaliser(raw).to(device)).float().cpu()  # (B, K, C, S, S)
            for rule in rules:
                joined = _join(logits, torch.from_numpy(channel[truth]), rule, card)
                predicted = ids[joined.argmax(-3).numpy()]
                for b, place in enumerate(batch):
                    part = b, place.rows, place.cols
                    matrices[rule] += confusion_matrix(truth[part], predicted[part], ids.tolist())
        report.progress(min(start + batch_size, len(places)), len(places), "windows")
    groups = [c.group for c in card.classes]
    return {rule: scores(m, groups, paper_convention=paper_convention) for rule, m in matrices.items()}


def all_rules(card: ModelCard) -> list[str]:
    """Return the default rule, each expert alone, and the oracle."""
    return [card.aggregation, *(f"expert_{k + 1}" for k in range(len(card.experts))), ORACLE]


def _join(logits: Tensor, channels: Tensor, rule: str, card: ModelCard) -> Tensor:
    """Return `[B, C, S, S]` of one rule from `[B, K, C, S, S]` and labels `[B, S, S]`."""
    if rule == ORACLE:
        return oracle(logits, channels, card.responsible)
    if rule.startswith("expert_"):
        return logits[:, int(rule.removeprefix("expert_")) - 1]
    return aggregate(logits, rule, card.responsible)


def _places(index: int, area: Area, window: int, stride: int) -> Iterator[_Place]:
    """Cover an area with windows so that each pixel counts once; leave out windows without labels."""
    height, width = area.labels.shape
    for top, rows in _spans(height, window, stride):
        for left, cols in _spans(width, window, stride):
            counted = area.labels[top + rows.start : top + rows.stop, left + cols.start : left + cols.stop]
            if counted.any():
                yield _Place(index, top, left, rows, cols)


def _spans(side: int, window: int, stride: int) -> list[tuple[int, slice]]:
    """Split one axis: (start of a window, its middle part); the parts cover the axis exactly once."""
    if side <= window:
        return [(0, slice(0, side))]
    starts = [*range(0, side - window, stride), side - window]
    edges = [0, *((a + window + b) // 2 for a, b in pairwise(starts)), side]
    return [(s, slice(edges[i] - s, edges[i + 1] - s)) for i, s in enumerate(starts)]


def _cut(values: NDArray[np.generic], place: _Place, window: int) -> NDArray[np.generic]:
    """Return a window, filled up with missing values (labels: 0) where the area is smaller."""
    part = values[..., place.top : place.top + window, place.left : place.left + window]
    missing = [(0, 0)] * (part.ndim - 2) + [(0, window - side) for side in part.shape[-2:]]
    fill = np.nan if np.issubdtype(values.dtype, np.floating) else 0
    return np.pad(part, missing, constant_values=fill) if any(m[1] for m in missing) else part
