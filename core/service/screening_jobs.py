"""The job `screen_tiles`: its request, and what it returns. What it does lives in `core/screening/`."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..progress import Reporter
from .fields import Names, OptionalText, OutputPath, Value
from .mapping_jobs import SourcesJob

ScreenName = Annotated[str, BeforeValidator(lambda value: "screen" if value in (None, "") else value)]


class ScreenTilesJob(SourcesJob):
    """Rank the tiles of a region by the probability of classes; see `core/screening/screen.py`."""

    output: OutputPath
    model: ScreenName = "screen"
    classes: Names = ()
    grid_m: float | None = Field(default=None, gt=0)
    extent: OptionalText = None
    crs: OptionalText = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    overwrite: bool = False

    @model_validator(mode="after")
    def _something_to_screen(self) -> "ScreenTilesJob":
        if not self.sources:
            raise ValueError("it needs at least one raster, such as 'image'")
        return self


def do_screen_tiles(job: ScreenTilesJob, reporter: Reporter) -> Value:
    """Write the layer of tiles and say how many there are."""
    from ..screening.screen import ScreenRequest, screen_tiles

    own = {
        name: getattr(job, name)
        for name in ScreenTilesJob.model_fields
        if name not in SourcesJob.model_fields
    }
    result = screen_tiles(ScreenRequest(sources=job.sources, **own), reporter)
    return {**asdict(result), "tiles": str(result.tiles), "ranked_by": list(result.ranked_by)}
