"""The tables that experiments on segments share: table 2 of the paper over alpha, the effort of reviewing,
and which features count. How the numbers come about is each experiment's business."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.flagging.boosting import MetaSettings
from ....core.flagging.counting import Errors, delta
from ....core.flagging.cross_validation import effort_to_find, random_effort, review_effort
from ..report import Cell, Table
from .published import CITYSCAPES
from .tradeoff import false_positives_at

#: With fewer candidates the meta classifier has too little to learn from, and nothing is claimed.
ENOUGH_CANDIDATES = 200
#: Fusion as eq. 14 says, and as the authors' code can do it: segments in which the rules agree take the
#: larger outline of the ML map, too.
STRICT, GROWN = "eq. 14", "agreeing segments with their ML outline"
#: False alarms accepted per find at which MetaFusion is tabulated besides.
PRICES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
_RULE = ("mIoU", "FP", "FN", "Δ")
_HEADS = ("alpha", *_RULE, *(f"MetaFusion {column}" for column in _RULE))
_FOUND = (0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Acceptance:
    """How candidates are accepted: scored out of fold by such a classifier, at prices of so many false alarms
    per find."""

    meta: MetaSettings
    prices: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Verdict:
    """Segment errors of the rare class, and the mean IoU of all classes."""

    errors: Errors
    miou: float


@dataclass(frozen=True)
class Point:
    """One alpha: the adjusted rule, MetaFusion, the candidates with how many of them are true, the ROC AUC of
    their scores over folds, and that of their ML margin."""

    alpha: float
    plain: Verdict
    fused: Verdict
    candidates: int
    true: int
    auc: float
    auc_std: float
    margin_auc: float


@dataclass(frozen=True)
class Sweep:
    """Bayes, a point per alpha, and the plain rule at many more alphas, to compare with at equal FN."""

    name: str
    bayes: Verdict
    points: tuple[Point, ...]
    plain: tuple[Errors, ...]

    def plain_at_equal_fn(self, fused: Verdict) -> float:
        """Return the false positives of the plain rule, tuned to miss as many as MetaFusion does there."""
        sweep = [self.bayes.errors, *(p.plain.errors for p in self.points), *self.plain]
        return false_positives_at(sweep, fused.errors.fn)

    def comparisons(self) -> list[float]:
        """Return FP less those of the plain rule at equal FN, for each alpha with enough candidates."""
        enough = [p for p in self.points if p.candidates >= ENOUGH_CANDIDATES]
        found = [p.fused.errors.fp - self.plain_at_equal_fn(p.fused) for p in enough]
        return [difference for difference in found if not np.isnan(difference)]


def sweep_table(sweep: Sweep) -> Table:
    """Return the columns of table 2, then those that it lacks: plain FP at equal FN, candidates, AUC."""
    extra = ("plain FP at equal FN", "candidates", "true", "AUC", "AUC ±", "AUC of margin")
    rows: list[list[Cell]] = [["0 (Bayes)", *_cells(sweep.bayes, sweep.bayes)]]
    for point in sweep.points:
        row: list[Cell] = [f"{point.alpha:g}", *_cells(point.plain, sweep.bayes)]
        row += [*_cells(point.fused, sweep.bayes), sweep.plain_at_equal_fn(point.fused)]
        rows.append([*row, point.candidates, point.true, point.auc, point.auc_std, point.margin_auc])
    rows[0] += [*rows[0][1:], *[None] * len(extra)]
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
    rows = [[f"{alpha:g}", *row] for alpha, row in CITYSCAPES[backbone].items()]
    return Table(f"Published: persons, Cityscapes validation, DeepLabV3+ {backbone}", _HEADS, rows, digits=3)


def effort_table(
    targets: NDArray[np.bool_], orders: Mapping[str, NDArray[np.float64]], caption: str
) -> Table:
    """Return how many candidates must be looked at to find shares of the missed places, by order.

    Args:
        targets: `[n]`.
        orders: name -> score `[n]`, highest first; random order is added.
    """
    curves = {name: review_effort(targets, scores) for name, scores in orders.items()}
    curves["random order"] = random_effort(len(targets), int(targets.sum()))[0]
    rows: list[list[Cell]] = [
        [name, *(_ceil(effort_to_find(curve, share)) for share in _FOUND)] for name, curve in curves.items()
    ]
    return Table(caption, ("order", *(f"to find {share:.0%}" for share in _FOUND)), rows)


def effort_curves(
    targets: NDArray[np.bool_], orders: Mapping[str, NDArray[np.float64]], n_points: int = 101
) -> dict[str, list[float]]:
    """Return the curves of the effort of reviewing at evenly spaced numbers of candidates looked at."""
    at = np.unique(np.linspace(0, len(targets), n_points).round().astype(int))
    curves = {name: review_effort(targets, scores) for name, scores in orders.items()}
    curves["random order"] = random_effort(len(targets), int(targets.sum()))[0]
    return {"looked at": at.tolist()} | {name: curve[at].tolist() for name, curve in curves.items()}


def finding(sweep: Sweep) -> str:
    """Say at how many alphas MetaFusion wins."""
    found = sweep.comparisons()
    signs = [int(np.sign(difference)) for difference in found]
    fewer, same, more = (signs.count(sign) for sign in (-1, 0, 1))
    return (
        f"{sweep.name}: at equal FN MetaFusion has fewer FP than the plain rule at {fewer}, as many "
        f"at {same} and more at {more} of {len(found)} alphas with at least {ENOUGH_CANDIDATES} candidates."
    )


def as_json(sweep: Sweep, prices: Mapping[float, Verdict]) -> dict[str, Any]:
    """Return every number of a sweep, and of MetaFusion at other prices."""
    points = [
        {
            "alpha": p.alpha,
            "plain": _judged(p.plain, sweep.bayes),
            "fused": _judged(p.fused, sweep.bayes),
            "plain_fp_at_equal_fn": sweep.plain_at_equal_fn(p.fused),
            "candidates": p.candidates,
            "true": p.true,
            "auc": p.auc,
            "auc_std": p.auc_std,
            "margin_auc": p.margin_auc,
        }
        for p in sweep.points
    ]
    return {
        "name": sweep.name,
        "bayes": _judged(sweep.bayes, sweep.bayes),
        "points": points,
        "prices": {f"{price:g}": _judged(verdict, sweep.bayes) for price, verdict in prices.items()},
        "plain": [errors._asdict() for errors in sweep.plain],
    }


def importance_table(importances: Mapping[str, float], caption: str, n: int = 10) -> Table:
    """Return the `n` features that count most, as figure 6 of the paper does."""
    first = sorted(importances.items(), key=lambda item: -item[1])[:n]
    return Table(caption, ("feature", "importance"), [[name, value] for name, value in first], digits=3)


def _judged(verdict: Verdict, bayes: Verdict) -> dict[str, Any]:
    gain = delta(verdict.errors, bayes.errors)
    return {**verdict.errors._asdict(), "f1": verdict.errors.f1, "delta": gain, "miou": verdict.miou}


def _cells(verdict: Verdict, bayes: Verdict) -> list[Cell]:
    gain = None if verdict is bayes else delta(verdict.errors, bayes.errors)
    return [verdict.miou, verdict.errors.fp, verdict.errors.fn, gain]


def _ceil(value: float) -> Cell:
    return None if np.isnan(value) else int(np.ceil(value))
