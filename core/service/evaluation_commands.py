"""The commands that say how good a map is: draw a sample, evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, Overwrite, run_command
from .terminal import show_evaluation, show_sample

ClassTable = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="Table with the columns id and name, perhaps group and color; default: the classes of the run.",
    ),
]


def evaluate(
    context: typer.Context,
    prediction: Annotated[
        Path, typer.Argument(metavar="MAP|RUN_DIR", help="Class raster, or the folder of a predict run.")
    ],
    output: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder for evaluation.html, evaluation.json and tables (CSV)."),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN_DIR",
            help="Run whose experts are compared too; default: the one that made the map.",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="True classes: a class raster on any grid, or polygons in any CRS."
        ),
    ] = None,
    field: Annotated[
        str, typer.Option(metavar="NAME", help="Field of the polygons with the class, by name or id.")
    ] = "class",
    sample: Annotated[
        Path | None,
        typer.Option(
            metavar="GPKG", help="Interpreted sample of draw-sample: accuracy and areas with intervals."
        ),
    ] = None,
    sample_field: Annotated[
        str, typer.Option(metavar="NAME", help="Field of the sample with the true class.")
    ] = "reference",
    sample_map: Annotated[
        Path | None,
        typer.Option(
            metavar="MAP|RUN_DIR",
            help="Map that the sample was drawn from, if this is another one of the same area.",
        ),
    ] = None,
    classes: ClassTable = None,
    paper_convention: Annotated[
        bool,
        typer.Option(
            "--paper-convention", help="Average over one class more, which scores 0, as the MCE paper does."
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Say how good a map is: against true classes, from an interpreted sample, or both.

    A run's experts and the oracle are compared, too.
    """
    return run_command(context, show_evaluation)


def draw_sample(
    context: typer.Context,
    raster: Annotated[
        Path, typer.Argument(metavar="MAP|RUN_DIR", help="Class raster, or the folder of a predict run.")
    ],
    output: Annotated[Path, typer.Option(metavar="GPKG", help="GeoPackage for the points.")],
    size: Annotated[int, typer.Option(metavar="N", help="Points in all.")] = 500,
    minimum: Annotated[
        int, typer.Option(metavar="N", help="Points of each class at least, as far as it has pixels.")
    ] = 50,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, other points.")] = 0,
    classes: ClassTable = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Draw random points of a map, class by class, for an interpreter to fill in and evaluate to judge."""
    return run_command(context, show_sample)
