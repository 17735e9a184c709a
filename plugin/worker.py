"""Runs one job in the backend process and reports it to QGIS. What jobs do is in `service/jobs.py`."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProcessingException, QgsProcessingFeedback

from ..service.protocol import Failure, Log, Message, Progress, Request, Result, decode, encode_request
from .i18n import tr
from .paths import BOOTSTRAP
from .process import Ended, child_environment, run_lines

#: Name of our tab in the Log Messages panel.
LOG_TAB = "MCE Land Cover"
#: Kind of the failures that are faults of the program, whose traceback is worth reading.
UNEXPECTED = "InternalError"
#: Kind of the failure of a job that was cancelled and could say so.
CANCELLED = "Cancelled"


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
