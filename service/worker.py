"""The backend process: one JSON request on stdin, JSON lines on stdout. What the jobs do is in `jobs.py`.

Nothing heavy is imported before the request is read, so that a broken environment is reported as a message.
"""

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from ..core.base.errors import BackendError, Cancelled, InputError, MceError, OutputError
from ..core.base.progress import Reporter
from .protocol import Failure, Message, Request, Result, decode_request, encode
from .reporting import Interrupt, MessageReporter

Send = Callable[[Message], None]


def main() -> int:
    """Serve the one request of this process and return its exit code (0, 1, 2 or 130)."""
    interrupt = Interrupt()
    interrupt.install()
    send = claim_stdout(interrupt)
    try:
        request = decode_request(sys.stdin.buffer.readline().decode("utf-8"))
    except ValueError as error:
        sentence = f"The worker wants one JSON request on stdin, and what came is none: {error}."
        outcome: Result | Failure = failure_of(InputError(sentence))
    else:
        outcome = serve(request, MessageReporter(send, interrupt), debug=True)
    send(outcome)
    return exit_code(outcome)


def claim_stdout(interrupt: Interrupt) -> Send:
    """Keep the real stdout for messages; everything else that prints, C libraries too, goes to stderr.

    A reader that has gone away cancels the job through `interrupt`.
    """
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def send(message: Message) -> None:
        # One write per line, and threads of the job may log: a line must not be cut in two.
        line = memoryview(encode(message).encode("utf-8") + b"\n")
        try:
            while line:
                line = line[channel.write(line) :]
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):
                raise
            interrupt.requested = True

    return send


def serve(request: Request, reporter: Reporter, *, debug: bool) -> Result | Failure:
    """Do the job; every way in which it can fail becomes a `Failure`. `debug` shows tracebacks on stderr."""
    try:
        result = Result(_run(request.job, request.parameters, reporter))
        encode(result)  # a value that is not plain data is the job's fault and must show as one
        return result
    except Exception as error:
        if debug and not isinstance(error, Cancelled):
            traceback.print_exception(error, file=sys.stderr)
        return failure_of(error)


def _run(job: str, parameters: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    from .jobs import run_job

    return run_job(job, parameters, reporter)


def failure_of(error: Exception) -> Failure:
    """Return the message for an error: its own sentence where it is one of ours, else what fault it is."""
    expected = error if isinstance(error, MceError) else _as_expected(error)
    if expected:
        return Failure(type(expected).__name__, " ".join(str(expected).split()), expected.exit_code)
    said = " ".join(str(error).split())
    return Failure(
        "InternalError",
        f"The job stopped on an unexpected {type(error).__name__}{f' ({said})' if said else ''}, a fault of "
        "this program: please report it with its traceback (on the command line: --debug).",
    )


def _as_expected(error: Exception) -> MceError | None:
    """Return our error for faults of the machine, which can strike in any library call."""
    if isinstance(error, ImportError) and not (error.name or "").startswith(__name__.partition(".")[0]):
        return BackendError(
            f'The backend environment {sys.prefix} is incomplete ({error}): run "Set up the backend" '
            "in QGIS, or install the package there with its extras backend and cpu."
        )
    if isinstance(error, MemoryError):
        return MceError("There is not enough memory for this job: close other programs or map less.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("The disk is full: free some space or choose another output folder.")
    return None


def exit_code(outcome: Result | Failure) -> int:
    """Return what the process exits with."""
    return outcome.exit_code if isinstance(outcome, Failure) else 0
