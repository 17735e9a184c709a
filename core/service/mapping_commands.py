"""The commands that make and show maps. Their options are the job's parameters under the same names, read
from the context as one mapping and checked by the job.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..defaults import DEFAULT_ALPHA, DEFAULT_FIRST
from .command import AsJson, Overwrite, run_command
from .terminal import show_environment, show_files, show_model, show_prediction

Image = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="Orthophoto; repeat it for the tiles of a mosaic."),
]
Dem = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="Elevation model in metres; repeat it for tiles.")
]
Source = Annotated[
    list[str] | None,
    typer.Option(metavar="ROLE=FILE", help="Any other source of the model by its role; repeat it for tiles."),
]
ModelFile = Annotated[str, typer.Option(metavar="demo|FILE", help="Model bundle (.safetensors).")]
Extent = Annotated[
    str | None,
    typer.Option(
        metavar='"XMIN,XMAX,YMIN,YMAX [EPSG:2056]"', help="Map this part only; default: all of the image."
    ),
]
Crs = Annotated[
    str | None,
    typer.Option(metavar="EPSG:N", help="CRS of the map, projected in metres; default: the image's."),
]
Aggregation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="How the experts are combined: mean, mean_responsible, max, zero_nontarget, "
        "zero_nontarget_responsible, conditional, or composed (learnt by fit-aggregation); default: the "
        "model's.",
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where the network runs.")]
Precision = Annotated[
    str, typer.Option(metavar="auto|fp32|bf16|fp16", help="Arithmetic; auto takes the fastest safe one.")
]
Engine = Annotated[str, typer.Option(metavar="auto|openvino|torch", help="What runs the network on a CPU.")]
Model = Annotated[
    str, typer.Argument(metavar="FILE|demo", help="A .safetensors bundle, or the embedded demo model.")
]


def predict(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the maps and run.json.")
    ],
    image: Image = None,
    dem: Dem = None,
    source: Source = None,
    model: ModelFile = "demo",
    extent: Extent = None,
    crs: Crs = None,
    aggregation: Aggregation = None,
    alpha: Annotated[
        float,
        typer.Option(help="Prior weight of the maximum-likelihood class in evidence.tif: 0 Bayes, 1 ML."),
    ] = DEFAULT_ALPHA,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    overlap: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION", help="Overlap of neighbouring windows, 0 to below 1; default: the model's."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Windows per batch; 0 chooses.")] = 0,
    overwrite: Overwrite = False,
    logits: Annotated[
        bool,
        typer.Option(
            "--logits", help="Keep every expert's logits too, to decide the map anew later (large)."
        ),
    ] = False,
    tiles: Annotated[
        Path | None,
        typer.Option(metavar="GPKG", help="Map only the first of these tiles, which screen-tiles has made."),
    ] = None,
    tiles_first: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the tiles to map, the likeliest first.")
    ] = DEFAULT_FIRST,
    destinations: Annotated[
        list[str] | None,
        typer.Option(
            "--destination",
            metavar="PRODUCT=FILE",
            help="Write one product (land_cover, expert_1, evidence, ...) to a file of your choice.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Map land cover: the class map, each expert's map, and evidence.

    A run that was cancelled or killed goes on from where it stopped when the same command is given again.
    """
    return run_command(context, show_prediction)


def model_info(context: typer.Context, model: Model = "demo", as_json: AsJson = False) -> int:
    """Describe a model: classes, experts, sources, windows, scores, provenance."""
    return run_command(context, show_model)


def make_scene(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(metavar="OUT_DIR", help="Folder for image.tif, dem.tif and labels.tif.")
    ],
    size: Annotated[float, typer.Option(metavar="METRES", help="Side of the square scene.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another landscape.")] = 7,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Write the synthetic alpine scene (no real place): image, DEM and true classes."""
    return run_command(context, show_files)


def train_demo(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bundle to write; default: the embedded demo model.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Training steps; default: the recipe's.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of weights, data and their order.")] = 7,
    as_json: AsJson = False,
) -> int:
    """Train the embedded demo model anew on synthetic scenes."""
    return run_command(context, show_files)


def backend_info(context: typer.Context, as_json: AsJson = False) -> int:
    """Show the versions and devices of this environment."""
    return run_command(context, show_environment)


def overview(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Output folder of a finished predict run.")],
    output: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Picture to write; default: RUN_DIR/overview.png.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Draw one picture of a run: image, relief, map, each expert, legend."""
    return run_command(context, show_files)
