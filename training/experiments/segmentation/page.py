"""A study's report as one HTML page: what the tables say, and plots of it. How pages look is in
`core/pages/html_page.py`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.pages.html_page import (
    Line,
    Page,
    Plot,
    Section,
    Table,
    Text,
    plot_bars,
    plot_lines,
    render_page,
)
from .runs import Judged
from .study import Study, TableSpec
from .tables import findings, make_table, values


def study_page(study: Study, judged: Sequence[Judged], run: dict[str, Any]) -> str:
    """Return the page.

    Args:
        run: how it was made, as in `report.write_outcome`.
    """
    facts = {
        "Trainings": len(judged),
        "Seeds": len({j.seed for j in judged}),
        "Device": run["machine"]["device"],
    }
    told = [Text(f"Data: {study.data}."), Text(f"Reduction: {study.reduction}.")]
    told += [Text(sentence) for sentence in findings(study, judged)]
    sections = [Section("What it shows", told), *(_section(spec, judged) for spec in study.tables)]
    versions = ", ".join(f"{k} {v}" for k, v in run["machine"].items() if k != "device")
    return render_page(Page(study.title, run["command"], sections, facts, versions))


def _section(spec: TableSpec, judged: Sequence[Judged]) -> Section:
    table = make_table(spec, judged)
    blocks: list[Text | Table | Plot] = [Table(table.heads, table.rows)]
    labels = [row.label for row in spec.rows]
    if "OA" in spec.columns and "tail" in spec.columns:
        blocks.append(_balance(spec, judged))
    elif "mIoU" in spec.columns:
        means = [_mean(values(judged, row.run, row.rule, "mIoU")) for row in spec.rows]
        blocks.append(Plot(plot_bars(labels, means, x_label="mean IoU, %"), "Mean IoU, mean over seeds"))
    return Section(spec.caption, blocks)


def _balance(spec: TableSpec, judged: Sequence[Judged]) -> Plot:
    """Draw what each row pays in overall accuracy for the tail."""
    lines = []
    for row in spec.rows:
        tail, overall = (_mean(values(judged, row.run, row.rule, c)) for c in ("tail", "OA"))
        lines.append(Line(row.label, [tail], [overall], marked=True, notes=(row.label,)))
    svg = plot_lines(lines, x_label="tail accuracy, %", y_label="overall accuracy, %")
    return Plot(svg, "Overall accuracy over tail accuracy, means over seeds: up and to the right is better")


def _mean(found: Sequence[float]) -> float:
    return float(np.mean(found)) if found else float("nan")
