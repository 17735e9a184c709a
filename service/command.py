"""How a command does its job: options become the job's parameters, messages go to the right stream. The
commands themselves are made in `cli.py`.
"""

import os
import sys
from typing import Any

from rich.console import Console

from ..core.base.errors import Cancelled
from . import terminal
from .protocol import Failure, Request, Result
from .reporting import Interrupt, LineReporter, MessageReporter
from .summary import TEXT_WIDTH
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
