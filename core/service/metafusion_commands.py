"""The commands of MetaFusion: flag candidates, fit the meta classifier, apply a review."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, Overwrite, run_command
from .mapping_commands import (
    Aggregation,
    Crs,
    Dem,
    Device,
    Engine,
    Extent,
    Image,
    ModelFile,
    Precision,
    Source,
)
from .terminal import show_candidates, show_fit, show_fusion

Classes = Annotated[
    list[str] | None,
    typer.Option("--class", metavar="NAME|ID", help="Class to look for; repeat it. Default: the rare ones."),
]
AcceptedPerFind = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="False alarms accepted for each missed place found; default: any in flag-candidates, in "
        "apply-review what the candidates were flagged with, else 1.",
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(help="Prior weight of the rule that finds candidates: 0 Bayes, 1 ML; default: the run's."),
]


def flag_candidates(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_DIR",
            help="Folder of a finished predict run; with --image the folder to map into first.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="GPKG", help="GeoPackage to write; default: RUN_DIR/candidates.gpkg."),
    ] = None,
    classes: Classes = None,
    alpha: Alpha = None,
    min_area_m2: Annotated[float, typer.Option(metavar="M2", help="Leave smaller candidates out.")] = 0.0,
    meta: Annotated[
        Path | None,
        typer.Option(metavar="SKOPS", help="Fitted meta classifier that scores them; default: ML margin."),
    ] = None,
    accepted_per_find: AcceptedPerFind = None,
    simplify_m: Annotated[
        float, typer.Option(metavar="METRES", help="Smooth the outlines; 0 keeps the pixels.")
    ] = 0.0,
    priors: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV|TIF",
            help="Priors by altitude (from_m, to_m, a column per class), or a raster with a band per class.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    image: Image = None,
    dem: Dem = None,
    source: Source = None,
    model: ModelFile = "demo",
    extent: Extent = None,
    crs: Crs = None,
    aggregation: Aggregation = None,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    as_json: AsJson = False,
) -> int:
    """List the places of rare classes that a map has probably missed, best first, as polygons.

    Works on a finished run; given --image it maps first, in one pass.
    """
    return run_command(context, show_candidates)


def fit_meta_classifier(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", metavar="SKOPS", help="Classifier to write; its report lies beside.")
    ],
    runs: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="RUN_DIR", help="Folder of a finished predict run; repeat it."),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="True classes of each run in order, or of all: raster or polygons.",
        ),
    ] = None,
    label_field: Annotated[
        str, typer.Option(metavar="NAME", help="Field of the polygons with the class, by name or id.")
    ] = "class",
    reviewed: Annotated[
        list[Path] | None,
        typer.Option("--reviewed", metavar="GPKG", help="Candidates that people have reviewed; repeat it."),
    ] = None,
    classes: Classes = None,
    alpha: Alpha = None,
    features: Annotated[
        str, typer.Option(metavar="all|paper", help="All features, or only those of the paper.")
    ] = "all",
    folds: Annotated[int, typer.Option(metavar="N", help="Folds of the cross-validation.")] = 5,
    tile_m: Annotated[
        float, typer.Option(metavar="METRES", help="Candidates of one tile stay in one fold.")
    ] = 500.0,
    oversample: Annotated[
        bool, typer.Option("--oversample", help="Balance the training with SMOTE (imbalanced-learn).")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the folds and of the classifier.")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Learn to tell missed places from false alarms, from labels or from reviewed candidates."""
    return run_command(context, show_fit)


def apply_review(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Output folder of a finished predict run.")],
    candidates: Annotated[
        Path, typer.Argument(metavar="GPKG", help="Its candidates, reviewed or with scores.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="TIF", help="Map to write; default: RUN_DIR/land_cover_reviewed.tif."),
    ] = None,
    decide_by: Annotated[
        str,
        typer.Option(
            metavar="review|classifier|both",
            help="Who decides: people, the classifier, or people and, where they have not, the classifier.",
        ),
    ] = "review",
    accepted_per_find: AcceptedPerFind = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Write a copy of the map with the accepted candidates in it; the map itself stays as it is."""
    return run_command(context, show_fusion)
