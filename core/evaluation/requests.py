"""What the jobs take that say how good a map is: `evaluate`, `draw_sample`. Imports nothing heavy."""

from pathlib import Path
from typing import Annotated, ClassVar

from ..base.requests import ClassField, JobRequest, OptionalPath, OutputPath, blank_is, option

_MAP = "Class raster, or the folder of a predict run."
_TABLE = "Table with the columns id and name, perhaps group and color; default: the classes of the run."
_OVERWRITE = "Replace results that are already there."


class CompareRequest(JobRequest):
    """What a comparison of a map with a reference, a sample, or both is made of."""

    prediction: Path = option(_MAP, metavar="MAP|RUN_DIR", positional=True)
    run: OptionalPath = option(
        "Run whose experts are compared too; default: the one that made the map.", None, metavar="RUN_DIR"
    )
    reference: OptionalPath = option(
        "True classes: a class raster on any grid, or polygons in any CRS.", None, metavar="FILE"
    )
    field: ClassField = option(
        "Field of the polygons with the class, by name or id.", "class", metavar="NAME"
    )
    sample: OptionalPath = option(
        "Interpreted sample of draw-sample: accuracy and areas with intervals.", None, metavar="GPKG"
    )
    sample_field: Annotated[str, blank_is("reference")] = option(
        "Field of the sample with the true class.", "reference", metavar="NAME"
    )
    sample_map: OptionalPath = option(
        "Map that the sample was drawn from, if this is another one of the same area.",
        None,
        metavar="MAP|RUN_DIR",
    )
    classes: OptionalPath = option(_TABLE, None, metavar="CSV")
    paper_convention: bool = option(
        "Average over one class more, which scores 0, as the MCE paper does.", False
    )


class EvaluateRequest(CompareRequest):
    """Say how good a map is: against true classes, from an interpreted sample, or both.

    A run's experts and the oracle are compared, too.
    """

    job: ClassVar[str] = "evaluate"

    output: OutputPath = option(
        "Folder for evaluation.html, evaluation.json and tables (CSV).", metavar="DIR"
    )
    overwrite: bool = option(_OVERWRITE, False)


class SampleRequest(JobRequest):
    """Draw random points of a map, class by class, for an interpreter to fill in and evaluate to judge.

    The same raster and seed give the same points, however the file is cut into tiles.
    """

    job: ClassVar[str] = "draw_sample"

    raster: Path = option(_MAP, metavar="MAP|RUN_DIR", positional=True)
    output: OutputPath = option("GeoPackage for the points.", metavar="GPKG")
    size: int = option("Points in all.", 500, metavar="N", ge=1)
    minimum: int = option("Points of each class at least, as far as it has pixels.", 50, metavar="N", ge=2)
    seed: int = option("Another seed, other points.", 0, metavar="N", ge=0)
    classes: OptionalPath = option(_TABLE, None, metavar="CSV")
    overwrite: bool = option(_OVERWRITE, False)
