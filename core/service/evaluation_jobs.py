"""The jobs that say how good a map is: `evaluate`, `draw_sample`. Heavy imports stay inside the functions;
what they do lives in `core/evaluation.py` and `core/map_sample.py`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from ..progress import Reporter
from .fields import JobRequest, OptionalPath, OutputPath, Value, known

if TYPE_CHECKING:
    from ..accuracy import Scores


def _or(default: str) -> BeforeValidator:
    """A name that was left blank is the usual one."""
    return BeforeValidator(lambda value: default if value in (None, "") else value)


class EvaluateJob(JobRequest):
    """Compare the map `prediction` with a reference, a sample, or both; see `core/evaluation.py`."""

    prediction: Path
    output: OutputPath
    run: OptionalPath = None
    reference: OptionalPath = None
    field: Annotated[str, _or("class")] = "class"
    sample: OptionalPath = None
    sample_field: Annotated[str, _or("reference")] = "reference"
    sample_map: OptionalPath = None
    classes: OptionalPath = None
    paper_convention: bool = False
    overwrite: bool = False


class DrawSampleJob(JobRequest):
    """Draw a stratified random sample of a map; see `core/map_sample.py`."""

    raster: Path
    output: OutputPath
    size: int = Field(default=500, ge=1)
    minimum: int = Field(default=50, ge=2)
    seed: int = Field(default=0, ge=0)
    classes: OptionalPath = None
    overwrite: bool = False


def do_evaluate(job: EvaluateJob, reporter: Reporter) -> Value:
    """Evaluate, and return the files and the numbers that matter most; null is what nobody can know."""
    from ..comparison import MAP
    from ..evaluation import EvaluateRequest, evaluate

    result = evaluate(EvaluateRequest(**dict(job)), reporter)
    found, accuracy = result.found, result.found.accuracy
    rows = [{"title": found.titles[row], **_numbers(score)} for row, score in found.scores.items()]
    nothing: Value = {"overall": None, "mean_recall": None, "mean_iou": None, "groups": {}}
    overall = accuracy.overall if accuracy else None
    return {
        "output": str(job.output),
        "files": {name: str(path) for name, path in result.files.items()},
        **(_numbers(found.scores[MAP]) if rows else nothing),
        "rows": rows,
        "n_pixels": found.compared,
        "n_points": int(accuracy.counts.sum()) if accuracy else 0,
        "sample_overall": float(overall.value) if overall else None,
        "sample_overall_ci95": float(overall.half_width()) if overall else None,
        "message": result.message,
    }


def do_draw_sample(job: DrawSampleJob, reporter: Reporter) -> Value:
    """Write the layer of points and say how many there are of each class."""
    from ..map_sample import SampleRequest, draw_sample

    result = draw_sample(SampleRequest(**dict(job)), reporter)
    return {
        "sample": str(result.output),
        "n": sum(result.points.values()),
        "per_class": result.points,
        "pixels": result.pixels,
    }


def _numbers(score: "Scores") -> dict[str, Any]:
    return {
        "overall": known(score.overall),
        "mean_recall": known(score.mean_recall),
        "mean_iou": known(score.mean_iou),
        "groups": {name: known(value) for name, value in score.groups.items()},
    }
