"""Random against stratified splits for tiles with several labels (paper 001): how evenly labels are spread,
and what networks make of it.

python -m mce_landcover.training.experiments.multilabel.splits CONFIG OUT
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from ....core.base.progress import Reporter
from ....core.model.card import TileArchitecture
from ....core.pages.html_page import render_page
from ...losses.multilabel import MultilabelLossName
from ...multilabel.split_comparison import (
    RATIOS,
    LabelSplit,
    comparison_page,
    label_rows,
    scarce_labels,
    split_labels,
    with_folds,
)
from ...requests import Strategy
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table, deviation, spread
from ..runner import Row
from .data import Opened, TileData, open_tiles
from .rows import CONFIGS, PUBLISHED, Run, TrainConfig, column, finish

Rows = Mapping[str, Mapping[str, Sequence[Row]]]
Splits = Mapping[int, Mapping[str, LabelSplit]]
_HOW = ("original", "resampled")
_COLUMNS = [(kind, name) for kind in ("macro", "micro") for name in ("precision", "recall", "f1", "f2")]


class NetworkConfig(TrainConfig):
    """A network, how it is trained, and with how many seeds; a seed also deals the tiles to splits."""

    name: str
    network: TileArchitecture
    runs: int = Field(default=1, ge=1)


class SplitSettings(ExperimentSettings):
    """The config file of this experiment.

    The "original" split is the one that came with the data where `lists` are given, else a random one.
    """

    data: TileData
    networks: tuple[NetworkConfig, ...] = Field(min_length=1)
    loss: MultilabelLossName = "bce"
    ratios: tuple[float, float, float] = RATIOS


def run(settings: SplitSettings, output: Path, reporter: Reporter) -> Outcome:
    """Split, train what OUT does not hold yet, and compare."""
    data = open_tiles(settings.data, reporter)
    names = [c.name for c in data.classes]
    for sentence in scarce_labels(data.tiles.labels, names):
        reporter.log(sentence)
    seeds = range(max(n.runs for n in settings.networks))
    splits = {s: _splits(data, names, settings, settings.seed + s) for s in seeds}
    page = comparison_page(splits[0], "Splits of tiles with several labels", data.said)
    (output / "splits.html").write_text(render_page(page), encoding="utf-8")
    rows: dict[str, dict[str, list[Row]]] = {n.name: {how: [] for how in _HOW} for n in settings.networks}
    for s, n in ((s, n) for s in seeds for n in settings.networks if s < n.runs):
        for how, own in rows[n.name].items():
            key, seed = f"{n.name}_{how}_{s}", settings.seed + s
            wanted = Run(key, n.network, n, settings.loss, seed, splits[s][how].folds)
            own.append(finish(wanted, data, output, settings.device, reporter))
    return Outcome(
        title="Random against stratified splits for tiles with several labels (paper 001)",
        data=data.said,
        tables=[deviation_table(splits), score_table(rows), label_table(splits[0])],
        results={
            "rows": rows,
            "splits": {s: {how: split.as_json() for how, split in own.items()} for s, own in splits.items()},
        },
        findings=findings(rows, splits),
    )


def _splits(data: Opened, names: Sequence[str], settings: SplitSettings, seed: int) -> dict[str, LabelSplit]:
    labels = data.tiles.labels

    def dealt(strategy: Strategy) -> LabelSplit:
        return split_labels(labels, names, strategy, ratios=settings.ratios, seed=seed)

    given = data.given if data.given is not None and (data.given >= 0).all() else None
    original = dealt("random") if given is None else with_folds(labels, names, given)
    return {"original": original, "resampled": dealt("iterative")}


def deviation_table(splits: Splits) -> Table:
    """Return how far the labels' shares are from the ratios, over the seeds."""
    lines: list[list[Cell]] = []
    for how in _HOW:
        mean = [100 * float(np.nanmean(s[how].deviation)) for s in splits.values()]
        largest = [100 * float(np.nanmax(s[how].deviation)) for s in splits.values()]
        figures = [f(found) for found in (mean, largest) for f in (np.mean, deviation)]
        lines.append([how, *map(float, figures)])
    heads = ("split", "mean deviation, % points", "± over seeds", "largest", "± over seeds")
    return Table("Deviation of the labels' shares from the ratios", heads, lines)


def score_table(rows: Rows) -> Table:
    """Return the columns of the paper's table 1, mean ± deviation over seeds, and the published ones."""
    lines: list[list[Cell]] = []
    for network, by_split in rows.items():
        for how, own in by_split.items():
            cells = [spread(column(own, "own", *place), digits=3) for place in _COLUMNS]
            lines.append([f"{network}, {how} ({len(own)} seed{'s' * (len(own) > 1)})", *cells])
    lines += [[f"published: {row}", *figures.values()] for row, figures in PUBLISHED["splits"].items()]
    heads = ("network, split", *(f"{kind} {name}" for kind, name in _COLUMNS))
    return Table("Scores on the test tiles", heads, lines, digits=3)


def label_table(splits: Mapping[str, LabelSplit]) -> Table:
    """Return the shares of each label's samples by split, most frequent label first."""
    heads, rows = label_rows(splits)
    return Table("Where the samples of each class went (first seed)", heads, rows, digits=1)


def findings(rows: Rows, splits: Splits) -> list[str]:
    """Return whether stratified splits help, beyond the spread over seeds."""
    mean = {how: float(np.mean([np.nanmean(s[how].deviation) for s in splits.values()])) for how in _HOW}
    ratio = mean["original"] / mean["resampled"] if mean["resampled"] else float("inf")
    said = [f"Stratified splits are {ratio:.1f} times nearer to the ratios than the original ones."]
    said += [f"{name}: {_verdict(by_split)}" for name, by_split in rows.items()]
    said.append(
        "Tiles of one picture fall into different splits, random and stratified alike: on new ground scores "
        "would be lower."
    )
    said.append(
        "A test set that holds every class judges macro F1 by other classes than one that lacks some: part "
        "of a difference is in the ruler, not in the network."
    )
    return said


def _verdict(by_split: Mapping[str, Sequence[Row]]) -> str:
    found = [column(by_split[how], "own", "macro", "f1") for how in _HOW]
    before, after = (float(np.mean(values)) for values in found)
    change = f"macro F1 {before:.3f} on original splits, {after:.3f} on resampled ones"
    if len(found[0]) == 1:
        return f"{change}; one seed each, so nothing can be said about chance."
    noise = float(np.hypot(deviation(found[0]), deviation(found[1])))
    beyond = "beyond" if abs(after - before) > noise else "within"
    return f"{change}: a change of {after - before:+.3f}, {beyond} the spread over seeds ({noise:.3f})."


if __name__ == "__main__":
    raise SystemExit(run_experiment("multilabel_splits", SplitSettings, run, CONFIGS))
