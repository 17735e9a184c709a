"""Scores a network's rules on tiles, and says what came of a training in the few numbers that a person asks
for first.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.base.progress import SILENT, Reporter
from ..core.base.results import JobResult
from ..core.evaluation.scores import Scores, confusion_matrix, scores
from ..core.model.aggregation import aggregate, oracle
from ..core.model.bundle import load_bundle
from ..core.model.card import ModelCard
from ..core.model.network import MceNetwork
from ..core.model.normalise import Normaliser
from .data.patches import channel_table
from .data.samples import Place, cut, places
from .data.tiles import Area

ORACLE = "oracle"
#: Maps logits `[B, K, C, S, S]` to scores `[B, C, S, S]`.
Rule = Callable[[Tensor], Tensor]


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

    Args and returns: as `evaluate_rules`, but the scores of the matrices.
    """
    matrices = evaluate_rules(
        network, card, areas, rules, stride=stride, batch_size=batch_size, reporter=reporter
    )
    groups = [c.group for c in card.classes]
    return {rule: scores(m, groups, paper_convention=paper_convention) for rule, m in matrices.items()}


def evaluate_rules(
    network: MceNetwork,
    card: ModelCard,
    areas: Sequence[Area],
    rules: Sequence[str],
    *,
    learnt: Mapping[str, Rule] | None = None,
    stride: int | None = None,
    batch_size: int = 8,
    reporter: Reporter | None = None,
) -> dict[str, NDArray[np.int64]]:
    """Count the arg-max classes of every rule on all labelled pixels of the areas together.

    Args:
        network: in evaluation mode, on any device.
        rules: names of aggregations, `expert_1` ... `expert_K`, or `oracle` (which sees the labels).
        learnt: further rules, by name.
        stride: of the windows, in pixels; the default is the window, which is fastest.

    Returns:
        A confusion matrix `[C, C]` for each rule, the learnt ones last.
    """
    report = reporter or SILENT
    extra = dict(learnt or {})
    ids = np.array([c.id for c in card.classes], dtype=np.uint8)
    channel = channel_table(ids.tolist()).astype(np.int64)
    found = [
        p for a, area in enumerate(areas) for p in _labelled(a, area, card.window, stride or card.window)
    ]
    matrices = {rule: np.zeros((len(ids), len(ids)), np.int64) for rule in [*rules, *extra]}
    normaliser = Normaliser(card.sources)
    device = next(network.parameters()).device
    for start in range(0, len(found), batch_size):
        batch = found[start : start + batch_size]
        raw = torch.from_numpy(np.stack([cut(areas[p.area].raw, p, card.window) for p in batch]))
        truth = np.stack([cut(areas[p.area].labels, p, card.window) for p in batch])
        with torch.inference_mode():
            logits = network(normaliser(raw).to(device)).float().cpu()  # (B, K, C, S, S)
            for rule in matrices:
                joined = (
                    extra[rule](logits)
                    if rule in extra
                    else join(logits, torch.from_numpy(channel[truth]), rule, card)
                )
                predicted = ids[joined.argmax(-3).numpy()]
                for b, place in enumerate(batch):
                    part = b, place.rows, place.cols
                    matrices[rule] += confusion_matrix(truth[part], predicted[part], ids.tolist())
        report.progress(min(start + batch_size, len(found)), len(found), "windows")
    return matrices


def all_rules(card: ModelCard) -> list[str]:
    """Return the default rule, each expert alone, and the oracle."""
    return [card.aggregation, *(f"expert_{k + 1}" for k in range(len(card.experts))), ORACLE]


def join(logits: Tensor, channels: Tensor, rule: str, card: ModelCard) -> Tensor:
    """Return `[B, C, S, S]` of one rule from `[B, K, C, S, S]` and labels `[B, S, S]`."""
    if rule == ORACLE:
        return oracle(logits, channels, card.responsible)
    if rule.startswith("expert_"):
        return logits[:, int(rule.removeprefix("expert_")) - 1]
    return aggregate(logits, rule, card.responsible, card.composition)


def _labelled(index: int, area: Area, window: int, stride: int) -> Iterator[Place]:
    """Cover an area with windows, leaving out those without labels."""
    for place in places(index, (area.labels.shape[0], area.labels.shape[1]), window, stride):
        if area.labels[place.counted].any():
            yield place


@dataclass(frozen=True)
class Outcome(JobResult):
    """The bundle, the folder of checkpoints and logs, and the scores 0..1 of the model's own rule.

    `scored_on` says where they were taken: on the test tiles, or where there are none on the validation
    tiles, of which only the mean accuracy is known; it is None without either. None is what is not known.
    """

    model: Path
    run: Path
    best_epoch: int | None
    scored_on: str | None
    mean_accuracy: float | None
    overall_accuracy: float | None
    mean_iou: float | None
    head: float | None
    body: float | None
    tail: float | None
    device: str | None
    seconds: float | None


def outcome_of(bundle: Path, run_folder: Path) -> Outcome:
    """Return what a training came to, from its bundle's card."""
    card = load_bundle(bundle).card
    found, provenance = card.scores.get(card.aggregation, {}), card.provenance
    validated = provenance.get("validation_mean_recall")
    return Outcome(
        model=bundle,
        run=run_folder,
        best_epoch=provenance.get("best_epoch"),
        scored_on="test" if found else None if validated is None else "validation",
        **shares_of({"mean_recall": validated, **found}),
        device=provenance.get("device"),
        seconds=provenance.get("seconds"),
    )


def shares_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card says of a rule, shares 0..1, under the names that people know; None is not known."""
    groups = found.get("groups", {})
    return {
        "mean_accuracy": found.get("mean_recall"),
        "overall_accuracy": found.get("overall"),
        "mean_iou": found.get("mean_iou"),
        **{group: groups.get(group) for group in ("head", "body", "tail")},
    }


def score_line(split: str, rule: str, found: Scores) -> str:
    """Return the scores of a rule on the tiles of a split in one sentence, without groups of no pixel."""
    known = {name: share for name, share in found.groups.items() if not math.isnan(share)}
    groups = "".join(f", {name} {share:.3f}" for name, share in known.items())
    return (
        f"{split.capitalize()}, {rule}: mean IoU {found.mean_iou:.3f}, mean accuracy "
        f"{found.mean_recall:.3f}, overall {found.overall:.3f}{groups}."
    )
