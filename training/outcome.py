"""What came of a training, in the few numbers that a person asks for first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.base.results import JobResult
from ..core.evaluation.scores import Scores
from ..core.model.bundle import load_bundle


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
