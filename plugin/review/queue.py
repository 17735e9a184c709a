"""The queue of a review: which candidate is looked at now, which come next, and how far one is. It writes
nothing; decisions are made in `store.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from qgis.core import QgsGeometry

from .filter import Filter
from .order import TILE_M, Order, arrange
from .progress import Progress, Tally
from .records import Candidate, Decision, State
from .store import ReviewStore


class ReviewQueue:
    """Candidates of a store in an order, through a filter; one of them is current, if there is any.

    What the filter says of the status holds when it is set: a candidate that is decided stays in the queue,
    so that one can go back to it.
    """

    def __init__(self, store: ReviewStore) -> None:
        self._store = store
        self._order, self._tile_m, self._filter = Order.SCORE, TILE_M, Filter()
        self._arranged: dict[tuple[Order, float], list[int]] = {}
        self._second_look: frozenset[str] | None = None
        self._places: list[int] = []
        self._at: dict[int, int] = {}
        self._current: int | None = None
        self._tally: Tally | None = None
        self._select()
        self.resume()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def order(self) -> Order:
        """How candidates follow each other."""
        return self._order

    @property
    def filter(self) -> Filter:
        """Which candidates are in the queue."""
        return self._filter

    @property
    def current(self) -> Candidate | None:
        """The candidate looked at, None where the queue is empty."""
        return None if self._current is None else self._store.candidates[self._current]

    @property
    def position(self) -> int | None:
        """Its place in the queue, from 0."""
        return None if self._current is None else self._at[self._current]

    @property
    def viewer(self) -> str | None:
        """Whose decisions may be seen: all (None), or on a second look only the user's own."""
        return None if self._second_look is None else self._store.user

    def state(self, uuid: str) -> State:
        """Return the state of a candidate as the reviewer may see it, see `viewer`."""
        return self._store.state(uuid, user=self.viewer)

    def geometry(self, uuid: str) -> QgsGeometry:
        """Return the outline of a candidate as the reviewer may see it, see `viewer`; raise ReviewError."""
        return self._store.geometry(uuid, user=self.viewer)

    def set_order(self, order: Order, *, tile_m: float = TILE_M) -> None:
        """Arrange the queue anew; the current candidate stays."""
        self._order, self._tile_m = order, tile_m
        self._select()

    def set_filter(self, filter: Filter) -> None:
        """Choose anew what is in the queue; the current candidate stays if it is in it, else the next
        undecided one is current.
        """
        self._filter = filter
        self._select()

    def set_second_look(self, uuids: Collection[str] | None) -> None:
        """Have the user look at these candidates as if nobody had (see `second_look.py`); None ends it."""
        self._second_look = None if uuids is None else frozenset(uuids)
        self._select()
        self.resume()

    def resume(self) -> Candidate | None:
        """Go where the user stopped: to the next undecided candidate after the last that he decided."""
        last = next((row for row in reversed(self._store.log.rows) if row.user == self._store.user), None)
        at = None
        if last is not None and last.candidate in self._store:
            at = self._at.get(self._store.index(last.candidate))
        self._current = self._undecided_after(-1 if at is None else at)
        if self._current is None and self._places:
            self._current = self._places[0 if at is None else at]
        return self.current

    def go_to(self, uuid: str) -> Candidate | None:
        """Make a candidate current, if it is in the queue; return the current one."""
        place = self._store.index(uuid)
        if place in self._at:
            self._current = place
        return self.current

    def next_undecided(self) -> Candidate | None:
        """Go to the next undecided candidate, from the end on to the beginning; None, and no move, where all
        are decided.
        """
        found = self._undecided_after(self._start())
        if found is None:
            return None
        self._current = found
        return self.current

    def skip(self) -> Candidate | None:
        """Go to the next candidate, decided or not, from the last to the first."""
        return self._move(1)

    def previous(self) -> Candidate | None:
        """Go to the candidate before, decided or not, from the first to the last."""
        return self._move(-1)

    def upcoming(self, n: int) -> list[Candidate]:
        """Return up to n candidates that `next_undecided` will come to, for prefetching."""
        found: list[Candidate] = []
        start = self._start()
        for step in range(1, len(self._places)):
            if len(found) == n:
                break
            at = (start + step) % len(self._places)
            if self._counting(self._places[at]) is None:
                found.append(self._store.candidates[self._places[at]])
        return found

    def progress(self) -> Progress:
        """Return how far one is, per class, and how fast; cheap to ask after every decision."""
        if self._tally is None:
            self._tally = Tally(self._store, self._places, self.viewer)
        return self._tally.progress()

    def _select(self) -> None:
        """Fill the queue; the order of all is kept, so that a filter costs no sorting."""
        store = self._store
        key = self._order, self._tile_m if self._order is Order.TILE else 0.0
        if key not in self._arranged:
            self._arranged[key] = arrange(store.candidates, self._order, tile_m=self._tile_m)
        places: list[int] = self._arranged[key]
        if self._second_look is not None:
            chosen = self._second_look
            places = [place for place in places if store.candidates[place].uuid in chosen]
        uuids = (store.candidates[place].uuid for place in places)
        counting = store.log.all_counting(self.viewer, uuids)
        self._places = self._filter.select(store.candidates, places, counting)
        self._at = {place: at for at, place in enumerate(self._places)}
        self._tally = None
        if self._current not in self._at:
            self._current = self._undecided_after(-1)
            if self._current is None and self._places:
                self._current = self._places[0]

    def _counting(self, place: int) -> Decision | None:
        return self._store.log.counting(self._store.candidates[place].uuid, self.viewer)

    def _start(self) -> int:
        return -1 if self._current is None else self._at[self._current]

    def _undecided_after(self, at: int) -> int | None:
        """Return the place of the first undecided candidate behind a position, going round to itself."""
        n = len(self._places)
        behind = (self._places[(at + step) % n] for step in range(1, n + 1))
        return next((place for place in behind if self._counting(place) is None), None)

    def _move(self, step: int) -> Candidate | None:
        if self._current is not None:
            self._current = self._places[(self._at[self._current] + step) % len(self._places)]
        return self.current
