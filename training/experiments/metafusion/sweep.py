"""What a decision rule does at every alpha: errors of the rare class, and what the plain rule would pay for
the misses that MetaFusion leaves. Counting and Delta live in `core/flagging/counting.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.segments.counting import Errors, delta
from ..report import Cell, Table, read_published

CONFIGS = Path(__file__).with_name("configs")
PUBLISHED = read_published(Path(__file__).with_name("published.toml"))
#: With fewer candidates the meta classifier has too little to learn from, and nothing is claimed.
ENOUGH_CANDIDATES = 200
_NAN = float("nan")
_RULE = ("mIoU", "FP", "FN", "Δ")
_HEADS = ("alpha", *_RULE, *(f"MetaFusion {column}" for column in _RULE))


@dataclass(frozen=True)
class Verdict:
    """Errors of the rare class, and a score of all classes: mean IoU of maps, accuracy of pictures."""

    errors: Errors
    score: float

    def as_json(self, bayes: "Verdict", score: str) -> dict[str, Any]:
        """Return every number; `score` is what the score is called."""
        gain = delta(self.errors, bayes.errors)
        return {**self.errors._asdict(), "f1": self.errors.f1, "delta": gain, score: self.score}


@dataclass(frozen=True)
class Point:
    """One alpha: the adjusted rule, MetaFusion, the candidates with how many of them are true, the ROC AUC of
    their scores over folds, and that of their ML margin."""

    alpha: float
    plain: Verdict
    fused: Verdict
    candidates: int
    true: int
    auc: float = _NAN
    auc_std: float = _NAN
    margin_auc: float = _NAN


@dataclass(frozen=True)
class Sweep:
    """Bayes, a point per alpha, and the plain rule at many more alphas, to compare with at equal FN."""

    name: str
    bayes: Verdict
    points: tuple[Point, ...]
    plain: tuple[Errors, ...] = ()

    def plain_at_equal_fn(self, fused: Verdict) -> float:
        """Return the false positives of the plain rule, tuned to miss as many as MetaFusion does there."""
        sweep = [self.bayes.errors, *(p.plain.errors for p in self.points), *self.plain]
        return false_positives_at(sweep, fused.errors.fn)

    def finding(self) -> str:
        """Say at how many of the alphas with enough candidates MetaFusion wins."""
        enough = [p for p in self.points if p.candidates >= ENOUGH_CANDIDATES]
        found = [p.fused.errors.fp - self.plain_at_equal_fn(p.fused) for p in enough]
        signs = [int(np.sign(difference)) for difference in found if not np.isnan(difference)]
        fewer, same, more = (signs.count(sign) for sign in (-1, 0, 1))
        return (
            f"{self.name}: at equal FN MetaFusion has fewer FP than the plain rule at {fewer}, as many "
            f"at {same} and more at {more} of {len(signs)} alphas with at least {ENOUGH_CANDIDATES} "
            "candidates."
        )

    def as_json(self, prices: Mapping[float, Verdict]) -> dict[str, Any]:
        """Return every number of a sweep over maps, and of MetaFusion at other prices."""
        points = [
            vars(p)
            | {
                "plain": p.plain.as_json(self.bayes, "miou"),
                "fused": p.fused.as_json(self.bayes, "miou"),
                "plain_fp_at_equal_fn": self.plain_at_equal_fn(p.fused),
            }
            for p in self.points
        ]
        return {
            "name": self.name,
            "bayes": self.bayes.as_json(self.bayes, "miou"),
            "points": points,
            "prices": {
                f"{price:g}": verdict.as_json(self.bayes, "miou") for price, verdict in prices.items()
            },
            "plain": [errors._asdict() for errors in self.plain],
        }


def false_positives_at(sweep: Sequence[Errors], misses: float) -> float:
    """Return the false positives of a plain rule whose alpha is tuned so that it misses so many.

    Only alphas count that no other one beats in both errors; between two of these the trade-off is taken to
    be linear. NaN where no alpha misses so few or so many.

    Args:
        sweep: errors of the plain rule over alpha, Bayes included, in any order.
        misses: false negatives.
    """
    best: list[Errors] = []
    for errors in sorted(sweep, key=lambda e: (e.fn, e.fp)):
        if not best or errors.fp < best[-1].fp:
            best.append(errors)
    if not best or not best[0].fn <= misses <= max(e.fn for e in sweep):
        return _NAN
    return float(np.interp(misses, [e.fn for e in best], [e.fp for e in best]))


def mean_errors(runs: Sequence[Errors]) -> tuple[float, float]:
    """Return the mean false positives and false negatives of several runs."""
    return float(np.mean([e.fp for e in runs])), float(np.mean([e.fn for e in runs]))


def sweep_table(sweep: Sweep) -> Table:
    """Return the columns of table 2, then those that it lacks: plain FP at equal FN, candidates, AUC."""
    extra = ("plain FP at equal FN", "candidates", "true", "AUC", "AUC ±", "AUC of margin")
    bayes = _cells(sweep.bayes, sweep.bayes)
    rows: list[list[Cell]] = [["0 (Bayes)", *bayes, *bayes, *[None] * len(extra)]]
    for p in sweep.points:
        judged = [*_cells(p.plain, sweep.bayes), *_cells(p.fused, sweep.bayes)]
        scored = [p.candidates, p.true, p.auc, p.auc_std, p.margin_auc]
        rows.append([f"{p.alpha:g}", *judged, sweep.plain_at_equal_fn(p.fused), *scored])
    return Table(sweep.name, (*_HEADS, *extra), rows, digits=3)


def price_table(sweep: Sweep, verdicts: Mapping[float, Verdict], where: str) -> Table:
    """Return what MetaFusion does at other prices than that of the sweep: false alarms accepted per find."""
    rows: list[list[Cell]] = [
        [f"{price:g}", *_cells(verdict, sweep.bayes), sweep.plain_at_equal_fn(verdict)]
        for price, verdict in verdicts.items()
    ]
    heads = ("false alarms accepted per find", *_RULE, "plain FP at equal FN")
    return Table(f"{where}: MetaFusion at other prices", heads, rows, digits=3)


def published_table(backbone: str) -> Table:
    """Return table 2 of the paper for a backbone: other data, same columns."""
    rows = [[alpha, *row.values()] for alpha, row in PUBLISHED[backbone].items()]
    return Table(f"Published: persons, Cityscapes validation, DeepLabV3+ {backbone}", _HEADS, rows, digits=3)


def _cells(verdict: Verdict, bayes: Verdict) -> list[Cell]:
    gain = None if verdict is bayes else delta(verdict.errors, bayes.errors)
    return [verdict.score, verdict.errors.fp, verdict.errors.fn, gain]
