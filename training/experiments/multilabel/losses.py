"""Seven losses for tiles with several labels (paper 003): what each is good at, in measured numbers.

python -m mce_landcover.training.experiments.multilabel.losses CONFIG OUT
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ....core.base.progress import Reporter
from ....core.model.card import TileArchitecture
from ...losses.multilabel import PAPER_LOSSES, MultilabelLossName, multilabel_loss
from ...multilabel.split_comparison import RATIOS, scarce_labels, split_labels
from ...requests import Strategy
from ..command import ExperimentSettings, run_experiment
from ..report import NONE, Cell, Outcome, Table, known_mean, spread
from ..runner import Row
from .data import Opened, TileData, open_tiles
from .rows import CONFIGS, PUBLISHED, Run, TrainConfig, column, finish
from .shape import N_CLASSES, Shape, measure_shape

Rows = Mapping[MultilabelLossName, Sequence[Row]]


class LossSettings(ExperimentSettings):
    """The config file of this experiment: one network, every loss, `runs` seeds each."""

    data: TileData
    network: TileArchitecture
    train: TrainConfig
    losses: tuple[MultilabelLossName, ...] = PAPER_LOSSES
    strategy: Strategy = "iterative"
    ratios: tuple[float, float, float] = RATIOS
    runs: int = Field(default=1, ge=1)


def run(settings: LossSettings, output: Path, reporter: Reporter) -> Outcome:
    """Train what OUT does not hold yet, and compare."""
    data = open_tiles(settings.data, reporter)
    names = [c.name for c in data.classes]
    split = split_labels(
        data.tiles.labels, names, settings.strategy, ratios=settings.ratios, seed=settings.seed
    )
    for sentence in scarce_labels(data.tiles.labels, names):
        reporter.log(sentence)
    rows: dict[MultilabelLossName, list[Row]] = {loss: [] for loss in settings.losses}
    for s in range(settings.runs):
        for loss, own in rows.items():
            key, seed = f"{loss}_{s}", settings.seed + s
            wanted = Run(key, settings.network, settings.train, loss, seed, split.folds)
            own.append(finish(wanted, data, output, settings.device, reporter))
    n_train = int((split.folds == 0).sum())
    counts = data.tiles.labels[split.folds == 0].sum(axis=0).tolist()
    shapes = {
        loss: measure_shape(multilabel_loss(loss, ([max(1, n) for n in counts] * 8)[:N_CLASSES], n_train))
        for loss in settings.losses
    }
    rare = _rarest(counts, names)
    tables = [accuracy_table(rows), comparison_table(rows, shapes, rare), published_table()]
    curves = curve_table(rows)
    return Outcome(
        title="Seven losses for tiles with several labels (paper 003)",
        data=f"{data.said}; split {settings.strategy}, {settings.runs} seed{'s' * (settings.runs > 1)}",
        tables=[*tables, *([curves] if curves else [])],
        results={
            "rows": rows,
            "shapes": {loss: vars(shape) for loss, shape in shapes.items()},
            "rare_classes": rare,
            "split": split.as_json(),
        },
        findings=findings(rows, rare, data),
    )


def accuracy_table(rows: Rows) -> Table:
    """Return the columns of the paper's table 1 in percent, micro and macro, at both thresholds."""
    lines: list[list[Cell]] = []
    for loss, own in rows.items():
        cells: list[Cell] = [loss]
        for at in ("own", "fitted"):
            for kind, names in (("micro", ("precision", "recall", "f1")), ("macro", ("f1",))):
                cells += [spread(column(own, at, kind, name), scale=100) for name in names]
        cells.append(spread(column(own, "average_precision"), digits=3))
        published = PUBLISHED["losses"].get(loss, {})
        lines.append([*cells, *(published.get(figure) for figure in ("P", "R", "F1"))])
    heads = ["loss"]
    heads += [f"{name}, {at}" for at in ("own threshold", "fitted") for name in ("P", "R", "F1", "macro F1")]
    return Table(
        "Ours, in percent (micro P, R, F1; macro F1; mean ± deviation over seeds), beside the published",
        (*heads, "average precision", "published P", "published R", "published F1"),
        lines,
        digits=1,
    )


def comparison_table(rows: Rows, shapes: Mapping[MultilabelLossName, Shape], rare: Sequence[str]) -> Table:
    """Return the paper's table 2 from measured quantities, with our marks and its own in brackets."""
    accuracy = {loss: _mean(own, "own", "micro", "f1") for loss, own in rows.items()}
    tail = {loss: rare_f1(own, rare) for loss, own in rows.items()}
    speed = {loss: early_f1(own) for loss, own in rows.items()}
    lines: list[list[Cell]] = []
    for loss in rows:
        shape = shapes[loss]
        ours = [f"{measured[loss]:.3f} {mark(measured, loss)}" for measured in (accuracy, tail, speed)]
        ours.insert(2, f"{100 * shape.convex:.1f} % convex, jump {shape.jump:.2f} {shape.mark}")
        published = list(PUBLISHED["marks"].get(loss, {}).values()) or [NONE] * 4
        lines.append([loss, *(f"{own} ({other})" for own, other in zip(ours, published, strict=True))])
    heads = (
        "loss",
        "overall accuracy: micro F1",
        "imbalance awareness: mean F1 of the rarest third of the classes",
        "convexity and differentiability",
        "learning efficiency: mean validation micro F1 of the first half of the epochs",
    )
    return Table("Measured, our mark (published mark)", heads, lines)


def published_table() -> Table:
    """Return what paper 003 prints."""
    rows = {loss: {**PUBLISHED["losses"][loss], **PUBLISHED["marks"][loss]} for loss in PAPER_LOSSES}
    heads = ("loss", *rows[PAPER_LOSSES[0]])
    lines = [[loss, *row.values()] for loss, row in rows.items()]
    return Table("Published: BigEarthNet-19, three-branch network, 80 epochs", heads, lines, digits=1)


def curve_table(rows: Rows) -> Table | None:
    """Return how many of the tiles with tail classes are found in the first tiles, None without a tail."""
    shares = (2, 4, 6, 8, 10)
    lines: list[list[Cell]] = []
    for loss, own in rows.items():
        found = [row["tail_curve"] for row in own if row["tail_curve"]]
        if found:
            lines.append([loss, *(spread([curve[share] for curve in found], scale=100) for share in shares)])
    if not lines:
        return None
    heads = ("loss", *(f"first {5 * s} %" for s in shares))
    return Table("Tiles with tail classes found, in percent, ranked by their probability", heads, lines)


def findings(rows: Rows, rare: Sequence[str], data: Opened) -> list[str]:
    """Return what can be said of the numbers, and what cannot."""
    said = []
    for what, value in (
        ("micro F1 at its own threshold", lambda own: _mean(own, "own", "micro", "f1")),
        ("micro F1 at a fitted threshold", lambda own: _mean(own, "fitted", "micro", "f1")),
        ("mean average precision", lambda own: _mean(own, "average_precision")),
        (f"F1 of the rarest classes ({', '.join(rare)})", lambda own: rare_f1(own, rare)),
        ("tiles with tail classes in the first 20 %", tail_found),
    ):
        scored = {loss: value(own) for loss, own in rows.items()}
        known = {loss: v for loss, v in scored.items() if not np.isnan(v)}
        if known:
            best = max(known, key=lambda loss: known[loss])
            said.append(f"Best {what}: {best}, {known[best]:.3f}.")
    if "SYNTHETIC" in data.said:
        said.append("The scenes are synthetic: nothing here says how losses compare on real land cover.")
    said.append("The published numbers are of BigEarthNet; only the order of the losses can be compared.")
    return said


def tail_found(own: Sequence[Row], share: float = 0.2) -> float:
    """Return the mean share of tail tiles in the first tiles, NaN without a tail."""
    return known_mean(row["tail_curve"][round(20 * share)] for row in own if row["tail_curve"])


def rare_f1(own: Sequence[Row], rare: Sequence[str]) -> float:
    """Return the mean F1 of the rare classes that the test tiles hold."""
    return known_mean(row["own"]["f1"][name] for row in own for name in rare)


def early_f1(own: Sequence[Row]) -> float:
    """Return the mean validation micro F1 over the first half of the epochs."""
    halves = [row["epochs"][: -(-len(row["epochs"]) // 2)] for row in own]
    return float(np.mean([epoch["micro_f1"] for half in halves for epoch in half]))


def mark(values: Mapping[Any, float], name: Any) -> str:
    """Return H, M or L: in which third of the range of all values one lies."""
    lowest, highest = min(values.values()), max(values.values())
    place = (values[name] - lowest) / (highest - lowest) if highest > lowest else 1.0
    return "L" if place < 1 / 3 else "M" if place < 2 / 3 else "H"


def _rarest(counts: Sequence[int], names: Sequence[str]) -> list[str]:
    """Return the third of the classes with the fewest training samples, those with none left out."""
    present = [i for i in np.argsort(counts, kind="stable").tolist() if counts[i] > 0]
    return [names[i] for i in present[: max(1, len(present) // 3)]]


def _mean(own: Sequence[Row], *place: str) -> float:
    return float(np.mean(column(own, *place)))


if __name__ == "__main__":
    raise SystemExit(run_experiment("multilabel_losses", LossSettings, run, CONFIGS))
