"""What the buttons under "Finish" do: show what the decisions amount to, and hand them over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from .finish_panel import FinishPanel
from .run_layers import RunFiles
from .session import ReviewSession


class Finishing(QObject):
    """Opens dialogs; it changes nothing by itself."""

    #: A sentence for the message bar.
    said = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(
        self,
        iface: Any,
        session: ReviewSession,
        files: RunFiles,
        open_algorithm: Callable[[str, dict[str, Any]], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._iface, self._session, self._files = iface, session, files
        self._open_algorithm = open_algorithm

    def connect_panel(self, panel: FinishPanel) -> None:
        """Let the buttons do something."""
        panel.apply_wanted.connect(self.apply_review)
        panel.fit_wanted.connect(self.fit_meta_classifier)

    def apply_review(self) -> None:
        """Open the algorithm that writes the verified map, filled in."""
        self._open_algorithm(
            "apply_review",
            {"RUN": str(self._run_folder()), "CANDIDATES": self._candidates(), "DECIDE_BY": "review"},
        )

    def fit_meta_classifier(self) -> None:
        """Open the algorithm that learns from the decisions, filled in."""
        self._open_algorithm("fit_meta_classifier", {"REVIEWED": [self._candidates()]})

    def _candidates(self) -> str:
        return f"{self._session.store.path}|layername=candidates"

    def _run_folder(self) -> Path:
        return self._files.folder or self._session.store.path.parent
