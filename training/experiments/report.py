"""What an experiment leaves behind: one JSON file with every number, one Markdown file to read, and a page
where it makes one. What the numbers mean is the experiment's business."""

import json
import math
import os
import platform
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...core.base.files import make_folder, write_whole

#: What stands in a table where there is no number.
NONE = "–"
_PACKAGES = ("torch", "numpy", "scikit-learn", "segmentation-models-pytorch", "timm")
Cell = str | int | float | None
#: Row of a published table -> column -> figure.
Published = Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True)
class Table:
    """A caption, column heads, rows. Floats are shown with `digits` decimals, None and NaN as a dash."""

    caption: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    digits: int = 2

    def markdown(self) -> str:
        """Return the table in Markdown; the first column is left-aligned, numbers right."""
        rule = ["---", *["---:"] * (len(self.heads) - 1)]
        lines = [self.heads, rule, *([self._show(cell) for cell in row] for row in self.rows)]
        return "\n".join([f"**{self.caption}**", "", *(f"| {' | '.join(line)} |" for line in lines)])

    def _show(self, cell: Cell) -> str:
        if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
            return NONE
        return f"{cell:.{self.digits}f}" if isinstance(cell, float) else str(cell)


def spread(values: Sequence[float], digits: int = 1, *, scale: float = 1, sign: str = "") -> str:
    """Return mean and sample deviation over seeds, such as `53.6 ± 0.4`, both times `scale`; a `sign` of "+"
    shows one."""
    if not len(values) or np.isnan(values).all():
        return NONE
    mean = f"{scale * np.mean(values):{sign}.{digits}f}"
    return f"{mean} ± {scale * deviation(values):.{digits}f}" if len(values) > 1 else mean


def deviation(values: Sequence[float]) -> float:
    """Return the deviation of a sample, NaN of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def known_mean(values: Iterable[float | None]) -> float:
    """Return the mean of what is a number; NaN if nothing is."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def read_published(file: Path) -> dict[str, Published]:
    """Return the tables of a file with figures of papers: each names its `columns`, then says a line per row,
    `nan` where the paper has no figure."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        key: {
            row: dict(zip(table["columns"], figures, strict=True))
            for row, figures in table.items()
            if row != "columns"
        }
        for key, table in tables.items()
    }


@dataclass(frozen=True)
class Outcome:
    """Everything that an experiment found. `data` names the data and what is wrong with them, `results` are
    plain numbers for the JSON file, `findings` sentences under the tables, `page` makes the HTML page, if
    there is one, from how it was made.
    """

    title: str
    data: str
    tables: Sequence[Table]
    results: dict[str, Any]
    findings: Sequence[str] = field(default_factory=tuple)
    page: Callable[[dict[str, Any]], str] | None = None


def machine(device: str) -> dict[str, Any]:
    """Return the device and the versions that a run used."""
    packages = {name: version(name) for name in _PACKAGES}
    name = f"CPU, {os.cpu_count()} cores"
    if device.startswith("cuda"):
        name = torch.cuda.get_device_name(device)
    return {"device": name, "python": platform.python_version(), **packages}


def write_outcome(folder: Path, name: str, outcome: Outcome, run: dict[str, Any]) -> list[Path]:
    """Write `<name>.json`, `<name>.md` and the page, each whole or not at all, and return their paths.

    Args:
        run: how it was made: `command`, `reduction`, `seconds`, `machine`, `settings`.

    Raises:
        OutputError: if the folder cannot be written to.
    """
    content = {"title": outcome.title, "data": outcome.data, "run": run, "results": outcome.results}
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    written = {folder / f"{name}.json": text, folder / f"{name}.md": _markdown(outcome, run)}
    if outcome.page is not None:
        written[folder / f"{name}.html"] = outcome.page(run)
    make_folder(folder)
    for path, body in written.items():
        write_whole(path, body.encode("utf-8"))
    return list(written)


def _markdown(outcome: Outcome, run: dict[str, Any]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in run["machine"].items() if k != "device")
    facts = [
        f"- Command: `{run['command']}`",
        f"- Data: {outcome.data}",
        f"- Reduction: {run['reduction']}",
        f"- Machine: {run['machine']['device']}; {run['seconds']:.0f} s besides what OUT held; {versions}",
    ]
    tables = [table.markdown() for table in outcome.tables]
    findings = "\n".join(f"- {finding}" for finding in outcome.findings)
    return "\n\n".join(filter(None, [f"# {outcome.title}", "\n".join(facts), *tables, findings])) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numbers of NumPy as Python's, NaN as null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
