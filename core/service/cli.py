"""The command line: the worker's jobs with options, a progress bar and tables. No job is done here.

The commands live in `mapping_commands.py`, `metafusion_commands.py`, `explain_commands.py`,
`evaluation_commands.py`, `screening_commands.py` and `training_commands.py`. Exit codes:
0 done, 1 failed, 2 bad input, 130 cancelled.
"""

import sys
import warnings
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ..version import package_version
from .command import say_error
from .evaluation_commands import draw_sample, evaluate
from .explain_commands import explain
from .mapping_commands import backend_info, make_scene, model_info, overview, predict, train_demo
from .metafusion_commands import apply_review, fit_meta_classifier, flag_candidates
from .screening_commands import screen_tiles, train_screen
from .training_commands import fit_aggregation, import_weights, prepare_tiles, train

DEBUG_VARIABLE = "MCE_LANDCOVER_DEBUG"
#: In the order of the help.
COMMANDS = (
    predict,
    flag_candidates,
    fit_meta_classifier,
    apply_review,
    explain,
    screen_tiles,
    evaluate,
    draw_sample,
    overview,
    model_info,
    make_scene,
    prepare_tiles,
    train,
    fit_aggregation,
    import_weights,
    train_demo,
    train_screen,
    backend_info,
)

app = typer.Typer(
    name="mce-landcover",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Land-cover maps from an orthophoto and a DEM with a multiple-complementary-experts (MCE) network. "
    "Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled.",
)
for function in COMMANDS:
    app.command()(function)


def main() -> None:
    """Run the command line and exit with its code; a usage error is one sentence, too."""
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
    except TyperException as error:
        # Without a command the help has been shown and there is nothing more to say.
        if message := " ".join(error.format_message().split()):
            say_error(message)
        code = error.exit_code
    sys.exit(code or 0)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mce-landcover {package_version()}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar=DEBUG_VARIABLE, help="Show the traceback of a failure.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    context.obj = debug
    if not debug:
        warnings.simplefilter("ignore")  # what libraries warn of is for developers


if __name__ == "__main__":
    main()
