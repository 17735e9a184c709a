"""The page that shows how tiles were dealt. The numbers come from `splits.py`, the look from
`core/pages/html_page.py`."""

from collections.abc import Mapping, Sequence

from ...core.model.classes import LandCoverClass
from ...core.pages.html_page import Page, Percent, Plot, Section, Table, Text, plot_bars, render_page
from ..splits import SplitReport
from .dealing import SplitPlan

_STRATEGIES = {
    "random": "Each tile fell to a split at random.",
    "dominant": "Tiles were dealt so that each split has its share of the tiles of every dominant class.",
    "iterative": "Tiles were dealt so that each split has its share of the tiles that hold each class.",
    "blocked": "Whole blocks fell to a split at random, so that neighbours stay together.",
    "blocked_iterative": "Whole blocks were dealt so that each split has its share of the tiles that hold "
    "each class, and neighbours stay together.",
}


def report_page(
    report: SplitReport,
    classes: Sequence[LandCoverClass],
    plan: SplitPlan,
    block_m: float | None,
    side_m: float,
) -> str:
    """Return the page as HTML."""
    groups = {c.name: c.group for c in classes}
    total = report.pixels.sum(axis=0)
    facts = {
        "tiles": int(report.tiles.sum()),
        "side of a tile": f"{side_m:g} m",
        "labelled pixels": int(total.sum()),
        "classes": len(classes),
    }
    facts |= {f"tiles to {_USE[name]}": int(n) for name, n in zip(report.names, report.tiles, strict=True)}
    sections = [
        Section("What to mind", [Text(sentence) for sentence in warnings(report)]),
        Section(
            "Classes",
            [
                Plot(
                    plot_bars(report.classes, 100 * total / total.sum(), x_label="share of the pixels, %"),
                    "Share of each class in all labelled pixels.",
                ),
                _shares(report, groups),
                _holders(report),
            ],
        ),
        Section("How tiles were dealt", [Text(_how(report, plan, block_m))]),
    ]
    return render_page(Page("Training tiles", "Made by prepare-tiles of MCE Land Cover.", sections, facts))


_USE = {"train": "train on", "val": "validate on", "test": "test on"}


def warnings(report: SplitReport) -> list[str]:
    """Return what the report warns of, or that there is nothing."""
    return report.warnings() or ["Nothing: every split holds every class, and no neighbours were parted."]


def _shares(report: SplitReport, groups: Mapping[str, str]) -> Table:
    rows = [
        [name, groups[name], *(Percent(100 * share) for share in report.shares[:, i])]
        for i, name in enumerate(report.classes)
    ]
    return Table(["class", "group", *report.names], rows, "Share of each split's labelled pixels, %.")


def _holders(report: SplitReport) -> Table:
    rows = [[name, *map(int, report.holders[:, i])] for i, name in enumerate(report.classes)]
    return Table(["class", *report.names], rows, "Tiles that hold the class.")


def _how(report: SplitReport, plan: SplitPlan, block_m: float | None) -> str:
    blocks = f" Blocks are {block_m:g} m wide." if block_m else ""
    parted = ""
    if report.neighbours:
        parted = f" Of {report.neighbours:,} pairs of neighbouring tiles, {report.parted:,} were parted."
    return f"{_STRATEGIES[plan.strategy]}{blocks} The seed is {plan.seed}.{parted}"
