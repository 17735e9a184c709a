"""What is known of a fitted meta classifier, as a page for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..pages.html_page import Line, Page, Plot, Section, Table, Text, plot_bars, plot_lines, render_page
from .alpha_study import FEW, AlphaCurve
from .cross_validation import (
    effort_to_find,
    operating_points,
    precision_recall_curve,
    random_effort,
    refusal_points,
    review_effort,
    roc_auc,
    roc_curve,
)
from .kinds import DOUBTFUL, MISSED
from .report import (
    SHARES,
    Findings,
    KindFindings,
    by_class,
    calibration_error,
    looks,
    reliability,
    thinned,
)

_TOP = 20
#: What candidates of a kind turn out to be, and what they are called when they do not.
_ERRORS = {MISSED: "missed places", DOUBTFUL: "false places"}
_OTHERS = {MISSED: "false alarms", DOUBTFUL: "true places"}
_BASES = {
    "own": "learnt from places of the kind",
    "both kinds": "learnt from both kinds, as there are too few of this one",
    "rule": "a plain rule, as there is too little to learn from",
}
Block = Text | Table | Plot


def report_html(findings: Findings) -> str:
    """Return the page."""
    f = findings
    names = ", ".join(f.class_names[id_] for id_ in f.meta.class_ids)
    facts: dict[str, Any] = {}
    for part in f.kinds:
        auc = part.validation
        facts |= {
            f"{part.kind.capitalize()}: candidates": len(part),
            f"{_ERRORS[part.kind].capitalize()} among them": part.n_changes,
            f"ROC AUC of {part.kind} places, cross-validated": f"{auc.auc:.3f} ± {auc.auc_std:.3f}",
        }
        how = _BASES[f.meta.scorers[part.kind].basis]
        facts |= {f"Scores of {part.kind} places": how, "Folds": int(auc.folds.max()) + 1}
    facts |= {"Side of a tile": f"{f.tile_m:g} m"}
    sections = [section for part in f.kinds for section in (_quality(f, part), _effort(part))]
    if len(f.kinds) > 1:
        sections.append(_looks(f))
    sections += [
        _alphas(f),
        *(_features(f, part) for part in f.kinds),
        Section("What it was fitted to", [Table(("what", "value"), _told(f.inputs))]),
    ]
    title = "Meta classifier for missed and doubtful places"
    return render_page(Page(title, f"Flags {names}.", sections, facts))


def _quality(f: Findings, part: KindFindings) -> Section:
    errors, others = _ERRORS[part.kind], _OTHERS[part.kind]
    curves = {"meta classifier": part.scores, **part.others}
    rates = {name: roc_curve(part.changes, order) for name, order in curves.items()}
    roc = plot_lines(
        [
            *(Line(name, thinned(false), thinned(true)) for name, (false, true) in rates.items()),
            Line("chance", [0, 1], [0, 1], dashed=True),
        ],
        x_label=f"share of {others} accepted",
        y_label=f"share of {errors} accepted",
    )
    precision, recall, _ = precision_recall_curve(part.changes, part.scores)
    curve = plot_lines(
        [Line("meta classifier", thinned(recall), thinned(precision))],
        x_label=f"recall: share of {errors} accepted",
        y_label="precision",
        y_limits=(0, 1.02),
    )
    groups = reliability(part.changes, part.scores)
    calibrated = plot_lines(
        [
            Line("candidates by tenths", [g[0] for g in groups], [g[1] for g in groups], marked=True),
            Line("reliable", [0, 1], [0, 1], dashed=True),
        ],
        x_label="mean score",
        y_label=f"share of {errors}",
    )
    per_class = [list(one.values()) for one in by_class(f, part).values()]
    blocks: list[Block] = [
        Text(
            "Every candidate was scored by a classifier that had seen no candidate of its tile. The spread "
            "of the AUC is the standard deviation over folds."
        ),
        Plot(roc, "ROC curve of the scores out of fold, and of what needs no classifier."),
        _prices(part),
        Plot(curve, "Precision and recall over all thresholds."),
        Plot(
            calibrated,
            f"Scores against the share of {errors}, in ten groups of equal size; mean difference "
            f"{calibration_error(part.changes, part.scores):.3f}.",
        ),
        Table(("class", "candidates", errors, "AUC"), per_class, "By flagged class, all folds pooled."),
    ]
    outlines = f.meta.outlines
    if part.kind == DOUBTFUL and outlines.n:
        kept = "is kept" if outlines.trees is not None else "is not kept, as it explains nothing"
        blocks.append(
            Text(
                f"The expected IoU of outlines was learnt from {outlines.n} places; on tiles not seen it "
                f"explains {outlines.r2:.0%} of the variance, with a mean error of {outlines.error:.3f}, and "
                f"{kept}."
            )
        )
    return Section(f"How well it tells {errors} from {others}", blocks)


def _prices(part: KindFindings) -> Table:
    """Return what each price does."""
    if part.kind == DOUBTFUL:
        rows: list[Any] = [
            (f"{p.kept_per_loss:g}", p.n_out, p.n_false, p.share_of_false, p.share_lost)
            for p in refusal_points(part.changes, part.scores)
        ]
        columns: tuple[str, ...] = (
            "false places kept per loss",
            "taken out",
            "false ones",
            "of all false ones",
            "of the true ones lost",
        )
        return Table(columns, rows, "What taking doubtful places out at a price does.")
    rows = [
        (f"{p.accepted_per_find:g}", p.threshold, p.n_accepted, p.n_true, p.precision, p.recall, p.f1)
        for p in operating_points(part.changes, part.scores)
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
    return Table(columns, rows, "What accepting candidates up to a price does.")


def _effort(part: KindFindings) -> Section:
    errors, n = _ERRORS[part.kind], len(part)
    efforts = {f"by {name}": review_effort(part.changes, order) for name, order in part.orders.items()}
    mean, spread = random_effort(n, part.n_changes)
    k = np.arange(n + 1)
    plot = plot_lines(
        [
            *(Line(name, thinned(k), thinned(curve)) for name, curve in efforts.items()),
            Line("in random order", thinned(k), thinned(mean), band=thinned(spread), dashed=True),
        ],
        x_label="candidates looked at",
        y_label=f"{errors} found",
    )
    rows = [
        (f"{share:.0%}", *(effort_to_find(curve, share) for curve in (*efforts.values(), mean)))
        for share in SHARES
    ]
    return Section(
        f"The effort of finding {errors}",
        [
            Plot(
                plot,
                f"{errors.capitalize()} found while candidates are looked at in order; the band is one "
                "standard deviation of random order.",
            ),
            Table(
                (f"of the {errors}", *efforts, "in random order"),
                rows,
                f"Candidates to be looked at until a share of the {errors} is found.",
            ),
        ],
    )


def _looks(f: Findings) -> Section:
    found = looks(f)
    n = sum(len(part) for part in f.kinds)
    k = thinned(np.arange(n + 1))
    lines = [Line("all errors", k, found["found"])]
    lines += [Line(_ERRORS[kind], k, curve) for kind, curve in found["found_by_kind"].items()]
    plot = plot_lines(lines, x_label="candidates looked at", y_label="errors found")
    return Section(
        "Both kinds in one queue",
        [
            Plot(plot, "Errors of the map found while both kinds are looked at, the likeliest change first."),
            Table(
                ("of all errors", "looks"),
                [(f"{float(share):.0%}", value) for share, value in found["to_find"].items()],
                "Candidates of both kinds to be looked at until a share of all errors is found.",
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


def _features(f: Findings, part: KindFindings) -> Section:
    importances = list(f.meta.scorers[part.kind].importances().items())
    title = f"Features of {part.kind} places"
    if not importances:
        return Section(title, [Text("The rule uses the mean margin and the experts' agreement alone.")])
    top = importances[:_TOP]
    compared = [
        (name, one.auc, one.auc_std, roc_auc(one.targets, one.scores))
        for name, one in f.comparison.get(part.kind, {}).items()
    ]
    blocks: list[Block] = [
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
    return Section(title, blocks)


def _told(inputs: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    rows = []
    for name, value in inputs.items():
        values = value if isinstance(value, list | tuple) else [value]
        rows += [(name if i == 0 else "", str(v)) for i, v in enumerate(values)]
    return rows
