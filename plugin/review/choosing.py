"""What is looked at, and when: connects order and filter, the first look and new ranks with the session, and
shows how far one is.
"""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..i18n import tr
from .dock import ReviewDock
from .first_look import first_look, first_results, result_words
from .map_views import MapViews
from .order import Filter, Order
from .ranking import Ranking
from .records import ReviewError
from .session import ReviewSession


class Choosing(QObject):
    """Follows the panels of the queue, of the progress and of the first look."""

    #: A sentence for the message bar.
    said = pyqtSignal(str)
    failed = pyqtSignal(str)
    #: The current candidate has another score and rank.
    ranks_changed = pyqtSignal()

    def __init__(
        self, session: ReviewSession, dock: ReviewDock, map_views: MapViews, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._dock, self._map_views = session, dock, map_views
        #: The candidates of the first look, while there is one.
        self._first: frozenset[str] | None = None
        self.ranking = Ranking(session.store.path, self)
        session.progress_changed.connect(self.show_progress)
        dock.queue.order_wanted.connect(self._set_order)
        dock.queue.filter_wanted.connect(self._set_filter)
        dock.first_look.go_on_wanted.connect(self.end_first_look)
        dock.first_look.rank_wanted.connect(self.end_first_look)
        for panel in (dock.first_look, dock.finish):
            panel.rank_wanted.connect(self.rank)
        self.ranking.done.connect(self._ranked)
        self.ranking.failed.connect(self.failed)

    def show_progress(self) -> None:
        """Show how far one is, and at the end of a first look how many were right."""
        queue = self._session.queue
        progress = queue.progress()
        self._dock.progress.show_progress(progress)
        ended = 0 < progress.n == progress.n_decided and queue.viewer is None
        results = first_results(self._session.store, self._first) if self._first and ended else []
        self._dock.first_look.show_results([result_words(flags) for flags in results if flags.n_decided])

    def end_first_look(self) -> None:
        """Have all candidates in the queue again, and go on with the next undecided one."""
        self._dock.queue.first_look.setChecked(False)
        try:
            self._session.next_undecided()
        except ReviewError as error:
            self.failed.emit(str(error))

    def rank(self) -> None:
        """Begin to rank by the decisions, in the background."""
        store = self._session.store
        if store.read_only:
            self.failed.emit(tr("{} can only be read: work on a copy to rank it anew.").format(store.path))
            return
        self.ranking.start()
        if self.ranking.running:
            self.said.emit(
                tr("The candidates are ranked by your decisions in the background: go on meanwhile.")
            )

    def _set_order(self, order: Order) -> None:
        self._session.set_order(order)

    def _set_filter(self, wanted: Filter) -> None:
        """Add what the panel does not know: the present view, and which are looked at first."""
        panel, store = self._dock.queue, self._session.store
        if not panel.first_look.isChecked():
            self._first = None
        elif self._first is None:
            self._first = first_look(store.candidates)
        try:
            extent = self._map_views.extent_in(store.crs) if panel.in_view.isChecked() else None
            self._session.set_filter(replace(wanted, extent=extent, uuids=self._first))
        except ReviewError as error:
            self.failed.emit(str(error))

    def _ranked(self, message: str) -> None:
        """Take in scores and ranks of the file; the current candidate and the decisions stay."""
        try:
            self._session.reload()
        except ReviewError as error:
            self.failed.emit(str(error))
            return
        self._dock.queue.set_scored(self._session.store.has_scores)
        self._map_views.repaint_states()
        self.ranks_changed.emit()
        self.said.emit(message)
