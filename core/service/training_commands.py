"""The commands that make models: their options and what they explain. How they run lives in `command.py`."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, Overwrite, run_command
from .mapping_commands import Dem, Image, Model, Source
from .terminal import show_files, show_joined, show_tiles, show_training


def prepare_tiles(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder for the tiles.")],
    labels: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Label raster (repeat it for a mosaic), or polygons."),
    ],
    image: Image = None,
    dem: Dem = None,
    source: Source = None,
    label_field: Annotated[
        str, typer.Option(metavar="NAME", help="Field of the polygons with the class, by name or id.")
    ] = "class",
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="swisstlm3d, flair, camvid, a class table (.csv), a catalogue (.json) or a model "
            "(.safetensors); default: what the labels hold.",
        ),
    ] = None,
    label_codes: Annotated[
        str, typer.Option(metavar="ids|source", help="Labels hold class ids, or the source's codes.")
    ] = "ids",
    ignored: Annotated[
        str, typer.Option(metavar="VALUES", help="Values that mean unlabelled, with commas; 0 and 255 do.")
    ] = "",
    name: Annotated[str, typer.Option(metavar="TEXT", help="Name of the model-to-be.")] = "land cover",
    crs: Annotated[
        str | None,
        typer.Option(metavar="EPSG:N", help="CRS of the tiles, projected in metres; default: the image's."),
    ] = None,
    extent: Annotated[
        str | None,
        typer.Option(metavar='"XMIN,XMAX,YMIN,YMAX [EPSG:2056]"', help="Where labels count."),
    ] = None,
    gsd_m: Annotated[
        float | None,
        typer.Option(metavar="METRES", help="Pixel; default: the label raster's, or the image's."),
    ] = None,
    tile: Annotated[int, typer.Option(metavar="PIXELS", help="Side of a tile, the model's window.")] = 200,
    min_labelled: Annotated[
        float, typer.Option(metavar="SHARE", help="Leave tiles out of which less is labelled.")
    ] = 0.0,
    split: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How tiles are dealt: blocked_iterative, blocked, iterative, dominant or random.",
        ),
    ] = "blocked_iterative",
    val_share: Annotated[float, typer.Option(metavar="SHARE", help="Tiles to validate on.")] = 0.15,
    test_share: Annotated[float, typer.Option(metavar="SHARE", help="Tiles to test on.")] = 0.15,
    block_m: Annotated[
        float | None, typer.Option(metavar="METRES", help="Side of a block; default: up to four tiles.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the split.")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Cut rasters and labels to a folder of tiles that train takes, here or on another machine."""
    return run_command(context, show_tiles)


def train(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(metavar="FILE|DIR", help="Configuration (YAML), or a folder of tiles.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Bundle to write (.safetensors); default: the configuration's."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Times through the training tiles.")] = None,
    experts: Annotated[int | None, typer.Option(metavar="1|2|3", help="Number of nested experts.")] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mce; for one expert ce, wce, cb, balanced, seesaw, focal, lovasz, cdfl or cdfl_normalized.",
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoder, such as resnet18 or resnet50.")
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Start at ImageNet weights, which are downloaded.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(metavar="auto|cpu|cuda", help="Where to train; default: as configured."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PLACE=VALUE", help="Replace one value, such as trainer.epochs=2; repeat it."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--restart", help="Go on with an unfinished training, or discard it."),
    ] = True,
    as_json: AsJson = False,
) -> int:
    """Train a model from a configuration file or a folder of tiles and write its bundle.

    A training that was cancelled or killed goes on from its last whole epoch when the same command is given
    again; a cancelled one leaves the best weights so far beside the place of the finished bundle.
    """
    return run_command(context, show_training)


def fit_aggregation(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(metavar="FILE|DIR", help="Folder of tiles, or the model's training configuration.")
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Bundle to write (.safetensors).")],
    model: Model = "demo",
    split: Annotated[
        str,
        typer.Option(
            metavar="val|test|train",
            help="Tiles to learn from, best such as the experts were not trained on.",
        ),
    ] = "val",
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Call as many pixels rare as this aggregation does: mean for many, conditional for few; "
            "default: the model's.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Learn from tiles how a model's experts are best combined, and write a bundle that does so."""
    return run_command(context, show_joined)


def import_weights(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE", help="Checkpoint of the authors (.pth).")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Bundle to write (.safetensors).")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Turn the published weights of the MCE paper's authors into a bundle."""
    return run_command(context, show_files)
