"""One review from opening to closing: connects session, dock, keys and maps. Decisions are made here and
nowhere else in the user interface.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsGeometry, QgsProject
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QAction, QApplication

from ..help import help_html
from ..i18n import tr
from ..paths import RESOURCES
from .choosing import Choosing
from .dock import ReviewDock
from .drawing import OutlineEditor
from .facts import Facts, Opinions, gather_facts
from .finishing import Finishing
from .keys import N_CLASS_KEYS, Keys, allowed_commands, reclassify
from .layers import read_run_files
from .map_views import MapViews
from .records import Candidate, ReviewError, Verdict
from .session import ReviewSession
from .store import ReviewStore
from .widgets import PageDialog

#: Views that are drawn ahead.
N_AHEAD = 2


class Reviewer(QObject):
    """Runs a review of one file; `close` ends it. Nothing is lost if that never happens."""

    closed = pyqtSignal()
    #: Somebody else wants to review.
    user_wanted = pyqtSignal()

    def __init__(
        self,
        iface: Any,
        store: ReviewStore,
        project: QgsProject,
        open_algorithm: Callable[[str, dict[str, Any]], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._iface, self._project, self._store = iface, project, store
        self._drafts: dict[str, str] = {}
        self._shown = ""
        self._open = True
        self.session = ReviewSession(store, self)
        self.keys = Keys(self)
        self.dock = ReviewDock(self.keys, store, iface.mainWindow())
        self.editor = OutlineEditor(iface, project, self)
        self.files = read_run_files((store.path.parent, Path(str(store.run.get("run_folder", "")))))
        self.map_views = MapViews(
            iface, project, keys=self.keys, store=store, files=self.files, bar=self.dock.layers, parent=self
        )
        experts = [str(name) for name in store.run.get("experts", [])]
        self._opinions = Opinions(experts, store.classes, self.files)
        self.choosing = Choosing(self.session, self.dock, self.map_views, self)
        self._finishing = Finishing(iface, self.session, self.files, open_algorithm, self)
        self._connect()
        self.keys.give_way = self.editor.takes_letters
        self.keys.listen(iface.mapCanvas())
        self.keys.listen(self.dock)
        for note in store.notes:
            self._say(note)
        self.session.progress_changed.emit()
        self._show(self.session.current)

    @property
    def store(self) -> ReviewStore:
        """The open file."""
        return self._store

    def close(self) -> None:
        """End the review and leave the window as it was found."""
        if not self._open:
            return
        self._open = False
        QApplication.instance().applicationStateChanged.disconnect(self._follow_attention)
        self._project.layersRemoved.disconnect(self._layers_gone)
        self.editor.stop()
        self.choosing.ranking.stop()
        self.map_views.close()
        self.keys.unregister()
        self._iface.mapCanvas().removeEventFilter(self.keys)
        self.session.close()
        self._iface.removeDockWidget(self.dock)
        self.dock.deleteLater()
        self.closed.emit()

    def decide(self, verdict: Verdict, class_id: int | None = None) -> None:
        """Decide on the current candidate, with the note and the outline that are there."""
        current = self.session.current
        if current is None:
            return
        note = self.dock.candidate.note.toPlainText()
        with_outline = verdict in (Verdict.ACCEPT, Verdict.RECLASSIFY)
        try:
            drawn = self.editor.outline() if self.editor.active else self._drawn_before(current)
            outline = drawn if with_outline else None
            self.session.decide(verdict, class_id=class_id, comment=note, outline=outline)
        except ReviewError as error:
            self._warn(error)
            return
        self._drafts.pop(current.uuid, None)

    def reclassify(self, number: int) -> None:
        """Put the class with this number, 1 is the first, where the candidate is."""
        if number <= len(self._store.classes):
            self.decide(Verdict.RECLASSIFY, self._store.classes[number - 1].id)

    def _connect(self) -> None:
        dock, session = self.dock, self.session
        session.current_changed.connect(self._show)
        session.decided.connect(lambda _decision: self.map_views.repaint_states())
        for name, do in self._handlers().items():
            self.keys.action(name).triggered.connect(lambda _checked=False, do=do: self._attempt(do))
        dock.buttons.class_chosen.connect(lambda id_: self.decide(Verdict.RECLASSIFY, id_))
        dock.candidate.note.finished.connect(self._back_to_map)
        dock.queue.order_wanted.connect(lambda _order: self._back_to_map())
        for wanted in (dock.first_look.go_on_wanted, dock.first_look.rank_wanted):
            wanted.connect(self._back_to_map)
        self.choosing.said.connect(self._say)
        self.choosing.failed.connect(self._warn)
        self.choosing.ranks_changed.connect(self._show_facts)
        dock.finish.load_wanted.connect(self.map_views.load_layers)
        dock.finish.user_wanted.connect(self.user_wanted)
        self._finishing.connect_panel(dock.finish)
        self._finishing.said.connect(self._say)
        self._finishing.failed.connect(self._warn)
        dock.key_list.change_wanted.connect(self._change_keys)
        dock.key_list.help_wanted.connect(self._show_help)
        dock.closed.connect(self.close)
        self._project.layersRemoved.connect(self._layers_gone)
        self.map_views.said.connect(self._say)
        self.map_views.moved.connect(self._look_again)
        QApplication.instance().applicationStateChanged.connect(self._follow_attention)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        session = self.session
        return {
            "accept": lambda: self.decide(Verdict.ACCEPT),
            "reject": lambda: self.decide(Verdict.REJECT),
            "unsure": lambda: self.decide(Verdict.UNSURE),
            **{reclassify(n): lambda n=n: self.reclassify(n) for n in range(1, N_CLASS_KEYS + 1)},
            "class_menu": self.dock.buttons.open_class_menu,
            "undo": self._undo,
            "redo": session.redo,
            "skip": session.skip,
            "next_undecided": self._next_undecided,
            "previous": session.previous,
            "note": self.dock.candidate.note.setFocus,
            "draw": self._draw,
            "key_list": self.dock.toggle_key_list,
        }

    def _attempt(self, do: Callable[[], object]) -> None:
        """Do something, and say in one sentence why if it cannot be done."""
        try:
            do()
        except ReviewError as error:
            self._warn(error)

    def _show(self, current: Candidate | None) -> None:
        """Show the current candidate on the maps and in the dock."""
        self._keep_draft()
        self._shown = current.uuid if current is not None else ""
        if self.editor.active:
            self.editor.stop()
        if current is None:
            self._show_nothing(tr("No candidate passes the filter."))
        else:
            self._show_candidate(current)
        self._enable()

    def _show_nothing(self, reason: str) -> None:
        self.map_views.clear()
        self.dock.candidate.show_nothing(reason)

    def _show_facts(self) -> Facts | None:
        """Show in the dock what is known of the current candidate, if there is one, and return it."""
        current = self.session.current
        if current is None:
            return None
        try:
            facts = gather_facts(self._store, self.session.queue, self._opinions, current)
        except ReviewError as error:  # it was deleted: the one before must not stay in sight
            self._show_nothing(str(error))
            return None
        self.dock.candidate.show_facts(facts)
        self.dock.buttons.show_effects(current)
        return facts

    def _show_candidate(self, current: Candidate) -> None:
        facts = self._show_facts()
        if facts is None:
            return
        comment = facts.state.decision.comment if facts.state.decision is not None else ""
        self.dock.candidate.note.setPlainText(self._drafts.get(current.uuid, comment or ""))
        self._look_again()

    def _look_again(self) -> None:
        """Go back to the candidate, and draw the next ones as the map is now."""
        current = self.session.current
        if current is not None:
            self._attempt(lambda: self._go(current))

    def _go(self, current: Candidate) -> None:
        upcoming = self.session.queue.upcoming(N_AHEAD)
        outlines = [self.session.queue.geometry(c.uuid) for c in (current, *upcoming)]
        self.map_views.show(outlines[0], outlines[1:])

    def _drawn_before(self, current: Candidate) -> QgsGeometry | None:
        """Return the outline that was drawn with the decision that counts, if one was."""
        decision = self.session.queue.state(current.uuid).decision
        return self._store.outline_of(decision) if decision is not None else None

    def _keep_draft(self) -> None:
        """Keep a note that was begun but not decided on, as long as the review is open."""
        field = self.dock.candidate.note
        if self._shown and field.document().isModified():
            self._drafts[self._shown] = field.toPlainText()

    def _undo(self) -> None:
        """Take the last decision back, and put its note into the field again."""
        row = self.session.undo()
        undone = self._store.log.get(row.undoes) if row is not None and row.undoes else None
        if undone is not None and undone.comment and undone.candidate == self._shown:
            self.dock.candidate.note.setPlainText(undone.comment)
            self.dock.candidate.note.document().setModified(True)

    def _next_undecided(self) -> None:
        if self.session.next_undecided() is None:
            self._say(tr("All candidates in the queue are decided."))

    def _draw(self) -> None:
        current = self.session.current
        if self.editor.active:
            self.editor.stop()
        elif current is not None and not self._store.read_only:
            title = tr("Outline of candidate {}").format(current.rank)
            self.editor.start(self.session.queue.geometry(current.uuid), self._store.crs, title)
            self._say(
                tr("Draw with QGIS's tools, then accept or choose a class. Pressing the key again stops.")
            )
        self._enable()

    def _enable(self) -> None:
        """Let only those keys work that make sense now; while drawing, undo belongs to the drawing."""
        allowed = allowed_commands(
            there=self.session.current is not None,
            drawing=self.editor.active,
            may_write=not self._store.read_only,
            n_classes=len(self._store.classes),
            can_undo=self.session.stack.canUndo(),
            can_redo=self.session.stack.canRedo(),
        )
        for name, may in allowed.items():
            self.keys.action(name).setEnabled(may)

    def _layers_gone(self, *_layers: object) -> None:
        self._enable()  # the user may have taken away the layer that he drew on

    def _back_to_map(self) -> None:
        self._iface.mapCanvas().setFocus()

    def _follow_attention(self, state: Qt.ApplicationState) -> None:
        """Count no seconds while the user is in another program."""
        if state == Qt.ApplicationState.ApplicationActive:
            self.session.resume()
        else:
            self.session.pause()

    def _change_keys(self) -> None:
        """Open QGIS's own list of shortcuts."""
        action = self._iface.mainWindow().findChild(QAction, "mActionConfigureShortcuts")
        if action is not None:
            action.trigger()

    def _show_help(self) -> None:
        """Open the help page; its keys are the first ones, the list of keys has the user's own."""
        folder = RESOURCES / "help"
        PageDialog(tr("Review candidates"), help_html("review"), folder, self._iface.mainWindow()).show()

    def _say(self, text: str) -> None:
        self._tell(text, Qgis.MessageLevel.Info)

    def _warn(self, error: ReviewError | str) -> None:
        self._tell(str(error), Qgis.MessageLevel.Warning)

    def _tell(self, text: str, level: Qgis.MessageLevel) -> None:
        """Say something in the message bar, once as long as it stands there."""
        bar = self._iface.messageBar()
        if text not in [item.text() for item in bar.items()]:
            bar.pushMessage(tr("Review"), text, level)
