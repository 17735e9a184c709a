"""The jobs: a typed request for each, checked once at the door, and the function that does it.

Worker and command line both come in through `run_job`. Heavy imports stay inside the functions, and training
is named here as text only and resolved when it is called.
"""

import importlib
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from ..errors import InputError
from ..progress import Reporter

Value = dict[str, Any]


def _as_list(value: object) -> object:
    """One path stands for a list of one; an empty text (a field left blank in QGIS) for none."""
    if isinstance(value, str | Path):
        return [value] if str(value).strip() else []
    return [] if value is None else value


def _as_mapping(value: object) -> object:
    """A list of `name=file` texts (command-line options) stands for a mapping; a name may come again."""
    if value is None:
        return {}
    if not isinstance(value, list | tuple):
        return value
    mapping: dict[str, list[str]] = {}
    for text in value:
        name, separator, path = str(text).partition("=")
        if not (name and separator and path):
            raise ValueError(f"'{text}' is not of the form NAME=FILE")
        mapping.setdefault(name, []).append(path)
    return mapping


def _as_path(value: object) -> object:
    """The one path of a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
#: What is written gets an absolute path, so that records and results hold wherever they are read.
OutputPath = Annotated[Path, AfterValidator(Path.absolute)]
OptionalOutput = Annotated[OutputPath | None, BeforeValidator(_blank_is_none)]
ModelName = Annotated[str, BeforeValidator(lambda value: "demo" if value in (None, "") else value)]


class JobRequest(BaseModel):
    """Base of all requests: unknown parameters are errors, values never change after the door."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PredictJob(JobRequest):
    """Map land cover from `image`, `dem` and further `source` rasters by role; see `core/predict.py`."""

    image: Paths = ()
    dem: Paths = ()
    source: Annotated[dict[str, Paths], BeforeValidator(_as_mapping)] = {}
    model: ModelName = "demo"
    output: OutputPath
    extent: OptionalText = None
    crs: OptionalText = None
    aggregation: OptionalText = None
    alpha: float = Field(default=1.0, ge=0, le=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    engine: Literal["auto", "openvino", "torch"] = "auto"
    overlap: float | None = Field(default=None, ge=0, lt=1)
    batch_size: int = Field(default=0, ge=0)
    overwrite: bool = False
    destinations: Annotated[
        dict[str, Annotated[OutputPath, BeforeValidator(_as_path)]], BeforeValidator(_as_mapping)
    ] = {}

    @model_validator(mode="after")
    def _each_role_once(self) -> "PredictJob":
        for role in ("image", "dem"):
            if getattr(self, role) and self.source.get(role):
                raise ValueError(f"the source '{role}' is given twice, by its own name and under 'source'")
        if not self.sources:
            raise ValueError("it needs at least one raster, such as 'image'")
        return self

    @property
    def sources(self) -> dict[str, tuple[Path, ...]]:
        """Role -> rasters, without the roles that were left blank."""
        return {r: p for r, p in {"image": self.image, "dem": self.dem, **self.source}.items() if p}


class ModelInfoJob(JobRequest):
    """Describe a model bundle."""

    model: ModelName = "demo"


class MakeSceneJob(JobRequest):
    """Write the synthetic alpine scene; `size` is its side in metres."""

    output: OutputPath
    size: float = Field(default=1000, gt=0)
    seed: int = Field(default=7, ge=0)
    overwrite: bool = False


class BackendInfoJob(JobRequest):
    """Say what this environment can do."""


class OverviewJob(JobRequest):
    """Draw one picture of a finished `predict` run."""

    run: Path
    output: OptionalOutput = None


def do_predict(job: PredictJob, reporter: Reporter) -> Value:
    """Run the pipeline and return its result as plain data."""
    from ..predict import PredictRequest, predict

    same = {
        name: getattr(job, name) for name in PredictJob.model_fields if name not in ("image", "dem", "source")
    }
    result = predict(PredictRequest(sources=job.sources, **same), reporter)
    return {
        "output_dir": str(result.output_dir),
        "products": {product: str(path) for product, path in result.products.items()},
        "run_file": str(result.run_file),
        "windows": result.windows,
        "seconds": result.seconds,
        "device": result.device,
        "precision": result.precision,
        "model": result.model,
        "classes": [{"id": c.id, "name": c.name, "color": c.color, "group": c.group} for c in result.classes],
    }


def do_model_info(job: ModelInfoJob, _reporter: Reporter) -> Value:
    """Return the model card, the file's hash and a summary for people."""
    from ..bundle import load_bundle
    from .summary import summary_text

    bundle = load_bundle(job.model)
    card = bundle.card.model_dump(mode="json")
    text = summary_text(bundle.card, bundle.sha256, bundle.path)
    return {"card": card, "sha256": bundle.sha256, "path": str(bundle.path), "text": text}


def do_make_scene(job: MakeSceneJob, reporter: Reporter) -> Value:
    """Write the scene and return its three files."""
    from ..scene.write import make_scene

    files = make_scene(job.output, size_m=job.size, seed=job.seed, overwrite=job.overwrite, reporter=reporter)
    return {"image": str(files.image), "dem": str(files.dem), "labels": str(files.labels)}


def do_backend_info(_job: BackendInfoJob, _reporter: Reporter) -> Value:
    """Return Python, package versions and devices."""
    from .environment import backend_info

    return backend_info()


def do_overview(job: OverviewJob, _reporter: Reporter) -> Value:
    """Draw the overview picture and return its path."""
    from ..overview import draw_run

    return {"overview": str(draw_run(job.run, job.output))}


class TrainDemoJob(JobRequest):
    """Train the demo model anew; without `output` the embedded file is replaced."""

    output: OptionalOutput = None
    steps: int | None = Field(default=None, gt=0)
    seed: int = Field(default=7, ge=0)


def do_train_demo(job: TrainDemoJob, reporter: Reporter) -> Value:
    """Train on embedded scenes and return the bundle written."""
    chosen = job.model_dump(exclude_none=True, exclude={"output"})
    return {"model": str(_training("train_demo")(job.output, **chosen, reporter=reporter))}


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
