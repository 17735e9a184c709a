"""Sets judged runs out as the tables and the page of a study, ours beside the published, and says what they
show. How pages look is in `core/pages/html_page.py`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ....core.base.errors import InputError
from ....core.evaluation.scores import scores
from ....core.model.classes import Group
from ....core.pages import html_page
from ....core.pages.html_page import Line, Page, Plot, Section, Text, plot_bars, plot_lines, render_page
from ..report import Cell, Table, read_published, spread
from ..runner import Row
from .study import COLUMNS, ClaimSpec, RowSpec, Study, TableSpec

PUBLISHED = read_published(Path(__file__).with_name("published.toml"))
_MEANS = ("mean", "mean_responsible")


def percents(row: Row, rule: str) -> dict[str, float]:
    """Return every score of a run by one of its rules, in percent; under the name of a class its recall.

    Raises:
        InputError: if the run was not judged by the rule.
    """
    if rule not in row["matrices"]:
        raise InputError(f"The run {row['run']} has no rule {rule!r}, only {', '.join(row['matrices'])}.")
    found = scores(np.array(row["matrices"][rule], np.int64), row["groups"])
    means = {column: getattr(found, key) for column, key in COLUMNS.items()}
    groups = {group: found.groups.get(group, float("nan")) for group in get_args(Group)}
    recalls = dict(zip(row["class_names"], found.recall, strict=True))
    return {column: 100 * float(share) for column, share in {**means, **groups, **recalls}.items()}


def numbers(row: Row) -> Row:
    """Return what a report keeps of a run."""
    rules = {rule: {c: round(v, 2) for c, v in percents(row, rule).items()} for rule in row["matrices"]}
    return {key: row[key] for key in ("run", "seed", "parameters", "seconds")} | {"rules": rules}


def values(rows: Sequence[Row], run: str, rule: str, column: str) -> list[float]:
    """Return one score of one run and rule for each seed that is there, in percent.

    Raises:
        InputError: if there is no such rule or column.
    """
    known = [percents(row, rule) for row in rows if row["run"] == run]
    if known and column not in known[0]:
        raise InputError(f"There is no column {column!r}: choose from {', '.join(known[0])}.")
    return [found[column] for found in known]


def make_table(spec: TableSpec, judged: Sequence[Row]) -> Table:
    """Return one table: a column per score, then the published ones."""
    names = judged[0]["class_names"] if judged else ()
    columns = [*spec.columns, *(names if spec.classes else ())]
    published = PUBLISHED.get(spec.published or "", {})
    beside = [c for c in columns if any(c in figures for figures in published.values())]
    heads = ("", *columns, *(f"paper {c}" for c in beside))
    rows: list[list[Cell]] = []
    for row in spec.rows:
        figures = published.get(row.published or row.label, {})
        ours = [spread(values(judged, row.run, row.rule, column)) for column in columns]
        rows.append([row.label, *ours, *(figures.get(column) for column in beside)])
    return Table(spec.caption, heads, rows, digits=1)


def findings(study: Study, judged: Sequence[Row]) -> list[str]:
    """Return in sentences whether the claim holds, and whether a rule beats the means."""
    found = []
    if study.claim is not None:
        found += [_claim(study.claim, better, judged) for better in study.claim.better]
    return [*found, *_rules(study, judged)]


def paired(judged: Sequence[Row], one: tuple[str, str], other: tuple[str, str], column: str) -> list[float]:
    """Return the differences (one - other) seed by seed; each is a run and a rule."""
    pairs = zip(values(judged, *one, column), values(judged, *other, column), strict=False)
    return [a - b for a, b in pairs]


def _claim(claim: ClaimSpec, better: str, judged: Sequence[Row]) -> str:
    ours, than = (better, "default"), (claim.than, "default")
    gains = {c: paired(judged, ours, than, c) for c in ("mAcc", "tail", "OA")}
    if not gains["OA"]:
        return f"{better} against {claim.than}: not finished."
    held = [
        accuracy > 0 and tail > 0 and overall >= -100 * claim.overall_loss
        for accuracy, tail, overall in zip(*gains.values(), strict=True)
    ]
    return (
        f"The paper's claim ({better} has higher mAcc and tail accuracy than {claim.than} and loses at "
        f"most {100 * claim.overall_loss:g} points of OA) holds for {sum(held)} of {len(held)} seeds: "
        f"{_told(gains)} points."
    )


def _rules(study: Study, judged: Sequence[Row]) -> list[str]:
    """Say which rules have a higher mIoU than each mean with every seed, and no lower tail accuracy."""
    if study.fitted is None:
        return []
    rules = [name for name in (*study.rules, *study.fitted.rules) if name not in _MEANS]
    found = []
    for run in study.fitted.runs:
        for base in _MEANS:
            better = [told for rule in rules if (told := _beats(judged, run, rule, base))]
            found.append(
                f"Against {base} of {run}, a higher mIoU with every seed at no lower mean tail accuracy: "
                f"{'; '.join(better) or 'no rule'}."
            )
    return found


def _beats(judged: Sequence[Row], run: str, rule: str, base: str) -> str:
    """Return how much better a rule is, or nothing."""
    gains = {c: paired(judged, (run, rule), (run, base), c) for c in ("mIoU", "tail", "OA")}
    if not gains["mIoU"] or min(gains["mIoU"]) <= 0 or np.mean(gains["tail"]) < 0:
        return ""
    return f"{rule} ({_told(gains)})"


def _told(gains: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(f"{column} {spread(gain, sign='+')}" for column, gain in gains.items())


def study_page(study: Study, judged: Sequence[Row], run: dict[str, Any]) -> str:
    """Return the page.

    Args:
        run: how it was made, as in `report.write_outcome`.
    """
    facts = {
        "Trainings": len(judged),
        "Seeds": len({row["seed"] for row in judged}),
        "Device": run["machine"]["device"],
    }
    told = [Text(f"Data: {study.data}."), Text(f"Reduction: {study.reduction}.")]
    told += [Text(sentence) for sentence in findings(study, judged)]
    sections = [Section("What it shows", told), *(_section(spec, judged) for spec in study.tables)]
    versions = ", ".join(f"{k} {v}" for k, v in run["machine"].items() if k != "device")
    return render_page(Page(study.title, run["command"], sections, facts, versions))


def _section(spec: TableSpec, judged: Sequence[Row]) -> Section:
    table = make_table(spec, judged)
    blocks: list[Text | html_page.Table | Plot] = [html_page.Table(table.heads, table.rows)]
    labels = [row.label for row in spec.rows]
    if "OA" in spec.columns and "tail" in spec.columns:
        blocks.append(_balance(spec, judged))
    elif "mIoU" in spec.columns:
        means = [_mean(judged, row, "mIoU") for row in spec.rows]
        blocks.append(Plot(plot_bars(labels, means, x_label="mean IoU, %"), "Mean IoU, mean over seeds"))
    return Section(spec.caption, blocks)


def _balance(spec: TableSpec, judged: Sequence[Row]) -> Plot:
    """Draw what each row pays in overall accuracy for the tail."""
    lines = []
    for row in spec.rows:
        tail, overall = (_mean(judged, row, column) for column in ("tail", "OA"))
        lines.append(Line(row.label, [tail], [overall], marked=True, notes=(row.label,)))
    svg = plot_lines(lines, x_label="tail accuracy, %", y_label="overall accuracy, %")
    return Plot(svg, "Overall accuracy over tail accuracy, means over seeds: up and to the right is better")


def _mean(judged: Sequence[Row], row: RowSpec, column: str) -> float:
    found = values(judged, row.run, row.rule, column)
    return float(np.mean(found)) if found else float("nan")
