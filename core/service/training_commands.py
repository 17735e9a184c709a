"""The commands that make models: their options and what they explain. How they run lives in `command.py`."""

from pathlib import Path
from typing import Annotated

import typer

from .command import AsJson, run_command
from .terminal import show_files


def train(
    context: typer.Context,
    config: Annotated[Path, typer.Option(metavar="FILE", help="Configuration of the training (YAML).")],
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PLACE=VALUE", help="Replace one value, such as trainer.epochs=2; repeat it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Train a model from a configuration file and write its bundle.

    A training that was cancelled or killed goes on from its last whole epoch when the same command is given
    again; a cancelled one leaves the best weights so far beside the place of the finished bundle.
    """
    return run_command(context, show_files)


def import_weights(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE", help="Checkpoint of the authors (.pth).")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Bundle to write (.safetensors).")],
    as_json: AsJson = False,
) -> int:
    """Turn the published weights of the MCE paper's authors into a bundle."""
    return run_command(context, show_files)
