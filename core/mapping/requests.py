"""What the jobs take that read a model's sources, map, and show a map. Imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import BeforeValidator, model_validator

from ..base.requests import (
    Device,
    Engine,
    JobRequest,
    ModelName,
    OptionalOutput,
    OptionalPath,
    OptionalText,
    OutputPath,
    Paths,
    Precision,
    SourceMap,
    as_mapping,
    as_path,
    option,
)
from ..model.card import AggregationName

#: How far the evidence's ML rule corrects priors, 0 (Bayes) to 1 (maximum likelihood). The experts favour
#: rare classes already: at 1 the rarest class drowns the places that were really missed.
DEFAULT_ALPHA = 0.95
EXTENT = '"XMIN,XMAX,YMIN,YMAX [EPSG:2056]"'
RULES: tuple[str, ...] = get_args(AggregationName)
DestinationMap = Annotated[
    dict[str, Annotated[OutputPath, BeforeValidator(as_path)]], BeforeValidator(as_mapping)
]


class SourcesRequest(JobRequest):
    """What every job that reads a model's sources takes: rasters by role, several for a mosaic."""

    image: Paths = option("Orthophoto; repeat it for the tiles of a mosaic.", (), metavar="FILE")
    dem: Paths = option("Elevation model in metres; repeat it for tiles.", (), metavar="FILE")
    source: SourceMap = option(
        "Any other source of the model by its role; repeat it for tiles.", {}, metavar="ROLE=FILE"
    )

    @model_validator(mode="after")
    def _each_role_once(self) -> Self:
        for role in ("image", "dem"):
            if getattr(self, role) and self.source.get(role):
                raise ValueError(f"the source '{role}' is given twice, by its own name and under 'source'")
        return self

    @property
    def sources(self) -> dict[str, tuple[Path, ...]]:
        """Role -> rasters, without the roles that were left blank."""
        return {r: p for r, p in {"image": self.image, "dem": self.dem, **self.source}.items() if p}

    def require_sources(self) -> Self:
        """Raise ValueError if there is nothing to read."""
        if not self.sources:
            raise ValueError("it needs at least one raster, such as 'image'")
        return self


class MappingRequest(SourcesRequest):
    """What every job that maps takes: the sources, the model, and how to run it."""

    model: ModelName = option("Model bundle (.safetensors).", "demo", metavar="demo|FILE")
    extent: OptionalText = option("Map this part only; default: all of the image.", None, metavar=EXTENT)
    crs: OptionalText = option(
        "CRS of the map, projected in metres; default: the image's.", None, metavar="EPSG:N"
    )
    aggregation: OptionalText = option(
        f"How the experts are combined: {', '.join(RULES[:-1])}, or {RULES[-1]} (learnt by fit-aggregation); "
        "default: the model's.",
        None,
        metavar="NAME",
        choices=RULES,
    )
    device: Device = option("Where the network runs.", "auto")
    precision: Precision = option("Arithmetic; auto takes the fastest safe one.", "auto")
    engine: Engine = option("What runs the network on a CPU.", "auto")


class PredictRequest(MappingRequest):
    """Map land cover: the class map, each expert's map, and evidence.

    A run that was cancelled or killed goes on from where it stopped when the same command is given again.
    """

    job: ClassVar[str] = "predict"

    output: OutputPath = option("Folder for the maps and run.json.", metavar="DIR")
    alpha: float = option(
        "Prior weight of the maximum-likelihood class in evidence.tif: 0 Bayes, 1 ML.",
        DEFAULT_ALPHA,
        ge=0,
        le=1,
    )
    overlap: float | None = option(
        "Overlap of neighbouring windows, 0 to below 1; default: the model's.",
        None,
        metavar="FRACTION",
        ge=0,
        lt=1,
    )
    batch_size: int = option("Windows per batch; 0 chooses.", 0, metavar="N", ge=0)
    overwrite: bool = option("Replace results that are already there.", False)
    logits: bool = option("Keep every expert's logits too, to decide the map anew later (large).", False)
    tiles: OptionalPath = option(
        "Map only the first of these tiles, which screen-tiles has made.", None, metavar="GPKG"
    )
    tiles_first: float = option(
        "Share of the tiles to map, the likeliest first.", 0.2, metavar="SHARE", gt=0, le=1
    )
    destinations: DestinationMap = option(
        "Write one product (land_cover, expert_1, evidence, ...) to a file of your choice.",
        {},
        flag="--destination",
        metavar="PRODUCT=FILE",
    )

    @model_validator(mode="after")
    def _something_to_map(self) -> Self:
        return self.require_sources()

    def settings(self) -> dict[str, Any]:
        """Return the parameters that are no files, as the run file repeats them."""
        files = {*SourcesRequest.model_fields, "output", "model", "overwrite", "destinations"}
        return self.model_dump(mode="json", exclude=files)


class OverviewRequest(JobRequest):
    """Draw one picture of a run: image, relief, map, each expert, legend."""

    job: ClassVar[str] = "overview"

    run: Path = option("Output folder of a finished predict run.", metavar="RUN_DIR", positional=True)
    output: OptionalOutput = option("Picture to write; default: RUN_DIR/overview.png.", None, metavar="PNG")
