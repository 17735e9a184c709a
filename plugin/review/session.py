"""A review session: a store, its queue, undo and redo, and the time spent per candidate. No widgets: the dock
calls it and listens to its signals.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QObject, pyqtSignal

try:
    from qgis.PyQt.QtGui import QUndoCommand, QUndoStack
except ImportError:  # Qt 5 has them among its widgets
    from qgis.PyQt.QtWidgets import QUndoCommand, QUndoStack

from ..i18n import tr
from .order import TILE_M, Filter, Order
from .queue import ReviewQueue
from .records import UNDO, Candidate, Decision, ReviewError, Verdict
from .store import ReviewStore

#: Decisions of earlier sessions that can be taken back.
_OLD_DECISIONS = 100


class _Decided(QUndoCommand):
    """One decision on the undo stack, and what is needed to make it again.

    The stack only keeps the order: what undo and redo do to the log can fail, so the session does it first.
    """

    def __init__(self, decision: Decision, outline: QgsGeometry | None, text: str) -> None:
        super().__init__(text)
        self.decision = decision
        self.outline = outline


class Stopwatch:
    """Adds up the seconds that each candidate was looked at; `clock` gives seconds from anywhere."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[str, float] = {}
        self._uuid: str | None = None
        self._since: float | None = None

    def look_at(self, uuid: str | None) -> None:
        """Count for another candidate from now on, if it runs."""
        self._book()
        self._uuid = uuid

    def run(self, running: bool) -> None:
        """Let it run, or stand still."""
        self._book()
        self._since = self._clock() if running else None

    def seconds(self, uuid: str) -> float:
        """Return the seconds spent on a candidate since it was last forgotten."""
        self._book()
        return self._spent.get(uuid, 0.0)

    def forget(self, uuid: str) -> None:
        """Begin at 0 with a candidate."""
        self._book()
        self._spent.pop(uuid, None)

    def _book(self) -> None:
        if self._since is None:
            return
        now = self._clock()
        if self._uuid is not None:
            self._spent[self._uuid] = self._spent.get(self._uuid, 0.0) + now - self._since
        self._since = now


class ReviewSession(QObject):
    """What the dock talks to. Methods that write raise ReviewError, and then nothing has changed.

    Signals:
        current_changed: another candidate, or None, is current, or its state changed.
        decided: a row was added to the log, by this user or another: a `Decision`.
        progress_changed: ask `queue.progress()` again.

    Attributes:
        stack: tells what can be undone and redone (`canUndoChanged`, `undoText`); call the session's `undo`
            and `redo`, not the stack's.
    """

    current_changed = pyqtSignal(object)
    decided = pyqtSignal(object)
    progress_changed = pyqtSignal()

    def __init__(
        self,
        store: ReviewStore,
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.store = store
        self.queue = ReviewQueue(store)
        self.stack = QUndoStack(self)
        self._watch = Stopwatch(clock)
        self._fill_stack()
        self._watch.run(True)
        self._watch.look_at(self._current_uuid())

    @property
    def current(self) -> Candidate | None:
        """The candidate looked at."""
        return self.queue.current

    def decide(
        self,
        verdict: Verdict,
        *,
        class_id: int | None = None,
        comment: str | None = None,
        outline: QgsGeometry | None = None,
        advance: bool = True,
    ) -> Decision:
        """Decide on the current candidate, then go to the next undecided one. See `ReviewStore.decide`."""
        current = self.current
        if current is None:
            raise ReviewError(tr("There is no candidate to decide on: change the filter."))
        seconds = self._watch.seconds(current.uuid)
        made = self.store.decide(
            current.uuid, verdict, class_id=class_id, comment=comment, seconds=seconds, outline=outline
        )
        self._watch.forget(current.uuid)
        self.stack.push(_Decided(made, outline, self._text(made)))
        self._added(made, advance=advance)
        return made

    def undo(self) -> Decision | None:
        """Take back the last decision on the stack and go to its candidate; None where there is none.

        What was taken back elsewhere meanwhile is passed over.
        """
        self.refresh()
        while self.stack.canUndo() and self._is_undone(self.stack.index() - 1):
            self.stack.undo()
        if not self.stack.canUndo():
            return None
        command = self._command(self.stack.index() - 1)
        row = self.store.take_back(command.decision.uuid)
        self.stack.undo()
        self._go_if_there(row.candidate)
        self._added(row, advance=False)
        return row

    def redo(self) -> Decision | None:
        """Make the decision anew that was undone last, and go on from its candidate; None without one."""
        if not self.stack.canRedo():
            return None
        command = self._command(self.stack.index())
        old = command.decision
        made = self.store.decide(
            old.candidate,
            Verdict(old.decision),
            class_id=old.class_id,
            comment=old.comment,
            seconds=old.seconds,
            outline=command.outline,
        )
        command.decision = made
        self.stack.redo()
        self._go_if_there(made.candidate)
        self._added(made, advance=True)
        return made

    def next_undecided(self) -> Candidate | None:
        """Go to the next undecided candidate; None, and no move, where all are decided."""
        self.refresh()
        found = self.queue.next_undecided()
        self._moved()
        return found

    def skip(self) -> Candidate | None:
        """Go to the next candidate, decided or not."""
        self.queue.skip()
        return self._moved()

    def previous(self) -> Candidate | None:
        """Go to the candidate before."""
        self.queue.previous()
        return self._moved()

    def go_to(self, uuid: str) -> Candidate | None:
        """Make a candidate current, if it is in the queue."""
        self.queue.go_to(uuid)
        return self._moved()

    def set_order(self, order: Order, *, tile_m: float = TILE_M) -> None:
        """Arrange the queue anew."""
        self.queue.set_order(order, tile_m=tile_m)
        self._moved()

    def set_filter(self, filter: Filter) -> None:
        """Choose anew what is in the queue."""
        self.queue.set_filter(filter)
        self._moved()
        self.progress_changed.emit()

    def reload(self) -> None:
        """Take in other scores and ranks of the candidates; the current one stays, and is not announced
        anew. Raises ReviewError.
        """
        self.refresh()
        before = self._current_uuid()
        self.queue.reload()
        if self._current_uuid() != before:
            self._moved()
        self.progress_changed.emit()

    def set_second_look(self, uuids: frozenset[str] | None) -> None:
        """Look at these candidates as if nobody had, or end that with None."""
        self.queue.set_second_look(uuids)
        self._moved()
        self.progress_changed.emit()

    def refresh(self) -> None:
        """Take in what others decided in the same file meanwhile."""
        for row in self.store.refresh():
            self.decided.emit(row)
            self.progress_changed.emit()

    def pause(self) -> None:
        """Stop counting the seconds: the reviewer is elsewhere."""
        self._watch.run(False)

    def resume(self) -> None:
        """Count the seconds again."""
        self._watch.run(True)

    def close(self) -> None:
        """End the session and close the file."""
        self.pause()
        self.stack.clear()
        self.store.close()

    def _command(self, index: int) -> _Decided:
        command = self.stack.command(index)
        assert isinstance(command, _Decided)
        return command

    def _is_undone(self, index: int) -> bool:
        return self.store.log.is_undone(self._command(index).decision.uuid)

    def _fill_stack(self) -> None:
        """Let the user's decisions of earlier sessions be taken back, too."""
        log, user = self.store.log, self.store.user
        mine = [r for r in log.rows if r.user == user and r.decision != UNDO and not log.is_undone(r.uuid)]
        for row in mine[-_OLD_DECISIONS:]:
            if row.candidate in self.store:
                outline = self.store.outline_of(row)
                self.stack.push(_Decided(row, outline, self._text(row)))

    def _text(self, decision: Decision) -> str:
        candidate = self.store.candidate(decision.candidate)
        return tr("{} {}, rank {}").format(decision.decision, candidate.class_name, candidate.rank)

    def _added(self, row: Decision, *, advance: bool) -> None:
        if advance:
            self.queue.next_undecided()
        self.decided.emit(row)
        self.progress_changed.emit()
        self._moved()

    def _go_if_there(self, uuid: str) -> None:
        if uuid in self.store:
            self.queue.go_to(uuid)

    def _moved(self) -> Candidate | None:
        self._watch.look_at(self._current_uuid())
        self.current_changed.emit(self.current)
        return self.current

    def _current_uuid(self) -> str | None:
        return None if self.current is None else self.current.uuid
