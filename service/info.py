"""The jobs that describe: a model as its card, in tables for the terminal and as plain text for QGIS's log;
and what this Python environment offers the backend.
"""

import importlib.metadata
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..core.base.progress import Reporter
from ..core.base.requests import JobRequest, ModelName, option
from ..core.base.results import JobResult
from ..core.model.card import ModelCard, TileCard

PACKAGES = (
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "rasterio",
    "numpy",
    "openvino",
    "lightning",
    "pydantic",
)


class BackendInfoRequest(JobRequest):
    """Show the versions and devices of this environment."""

    job: ClassVar[str] = "backend_info"


@dataclass(frozen=True)
class BackendInfo(JobResult):
    """Version of Python, version of each package (None where it is not installed), names of the devices."""

    python: str
    versions: dict[str, str | None]
    devices: list[str]


def backend_info(_request: BackendInfoRequest, _reporter: Reporter) -> BackendInfo:
    """Say what this environment can do."""
    import rasterio
    import torch

    versions: dict[str, str | None] = {name: _version(name) for name in PACKAGES}
    versions["gdal"] = rasterio.__gdal_version__
    devices = [f"cpu ({platform.processor() or platform.machine()}, {torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)")
    return BackendInfo(platform.python_version(), versions, devices)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class ModelInfoRequest(JobRequest):
    """Describe a model: classes, experts, sources, windows, scores, provenance."""

    job: ClassVar[str] = "model_info"

    model: ModelName = option(
        "A .safetensors bundle, or the embedded demo model.", "demo", metavar="FILE|demo", positional=True
    )


TEXT_WIDTH = 110
GROUPS = ("head", "body", "tail")


@dataclass(frozen=True)
class ModelInfo(JobResult):
    """The model card, the file and its hash, and a summary for people."""

    card: dict[str, Any]
    sha256: str
    path: Path
    text: str


def model_info(request: ModelInfoRequest, _reporter: Reporter) -> ModelInfo:
    """Describe a mapping or a screening model."""
    from ..core.model.bundle import load_any  # torch

    bundle = load_any(request.model)
    text = summary_text(bundle.card, bundle.sha256, bundle.path)
    return ModelInfo(bundle.card.model_dump(mode="json"), bundle.sha256, bundle.path, text)


def summary_text(card: ModelCard | TileCard, sha256: str, path: Path | str) -> str:
    """Return the summary without colours, at most `TEXT_WIDTH` characters wide."""
    console = Console(file=io.StringIO(), width=TEXT_WIDTH, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(summary(card, sha256, path))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip() + "\n"


def summary(card: ModelCard | TileCard, sha256: str, path: Path | str) -> Group:
    """Return facts, sources, classes, scores and provenance as one printable group."""
    if isinstance(card, TileCard):
        return _tile_summary(card, sha256, path)
    parts = [_facts(card, sha256, path), _sources(card), _classes(card)]
    rules = _scored_rules(card)
    if rules:
        parts.append(_scores(rules, sorted({c.group for c in card.classes}, key=GROUPS.index)))
    for title, values in (("Scored on", card.scores), ("Provenance", card.provenance)):
        told = dict(_flat({key: value for key, value in values.items() if key not in rules}))
        if told:
            parts.append(_pairs(told, title))
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


def _tile_summary(card: TileCard, sha256: str, path: Path | str) -> Group:
    """The same of a screening model."""
    arch = card.architecture
    facts = {
        "description": card.description or "none",
        "file": str(path),
        "sha256": sha256,
        "network": f"{arch.encoder or arch.kind}, {card.n_bands} bands, loss {card.loss or 'unknown'}",
        "grid": f"{card.gsd_m:g} m pixels, tiles of {card.window} px ({card.tile_m:g} m)",
        "a tile holds a class": f"from {100 * card.min_share:.2g} % of it on",
    }
    table = _table("Classes", ("id", "class", "group", "training tiles %"))
    for c, n in zip(card.classes, card.label_counts, strict=True):
        swatch = Text.assemble(("■ ", c.color), _text(c.name))
        _add_row(table, str(c.id), swatch, c.group, _percent(n / max(1, card.n_samples), 2))
    parts = [_pairs(facts, f"Screening model {card.name}"), _sources(card), table]
    for title, values in (("Scores", card.scores), ("Provenance", card.provenance)):
        if values:
            parts.append(_pairs(dict(_flat(values)), title))
    return Group(*parts)


def _sources(card: ModelCard | TileCard) -> Table:
    table = _table("Sources", ("role", "bands", "pixel", "normalisation"))
    for s in card.sources:
        unit = f" ({s.unit})" if s.unit else ""
        _add_row(table, s.role, ", ".join(s.bands) + unit, f"{s.gsd_m:g} m", s.normalisation.kind)
    return table


def _classes(card: ModelCard) -> Table:
    """The classes: groups, training shares, experts and, where scored, recall and IoU of the map."""
    headers = ["id", "class", "group", "training %", *(e.name for e in card.experts)]
    scored = _scored_rules(card).get(card.aggregation, {})
    measures = [name for name in ("recall", "iou") if isinstance(scored.get(name), Mapping)]
    table = _table("Classes", [*headers, *(f"{name} %" for name in measures)])
    total = max(1, sum(card.pixel_counts))
    for channel, c in enumerate(card.classes):
        swatch = Text.assemble(("■ ", c.color), _text(c.name))
        experts = ["x" if row[channel] else "" for row in card.responsible]
        cells = [_percent(scored[name].get(c.name), 1) for name in measures]
        share = _percent(card.pixel_counts[channel] / total, 2)
        _add_row(table, str(c.id), swatch, c.group, share, *experts, *cells)
    return table


def _scored_rules(card: ModelCard) -> dict[str, Mapping[str, Any]]:
    """What was scored (an aggregation, an expert, the oracle) -> its measures."""
    return {rule: m for rule, m in card.scores.items() if isinstance(m, Mapping) and "recall" in m}


def _scores(rules: Mapping[str, Mapping[str, Any]], groups: Sequence[str]) -> Table:
    titles = {"overall": "overall %", "mean_recall": "mean recall %", "mean_iou": "mean IoU %"}
    table = _table("Scores", ["of", *titles.values(), *(f"{group} %" for group in groups)])
    for rule, measures in rules.items():
        by_group = measures["groups"] if isinstance(measures.get("groups"), Mapping) else {}
        _add_row(
            table,
            rule,
            *(_percent(measures.get(m), 1) for m in titles),
            *(_percent(by_group.get(g), 1) for g in groups),
        )
    return table


def _percent(share: object, digits: int) -> str:
    return f"{100 * share:.{digits}f}" if isinstance(share, int | float) else ""


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
        _add_row(table, key, f"{value:.4g}" if isinstance(value, float) else str(value))
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    heading = _text(title)
    heading.stylize("bold")
    table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(_text(name), overflow="fold")
    return table


def _add_row(table: Table, *cells: str | Text) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else _text(cell) for cell in cells))


def _text(content: str) -> Text:
    """Return text that a card wrote, to be shown as it is: no markup, no control characters."""
    return Text("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in content))
