"""A model card as people read it: tables for the terminal, the same as plain text for QGIS's log."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..card import ModelCard

TEXT_WIDTH = 110


def summary_text(card: ModelCard, sha256: str, path: Path | str) -> str:
    """Return the summary without colours, at most `TEXT_WIDTH` characters wide."""
    console = Console(file=io.StringIO(), width=TEXT_WIDTH, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(summary(card, sha256, path))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip() + "\n"


def summary(card: ModelCard, sha256: str, path: Path | str) -> Group:
    """Return facts, sources, classes, scores and provenance as one printable group."""
    parts = [_facts(card, sha256, path), _sources(card), _classes(card)]
    scores = {k: v for k, v in _flat(card.scores) if not _is_recall(k)}
    for title, values in (("Scores", scores), ("Provenance", dict(_flat(card.provenance)))):
        if values:
            parts.append(_pairs(values, title))
    return Group(*parts)


def _facts(card: ModelCard, sha256: str, path: Path | str) -> Table:
    shape = card.architecture
    facts = {
        "description": card.description or "none",
        "file": str(path),
        "sha256": sha256,
        "network": f"{shape.decoder} on {shape.encoder}, {len(card.experts)} experts, {card.n_bands} bands",
        "grid": f"{card.gsd_m:g} m pixels, windows of {card.window} px every {card.stride} px",
        "aggregation": card.aggregation,
    }
    return _pairs(facts, f"Model {card.name}")


def _sources(card: ModelCard) -> Table:
    table = _table("Sources", ("role", "bands", "pixel", "normalisation"))
    for s in card.sources:
        unit = f" ({s.unit})" if s.unit else ""
        table.add_row(s.role, ", ".join(s.bands) + unit, f"{s.gsd_m:g} m", s.normalisation.kind)
    return table


def _classes(card: ModelCard) -> Table:
    recalls = _recalls(card)
    headers = ["id", "class", "group", "training share", *(e.name for e in card.experts)]
    table = _table("Classes", [*headers, "recall"] if recalls else headers)
    total = max(1, sum(card.pixel_counts))
    for channel, c in enumerate(card.classes):
        cells: list[str | Text] = [str(c.id), Text.assemble(("■ ", c.color), c.name), c.group]
        cells.append(f"{100 * card.pixel_counts[channel] / total:.2f} %")
        cells += ["x" if row[channel] else "" for row in card.responsible]
        if recalls:
            cells.append(f"{100 * recalls[c.name]:.1f} %" if c.name in recalls else "")
        table.add_row(*cells)
    return table


def _is_recall(key: str) -> bool:
    return "recall" in key.split(".")[:-1]


def _recalls(card: ModelCard) -> dict[str, float]:
    """Class name -> recall, from a `recall` table anywhere in the scores."""
    return {
        key.rpartition(".")[2]: value
        for key, value in _flat(card.scores)
        if _is_recall(key) and isinstance(value, int | float)
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested mappings under dotted names, in order."""
    leaves: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        leaves += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return leaves


def _pairs(values: Mapping[str, Any], title: str) -> Table:
    table = _table(title, ("", ""))
    table.show_header = False
    for key, value in values.items():
        table.add_row(key, f"{value:.4g}" if isinstance(value, float) else str(value))
    return table


def _table(title: str, columns: list[str] | tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
