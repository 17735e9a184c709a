"""How a command does its job: options become the job's parameters, messages go to the right stream. The
commands themselves live in `mapping_commands.py` and `metafusion_commands.py`.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console

from ..errors import Cancelled
from .protocol import Failure, Request, Result
from .reporting import Interrupt, LineReporter, MessageReporter
from .summary import TEXT_WIDTH
from .terminal import BarReporter
from .worker import claim_stdout, exit_code, serve

Show = Callable[[Console, dict[str, Any]], None]

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Write JSON lines (progress, log, result, error) to stdout, for machines."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are already there.")]


def run_command(context: typer.Context, show: Show) -> int:
    """Do the job of this command with its options as parameters, say how it went, return the exit code."""
    parameters = dict(context.params)
    as_json = parameters.pop("as_json")
    request = Request(str(context.command.name).replace("-", "_"), parameters)
    outcome = _serve_machine(request, context.obj) if as_json else _serve_person(request, context.obj)
    if isinstance(outcome, Failure) and not as_json:
        say_error(outcome.message, is_wish=outcome.kind == Cancelled.__name__)
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


def say_error(sentence: str, *, is_wish: bool = False) -> None:
    """Print what went wrong on stderr, or what the user wished."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not is_wish:
        console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False)
