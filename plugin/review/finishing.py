"""What the buttons under "Finish" do: show what the decisions amount to, and hand them over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QInputDialog

from ..i18n import tr
from .layers import RunFiles
from .panels import FinishPanel
from .records import ReviewError
from .report import review_html
from .session import ReviewSession
from .statistics import draw_second_look
from .widgets import PageDialog

#: Proposed for a second look.
SHARE_PERCENT = 10


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
        panel.statistics_wanted.connect(self.show_statistics)
        panel.export_wanted.connect(self.export)
        panel.second_look_wanted.connect(self.second_look)
        panel.apply_wanted.connect(self.apply_review)
        panel.fit_wanted.connect(self.fit_meta_classifier)

    def show_statistics(self) -> None:
        """Show how right the flags were and how fast it went, as it is now."""
        page = PageDialog(tr("Statistics"), review_html(self._session.store), None, self._iface.mainWindow())
        save = page.add_button(tr("Save the report…"), tr("Opens the tool that writes this page and a table"))
        save.clicked.connect(
            lambda _checked=False: self._open_algorithm("review_report", {"CANDIDATES": self._candidates()})
        )
        page.show()

    def export(self) -> None:
        """Open the algorithm that writes the accepted candidates as a layer, filled in."""
        self._open_algorithm("export_review", {"CANDIDATES": self._candidates()})

    def second_look(self) -> None:
        """Show a random share of what others decided as if nobody had, or all candidates again."""
        if self._session.queue.viewer is not None:
            self._session.set_second_look(None)
            self.said.emit(tr("The second look is over: all candidates are in the queue again."))
            return
        percent, ok = QInputDialog.getInt(
            self._iface.mainWindow(),
            tr("Second look"),
            tr("Share of what others decided that you look at again, in per cent:"),
            *(SHARE_PERCENT, 1, 100),
        )
        if not ok:
            return
        try:
            uuids = draw_second_look(self._session.store, percent / 100)
        except ReviewError as error:
            self.failed.emit(str(error))
            return
        self._session.set_second_look(frozenset(uuids))
        self.said.emit(
            tr("{} candidates for a second look, without what was decided. The button ends it.").format(
                len(uuids)
            )
        )

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
