"""The command that explains: its options and what they mean. How it runs lives in `command.py`."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, Overwrite, run_command
from .mapping_commands import Crs, Dem, Device, Image, Source
from .terminal import show_heat


def explain(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", metavar="TIF", help="Heat map to write; its style lies beside it.")
    ],
    candidates: Annotated[
        Path | None,
        typer.Option(metavar="GPKG", help="Explain why a candidate of this file was flagged; needs --uuid."),
    ] = None,
    uuid: Annotated[
        str | None, typer.Option(metavar="UUID", help="Which candidate: its uuid in the file.")
    ] = None,
    extent: Annotated[
        str | None,
        typer.Option(
            metavar='"XMIN,XMAX,YMIN,YMAX [EPSG:2056]"', help="Explain this place in place of a candidate."
        ),
    ] = None,
    point: Annotated[
        str | None,
        typer.Option(metavar='"X,Y [EPSG:2056]"', help="Explain this pixel in place of a candidate."),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME|ID", help="Class to explain; default: the candidate's."),
    ] = None,
    expert: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|N",
            help="Expert to ask, by name or number; default: the one responsible for the class and "
            "fewest others.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME|ID", help="Explain the class's lead over this one, not its logit alone."),
    ] = None,
    image: Image = None,
    dem: Dem = None,
    source: Source = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="demo|screen|FILE", help="Model bundle; default: the candidate's, else demo."),
    ] = None,
    crs: Crs = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> int:
    """Show where the network saw a class: a heat map of the pixels that spoke for it, or against it.

    A candidate is explained with the rasters and the model of its run; others can be given.
    """
    return run_command(context, show_heat)
