"""What is known of a fitted meta classifier, and that as JSON. What is measured lives in `crossval.py` and
`alpha_curve.py`, the page for people in `report_page.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .alpha_curve import FEW, AlphaCurve
from .boosting import Bools, Floats
from .classifier import MetaClassifier
from .counting import Errors
from .crossval import (
    CrossValidation,
    effort_to_find,
    operating_points,
    random_effort,
    review_effort,
    roc_auc,
    roc_curve,
)

#: Points of a curve in a report; the eye sees no more.
_POINTS = 240
#: Shares of the missed places for which the effort is tabulated.
SHARES = (0.5, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a report tells.

    Attributes:
        meta, validation: the classifier and its cross-validation.
        targets, class_ids, confidence: `[n]` of its candidates.
        class_names: by id.
        comparison: the cross-validation by name of the features used.
        curve: errors by alpha, or None; then `no_curve` says why.
        tile_m: side of the tiles that folds keep together.
        inputs: what it was fitted to: files, model and settings, plain values.
    """

    meta: MetaClassifier
    validation: CrossValidation
    targets: Bools
    class_ids: Any
    confidence: Floats
    class_names: Mapping[int, str]
    comparison: Mapping[str, CrossValidation]
    curve: AlphaCurve | None
    no_curve: str
    tile_m: float
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def orders(self) -> dict[str, Floats]:
        """What candidates can be ranked by, highest first, `[n]` each."""
        return {"score": self.validation.scores, "margin": self.confidence}


def report_json(findings: Findings) -> dict[str, Any]:
    """Return everything as values that JSON takes; NaN is None."""
    f, v = findings, findings.validation
    n, n_true = len(f.targets), int(f.targets.sum())
    false_rate, true_rate = roc_curve(f.targets, v.scores)
    efforts = {name: review_effort(f.targets, order) for name, order in f.orders.items()}
    efforts["random"] = random_effort(n, n_true)[0]
    return _plain(
        {
            "candidates": n,
            "missed_places": n_true,
            "auc": {
                "mean": v.auc,
                "std": v.auc_std,
                "folds": list(v.aucs),
                "pooled": roc_auc(f.targets, v.scores),
                "margin": roc_auc(f.targets, f.confidence),
            },
            "features_compared": {
                name: {"mean": one.auc, "std": one.auc_std, "folds": list(one.aucs)}
                for name, one in f.comparison.items()
            },
            "classes": by_class(f),
            "calibration": {
                "curves": _curves(v),
                "error": calibration_error(f.targets, v.scores),
                "bins": [list(row) for row in reliability(f.targets, v.scores)],
            },
            "operating_points": [{**asdict(p), "f1": p.f1} for p in operating_points(f.targets, v.scores)],
            "roc": {"false_rate": thinned(false_rate), "true_rate": thinned(true_rate)},
            "effort": {name: thinned(curve) for name, curve in efforts.items()},
            "effort_to_find": {
                name: {str(share): effort_to_find(curve, share) for share in SHARES}
                for name, curve in efforts.items()
            },
            "alpha_curve": None if f.curve is None else _curve_json(f.curve),
            "alpha_curve_missing": f.no_curve or None,
            "importances": f.meta.importances,
            "tile_m": f.tile_m,
            "settings": asdict(f.meta.settings),
            "inputs": f.inputs,
        }
    )


def reliability(targets: Bools, scores: Floats, bins: int = 10) -> list[tuple[float, float, int]]:
    """Return mean score, share of true candidates and count of equally large groups by score, rising."""
    parts = np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores)) or 1)
    return [(float(scores[p].mean()), float(targets[p].mean()), len(p)) for p in parts if len(p)]


def calibration_error(targets: Bools, scores: Floats, bins: int = 10) -> float:
    """Return the mean difference of score and share of true candidates over `reliability`'s groups (ECE)."""
    groups = reliability(targets, scores, bins)
    return sum(abs(said - found) * n for said, found, n in groups) / max(1, len(targets))


def by_class(f: Findings) -> dict[str, dict[str, Any]]:
    """Return name, counts and AUC of each flagged class, by id."""
    found = {}
    for id_ in f.meta.class_ids:
        own = f.class_ids == id_
        found[str(id_)] = {
            "name": f.class_names[id_],
            "candidates": int(own.sum()),
            "missed_places": int(f.targets[own].sum()),
            "auc": roc_auc(f.targets[own], f.validation.scores[own]) if own.any() else float("nan"),
        }
    return found


def _curves(v: CrossValidation) -> dict[str, dict[str, float]]:
    named = {"shared": v.calibration.shared, **{str(id_): one for id_, one in v.calibration.own.items()}}
    return {name: asdict(one) for name, one in named.items()}


def _curve_json(curve: AlphaCurve) -> dict[str, Any]:
    return {
        "bayes": curve.bayes._asdict(),
        "plain": [{"alpha": alpha, **_errors(curve, errors)} for alpha, errors in curve.plain],
        "rows": [
            {
                "alpha": row.alpha,
                "candidates": row.n_candidates,
                "missed_places": row.n_true,
                "enough_candidates": row.n_candidates >= FEW,
                "auc": row.auc,
                "ml": _errors(curve, row.ml),
                "fused": [
                    {
                        "accepted_per_find": one.accepted_per_find,
                        "accepted": one.n_accepted,
                        **_errors(curve, one.errors),
                        "ml_fp_at_equal_fn": one.ml_fp_at_equal_fn,
                        "better": one.is_better,
                    }
                    for one in row.fused
                ],
            }
            for row in curve.rows
        ],
    }


def _errors(curve: AlphaCurve, errors: Errors) -> dict[str, Any]:
    return errors._asdict() | {"f1": errors.f1, "delta": curve.delta(errors)}


def thinned(curve: Any) -> list[float]:
    """Return a curve's points, evenly thinned out; the first and the last stay."""
    values = np.asarray(curve, np.float64)
    if len(values) <= _POINTS:
        return values.tolist()
    return values[np.linspace(0, len(values) - 1, _POINTS).round().astype(np.intp)].tolist()


def _plain(value: Any) -> Any:
    """Return a value with None for NaN and plain types for NumPy's, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
