"""Ranks the candidates of a file anew by what was decided of them so far: in the background, by two jobs of
the backend. The reviewer goes on meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingMultiStepFeedback,
    QgsTask,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..backend import BackendMissing, find_backend
from ..i18n import tr
from ..worker import run_job


def rank_by_review(python: Path, candidates: Path, feedback: QgsProcessingFeedback) -> str:
    """Fit a meta classifier to the decisions in a file and rank its candidates by it.

    The classifier and its report lie beside the file. Returns what was done, in words. Raises
    QgsProcessingException, and then the candidates are as they were.
    """
    steps = QgsProcessingMultiStepFeedback(2, feedback)
    meta = classifier_beside(candidates)
    fit = {"reviewed": [str(candidates)], "output": str(meta), "overwrite": True}
    fitted = run_job(python, "fit_meta_classifier", fit, steps)
    steps.setCurrentStep(1)
    ranked = run_job(python, "rank_candidates", {"candidates": str(candidates), "meta": str(meta)}, steps)
    return f"{fitted['message']} {ranked['message']}"


def classifier_beside(candidates: Path) -> Path:
    """Return where the classifier goes that ranks a file."""
    return candidates.with_name(f"{candidates.stem}_ranking.json")


class Ranking(QObject):
    """Ranks one file, one time at a time."""

    #: What was done, in words: scores and ranks in the file have changed.
    done = pyqtSignal(str)
    #: Why not, in one sentence: nothing has changed.
    failed = pyqtSignal(str)

    def __init__(self, candidates: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._candidates = candidates
        self._task: _Task | None = None

    @property
    def running(self) -> bool:
        """Is it under way?"""
        return self._task is not None

    def start(self) -> None:
        """Begin, unless it is under way already."""
        if self.running:
            return
        try:
            python = find_backend().python
        except BackendMissing as missing:
            self.failed.emit(str(missing))
            return
        self._task = _Task(python, self._candidates)
        self._task.taskCompleted.connect(self._completed)
        self._task.taskTerminated.connect(self._terminated)
        QgsApplication.taskManager().addTask(self._task)

    def stop(self) -> None:
        """Cancel it, and say nothing more."""
        if self._task is not None:
            self._task.taskCompleted.disconnect(self._completed)
            self._task.taskTerminated.disconnect(self._terminated)
            self._task.cancel()
            self._task = None

    def _completed(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self.done.emit(task.said)

    def _terminated(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self.failed.emit(task.said)


class _Task(QgsTask):
    """Runs the jobs in a thread of QGIS's; `said` is the message, or why it failed."""

    def __init__(self, python: Path, candidates: Path) -> None:
        super().__init__(tr("Rank candidates anew"), QgsTask.Flag.CanCancel)
        self._python, self._candidates = python, candidates
        self._feedback = QgsProcessingFeedback(False)
        self._feedback.progressChanged.connect(self.setProgress)
        self.said = tr("Cancelled: the ranks are as they were.")

    def run(self) -> bool:
        try:
            self.said = rank_by_review(self._python, self._candidates, self._feedback)
        except QgsProcessingException as error:
            self.said = str(error)
            return False
        return True

    def cancel(self) -> None:
        self._feedback.cancel()
        super().cancel()
