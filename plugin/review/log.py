"""The log of decisions in memory, replayed to the state of every candidate exactly as the view `review` of
`resources/schema/review.sql` does it. Reading and writing the file lives in `store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .records import NOTHING_DECIDED, UNDO, Decision, State, Verdict


class DecisionLog:
    """Decisions in the order of their ids. Rows are only ever added."""

    def __init__(self, rows: Iterable[Decision] = ()) -> None:
        #: All, oldest first; do not change it.
        self.rows: list[Decision] = []
        self._by_uuid: dict[str, Decision] = {}
        self._made: dict[str, list[Decision]] = {}
        self._undone: set[str] = set()
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
            else:
                self._made.setdefault(row.candidate, []).append(row)

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
        for row in reversed(self._made.get(candidate, ())):
            if row.uuid not in self._undone and (user is None or row.user == user):
                return row
        return None


def state_of(decision: Decision | None, class_id: int) -> State:
    """Return the state that a decision gives a candidate flagged as `class_id`."""
    if decision is None:
        return NOTHING_DECIDED
    verdict = Verdict(decision.decision)
    final = {Verdict.ACCEPT: class_id, Verdict.RECLASSIFY: decision.class_id}.get(verdict)
    return State(verdict, final, decision)
