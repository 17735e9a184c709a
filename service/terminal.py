"""What a person sees on a terminal: the progress bar and the tables of results. Decides nothing."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from ..core.model.card import ModelCard, TileCard
from .info import summary
from .reporting import Interrupt, Pace, format_seconds


class BarReporter:
    """A progress bar with speed and time left, one per phase of the work; log lines appear above it."""

    def __init__(self, interrupt: Interrupt, console: Console) -> None:
        self._interrupt = interrupt
        self._pace = Pace()
        self._phase: tuple[int, str] | None = None
        self._task: TaskID | None = None
        self._bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:3.0f} %  {task.description}"),
            console=console,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def progress(self, done: int, total: int, unit: str) -> None:
        """Move the bar; raise `Cancelled` if that was asked for."""
        self._interrupt.check()
        pacing = self._pace.at(done, total, unit)
        if self._task is None or self._phase != (total, unit):
            self._phase, self._task = (total, unit), self._bar.add_task("", total=100.0)
        self._bar.update(self._task, completed=pacing.percent, description=str(pacing))

    def log(self, message: str) -> None:
        """Print the sentence above the bar."""
        self._bar.console.print(message, markup=False, highlight=False)


def show_prediction(console: Console, value: dict[str, Any]) -> None:
    """Print the files of a `predict` run and how fast it was."""
    show_files(console, {**value["products"], "run": value["run_file"]})
    seconds, windows = value["seconds"], value["windows"]
    speed = f" ({windows / seconds:.3g} windows/s)" if seconds > 0 and windows else ""
    console.print(
        f"{windows:,} windows in {format_seconds(seconds)}{speed} on {value['device']}, "
        f"{value['precision']}, model {_name_of(value['model'])}",
        markup=False,
        highlight=False,
    )


def _name_of(model: object) -> str:
    """`predict` says which model it used as a text or as a mapping with its name and hash."""
    return str(model["name"]) if isinstance(model, dict) else str(model)


def show_files(console: Console, value: dict[str, Any]) -> None:
    """Print name and path of each file, aligned."""
    width = max(map(len, value), default=0)
    for name, path in value.items():
        console.print(f"{name:<{width}}  {path}", markup=False, highlight=False)


def show_candidates(console: Console, value: dict[str, Any]) -> None:
    """Print the GeoPackage of candidates and how many of each class it holds."""
    if value["prediction"]:
        show_prediction(console, value["prediction"])
    show_files(console, {"candidates": value["candidates"]})
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, n in value["per_class"].items():
        table.add_row(Text(name), f"{n:,}")
    console.print(table)


def show_fit(console: Console, value: dict[str, Any]) -> None:
    """Print the files of a meta classifier; the job has said how well it ranks."""
    show_files(console, {name: value[name] for name in ("meta", "report_html", "report_json")})


def show_ranked(console: Console, value: dict[str, Any]) -> None:
    """Print the GeoPackage of candidates; the job has said how they are ranked now."""
    show_files(console, {"candidates": value["candidates"]})


def show_fusion(console: Console, value: dict[str, Any]) -> None:
    """Print the files of a fused map; the job has said what was changed."""
    show_files(console, {name: value[name] for name in ("land_cover", "change_log")})


def show_heat(console: Console, value: dict[str, Any]) -> None:
    """Print the file of a heat map; the job has said what it shows."""
    show_files(console, {"heat_map": value["heat_map"]})


def show_screened(console: Console, value: dict[str, Any]) -> None:
    """Print the layer of screened tiles and how fast it was; the job has said what it holds."""
    show_files(console, {"tiles": value["tiles"]})
    console.print(
        f"{value['hectares']:,.0f} ha in {format_seconds(value['seconds'])} on {value['device']}, "
        f"{value['precision']}",
        markup=False,
        highlight=False,
    )


def show_evaluation(console: Console, value: dict[str, Any]) -> None:
    """Print the scores of the map, its experts and the oracle, and the files; the job has said the rest."""
    if value["rows"]:
        groups = list(value["groups"])
        table = Table(box=None, pad_edge=False)
        table.add_column("percent")
        for name in ("overall", "mean accuracy", "mean IoU", *groups):
            table.add_column(Text(name), justify="right")
        for row in value["rows"]:
            numbers = row["overall"], row["mean_recall"], row["mean_iou"], *(row["groups"][g] for g in groups)
            table.add_row(Text(row["title"]), *("" if n is None else f"{100 * n:.1f}" for n in numbers))
        console.print(table)
    show_files(console, value["files"])


def show_sample(console: Console, value: dict[str, Any]) -> None:
    """Print the layer of a sample and how many points each class has."""
    show_files(console, {"sample": value["sample"]})
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, n in value["per_class"].items():
        table.add_row(Text(name), f"{n:,}")
    console.print(table)


def show_tiles(console: Console, value: dict[str, Any]) -> None:
    """Print how many tiles went where, the share of each class there, and what to mind."""
    table = Table("class, % of the pixels", *value["tiles"], box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("tiles", *(f"{n:,}" for n in value["tiles"].values()))
    for name in value["classes"]:
        table.add_row(Text(name), *(f"{shares[name]:.3f}" for shares in value["shares"].values()))
    console.print(table)
    console.print(value["message"], markup=False, highlight=False)
    show_files(console, {name: value[name] for name in ("folder", "config", "report")})


def show_training(console: Console, value: dict[str, Any]) -> None:
    """Print the bundle, and how good it is on tiles that it has not seen."""
    if scores := _percent(value):
        console.print(f"on the {value['scored_on']} tiles, %: {scores}", markup=False, highlight=False)
    show_files(console, {name: value[name] for name in ("model", "run")})


def show_fitted_aggregation(console: Console, value: dict[str, Any]) -> None:
    """Print how good a model was and is on tiles that it has not learnt from, and the bundle."""
    if value["scored_on"]:
        console.print(f"on the {value['scored_on']} tiles, %:", markup=False, highlight=False)
        show_files(
            console, {value["reference"]: _percent(value["before"]), "composed": _percent(value["after"])}
        )
    show_files(console, {"model": value["model"]})


def _percent(value: dict[str, Any]) -> str:
    """Return the shares that are known in one line."""
    shown = ("mean_accuracy", "overall_accuracy", "mean_iou", "head", "body", "tail")
    known = {name: value[name] for name in shown if value[name] is not None}
    return ", ".join(f"{name.replace('_', ' ')} {100 * share:.1f}" for name, share in known.items())


def show_model(console: Console, value: dict[str, Any]) -> None:
    """Print the model card as tables."""
    kind = ModelCard if "experts" in value["card"] else TileCard
    card = kind.model_validate(value["card"])
    console.print(summary(card, value["sha256"], value["path"]), soft_wrap=False)


def show_environment(console: Console, value: dict[str, Any]) -> None:
    """Print versions and devices of the backend."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("python", value["python"])
    for name, version in value["versions"].items():
        table.add_row(name, version or "not installed")
    for device in value["devices"]:
        table.add_row("device", device)
    console.print(table)
