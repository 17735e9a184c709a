"""How far a reviewer is with the candidates of a queue, and how fast he goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from .records import UNDO
from .store import ReviewStore

#: Decisions that the present speed is measured over.
RECENT = 50


@dataclass(frozen=True)
class ClassProgress:
    """Of one flagged class: all candidates in the queue, and how many have which verdict (as text)."""

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
        classes: by class id, in order of the flagged classes.
        seconds_each: mean over the user's last 50 decisions, None before the first.
    """

    classes: Mapping[int, ClassProgress]
    seconds_each: float | None = None

    @property
    def n(self) -> int:
        """Candidates in the queue."""
        return sum(c.n for c in self.classes.values())

    @property
    def n_decided(self) -> int:
        """Candidates in it with a decision that counts."""
        return sum(c.n_decided for c in self.classes.values())

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
        self._class = {candidates[place].uuid: candidates[place].class_id for place in places}
        self._total = Counter(self._class.values())
        self._verdict: dict[str, str] = {}
        self._verdicts: dict[int, Counter[str]] = {id_: Counter() for id_ in self._total}
        self._n_seen = 0
        self._count(store.log.candidates())

    def progress(self) -> Progress:
        """Return the counts as they are now."""
        self._count(dict.fromkeys(row.candidate for row in self._store.log.rows[self._n_seen :]))
        ids = [*(c.id for c in self._store.flagged if c.id in self._total), *self._total]
        classes = {
            id_: ClassProgress(self._total[id_], {name: n for name, n in self._verdicts[id_].items() if n})
            for id_ in ids
        }
        return Progress(classes, self._seconds_each())

    def _count(self, changed: Iterable[str]) -> None:
        """Take in the present statuses of candidates whose decisions may have changed."""
        log = self._store.log
        here = [uuid for uuid in changed if uuid in self._class]
        counting = log.all_counting(self._user, here)
        for uuid in here:
            verdicts, before = self._verdicts[self._class[uuid]], self._verdict.pop(uuid, None)
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
