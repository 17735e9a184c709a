"""The jobs that make and show maps: `predict`, `make_scene`, `overview`. Heavy imports stay inside the
functions.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..defaults import DEFAULT_ALPHA, DEFAULT_FIRST
from ..progress import Reporter
from .fields import (
    JobRequest,
    ModelName,
    OptionalOutput,
    OptionalPath,
    OptionalText,
    OutputPath,
    Paths,
    SourceMap,
    Value,
    as_mapping,
    as_path,
)


class SourcesJob(JobRequest):
    """What every job that reads a model's sources takes: rasters by role."""

    image: Paths = ()
    dem: Paths = ()
    source: SourceMap = {}  # noqa: RUF012 - pydantic copies defaults

    @model_validator(mode="after")
    def _each_role_once(self) -> "SourcesJob":
        for role in ("image", "dem"):
            if getattr(self, role) and self.source.get(role):
                raise ValueError(f"the source '{role}' is given twice, by its own name and under 'source'")
        return self

    @property
    def sources(self) -> dict[str, tuple[Path, ...]]:
        """Role -> rasters, without the roles that were left blank."""
        return {r: p for r, p in {"image": self.image, "dem": self.dem, **self.source}.items() if p}


class MappingJob(SourcesJob):
    """What every job that maps takes: the sources, the model, and how to run it."""

    model: ModelName = "demo"
    extent: OptionalText = None
    crs: OptionalText = None
    aggregation: OptionalText = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    engine: Literal["auto", "openvino", "torch"] = "auto"


class PredictJob(MappingJob):
    """Map land cover from `image`, `dem` and further `source` rasters by role; see `core/predict.py`."""

    output: OutputPath
    alpha: float = Field(default=DEFAULT_ALPHA, ge=0, le=1)
    overlap: float | None = Field(default=None, ge=0, lt=1)
    batch_size: int = Field(default=0, ge=0)
    overwrite: bool = False
    logits: bool = False
    tiles: OptionalPath = None
    tiles_first: float = Field(default=DEFAULT_FIRST, gt=0, le=1)
    destinations: Annotated[
        dict[str, Annotated[OutputPath, BeforeValidator(as_path)]], BeforeValidator(as_mapping)
    ] = {}  # noqa: RUF012

    @model_validator(mode="after")
    def _something_to_map(self) -> "PredictJob":
        if not self.sources:
            raise ValueError("it needs at least one raster, such as 'image'")
        return self


class MakeSceneJob(JobRequest):
    """Write the synthetic alpine scene; `size` is its side in metres."""

    output: OutputPath
    size: float = Field(default=1000, gt=0)
    seed: int = Field(default=7, ge=0)
    overwrite: bool = False


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


def do_make_scene(job: MakeSceneJob, reporter: Reporter) -> Value:
    """Write the scene and return its three files."""
    from ..scene.write import make_scene

    files = make_scene(job.output, size_m=job.size, seed=job.seed, overwrite=job.overwrite, reporter=reporter)
    return {"image": str(files.image), "dem": str(files.dem), "labels": str(files.labels)}


def do_overview(job: OverviewJob, _reporter: Reporter) -> Value:
    """Draw the overview picture and return its path."""
    from ..overview import draw_run

    return {"overview": str(draw_run(job.run, job.output))}
