"""What ten networks did on CIFAR-10, as the tables of the paper. How they were trained and decided lives in
`cifar10.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.flagging.counting import Errors, delta
from ..report import Cell, Table
from .published import CIFAR10, CIFAR10_ACCURACY, CIFAR10_MEAN, Published
from .tradeoff import false_positives_at, known_mean, mean_errors


@dataclass(frozen=True)
class Verdict:
    """What a decision rule does to the test set: errors of the rare class, and the share it gets right."""

    errors: Errors
    accuracy: float


@dataclass(frozen=True)
class Point:
    """One alpha: the plain rule, MetaFusion, and the candidates with how many of them are right."""

    alpha: float
    plain: Verdict
    fused: Verdict
    candidates: int
    true: int


@dataclass(frozen=True)
class NetworkResult:
    """One network: the class that was rare, Bayes, and a point per alpha."""

    rare: int
    bayes: Verdict
    points: tuple[Point, ...]


def table_1(results: Sequence[NetworkResult], names: Sequence[str]) -> Table:
    """Return table 1 of the paper, ours and the published figures in turns."""
    columns = ("F1", "FP", "FN"), ("F1", "FP", "FN", "Δ"), ("F1", "FP", "FN", "Δ")
    rules = ("Bayes", "ML", "MetaFusion")
    heads = [f"{rule} {column}" for rule, part in zip(rules, columns, strict=True) for column in part]
    rows: list[list[Cell]] = []
    for result in results:
        name = f"{result.rare} {names[result.rare]}"
        rows.append([f"{name}, ours", *_cells([result])])
        rows.append([f"{name}, published", *_published(CIFAR10[result.rare])])
    rows.append([f"mean of {len(results)}, ours", *_cells(results)])
    rows.append(["mean of 10, published", *_published(CIFAR10_MEAN)])
    return Table("Table 1: errors of the rare class, alpha = 1", ("rare class", *heads), rows)


def _cells(results: Sequence[NetworkResult]) -> list[Cell]:
    """Return the columns of table 1, means over the networks given."""
    cells: list[Cell] = []
    bayes = [r.bayes.errors for r in results]
    for errors in (
        bayes,
        [r.points[-1].plain.errors for r in results],
        [r.points[-1].fused.errors for r in results],
    ):
        cells.append(known_mean([e.f1 for e in errors]))
        cells += [round(float(n)) for n in mean_errors(errors)]
        if errors is not bayes:
            cells.append(known_mean([delta(e, b) for e, b in zip(errors, bayes, strict=True)]))
    return cells


def _published(rules: tuple[Published, Published, Published]) -> list[Cell]:
    bayes, ml, fused = rules
    return [*bayes[:3], *ml, *fused]


def figure_4(results: Sequence[NetworkResult]) -> Table:
    """Return the curve of figure 4: means over the networks, and what the plain rule pays at equal FN."""
    rows: list[list[Cell]] = []
    fp, fn = mean_errors([r.bayes.errors for r in results])
    accuracy = float(np.mean([r.bayes.accuracy for r in results]))
    rows.append(["0 (Bayes)", None, fp, fn, None, 100 * accuracy, None, None, None, None, None])
    for i, alpha in enumerate(alpha for alpha in (p.alpha for p in results[0].points)):
        points = [r.points[i] for r in results]
        cells: list[Cell] = [f"{alpha:g}", float(np.mean([p.candidates for p in points]))]
        for verdicts in ([p.plain for p in points], [p.fused for p in points]):
            deltas = [delta(v.errors, r.bayes.errors) for v, r in zip(verdicts, results, strict=True)]
            cells += [*mean_errors([v.errors for v in verdicts]), known_mean(deltas)]
            cells.append(100 * float(np.mean([v.accuracy for v in verdicts])))
        rows.append([*cells, known_mean([_plain_at_equal_fn(r, i) for r in results])])
    columns = ("FP", "FN", "Δ", "accuracy %")
    rules = [f"{rule} {column}" for rule in ("plain", "MetaFusion") for column in columns]
    heads = ("alpha", "candidates", *rules, "plain FP at equal FN")
    return Table(f"Figure 4: means of {len(results)} networks over alpha", heads, rows, digits=2)


def _plain_at_equal_fn(result: NetworkResult, index: int) -> float:
    """Return the false positives of the plain rule, tuned to miss as many as MetaFusion at this alpha."""
    sweep = [result.bayes.errors, *(p.plain.errors for p in result.points)]
    return false_positives_at(sweep, result.points[index].fused.errors.fn)


def findings(results: Sequence[NetworkResult]) -> list[str]:
    """Return what the tables do not say: total accuracy, and who wins at equal FN."""
    accuracies = [
        100 * float(np.mean([v.accuracy for v in verdicts]))
        for verdicts in (
            [r.bayes for r in results],
            [r.points[-1].plain for r in results],
            [r.points[-1].fused for r in results],
        )
    ]
    told = ", ".join(f"{value:.2f}" for value in accuracies)
    published = ", ".join(f"{100 * value:.2f}" for value in CIFAR10_ACCURACY)
    wins = sum(p.fused.errors.fp < _plain_at_equal_fn(r, i) for r in results for i, p in enumerate(r.points))
    total = sum(len(r.points) for r in results)
    return [
        f"Total accuracy in percent, Bayes, ML, MetaFusion: ours {told}; published {published}.",
        "At equal FN MetaFusion has fewer FP than the plain rule, interpolated over alpha, in "
        f"{wins} of {total} cases (network and alpha).",
        "The meta classifier sees entropy, margin and variation ratio of the picture only: 15 stages of "
        "depth 3, exponential loss; table 1 leaves one candidate out at a time.",
    ]


def as_json(result: NetworkResult) -> dict[str, Any]:
    """Return every number of a network."""

    def judged(verdict: Verdict) -> dict[str, Any]:
        gain = delta(verdict.errors, result.bayes.errors)
        return {
            **verdict.errors._asdict(),
            "f1": verdict.errors.f1,
            "delta": gain,
            "accuracy": verdict.accuracy,
        }

    points = [
        {
            "alpha": p.alpha,
            "plain": judged(p.plain),
            "fused": judged(p.fused),
            "candidates": p.candidates,
            "true": p.true,
        }
        for p in result.points
    ]
    return {"rare": result.rare, "bayes": judged(result.bayes), "points": points}
