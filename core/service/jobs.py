"""All jobs by name, and the door that checks what they are given. Their requests and functions live in
`mapping_jobs.py`, `metafusion_jobs.py`, `explain_jobs.py`, `screening_jobs.py` and `evaluation_jobs.py`, the
few others here; what those that make models take is in `model_jobs.py`.

Worker and command line both come in through `run_job`. Heavy imports stay inside the functions, and training
is named here as text only and resolved when it is called.
"""

import importlib
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from ..errors import InputError
from ..progress import Reporter
from .evaluation_jobs import DrawSampleJob, EvaluateJob, do_draw_sample, do_evaluate
from .explain_jobs import ExplainJob, do_explain
from .fields import JobRequest, ModelName, OptionalOutput, Value
from .mapping_jobs import MakeSceneJob, OverviewJob, PredictJob, do_make_scene, do_overview, do_predict
from .metafusion_jobs import (
    ApplyReviewJob,
    FitMetaClassifierJob,
    FlagCandidatesJob,
    do_apply_review,
    do_fit_meta_classifier,
    do_flag_candidates,
)
from .model_jobs import FitAggregationJob, ImportWeightsJob, PrepareTilesJob, TrainJob
from .screening_jobs import ScreenTilesJob, do_screen_tiles


class ModelInfoJob(JobRequest):
    """Describe a model bundle."""

    model: ModelName = "demo"


def do_model_info(job: ModelInfoJob, _reporter: Reporter) -> Value:
    """Return the model card, the file's hash and a summary for people; of a screening model, too."""
    from ..tile_bundle import load_any
    from .summary import summary_text

    bundle = load_any(job.model)
    card = bundle.card.model_dump(mode="json")
    text = summary_text(bundle.card, bundle.sha256, bundle.path)
    return {"card": card, "sha256": bundle.sha256, "path": str(bundle.path), "text": text}


class BackendInfoJob(JobRequest):
    """Say what this environment can do."""


def do_backend_info(_job: BackendInfoJob, _reporter: Reporter) -> Value:
    """Return Python, package versions and devices."""
    from .environment import backend_info

    return backend_info()


class TrainDemoJob(JobRequest):
    """Train the demo model anew; without `output` the embedded file is replaced."""

    output: OptionalOutput = None
    steps: int | None = Field(default=None, gt=0)
    seed: int = Field(default=7, ge=0)


def do_train_demo(job: TrainDemoJob, reporter: Reporter) -> Value:
    """Train on embedded scenes and return the bundle written."""
    chosen = job.model_dump(exclude_none=True, exclude={"output"})
    return {"model": str(_training("train_demo")(job.output, **chosen, reporter=reporter))}


def do_prepare_tiles(job: PrepareTilesJob, reporter: Reporter) -> Value:
    """Cut the tiles and return what is in the folder."""
    renamed = {"image", "dem", "source", "tile"}
    same = {name: getattr(job, name) for name in PrepareTilesJob.model_fields if name not in renamed}
    result: Value = _training("prepare_tiles")(sources=job.sources, side=job.tile, **same, reporter=reporter)
    return result


class TrainScreenJob(JobRequest):
    """Train the screening model anew; without `output` the embedded file is replaced."""

    output: OptionalOutput = None
    epochs: int | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0)


def do_train_screen(job: TrainScreenJob, reporter: Reporter) -> Value:
    """Train on embedded scenes and return the bundle written."""
    chosen = job.model_dump(exclude_none=True, exclude={"output"})
    return {"model": str(_training("train_screen")(job.output, **chosen, reporter=reporter))}


def do_train(job: TrainJob, reporter: Reporter) -> Value:
    """Train, or go on with a training, and return the bundle with its scores."""
    result: Value = _training("train")(job.config, job.changes, resume=job.resume, reporter=reporter)
    return result


def do_fit_aggregation(job: FitAggregationJob, reporter: Reporter) -> Value:
    """Learn how to join the experts and return the bundle written, with the scores before and after."""
    _check_free(job.output, overwrite=job.overwrite)
    chosen = {"split": job.split, "reference": job.reference, "reporter": reporter}
    result: Value = _training("fit_aggregation")(job.model, job.config, job.output, **chosen)
    return result


def do_import_weights(job: ImportWeightsJob, reporter: Reporter) -> Value:
    """Read the checkpoint, never trusting it, and return the bundle written."""
    _check_free(job.output, overwrite=job.overwrite)
    return {"model": str(_training("import_weights")(job.checkpoint, job.output, reporter=reporter))}


def _check_free(output: Path, *, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists already; choose another name or allow overwriting.")


def _training(name: str) -> Callable[..., Any]:
    """Return a function of `training/jobs.py`: the one arrow to training, by name only."""
    function: Callable[..., Any] = getattr(importlib.import_module("...training.jobs", __package__), name)
    return function


@dataclass(frozen=True)
class Job:
    """What a job takes and what does it."""

    request: type[JobRequest]
    function: Callable[[Any, Reporter], Value]


#: Job name (`protocol.JOBS`) -> request and function.
JOB_TABLE: Mapping[str, Job] = {
    "predict": Job(PredictJob, do_predict),
    "model_info": Job(ModelInfoJob, do_model_info),
    "make_scene": Job(MakeSceneJob, do_make_scene),
    "train_demo": Job(TrainDemoJob, do_train_demo),
    "backend_info": Job(BackendInfoJob, do_backend_info),
    "overview": Job(OverviewJob, do_overview),
    "flag_candidates": Job(FlagCandidatesJob, do_flag_candidates),
    "fit_meta_classifier": Job(FitMetaClassifierJob, do_fit_meta_classifier),
    "apply_review": Job(ApplyReviewJob, do_apply_review),
    "explain": Job(ExplainJob, do_explain),
    "screen_tiles": Job(ScreenTilesJob, do_screen_tiles),
    "train_screen": Job(TrainScreenJob, do_train_screen),
    "evaluate": Job(EvaluateJob, do_evaluate),
    "draw_sample": Job(DrawSampleJob, do_draw_sample),
    "prepare_tiles": Job(PrepareTilesJob, do_prepare_tiles),
    "train": Job(TrainJob, do_train),
    "fit_aggregation": Job(FitAggregationJob, do_fit_aggregation),
    "import_weights": Job(ImportWeightsJob, do_import_weights),
}


def run_job(name: str, parameters: Mapping[str, Any], reporter: Reporter) -> Value:
    """Check the parameters of job `name`, do it and return its result as plain data (JSON types).

    Raises InputError for an unknown job or a parameter that cannot be used, else whatever the job raises.
    """
    if name not in JOB_TABLE:
        raise InputError(f"There is no job '{name}': choose one of {', '.join(JOB_TABLE)}.")
    job = JOB_TABLE[name]
    try:
        request = job.request.model_validate(dict(parameters))
    except ValidationError as error:
        raise InputError(_sentence(name, job.request, error.errors()[0])) from error
    return job.function(request, reporter)


def _sentence(job: str, request: type[JobRequest], fault: ErrorDetails) -> str:
    """Return one sentence that names the parameter, for the first fault that the check found."""
    where = [str(part) for part in fault["loc"]]
    if not where:
        return f"'{job}' cannot run like this: {fault['msg'].removeprefix('Value error, ')}."
    parameter, inner = where[0], ".".join(where[1:])
    if fault["type"] == "extra_forbidden":
        takes = ", ".join(request.model_fields) or "none"
        return f"'{job}' has no parameter '{parameter}': it takes {takes}."
    if fault["type"] == "missing":
        return f"'{job}' needs the parameter '{parameter}'."
    at = f" ({inner})" if inner else ""
    given = textwrap.shorten(repr(fault["input"]), 60, placeholder="...")
    message = fault["msg"].removeprefix("Value error, ").replace("Input", "it")
    return f"The parameter '{parameter}'{at} of '{job}' cannot be {given}: {message}."
