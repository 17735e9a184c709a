"""The comparison of splits of paper 001: how evenly each strategy spreads the labels, as numbers, as a table
and as a page with a plot. The splits themselves are made in `training/splits.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.pages.html_page import Line, Page, Plot, Section, Table, Text, plot_lines
from ..requests import Strategy
from ..splits import SPLITS, SplitReport, Tiles, report_splits, split_tiles
from ..stratify import IntArray
from .tiles import Bools

Floats = NDArray[np.float64]
RATIOS = (0.6, 0.2, 0.2)


@dataclass(frozen=True, eq=False)
class LabelSplit:
    """A way of splitting: `held` `[S, C]` is the share of each label's samples that each split got, NaN for
    labels without any; `ratios` `[S]` what it should have been.
    """

    strategy: Strategy
    folds: IntArray
    report: SplitReport
    ratios: Floats

    @property
    def held(self) -> Floats:
        """Share of each label's samples in each split, `[S, C]`."""
        holders = self.report.holders.astype(np.float64)
        total = holders.sum(axis=0)
        return np.divide(holders, total, out=np.full_like(holders, np.nan), where=total > 0)

    @property
    def deviation(self) -> Floats:
        """Largest `|share - ratio|` over the splits, of each label, `[C]`."""
        worst: Floats = np.abs(self.held - self.ratios[:, None]).max(axis=0)
        return worst

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers, rounded to 1e-6."""
        return {
            "tiles": self.report.tiles.tolist(),
            "deviation_mean": round(float(np.nanmean(self.deviation)), 6),
            "deviation_max": round(float(np.nanmax(self.deviation)), 6),
            "samples": {
                name: self.report.holders[:, c].tolist() for c, name in enumerate(self.report.classes)
            },
            "warnings": self.report.warnings(),
        }


def split_labels(
    labels: Bools,
    classes: Sequence[str],
    strategy: Strategy,
    *,
    ratios: Sequence[float] = RATIOS,
    seed: int = 0,
) -> LabelSplit:
    """Split samples by their labels `[N, C]` and say what came of it.

    Raises:
        InputError: see `split_tiles`.
    """
    tiles = Tiles(labels.astype(np.int64))
    folds = split_tiles(tiles, strategy, ratios, seed=seed)
    shares = np.asarray(ratios, np.float64) / sum(ratios)
    return LabelSplit(strategy, folds, report_splits(tiles, folds, classes, SPLITS[: len(ratios)]), shares)


def with_folds(labels: Bools, classes: Sequence[str], folds: IntArray) -> LabelSplit:
    """Return a split that came with the data, judged by the ratios that it has itself."""
    n = int(folds.max()) + 1
    shares = np.bincount(folds, minlength=n) / len(folds)
    report = report_splits(Tiles(labels.astype(np.int64)), folds, classes, SPLITS[:n])
    return LabelSplit("random", folds, report, shares)


def scarce_labels(labels: Bools, classes: Sequence[str], n_splits: int = 3) -> list[str]:
    """Return a sentence for each class with fewer samples than splits: no strategy can show it to all."""
    counts = labels.sum(axis=0)
    return [
        f"The class {name} has {n} sample{'s' * (n != 1)} for {n_splits} splits, so "
        + ("no score tells anything about it." if n == 0 else "some splits will not hold it.")
        for name, n in zip(classes, counts.tolist(), strict=True)
        if n < n_splits
    ]


def _by_frequency(split: LabelSplit) -> IntArray:
    """Return the classes, the one with most samples first, `[C]`."""
    return np.argsort(-split.report.holders.sum(axis=0), kind="stable")


def label_rows(splits: Mapping[str, LabelSplit]) -> tuple[tuple[str, ...], list[list[str | int | float]]]:
    """Return column heads, and for each class, most frequent first, its samples and what share of them each
    split holds, in percent."""
    first = next(iter(splits.values()))
    rows: list[list[str | int | float]] = []
    for c in _by_frequency(first):
        shares = [100 * float(s.held[k, c]) for s in splits.values() for k in range(len(first.report.names))]
        rows.append([first.report.classes[c], int(first.report.holders[:, c].sum()), *shares])
    heads = (f"{name}: {part} %" for name in splits for part in first.report.names)
    return ("class", "samples", *heads), rows


def comparison_page(splits: Mapping[str, LabelSplit], title: str, data: str) -> Page:
    """Return the page: deviations, the plot of paper 001 (figure 4), and the shares of every label.

    Args:
        splits: by the names that they get on the page; the same labels, split in several ways.
        data: what was split, in words.
    """
    first = next(iter(splits.values()))
    parts, order = first.report.names, _by_frequency(first)
    lines = [
        Line(f"{name}: {part}", np.arange(1, len(order) + 1), 100 * s.held[k, order], dashed=i > 0)
        for i, (name, s) in enumerate(splits.items())
        for k, part in enumerate(parts)
    ]
    plot = plot_lines(lines, x_label="class, most frequent first", y_label="its samples in the split, %")
    wanted = ", ".join(f"{part} {100 * r:g} %" for part, r in zip(parts, first.ratios, strict=True))
    deviations = [(n, 100 * np.nanmean(s.deviation), 100 * np.nanmax(s.deviation)) for n, s in splits.items()]
    sections = [
        Section(
            "How far the labels are from the ratios",
            [
                Text(f"Wanted: {wanted}. The deviation of a class is that of the split that missed it most."),
                Table(("split", "mean deviation, % points", "largest"), deviations),
                Plot(plot, "Share of each class's samples that a split holds."),
            ],
        ),
        Section("Every class", [Table(*label_rows(splits))]),
    ]
    warnings = [Text(f"{name}: {text}") for name, s in splits.items() for text in s.report.warnings()]
    if warnings:
        sections.append(Section("To mind", warnings))
    return Page(title, data, sections)
