"""Runs one job in the backend's process and reports it to QGIS. The process is read line by line, to be
watched and cancelled. What jobs do is in the service.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProcessingException, QgsProcessingFeedback

from ..service.protocol import Failure, Log, Message, Progress, Request, Result, decode, encode_request
from .i18n import tr
from .paths import BOOTSTRAP

#: Name of our tab in the Log Messages panel.
LOG_TAB = "MCE Land Cover"
#: Kind of the failures that are faults of the program, whose traceback is worth reading.
UNEXPECTED = "InternalError"
#: Kind of the failure of a job that was cancelled and could say so.
CANCELLED = "Cancelled"
#: How often the caller's wish to cancel is looked at, whatever the child says.
POLL_S = 0.05
#: How long a cancelled child may take to stop by itself before it is killed, which does its files no harm.
GRACE_S = 3.0
#: How long a child that has said its last word may take to end.
FAREWELL_S = 1.0
#: How long the output of a child that has ended is waited for.
DRAIN_S = 1.0
#: Lines of stderr that are kept for diagnosis.
STDERR_LINES = 400


def run_job(
    python: Path,
    job: str,
    parameters: dict[str, Any],
    feedback: QgsProcessingFeedback,
    grace_s: float | None = None,
) -> dict[str, Any]:
    """Run `job` with the backend's `python` and return its result; progress and log go to `feedback`.

    `grace_s` is how long a cancelled job may take to put its things in order; by default a few seconds.

    Raises QgsProcessingException with one sentence: the job's own, or how the process died. A cancelled job
    raises too, so that nothing of it is loaded and `qgis_process` does not report success.
    """
    talk = _Conversation(feedback)
    request = encode_request(Request(job, parameters)) + "\n"
    try:
        ended = run_lines(
            [str(python), "-I", str(BOOTSTRAP)],
            env=child_environment(QgsApplication.prefixPath()),
            stdin=request,
            on_line=talk.hear,
            is_cancelled=feedback.isCanceled,
            grace_s=grace_s,
        )
    except OSError as error:
        raise QgsProcessingException(
            tr(
                "The backend's Python {} cannot be started ({}): check the path or set up the backend again."
            ).format(python, error.strerror or error)
        ) from error
    _keep_diagnostics(job, ended, feedback, talk.outcome)
    return _conclude(talk.outcome, ended)


class _Conversation:
    """Hears the worker's lines: passes on progress and log, keeps the outcome."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self.outcome: Result | Failure | None = None
        self._feedback = feedback
        self._tenth = -1
        self._handlers: dict[type[Message], Callable[[Any], None]] = {
            Progress: self._progress,
            Log: self._log,
        }

    def hear(self, line: str) -> bool:
        """Take one line of the worker's stdout; return True when the conversation is over."""
        try:
            message = decode(line)
        except ValueError:
            self._feedback.pushDebugInfo(line)
            return False
        if isinstance(message, (Result, Failure)):
            self.outcome = message
            return True
        self._handlers[type(message)](message)
        return False

    def _progress(self, message: Progress) -> None:
        self._feedback.setProgress(message.percent)
        # QGIS appends every progress text to the log: one line per tenth of the way is enough to read.
        tenth = int(message.percent // 10)
        if message.message and tenth != self._tenth:
            self._tenth = tenth
            self._feedback.setProgressText(message.message)

    def _log(self, message: Log) -> None:
        self._feedback.pushInfo(message.message)


def _conclude(outcome: Result | Failure | None, ended: Ended) -> dict[str, Any]:
    if isinstance(outcome, Result) and not ended.cancelled:
        return outcome.value
    if isinstance(outcome, Failure) and outcome.kind == CANCELLED:
        raise QgsProcessingException(outcome.message)  # which says what was kept
    if ended.cancelled:
        raise QgsProcessingException(tr("Cancelled: the job was stopped before its end."))
    if isinstance(outcome, Failure):
        raise QgsProcessingException(outcome.message)
    raise QgsProcessingException(_describe_death(ended))


def _describe_death(ended: Ended) -> str:
    """Return one sentence for a worker that ended without result or error."""
    if ended.exit_code < 0:
        name = _signal_name(-ended.exit_code)
        hint = (
            tr("perhaps for lack of memory") if name == "SIGKILL" else tr("which is a crash, not a refusal")
        )
        return tr("The backend was ended by the system ({}, {}): see the log for what it said last.").format(
            name, hint
        )
    last = next((line.strip() for line in reversed(ended.stderr) if line.strip()), "")
    if not last:
        return tr("The backend ended with exit code {} and without a word: set it up again.").format(
            ended.exit_code
        )
    said = re.sub(r"\s+", " ", last)[:200].rstrip(".")
    return tr("The backend ended with exit code {} before the job was done ({}): see the log.").format(
        ended.exit_code, said
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _keep_diagnostics(
    job: str, ended: Ended, feedback: QgsProcessingFeedback, outcome: Result | Failure | None
) -> None:
    """Keep stderr in the Log Messages panel, and in the algorithm's log where no sentence explains it."""
    text = "\n".join(ended.stderr)
    if not text.strip():
        return
    QgsMessageLog.logMessage(f"{job}:\n{text}", LOG_TAB, Qgis.MessageLevel.Info, notifyUser=False)
    explained = isinstance(outcome, Result) or (isinstance(outcome, Failure) and outcome.kind != UNEXPECTED)
    if not explained and not ended.cancelled:
        feedback.pushDebugInfo(text)


@dataclass(frozen=True)
class Ended:
    """How the child ended: `exit_code` is negative for a signal, `stderr` holds its last lines."""

    exit_code: int
    stderr: tuple[str, ...]
    cancelled: bool


def run_lines(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], bool | None],
    is_cancelled: Callable[[], bool],
    stdin: str = "",
    grace_s: float | None = None,
) -> Ended:
    """Run `command`, give it `stdin`, and call `on_line` in this thread for each line that it prints.

    `on_line` returns True to say that nothing more is expected: the child is not waited for long then. A
    cancelled child is asked to stop, and killed after `grace_s` (default `GRACE_S`). Raises OSError if it
    cannot start.
    """
    grace_s = GRACE_S if grace_s is None else grace_s
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    lines: queue.Queue[tuple[str, str]] = queue.Queue()
    threads = [
        threading.Thread(target=_feed, args=(child.stdin, stdin), daemon=True),
        threading.Thread(target=_read, args=(child.stdout, "out", lines), daemon=True),
        threading.Thread(target=_read, args=(child.stderr, "err", lines), daemon=True),
    ]
    for thread in threads:
        thread.start()
    stderr: deque[str] = deque(maxlen=STDERR_LINES)
    cancelled, deadline = False, float("inf")
    try:
        for name, line in _until_closed(child, lines):
            if name == "err":
                stderr.append(line)
            elif name == "out" and on_line(line):
                deadline = min(deadline, time.monotonic() + FAREWELL_S)
            if not cancelled and is_cancelled():
                cancelled, deadline = True, min(deadline, time.monotonic() + grace_s)
                child.terminate()
            if time.monotonic() > deadline:
                child.kill()
        _wait(child, min(deadline, time.monotonic() + GRACE_S))
    finally:
        child.kill()
        exit_code = child.wait()
    return Ended(exit_code, tuple(stderr), cancelled)


def _wait(child: subprocess.Popen[bytes], deadline: float) -> None:
    """Give a child that has closed its streams until `deadline` to end, so that its exit code is its own."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, deadline - time.monotonic()))


def _until_closed(
    child: subprocess.Popen[bytes], lines: queue.Queue[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield `(stream, line)`, and `("", "")` at least every `POLL_S`, until both streams are closed.

    A grandchild may hold them open after the child's end: then what is there is read and the rest is left.
    """
    n_open, silent_s = 2, 0.0
    while n_open:
        try:
            name, line = lines.get(timeout=POLL_S)
            silent_s = 0.0
        except queue.Empty:
            name, line = "", ""
            silent_s = silent_s + POLL_S if child.poll() is not None else 0.0
            if silent_s > DRAIN_S:
                return
        if name == "end":
            n_open -= 1
        yield name, line


def _read(stream: IO[bytes], name: str, lines: queue.Queue[tuple[str, str]]) -> None:
    for raw in stream:
        lines.put((name, raw.decode("utf-8", "replace").rstrip("\r\n")))
    lines.put(("end", ""))
    stream.close()


def _feed(stream: IO[bytes], text: str) -> None:
    # A child that dies before it has read everything is diagnosed by how it ended.
    with contextlib.suppress(OSError), stream:
        stream.write(text.encode("utf-8"))


def child_environment(prefix: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a Python of its own: `base` (this process's) without what QGIS put there.

    Variables that steer Python, GDAL and PROJ go. Of the library search paths only entries inside `prefix`,
    the QGIS installation, go, because people need their own entries for CUDA. PATH stays: Python does not
    search it for the libraries of its extension modules.
    """
    prefixes = ("PYTHON", "GDAL_", "PROJ_")
    names = {"__PYVENV_LAUNCHER__"}
    env = {
        key: value
        for key, value in (os.environ if base is None else base).items()
        if not key.upper().startswith(prefixes) and key not in names
    }
    for key in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"):
        if key in env:
            kept = [entry for entry in env[key].split(os.pathsep) if not _is_inside(entry, prefix)]
            env[key] = os.pathsep.join(kept)
            if not env[key]:
                del env[key]
    return env


def _is_inside(entry: str, prefix: str) -> bool:
    """Is the folder part of a QGIS bundle? The system's own prefixes are shared and never count as one."""
    root = os.path.normpath(prefix)
    if root in (os.sep, "/usr", "/usr/local", "."):
        return False
    return os.path.normpath(entry).startswith(root + os.sep)
