"""The evaluate job: a map is compared with its reference and its sample, and the result is written as JSON,
as CSV tables and as one page for people."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import OutputError
from ..base.files import disk_errors, require_writable, write_whole
from ..base.package import package_version
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult, as_plain
from ..geodata.labels import left_out_remark
from ..pages.html_page import render_page
from .compare import MAP, Comparison, compare
from .map_accuracy import MapAccuracy
from .page import evaluation_page
from .requests import EvaluateRequest
from .scores import Scores

_TABLES = frozenset(
    f"{name}.csv" for name in ("classes", "confusion", "experts", "places", "areas", "points")
)


@dataclass(frozen=True, eq=False)
class EvaluateResult(JobResult):
    """What was found, in numbers and in words, and the files by id: `evaluation` (JSON), `page` (HTML),
    `classes`, `confusion`, `experts`, `places`, `areas` and `points` (CSV), as far as there is something to
    say.
    """

    found: Comparison
    output: Path
    files: dict[str, Path]
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the files and the numbers that matter most; None is what nobody can know."""
        found, accuracy = self.found, self.found.accuracy
        rows = [{"title": found.titles[row], **_numbers(score)} for row, score in found.scores.items()]
        nothing: dict[str, Any] = {"overall": None, "mean_recall": None, "mean_iou": None, "groups": {}}
        overall = accuracy.overall if accuracy else None
        value = {
            "output": self.output,
            "files": self.files,
            **(_numbers(found.scores[MAP]) if rows else nothing),
            "rows": rows,
            "places": _places(found),
            "n_pixels": found.compared,
            "n_points": int(accuracy.counts.sum()) if accuracy else 0,
            "sample_overall": float(overall.value) if overall else None,
            "sample_overall_ci95": float(overall.half_width()) if overall else None,
            "message": self.message,
        }
        return as_plain(value)


def _numbers(score: Scores) -> dict[str, Any]:
    return {
        "overall": score.overall,
        "mean_recall": score.mean_recall,
        "mean_iou": score.mean_iou,
        "groups": dict(score.groups),
    }


def evaluate(request: EvaluateRequest, reporter: Reporter | None = None) -> EvaluateResult:
    """Compare a map with a reference, an interpreted sample or both, and write what was found.

    Raises:
        InputError: if the inputs cannot be used or do not fit together.
        OutputError: if the folder holds an evaluation already, or cannot be written to.
        Cancelled: if the reporter says so; nothing is written then.
    """
    report = reporter or SILENT
    target = request.output / "evaluation.json"
    if target.exists() and not request.overwrite:
        raise OutputError(
            f"{request.output} holds an evaluation already: choose another folder, or overwrite."
        )
    require_writable(request.output)
    found = compare(request, report)
    for sentence in remarks(found):
        report.log(sentence)
    contents = {
        "evaluation": ("evaluation.json", _json(found, request)),
        "page": ("evaluation.html", render_page(evaluation_page(found, request, remarks(found)))),
    }
    if found.matrices:
        contents["classes"] = "classes.csv", _csv(class_rows(found))
        contents["confusion"] = "confusion.csv", _csv(confusion_rows(found))
        contents["experts"] = "experts.csv", _csv(expert_rows(found))
    if found.places:
        contents["places"] = "places.csv", _csv(place_rows(found))
    if found.accuracy is not None:
        contents["areas"] = "areas.csv", _csv(area_rows(found))
        contents["points"] = "points.csv", _csv(point_rows(found.accuracy))
    with disk_errors(request.output):
        request.output.mkdir(parents=True, exist_ok=True)
    files = {}
    for id_, (name, text) in reversed(contents.items()):  # the JSON last: it says that all is there
        files[id_] = request.output / name
        write_whole(files[id_], text.encode("utf-8"))
    with disk_errors(request.output):
        for name in _TABLES - {name for name, _ in contents.values()}:  # of an evaluation that was replaced
            (request.output / name).unlink(missing_ok=True)
    message = summary(found)
    report.log(message)
    return EvaluateResult(found, request.output, files, message)


def summary(found: Comparison) -> str:
    """Return the main numbers as sentences."""
    said = []
    if found.matrices:
        score = found.scores[MAP]
        said.append(
            f"Overall accuracy {100 * score.overall:.1f} %, mean accuracy {100 * score.mean_recall:.1f} %, "
            f"mean IoU {100 * score.mean_iou:.1f} % over {found.compared:,} pixels."
        )
    if found.places:
        told = "; ".join(one.sentence(name) for name, one in found.places[MAP].items())
        said.append(f"Rare places: {told}.")
    if found.accuracy is not None:
        overall = found.accuracy.overall
        said.append(
            f"From {int(found.accuracy.counts.sum()):,} interpreted points: overall accuracy "
            f"{100 * float(overall.value):.1f} ± {100 * float(overall.half_width()):.1f} % (95 % confidence)."
        )
    return " ".join(said)


def remarks(found: Comparison) -> list[str]:
    """Return sentences on what did not count."""
    said = list(filter(None, [left_out_remark(found.left_out, "The reference")]))
    if found.matrices and found.compared < found.labelled:
        n = found.labelled - found.compared
        said.append(f"{n:,} of {found.labelled:,} labelled pixels are not mapped, and count nowhere.")
    return said


def _json(found: Comparison, request: EvaluateRequest) -> str:
    names = [c.name for c in found.classes]
    value: dict[str, Any] = {
        "mce_landcover": package_version(),
        "prediction": str(request.prediction.absolute()),
        "reference": str(request.reference.absolute()) if request.reference else None,
        "sample": str(request.sample.absolute()) if request.sample else None,
        "sample_map": str(request.sample_map.absolute()) if request.sample_map else None,
        "paper_convention": request.paper_convention,
        "classes": [vars(c) for c in found.classes],
    }
    if found.matrices:
        value |= {
            "pixels": {"labelled": found.labelled, "compared": found.compared, "left_out": found.left_out},
            "titles": found.titles,
            "scores": {row: score.as_json(names) for row, score in found.scores.items()},
            "confusion": {row: matrix.tolist() for row, matrix in found.matrices.items()},
        }
    if found.places:
        value["places"] = as_plain(_places(found))
    if found.accuracy is not None:
        value["accuracy"] = found.accuracy.as_json(found.pixel_m2)
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


Row = Sequence[Any]


def class_rows(found: Comparison) -> list[Row]:
    """Return a header and a row per class of the map: pixels, precision, recall, F1 and IoU."""
    score, matrix = found.scores[MAP], found.matrices[MAP]
    columns = (score.precision, score.recall, score.f1, score.iou)
    header = ("id", "class", "group", "reference_pixels", "mapped_pixels", "precision", "recall", "f1", "iou")
    return [
        header,
        *(
            (k.id, k.name, k.group, int(matrix[c].sum()), int(matrix[:, c].sum()), *(v[c] for v in columns))
            for c, k in enumerate(found.classes)
        ),
    ]


def confusion_rows(found: Comparison) -> list[Row]:
    """Return the confusion matrix of the map in pixels, reference classes in rows."""
    names = [c.name for c in found.classes]
    return [
        ("reference \\ map", *names),
        *((name, *row) for name, row in zip(names, found.matrices[MAP].tolist(), strict=True)),
    ]


def expert_rows(found: Comparison) -> list[Row]:
    """Return Table III of the MCE paper: overall numbers, then group means and classes (recall), per row."""
    first = found.scores[MAP]
    header = ("row", "overall", "mean_recall", "mean_iou", *first.groups, *(c.name for c in found.classes))
    return [
        header,
        *(
            (found.titles[row], s.overall, s.mean_recall, s.mean_iou, *s.groups.values(), *s.recall)
            for row, s in found.scores.items()
        ),
    ]


def _places(found: Comparison) -> dict[str, dict[str, Any]]:
    """Return the places by row and class."""
    return {
        row: {
            name: {**asdict(p), "false_per_km2": p.false_per_km2, "false_per_found": p.false_per_found}
            for name, p in places.items()
        }
        for row, places in found.places.items()
    }


def place_rows(found: Comparison) -> list[Row]:
    """Return places found, missed and false per rare class, of the map and of what it was before."""
    header = ("row", "class", "found", "missed", "false", "km2", "false_per_km2", "false_per_found")
    return [
        header,
        *(
            (row, name, p.found, p.missed, p.false, p.km2, p.false_per_km2, p.false_per_found)
            for row, places in found.places.items()
            for name, p in places.items()
        ),
    ]


def area_rows(found: Comparison) -> list[Row]:
    """Return estimates from the sample with the half-widths of their 95 % intervals, areas in hectares."""
    accuracy = found.accuracy
    assert accuracy is not None
    areas = accuracy.areas(found.pixel_m2 / 10_000)
    mapped = accuracy.mapped_pixels * found.pixel_m2 / 10_000
    estimates = {"users_accuracy": accuracy.users, "producers_accuracy": accuracy.producers, "area_ha": areas}
    header = ["class", "points", "mapped_ha"]
    for name in estimates:
        header += [name, f"{name}_ci95"]
    rows: list[Row] = [header]
    for c, name in enumerate(accuracy.classes):
        pairs = [(e.value[c], e.half_width()[c]) for e in estimates.values()]
        rows.append((name, int(accuracy.counts[c].sum()), mapped[c], *(v for pair in pairs for v in pair)))
    whole = ("overall accuracy", int(accuracy.counts.sum()), mapped.sum())
    overall = float(accuracy.overall.value), float(accuracy.overall.half_width())
    return [*rows, (*whole, *overall, *[float("nan")] * 4)]


def point_rows(accuracy: MapAccuracy) -> list[Row]:
    """Return the interpreted points, mapped classes in rows, true classes in columns."""
    return [
        ("map \\ reference", *accuracy.classes),
        *((name, *row) for name, row in zip(accuracy.classes, accuracy.counts.tolist(), strict=True)),
    ]


def _csv(rows: Iterable[Row]) -> str:
    """Return rows as text: shares with six digits, nothing where there is no number."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([[_cell(value) for value in row] for row in rows])
    return file.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{float(value):.6g}"
    return value
