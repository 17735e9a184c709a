"""What the jobs that make models take: `prepare_tiles`, `train`, `fit_aggregation`, `import_weights`. The
functions that do them stand in `jobs.py`, which alone may name training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..card import PlainAggregation
from .fields import JobRequest, ModelName, Names, OptionalOutput, OptionalText, OutputPath, Paths
from .mapping_jobs import SourcesJob


def _as_lines(value: object) -> object:
    """A text stands for its lines, without the empty ones and remarks."""
    if not isinstance(value, str):
        return () if value is None else value
    lines = [line.partition("#")[0].strip() for line in value.splitlines()]
    return [line for line in lines if line]


Lines = Annotated[tuple[str, ...], BeforeValidator(_as_lines)]


class PrepareTilesJob(SourcesJob):
    """Cut rasters and labels to a folder of tiles that `train` takes; see `training/tiling/folder.py`."""

    labels: Paths
    label_field: str = "class"
    classes: OptionalText = None
    label_codes: Literal["ids", "source"] = "ids"
    ignored: Names = ()
    output: OutputPath
    name: str = Field(default="land cover", min_length=1)
    crs: OptionalText = None
    extent: OptionalText = None
    gsd_m: float | None = Field(default=None, gt=0)
    tile: int = Field(default=200, ge=16, le=4096)
    min_labelled: float = Field(default=0.0, ge=0, le=1)
    split: Literal["blocked_iterative", "blocked", "iterative", "dominant", "random"] = "blocked_iterative"
    val_share: float = Field(default=0.15, ge=0, lt=1)
    test_share: float = Field(default=0.15, ge=0, lt=1)
    block_m: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0)
    overwrite: bool = False

    @model_validator(mode="after")
    def _something_to_cut(self) -> "PrepareTilesJob":
        if not self.sources:
            raise ValueError("it needs at least one raster, such as 'image'")
        return self


class TrainJob(JobRequest):
    """Train what a configuration file, or the one in a folder of tiles, says.

    The other parameters replace what it says; `change` any single value (`trainer.epochs=2`). Without
    `resume` an earlier training in the same place is discarded.
    """

    config: Path
    output: OptionalOutput = None
    epochs: int | None = Field(default=None, gt=0)
    experts: int | None = Field(default=None, ge=1, le=3)
    loss: OptionalText = None
    encoder: OptionalText = None
    pretrained: bool = False
    device: Literal["auto", "cpu", "cuda"] | None = None
    learning_rate: float | None = Field(default=None, gt=0)
    change: Lines = ()
    resume: bool = True

    @property
    def changes(self) -> tuple[str, ...]:
        """All changes as `section.name=value`, those of `change` last, so that they win."""
        chosen: Mapping[str, Any] = {
            "output": self.output and str(self.output),
            "trainer.epochs": self.epochs,
            "model.experts": self.experts,
            "loss.name": self.loss,
            "model.architecture.encoder": self.encoder,
            "model.encoder_weights": "imagenet" if self.pretrained else None,
            "trainer.device": self.device,
            "optimizer.lr": self.learning_rate,
        }
        named = [f"{place}={json.dumps(value)}" for place, value in chosen.items() if value is not None]
        return (*named, *self.change)


class FitAggregationJob(JobRequest):
    """Teach a model the aggregation `composed` on tiles; see `training/join.py`."""

    model: ModelName = "demo"
    config: Path
    output: OutputPath
    split: Literal["val", "test", "train"] = "val"
    reference: PlainAggregation | None = None
    overwrite: bool = False


class ImportWeightsJob(JobRequest):
    """Turn the published checkpoint of the MCE paper's authors into a bundle."""

    checkpoint: Path
    output: OutputPath
    overwrite: bool = False
