"""The command line: every job of `jobs.py` as a command whose options are the fields of its request. No job
is done here. Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled.
"""

import inspect
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from rich.console import Console
from typer.exceptions import TyperException

from ..core.base.errors import Cancelled
from ..core.base.package import package_version
from ..core.base.requests import JobRequest
from . import terminal
from .info import TEXT_WIDTH
from .jobs import JOB_TABLE, Job
from .protocol import Failure, Request, Result
from .reporting import Interrupt, LineReporter, MessageReporter
from .terminal import BarReporter
from .worker import claim_stdout, exit_code, serve


def run_command(name: str, parameters: dict[str, Any], shown_by: str, *, as_json: bool, debug: bool) -> int:
    """Do a job with a command's options as parameters, say how it went, return the exit code."""
    request = Request(name, parameters)
    outcome = _serve_machine(request, debug) if as_json else _serve_person(request, debug)
    if isinstance(outcome, Failure) and not as_json:
        say_error(outcome.message, is_wish=outcome.kind == Cancelled.__name__)
    elif isinstance(outcome, Result) and not as_json:
        getattr(terminal, shown_by)(_stdout(), outcome.value)
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


def say_error(sentence: str, *, is_wish: bool = False) -> None:
    """Print what went wrong on stderr, or what the user wished."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not is_wish:
        console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False)


DEBUG_VARIABLE = "MCE_LANDCOVER_DEBUG"
_AS_JSON = "Write JSON lines (progress, log, result, error) to stdout, for machines."


def command_of(name: str, job: Job) -> Callable[..., int]:
    """Return the function that Typer makes the command of a job from: its signature is the job's request."""

    def command(context: typer.Context, **options: Any) -> int:
        as_json = options.pop("as_json")
        given = {key: value for key, value in options.items() if value not in (None, [], ())}
        return run_command(name, given, job.shown_by, as_json=as_json, debug=context.obj)

    parameters = [
        _parameter("context", typer.Context),
        *sorted(_parameters(job.request), key=lambda p: p.default is not inspect.Parameter.empty),
        _parameter("as_json", Annotated[bool, typer.Option("--json", help=_AS_JSON)], False),
    ]
    command.__name__, command.__doc__ = name, job.request.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameters(request: type[JobRequest]) -> Iterator[inspect.Parameter]:
    """Yield the options of a request, its arguments first."""
    fields = request.model_fields.items()
    for name, field in sorted(fields, key=lambda item: not _extra(item[1]).get("positional")):
        hints = _extra(field)
        kind, choices = _kind(field.annotation, as_text=bool(hints.get("text")))
        metavar = hints.get("metavar") or ("|".join(choices) if choices else None)
        flag = hints.get("flag") or "--" + name.replace("_", "-")
        if hints.get("positional"):
            about: Any = typer.Argument(metavar=metavar, help=field.description)
        else:
            about = typer.Option(flag, metavar=metavar, help=field.description)
        default = field.default
        if default is PydanticUndefined:
            yield _parameter(name, Annotated[kind, about])
        elif kind in (bool, int, float, str) and default not in (None, ()):
            yield _parameter(name, Annotated[kind, about], default)
        else:
            yield _parameter(name, Annotated[kind | None, about], None)


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _kind(annotation: Any, *, as_text: bool) -> tuple[Any, tuple[str, ...]]:
    """Return what the command line reads for a type (a number, a flag, one text or many), and its choices."""
    if get_origin(annotation) is Literal:
        return str, get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0], as_text=as_text)
    if get_origin(annotation) in (Union, types.UnionType):
        (kind,) = (kind for kind in get_args(annotation) if kind is not type(None))
        return _kind(kind, as_text=as_text)
    if get_origin(annotation) in (tuple, dict) and not as_text:
        return list[str], ()
    return annotation if annotation in (bool, int, float) else str, ()


app = typer.Typer(
    name="mce-landcover",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Land-cover maps from an orthophoto and a DEM with a multiple-complementary-experts (MCE) network. "
    "Exit codes: 0 done, 1 failed, 2 bad input, 130 cancelled.",
)
for job_name, job in JOB_TABLE.items():
    app.command(job_name.replace("_", "-"))(command_of(job_name, job))


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
