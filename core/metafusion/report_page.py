"""The page that shows what a meta classifier is worth. What is on it is measured in `report.py`, how pages
look is in `core/html_report.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..html_report import Line, Page, Plot, Section, Table, Text, plot_bars, plot_lines, render_page
from .alpha_curve import FEW, AlphaCurve
from .crossval import (
    effort_to_find,
    operating_points,
    precision_recall_curve,
    random_effort,
    review_effort,
    roc_auc,
    roc_curve,
)
from .report import SHARES, Findings, by_class, calibration_error, reliability, thinned

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
