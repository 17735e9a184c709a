"""The command line: the worker's jobs with options, a progress bar and tables. No job is done here.

A command's options are the job's parameters under the same names, read from the context as one mapping and
checked by the job. Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled.
"""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.exceptions import TyperException

from ..errors import Cancelled
from ..version import package_version
from .protocol import Failure, Request, Result
from .reporting import Interrupt, LineReporter, MessageReporter
from .summary import TEXT_WIDTH
from .terminal import BarReporter, show_environment, show_files, show_model, show_prediction
from .worker import claim_stdout, exit_code, serve

Show = Callable[[Console, dict[str, Any]], None]
DEBUG_VARIABLE = "MCE_LANDCOVER_DEBUG"

app = typer.Typer(
    name="mce-landcover",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Land-cover maps from an orthophoto and a DEM with a multiple-complementary-experts (MCE) network. "
    "Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled.",
)

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Write JSON lines (progress, log, result, error) to stdout, for machines."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are already there.")]
Model = Annotated[
    str, typer.Argument(metavar="FILE|demo", help="A .safetensors bundle, or the embedded demo model.")
]


def main() -> None:
    """Run the command line and exit with its code; a usage error is one sentence, too."""
    try:
        code = app(prog_name=app.info.name, standalone_mode=False)
    except TyperException as error:
        # Without a command the help has been shown and there is nothing more to say.
        if message := " ".join(error.format_message().split()):
            _say_error(message)
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


@app.command()
def predict(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the maps and run.json.")
    ],
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Orthophoto; repeat it for the tiles of a mosaic."),
    ] = None,
    dem: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Elevation model in metres; repeat it for tiles.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=FILE", help="Any other source of the model by its role; repeat it for tiles."
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="demo|FILE", help="Model bundle (.safetensors).")] = "demo",
    extent: Annotated[
        str | None,
        typer.Option(
            metavar='"XMIN,XMAX,YMIN,YMAX [EPSG:2056]"', help="Map this part only; default: all of the image."
        ),
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(metavar="EPSG:N", help="CRS of the map, projected in metres; default: the image's."),
    ] = None,
    aggregation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How the experts are combined: mean, mean_responsible, max, zero_nontarget or "
            "zero_nontarget_responsible; default: the model's.",
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(help="Prior weight of the maximum-likelihood class in evidence.tif: 0 Bayes, 1 ML."),
    ] = 1.0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where the network runs.")] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="auto|fp32|bf16|fp16", help="Arithmetic; auto takes the fastest safe one.")
    ] = "auto",
    engine: Annotated[
        str, typer.Option(metavar="auto|openvino|torch", help="What runs the network on a CPU.")
    ] = "auto",
    overlap: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION", help="Overlap of neighbouring windows, 0 to below 1; default: the model's."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Windows per batch; 0 chooses.")] = 0,
    overwrite: Overwrite = False,
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
    return _run(context, show_prediction)


@app.command()
def model_info(context: typer.Context, model: Model = "demo", as_json: AsJson = False) -> int:
    """Describe a model: classes, experts, sources, windows, scores, provenance."""
    return _run(context, show_model)


@app.command()
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
    return _run(context, show_files)


@app.command()
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
    return _run(context, show_files)


@app.command()
def backend_info(context: typer.Context, as_json: AsJson = False) -> int:
    """Show the versions and devices of this environment."""
    return _run(context, show_environment)


@app.command()
def overview(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Output folder of a finished predict run.")],
    output: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Picture to write; default: RUN_DIR/overview.png.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Draw one picture of a run: image, relief, map, each expert, legend."""
    return _run(context, show_files)


def _run(context: typer.Context, show: Show) -> int:
    """Do the job of this command with its options as parameters, say how it went, return the exit code."""
    parameters = dict(context.params)
    as_json = parameters.pop("as_json")
    request = Request(str(context.command.name).replace("-", "_"), parameters)
    outcome = _serve_machine(request, context.obj) if as_json else _serve_person(request, context.obj)
    if isinstance(outcome, Failure) and not as_json:
        _say_error(outcome.message, is_wish=outcome.kind == Cancelled.__name__)
    elif isinstance(outcome, Result) and not as_json:
        show(_stdout(), outcome.value)
    return exit_code(outcome)


def _serve_machine(request: Request, debug: bool) -> Result | Failure:
    """Do the job as the worker would, with the same lines on stdout."""
    interrupt = Interrupt(impatient=True)
    interrupt.install()
    send = claim_stdout(interrupt)
    outcome = serve(request, MessageReporter(send, interrupt), debug=debug)
    send(outcome)
    return outcome


def _serve_person(request: Request, debug: bool) -> Result | Failure:
    """Do the job with a bar on a terminal, plain lines elsewhere, both on stderr."""
    interrupt = Interrupt(impatient=True, notice=_say_stopping)
    interrupt.install()
    if not sys.stderr.isatty():
        return serve(request, LineReporter(interrupt), debug=debug)
    with BarReporter(interrupt, Console(stderr=True)) as reporter:
        return serve(request, reporter, debug=debug)


def _stdout() -> Console:
    """A console as wide as the terminal; into a pipe, wide enough for tables, and long lines stay whole."""
    return Console() if sys.stdout.isatty() else Console(width=TEXT_WIDTH, soft_wrap=True)


def _say_stopping() -> None:
    # Runs inside a signal handler: one raw write, because the console may be in the middle of its own.
    os.write(2, b"\nStopping after this batch; press Ctrl-C again to stop at once.\n")


def _say_error(sentence: str, *, is_wish: bool = False) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not is_wish:
        console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False)


if __name__ == "__main__":
    main()
