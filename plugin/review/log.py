"""The log of decisions in memory, replayed to the state of every candidate exactly as the view `review` of
`resources/schema/review.sql` does it. Reading and writing the file lives in `store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .records import NOTHING_DECIDED, UNDO, Decision, State, Verdict


class DecisionLog:
    """Decisions in the order of their ids. Rows are only ever added."""

    def __init__(self, rows: Iterable[Decision] = ()) -> None:
        #: All, oldest first; do not change it.
        self.rows: list[Decision] = []
        self._by_uuid: dict[str, Decision] = {}
        self._made: dict[str, list[Decision]] = {}
        self._undone: set[str] = set()
        #: What `counting` says for all users, kept: filters ask for it 100,000 times.
        self._counting: dict[str, Decision] = {}
        self.add(rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def last_id(self) -> int:
        """Id of the newest row, 0 without rows."""
        return self.rows[-1].id if self.rows else 0

    def add(self, rows: Iterable[Decision]) -> None:
        """Append rows; their ids grow."""
        for row in rows:
            self.rows.append(row)
            self._by_uuid[row.uuid] = row
            if row.decision == UNDO:
                self._undone.add(str(row.undoes))
                self._forget(self._by_uuid.get(str(row.undoes)))
            else:
                self._made.setdefault(row.candidate, []).append(row)
                if row.uuid not in self._undone:
                    self._counting[row.candidate] = row

    def get(self, uuid: str) -> Decision | None:
        """Return the decision of that uuid."""
        return self._by_uuid.get(uuid)

    def is_undone(self, uuid: str) -> bool:
        """Was the decision taken back?"""
        return uuid in self._undone

    def candidates(self) -> Iterable[str]:
        """Return the uuids of all candidates that were ever decided, whether or not that was taken back."""
        return self._made.keys()

    def standing(self, candidate: str) -> list[Decision]:
        """Return the decisions on a candidate that were not taken back, the one that counts last."""
        made = self._made.get(candidate)
        return [row for row in made if row.uuid not in self._undone] if made else []

    def counting(self, candidate: str, user: str | None = None) -> Decision | None:
        """Return the decision that counts: the last that was not taken back, of this user if one is named."""
        if user is None:
            return self._counting.get(candidate)
        if candidate not in self._made:
            return None
        return next((row for row in reversed(self.standing(candidate)) if row.user == user), None)

    def all_counting(self, user: str | None, candidates: Iterable[str]) -> Mapping[str, Decision]:
        """Return the decisions that count by candidate: at least those of `candidates`, see `counting`."""
        if user is None:
            return self._counting
        found = ((uuid, self.counting(uuid, user)) for uuid in candidates)
        return {uuid: row for uuid, row in found if row is not None}

    def _forget(self, undone: Decision | None) -> None:
        """Let the decision before one that was taken back count, if there is any."""
        if undone is not None and self._counting.get(undone.candidate) is undone:
            del self._counting[undone.candidate]
            self._counting.update((row.candidate, row) for row in self.standing(undone.candidate)[-1:])


def state_of(decision: Decision | None, class_id: int) -> State:
    """Return the state that a decision gives a candidate flagged as `class_id`."""
    if decision is None:
        return NOTHING_DECIDED
    verdict = Verdict(decision.decision)
    final = {Verdict.ACCEPT: class_id, Verdict.RECLASSIFY: decision.class_id}.get(verdict)
    return State(verdict, final, decision)
