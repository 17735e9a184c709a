"""What a decision rule does at every alpha, in rows as reports hold them: errors of the rare class, and what
the plain rule would pay for the misses that MetaFusion leaves.

A judged map is a row of its errors (`fp`, `fn`, `tp`), `f1`, `delta` and a score of all classes. A sweep is
a row of its `name`, `bayes`, `points` (a row per alpha: `plain` and `fused` judged, how many `candidates` and
how many of them are `true`, AUC), `plain` (errors at alphas between) and `prices`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.segments.counting import Errors, delta
from ..report import Cell, Table, read_published
from ..runner import Row

CONFIGS = Path(__file__).with_name("configs")
PUBLISHED = read_published(Path(__file__).with_name("published.toml"))
#: With fewer candidates the meta classifier has too little to learn from, and nothing is claimed.
ENOUGH_CANDIDATES = 200
_RULE = ("mIoU", "FP", "FN", "Δ")
_HEADS = ("alpha", *_RULE, *(f"MetaFusion {column}" for column in _RULE))
#: Columns that table 2 lacks, besides plain FP at equal FN.
_EXTRA = {
    "candidates": "candidates",
    "true": "true",
    "AUC": "auc",
    "AUC ±": "auc_std",
    "AUC of margin": "margin_auc",
}


def judged(errors: Errors, bayes: Errors, **score: float) -> Row:
    """Return the row of a judged map; `score` has the name that the report gives it."""
    return {**errors._asdict(), "f1": errors.f1, "delta": delta(errors, bayes), **score}


def plain_at_equal_fn(sweep: Mapping[str, Any], fused: Mapping[str, Any]) -> float:
    """Return the false positives of the plain rule, tuned to miss as many as MetaFusion does there."""
    plain = [sweep["bayes"], *(point["plain"] for point in sweep["points"]), *sweep.get("plain", ())]
    return false_positives_at([Errors(row["fp"], row["fn"], row["tp"]) for row in plain], fused["fn"])


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
        return float("nan")
    return float(np.interp(misses, [e.fn for e in best], [e.fp for e in best]))


def finding(sweep: Row) -> str:
    """Say at how many of the alphas with enough candidates MetaFusion wins."""
    enough = [p["fused"] for p in sweep["points"] if p["candidates"] >= ENOUGH_CANDIDATES]
    found = [fused["fp"] - plain_at_equal_fn(sweep, fused) for fused in enough]
    signs = [int(np.sign(difference)) for difference in found if not np.isnan(difference)]
    fewer, same, more = (signs.count(sign) for sign in (-1, 0, 1))
    return (
        f"{sweep['name']}: at equal FN MetaFusion has fewer FP than the plain rule at {fewer}, as many "
        f"at {same} and more at {more} of {len(signs)} alphas with at least {ENOUGH_CANDIDATES} "
        "candidates."
    )


def sweep_table(sweep: Row) -> Table:
    """Return the columns of table 2, then those that it lacks: plain FP at equal FN, candidates, AUC."""
    bayes = _cells(sweep["bayes"])
    rows: list[list[Cell]] = [["0 (Bayes)", *bayes, *bayes, *[None] * (1 + len(_EXTRA))]]
    for p in sweep["points"]:
        extra = [plain_at_equal_fn(sweep, p["fused"]), *(p[key] for key in _EXTRA.values())]
        rows.append([f"{p['alpha']:g}", *_cells(p["plain"]), *_cells(p["fused"]), *extra])
    return Table(sweep["name"], (*_HEADS, "plain FP at equal FN", *_EXTRA), rows, digits=3)


def price_table(sweep: Row, where: str) -> Table:
    """Return what MetaFusion does at other prices than that of the sweep: false alarms accepted per find."""
    rows = [[price, *_cells(row), plain_at_equal_fn(sweep, row)] for price, row in sweep["prices"].items()]
    heads = ("false alarms accepted per find", *_RULE, "plain FP at equal FN")
    return Table(f"{where}: MetaFusion at other prices", heads, rows, digits=3)


def published_table(backbone: str) -> Table:
    """Return table 2 of the paper for a backbone: other data, same columns."""
    rows = [[alpha, *row.values()] for alpha, row in PUBLISHED[backbone].items()]
    return Table(f"Published: persons, Cityscapes validation, DeepLabV3+ {backbone}", _HEADS, rows, digits=3)


def _cells(row: Row) -> list[Cell]:
    return [row[key] for key in ("miou", "fp", "fn", "delta")]
