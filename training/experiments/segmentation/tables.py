"""Sets judged runs out in the tables of a study, ours beside the published, and says what they show."""

from collections.abc import Sequence

import numpy as np

from ....core.base.errors import InputError
from ....core.evaluation.scores import Scores
from ..report import Cell, Table
from .published import TABLES, Figures
from .runs import Judged
from .study import COLUMNS, ClaimSpec, RowSpec, Study, TableSpec

_MEANS = ("mean", "mean_responsible")


def value(found: Scores, column: str, names: Sequence[str]) -> float:
    """Return one score in percent; a column is a key of `COLUMNS` or the name of a class (its recall)."""
    if column in names:
        return 100 * float(found.recall[list(names).index(column)])
    key = COLUMNS.get(column)
    if key is None:
        raise InputError(f"There is no column {column!r}: choose from {', '.join([*COLUMNS, *names])}.")
    if key in ("head", "body", "tail"):
        return 100 * found.groups.get(key, float("nan"))
    return 100 * float(getattr(found, key))


def values(judged: Sequence[Judged], run: str, rule: str, column: str) -> list[float]:
    """Return one score of one run and rule for each seed that is there, in percent."""
    return [value(j.scores(rule), column, j.class_names) for j in judged if j.run == run]


def spread(found: Sequence[float]) -> str:
    """Return mean and standard deviation over seeds, such as `53.6 ± 0.4`."""
    if not found or np.isnan(found).all():
        return "–"
    mean = f"{np.mean(found):.1f}"
    return f"{mean} ± {np.std(found, ddof=1):.1f}" if len(found) > 1 else mean


def make_table(spec: TableSpec, judged: Sequence[Judged]) -> Table:
    """Return one table: a column per score, then the published ones."""
    names = judged[0].class_names if judged else ()
    columns = [*spec.columns, *(names if spec.classes else ())]
    published = TABLES.get(spec.published or "", {})
    beside = [c for c in columns if any(c in figures for figures in published.values())]
    heads = ("", *columns, *(f"paper {c}" for c in beside))
    rows = [
        _row(row, columns, judged, published.get(row.published or row.label, {}), beside) for row in spec.rows
    ]
    return Table(spec.caption, heads, rows, digits=1)


def _row(
    row: RowSpec, columns: Sequence[str], judged: Sequence[Judged], published: Figures, beside: Sequence[str]
) -> list[Cell]:
    ours: list[Cell] = [spread(values(judged, row.run, row.rule, c)) for c in columns]
    return [row.label, *ours, *(published.get(c) for c in beside)]


def findings(study: Study, judged: Sequence[Judged]) -> list[str]:
    """Return in sentences whether the claim holds, and whether a rule beats the means."""
    found = []
    if study.claim is not None:
        found += [_claim(study.claim, better, judged) for better in study.claim.better]
    return [*found, *_rules(study, judged)]


def paired(
    judged: Sequence[Judged], one: tuple[str, str], other: tuple[str, str], column: str
) -> list[float]:
    """Return the differences (one - other) seed by seed; each is a run and a rule."""
    pairs = zip(values(judged, *one, column), values(judged, *other, column), strict=False)
    return [a - b for a, b in pairs]


def _claim(claim: ClaimSpec, better: str, judged: Sequence[Judged]) -> str:
    ours, than = (better, "default"), (claim.than, "default")
    gains = {c: paired(judged, ours, than, c) for c in ("mAcc", "tail", "OA")}
    if not gains["OA"]:
        return f"{better} against {claim.than}: not finished."
    held = [
        accuracy > 0 and tail > 0 and overall >= -100 * claim.overall_loss
        for accuracy, tail, overall in zip(*gains.values(), strict=True)
    ]
    told = ", ".join(f"{column} {_signed(differences)}" for column, differences in gains.items())
    return (
        f"The paper's claim ({better} has higher mAcc and tail accuracy than {claim.than} and loses at "
        f"most {100 * claim.overall_loss:g} points of OA) holds for {sum(held)} of {len(held)} seeds: "
        f"{told} points."
    )


def _rules(study: Study, judged: Sequence[Judged]) -> list[str]:
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


def _beats(judged: Sequence[Judged], run: str, rule: str, base: str) -> str:
    """Return how much better a rule is, or nothing."""
    gains = {c: paired(judged, (run, rule), (run, base), c) for c in ("mIoU", "tail", "OA")}
    if not gains["mIoU"] or min(gains["mIoU"]) <= 0 or np.mean(gains["tail"]) < 0:
        return ""
    return f"{rule} ({', '.join(f'{column} {_signed(gain)}' for column, gain in gains.items())})"


def _signed(differences: Sequence[float]) -> str:
    if not differences:
        return "–"
    mean = f"{np.mean(differences):+.1f}"
    return f"{mean} ± {np.std(differences, ddof=1):.1f}" if len(differences) > 1 else mean
