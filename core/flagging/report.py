"""What is known of a fitted meta classifier: as JSON, and as a page for people. What is measured lives in
`cross_validation.py` and `alpha_study.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..pages.html_page import Line, Page, Plot, Section, Table, Text, plot_bars, plot_lines, render_page
from .alpha_study import FEW, AlphaCurve
from .boosting import Bools, Floats
from .classifier import MetaClassifier
from .counting import Errors
from .cross_validation import (
    CrossValidation,
    effort_to_find,
    operating_points,
    precision_recall_curve,
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


_TOP = 20


def report_html(findings: Findings) -> str:
    """Return the page."""
    f, v = findings, findings.validation
    n, n_true = len(f.targets), int(f.targets.sum())
    names = ", ".join(f.class_names[id_] for id_ in f.meta.class_ids)
    facts = {
        "ROC AUC, cross-validated": f"{v.auc:.3f} ± {v.auc_std:.3f}",
        "Candidates": n,
        "Missed places among them": n_true,
        "Folds": int(v.folds.max()) + 1,
        "Side of a tile": f"{f.tile_m:g} m",
    }
    sections = [
        _quality(f),
        _effort(f),
        _alphas(f),
        _features(f),
        Section("What it was fitted to", [Table(("what", "value"), _told(f.inputs))]),
    ]
    return render_page(Page("Meta classifier for missed places", f"Flags {names}.", sections, facts))


def _quality(f: Findings) -> Section:
    v = f.validation
    false_rate, true_rate = roc_curve(f.targets, v.scores)
    margin_roc = roc_curve(f.targets, f.confidence)
    roc = plot_lines(
        [
            Line("meta classifier", thinned(false_rate), thinned(true_rate)),
            Line("ML margin", thinned(margin_roc[0]), thinned(margin_roc[1])),
            Line("chance", [0, 1], [0, 1], dashed=True),
        ],
        x_label="share of false alarms accepted",
        y_label="share of missed places accepted",
    )
    precision, recall, _ = precision_recall_curve(f.targets, v.scores)
    curve = plot_lines(
        [Line("meta classifier", thinned(recall), thinned(precision))],
        x_label="recall: share of missed places accepted",
        y_label="precision",
        y_limits=(0, 1.02),
    )
    groups = reliability(f.targets, v.scores)
    calibrated = plot_lines(
        [
            Line("candidates by tenths", [g[0] for g in groups], [g[1] for g in groups], marked=True),
            Line("reliable", [0, 1], [0, 1], dashed=True),
        ],
        x_label="mean score",
        y_label="share of missed places",
    )
    rows = [
        (f"{p.accepted_per_find:g}", p.threshold, p.n_accepted, p.n_true, p.precision, p.recall, p.f1)
        for p in operating_points(f.targets, v.scores)
    ]
    columns = (
        "false alarms per find",
        "least score",
        "accepted",
        "missed places",
        "precision",
        "recall",
        "F1",
    )
    per_class = [(c["name"], c["candidates"], c["missed_places"], c["auc"]) for c in by_class(f).values()]
    return Section(
        "How well it tells missed places from false alarms",
        [
            Text(
                "Every candidate was scored by a classifier that had seen no candidate of its tile. The "
                "spread of the AUC is the standard deviation over folds."
            ),
            Plot(roc, "ROC curve of the scores out of fold, and of the ML margin alone."),
            Table(columns, rows, "What accepting candidates up to a price does."),
            Plot(curve, "Precision and recall over all thresholds."),
            Plot(
                calibrated,
                "Scores against the share of true candidates, in ten groups of equal size; mean difference "
                f"{calibration_error(f.targets, v.scores):.3f}.",
            ),
            Table(
                ("class", "candidates", "missed places", "AUC"),
                per_class,
                "By flagged class, all folds pooled.",
            ),
        ],
    )


def _effort(f: Findings) -> Section:
    n, n_true = len(f.targets), int(f.targets.sum())
    by_score, by_margin = (review_effort(f.targets, order) for order in f.orders.values())
    mean, spread = random_effort(n, n_true)
    k = np.arange(n + 1)
    plot = plot_lines(
        [
            Line("by score", thinned(k), thinned(by_score)),
            Line("by ML margin", thinned(k), thinned(by_margin)),
            Line("in random order", thinned(k), thinned(mean), band=thinned(spread), dashed=True),
        ],
        x_label="candidates looked at",
        y_label="missed places found",
    )
    rows = [
        (f"{share:.0%}", *(effort_to_find(curve, share) for curve in (by_score, by_margin, mean)))
        for share in SHARES
    ]
    return Section(
        "The effort of reviewing",
        [
            Plot(
                plot,
                "Missed places found while candidates are looked at in order; the band is one standard "
                "deviation of random order.",
            ),
            Table(
                ("of the missed places", "by score", "by ML margin", "in random order"),
                rows,
                "Candidates to be looked at until a share of the missed places is found.",
            ),
        ],
    )


def _alphas(f: Findings) -> Section:
    title = "Segments invented and missed"
    if f.curve is None:
        return Section(title, [Text(f.no_curve)])
    curve = f.curve
    lines = {"ML rule": curve.plain}
    for index, price in enumerate(
        dict.fromkeys(one.accepted_per_find for r in curve.rows for one in r.fused)
    ):
        points = [(row.alpha, row.fused[index].errors) for row in curve.rows if row.fused]
        lines[f"MetaFusion, {price:g} per find"] = tuple(points)
    plot = plot_lines(
        [
            Line(
                name,
                [e.fn for _, e in line],
                [e.fp for _, e in line],
                marked=True,
                notes=[f"{alpha:g}" for alpha, _ in line] if name == "ML rule" else (),
            )
            for name, line in lines.items()
        ],
        x_label="missed segments (FN)",
        y_label="invented segments (FP)",
    )
    return Section(
        title,
        [
            Text(
                "FP are segments with an interior pixel and no label of their class, FN labelled segments "
                "without a pixel of it on the map. Δ is how many more FP than Bayes's pay for one FN less. "
                "MetaFusion accepts candidates up to a price, false alarms per find, by scores out of fold."
            ),
            Plot(plot, "Each point is one alpha; 0 is the map itself (Bayes)."),
            _rule_table(curve),
            _fusion_table(curve),
        ],
    )


def _rule_table(curve: AlphaCurve) -> Table:
    rows = [(f"{a:g}", e.fp, e.fn, e.tp, e.f1, curve.delta(e)) for a, e in curve.plain]
    return Table(("alpha", "FP", "FN", "TP", "F1", "Δ"), rows, "The ML rule alone; alpha 0 is Bayes.")


def _fusion_table(curve: AlphaCurve) -> Table:
    columns = ("alpha", "candidates", "AUC", "false alarms per find", "accepted", "FP", "FN", "F1", "Δ",
               "ML FP at that FN", "better?")  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for row in curve.rows:
        same = (f"{row.alpha:g}", row.n_candidates, row.auc)
        few = " (few candidates)" if row.n_candidates < FEW else ""
        if not row.fused:
            rows.append((*same, "too few candidates", *[None] * 6, ""))
        for one in row.fused:
            e = one.errors
            told = {True: "yes", False: "no", None: "–"}[one.is_better]
            counts = (f"{one.accepted_per_find:g}", one.n_accepted, e.fp, e.fn, e.f1, curve.delta(e))
            rows.append((*same, *counts, one.ml_fp_at_equal_fn, told + few))
    return Table(columns, rows, f"MetaFusion; {FEW} candidates and more are enough to learn from.")


def _features(f: Findings) -> Section:
    importances = list(f.meta.importances.items())
    top = importances[:_TOP]
    compared = [
        (name, one.auc, one.auc_std, roc_auc(f.targets, one.scores)) for name, one in f.comparison.items()
    ]
    blocks: list[Text | Table | Plot] = [
        Plot(
            plot_bars([name for name, _ in top], [share for _, share in top], x_label="share of the gain"),
            f"The {len(top)} most important of {len(importances)} features; ours begin with mce_.",
        )
    ]
    if len(compared) > 1:
        blocks.append(
            Table(
                ("features", "AUC, mean over folds", "standard deviation", "AUC, folds pooled"),
                compared,
                "The paper's metrics alone against all features, on the same folds.",
            )
        )
    return Section("Features", blocks)


def _told(inputs: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    rows = []
    for name, value in inputs.items():
        values = value if isinstance(value, list | tuple) else [value]
        rows += [(name if i == 0 else "", str(v)) for i, v in enumerate(values)]
    return rows
