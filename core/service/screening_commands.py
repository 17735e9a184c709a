"""The commands of screening: what they take and what they explain. How they run lives in `command.py`."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, Overwrite, run_command
from .mapping_commands import Crs, Dem, Device, Extent, Image, Precision, Source
from .metafusion_commands import Classes
from .terminal import show_files, show_screened


def screen_tiles(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", metavar="GPKG", help="GeoPackage of tiles to write.")],
    image: Image = None,
    dem: Dem = None,
    source: Source = None,
    model: Annotated[
        str, typer.Option(metavar="screen|FILE", help="Screening model (.safetensors).")
    ] = "screen",
    classes: Classes = None,
    grid_m: Annotated[
        float | None,
        typer.Option(
            metavar="METRES", help="Side of the squares, a multiple of the model's tile; default: it."
        ),
    ] = None,
    extent: Extent = None,
    crs: Crs = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Rank the tiles of a region by the probability that they hold a rare class, without mapping them.

    The layer has a probability per class and a rank; predict --tiles maps the first of them.
    """
    return run_command(context, show_screened)


def train_screen(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bundle to write; default: the embedded one.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Epochs; default: the plan's.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of weights and order.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Train the embedded screening model anew, on synthetic scenes."""
    return run_command(context, show_files)
