"""What is known of a fitted meta classifier, as JSON. As a page it is in `report_page.py`; what is measured
lives in `cross_validation.py` and `alpha_study.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..segments.counting import Errors
from .alpha_study import FEW, AlphaCurve
from .boosting import Bools
from .classifier import MetaClassifier
from .cross_validation import (
    CrossValidation,
    effort_to_find,
    operating_points,
    random_effort,
    refusal_points,
    review_effort,
    roc_auc,
    roc_curve,
)
from .kinds import DOUBTFUL, Kind
from .rule import change_of, likely_real
from .training_set import TrainingSet
from .trees import Floats

#: Points of a curve in a report; the eye sees no more.
_POINTS = 240
#: Shares of the errors for which the effort is tabulated.
SHARES = (0.5, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class KindFindings:
    """What is known of the n candidates of one kind.

    Attributes:
        kind: of them.
        changes: `[n]` would the map change, if people looked? A missed place is real, a doubtful one is not.
        scores: `[n]` the probability of it, by classifiers that have seen no candidate of the tile.
        others: by name what else one could rank them by, highest first, `[n]` each.
        class_ids: `[n]`.
        validation: of them; its targets are "is the class really there?".
    """

    kind: Kind
    changes: Bools
    scores: Floats
    others: Mapping[str, Floats]
    class_ids: Any
    validation: CrossValidation

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def n_changes(self) -> int:
        """How many would change the map."""
        return int(self.changes.sum())

    @property
    def orders(self) -> dict[str, Floats]:
        """All that they can be ranked by."""
        return {"score": self.scores, **self.others}


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a report tells.

    Attributes:
        meta, validations: the classifier, and the cross-validation of each kind.
        training: what it was fitted to.
        class_names: by id.
        comparison: the cross-validation by kind and name of the features used.
        curve: errors by alpha, or None; then `no_curve` says why.
        tile_m: side of the tiles that folds keep together.
        inputs: what it was fitted to: files, model and settings, plain values.
    """

    meta: MetaClassifier
    validations: Mapping[Kind, CrossValidation]
    training: TrainingSet
    class_names: Mapping[int, str]
    comparison: Mapping[Kind, Mapping[str, CrossValidation]]
    curve: AlphaCurve | None
    no_curve: str
    tile_m: float
    inputs: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> tuple[KindFindings, ...]:
        """The kinds that there are candidates of."""
        return tuple(self._of(kind, validation) for kind, validation in self.validations.items())

    def _of(self, kind: Kind, validation: CrossValidation) -> KindFindings:
        rows = self.training.doubtful == (kind == DOUBTFUL)
        features, doubtful = self.training.features.take(rows), np.full(int(rows.sum()), kind == DOUBTFUL)
        margin = self.training.margin[rows]
        others = {"margin": -margin}
        if kind == DOUBTFUL:
            others = {
                "margin": margin,
                "expert agreement": 1 - likely_real(features),
                "area": -features.select(["S"]).values[:, 0],
            }
        return KindFindings(
            kind,
            validation.targets ^ doubtful,
            change_of(validation.scores, doubtful),
            others,
            self.training.class_ids[rows],
            validation,
        )


def report_json(findings: Findings) -> dict[str, Any]:
    """Return everything as values that JSON takes; NaN is None. Missed places stand at the top, doubtful ones
    under their name.
    """
    f = findings
    parts = {part.kind: _kind_json(f, part) for part in f.kinds}
    outlines = f.meta.outlines
    return _plain(
        {
            **parts.get("missed", {}),
            "doubtful": parts.get("doubtful"),
            "expected_iou": {"n": outlines.n, "r2": outlines.r2, "error": outlines.error},
            "looks": looks(f),
            "alpha_curve": None if f.curve is None else _curve_json(f.curve),
            "alpha_curve_missing": f.no_curve or None,
            "tile_m": f.tile_m,
            "settings": asdict(f.meta.settings),
            "inputs": f.inputs,
        }
    )


def _kind_json(f: Findings, part: KindFindings) -> dict[str, Any]:
    """Return what is said of one kind."""
    v = part.validation
    false_rate, true_rate = roc_curve(part.changes, part.scores)
    efforts = {name: review_effort(part.changes, order) for name, order in part.orders.items()}
    efforts["random"] = random_effort(len(part), part.n_changes)[0]
    if part.kind == DOUBTFUL:
        prices: list[Any] = [asdict(p) for p in refusal_points(part.changes, part.scores)]
    else:
        prices = [{**asdict(p), "f1": p.f1} for p in operating_points(part.changes, part.scores)]
    return {
        "candidates": len(part),
        "false_places" if part.kind == DOUBTFUL else "missed_places": part.n_changes,
        "auc": {
            "mean": v.auc,
            "std": v.auc_std,
            "folds": list(v.aucs),
            "pooled": roc_auc(part.changes, part.scores),
            **{name: roc_auc(part.changes, order) for name, order in part.others.items()},
        },
        "classes": by_class(f, part),
        "learnt_from": f.meta.scorers[part.kind].basis,
        "importances": f.meta.scorers[part.kind].importances(),
        "features_compared": {
            name: {"mean": one.auc, "std": one.auc_std, "folds": list(one.aucs)}
            for name, one in f.comparison.get(part.kind, {}).items()
        },
        "calibration": {
            "curves": _curves(part.validation),
            "error": calibration_error(part.changes, part.scores),
            "bins": [list(row) for row in reliability(part.changes, part.scores)],
        },
        "operating_points": prices,
        "roc": {"false_rate": thinned(false_rate), "true_rate": thinned(true_rate)},
        "effort": {name: thinned(curve) for name, curve in efforts.items()},
        "effort_to_find": {
            name: {str(share): effort_to_find(curve, share) for share in SHARES}
            for name, curve in efforts.items()
        },
    }


def looks(f: Findings) -> dict[str, Any]:
    """Return what looking at both kinds in one queue, the likeliest change first, brings: after each look the
    errors of the map that are found, in all and by kind, and the looks for shares of them.
    """
    changes = np.concatenate([part.changes for part in f.kinds])
    scores = np.concatenate([part.scores for part in f.kinds])
    kinds = np.concatenate([np.full(len(part), part.kind) for part in f.kinds])
    effort = review_effort(changes, scores)
    by_kind = {part.kind: review_effort(changes & (kinds == part.kind), scores) for part in f.kinds}
    return {
        "errors": int(changes.sum()),
        "found": thinned(effort),
        "found_by_kind": {kind: thinned(curve) for kind, curve in by_kind.items()},
        "to_find": {str(share): effort_to_find(effort, share) for share in SHARES},
    }


def reliability(targets: Bools, scores: Floats, bins: int = 10) -> list[tuple[float, float, int]]:
    """Return mean score, share of true candidates and count of equally large groups by score, rising."""
    parts = np.array_split(np.argsort(scores, kind="stable"), min(bins, len(scores)) or 1)
    return [(float(scores[p].mean()), float(targets[p].mean()), len(p)) for p in parts if len(p)]


def calibration_error(targets: Bools, scores: Floats, bins: int = 10) -> float:
    """Return the mean difference of score and share of true candidates over `reliability`'s groups (ECE)."""
    groups = reliability(targets, scores, bins)
    return sum(abs(said - found) * n for said, found, n in groups) / max(1, len(targets))


def by_class(f: Findings, part: KindFindings) -> dict[str, dict[str, Any]]:
    """Return name, counts and AUC of each flagged class, by id."""
    found = {}
    for id_ in f.meta.class_ids:
        own = part.class_ids == id_
        found[str(id_)] = {
            "name": f.class_names[id_],
            "candidates": int(own.sum()),
            "false_places" if part.kind == DOUBTFUL else "missed_places": int(part.changes[own].sum()),
            "auc": roc_auc(part.changes[own], part.scores[own]) if own.any() else float("nan"),
        }
    return found


def _curves(v: CrossValidation) -> dict[str, dict[str, Any]]:
    """Return the curves and offsets of the calibration by class."""
    own = {str(id_): asdict(one) for id_, one in v.calibration.own.items()}
    moved = {str(id_): {"offset": offset} for id_, offset in v.calibration.offsets.items()}
    return {"shared": asdict(v.calibration.shared), **own, **moved}


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
