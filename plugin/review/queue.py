"""The queue of a review: which candidate is looked at now, which come next, how far a reviewer is and how
fast. It writes nothing; decisions are made in `store.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from qgis.core import QgsGeometry

from .order import TILE_M, Filter, Order, arrange
from .records import UNDO, Candidate, Decision, Kind, State
from .store import ReviewStore

#: Decisions that the present speed is measured over.
RECENT = 50


class Group(NamedTuple):
    """The candidates of one kind (as text) and one flagged class."""

    kind: str
    class_id: int


@dataclass(frozen=True)
class GroupProgress:
    """Of one group: all its candidates in the queue, and how many have which verdict (as text)."""

    n: int
    verdicts: Mapping[str, int]

    @property
    def n_decided(self) -> int:
        """Candidates with a decision that counts."""
        return sum(self.verdicts.values())


@dataclass(frozen=True)
class Progress:
    """How far one is with the queue.

    Attributes:
        groups: missed places before doubtful ones, in order of the flagged classes.
        seconds_each: mean over the user's last 50 decisions, None before the first.
    """

    groups: Mapping[Group, GroupProgress]
    seconds_each: float | None = None

    @property
    def n(self) -> int:
        """Candidates in the queue."""
        return sum(g.n for g in self.groups.values())

    @property
    def n_decided(self) -> int:
        """Candidates in it with a decision that counts."""
        return sum(g.n_decided for g in self.groups.values())

    @property
    def per_minute(self) -> float | None:
        """Decisions a minute."""
        return 60 / self.seconds_each if self.seconds_each else None

    @property
    def seconds_left(self) -> float | None:
        """Time left for the undecided at the present speed."""
        return None if self.seconds_each is None else self.seconds_each * (self.n - self.n_decided)


class Tally:
    """Counts the statuses of the candidates at `places` in a store, and keeps the counts as the log grows.

    `user` names whose decisions are counted, None all.
    """

    def __init__(self, store: ReviewStore, places: Iterable[int], user: str | None) -> None:
        self._store, self._user = store, user
        candidates = store.candidates
        groups: dict[tuple[str, int], Group] = {}
        self._group: dict[str, Group] = {}
        for c in map(candidates.__getitem__, places):
            key = c.kind, c.class_id
            self._group[c.uuid] = groups.get(key) or groups.setdefault(key, Group(*key))
        self._total = Counter(self._group.values())
        self._verdict: dict[str, str] = {}
        self._verdicts: dict[Group, Counter[str]] = {group: Counter() for group in self._total}
        self._n_seen = 0
        self._count(store.log.candidates())

    def progress(self) -> Progress:
        """Return the counts as they are now."""
        self._count(dict.fromkeys(row.candidate for row in self._store.log.rows[self._n_seen :]))
        flagged = (Group(kind, c.id) for kind in Kind for c in self._store.flagged)
        groups = {
            group: GroupProgress(
                self._total[group], {name: n for name, n in self._verdicts[group].items() if n}
            )
            for group in (*flagged, *self._total)
            if group in self._total
        }
        return Progress(groups, self._seconds_each())

    def _count(self, changed: Iterable[str]) -> None:
        """Take in the present statuses of candidates whose decisions may have changed."""
        log = self._store.log
        here = [uuid for uuid in changed if uuid in self._group]
        counting = log.all_counting(self._user, here)
        for uuid in here:
            verdicts, before = self._verdicts[self._group[uuid]], self._verdict.pop(uuid, None)
            if before is not None:
                verdicts[before] -= 1
            decision = counting.get(uuid)
            if decision is not None:
                verdicts[decision.decision] += 1
                self._verdict[uuid] = decision.decision
        self._n_seen = len(log)

    def _seconds_each(self) -> float | None:
        mine = (
            row.seconds
            for row in reversed(self._store.log.rows)
            if row.user == self._store.user and row.seconds is not None and row.decision != UNDO
        )
        recent = list(islice(mine, RECENT))
        return sum(recent) / len(recent) if recent else None


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
        """Have the user look at these candidates as if nobody had (see `statistics.py`); None ends it."""
        self._second_look = None if uuids is None else frozenset(uuids)
        self._select()
        self.resume()

    def reload(self) -> None:
        """Read the candidates anew, whose scores and ranks have changed; the current one stays."""
        store, current = self._store, self.current
        store.reload_candidates()
        self._current = store.index(current.uuid) if current is not None and current.uuid in store else None
        self._arranged.clear()
        self._select()

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
