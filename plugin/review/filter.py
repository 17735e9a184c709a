"""Which candidates are looked at. How they follow each other is in `order.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .records import UNDECIDED, Candidate, Decision


@dataclass(frozen=True)
class Filter:
    """Every condition that is not None holds.

    Attributes:
        classes: ids of flagged classes.
        score: least and greatest score; candidates without one are left out.
        statuses: verdicts as text, and "undecided".
        extent: west, south, east, north of the centre, in the store's CRS.
        uuids: these candidates alone, for example those that a merge found disputed.
    """

    classes: frozenset[int] | None = None
    score: tuple[float, float] | None = None
    statuses: frozenset[str] | None = None
    extent: tuple[float, float, float, float] | None = None
    uuids: frozenset[str] | None = None

    def select(
        self, candidates: Sequence[Candidate], places: Iterable[int], counting: Mapping[str, Decision]
    ) -> list[int]:
        """Return those `places` in `candidates` that pass, in their order; `counting` are the decisions that
        count, by candidate.
        """
        chosen = list(places)
        if self.classes is not None:
            chosen = [i for i in chosen if candidates[i].class_id in self.classes]
        if self.score is not None:
            low, high = self.score
            scores = ((i, candidates[i].score) for i in chosen)
            chosen = [i for i, score in scores if score is not None and low <= score <= high]
        if self.extent is not None:
            west, south, east, north = self.extent
            centres = ((i, candidates[i].x, candidates[i].y) for i in chosen)
            chosen = [i for i, x, y in centres if west <= x <= east and south <= y <= north]
        if self.uuids is not None:
            chosen = [i for i in chosen if candidates[i].uuid in self.uuids]
        if self.statuses is not None:
            decisions = ((i, counting.get(candidates[i].uuid)) for i in chosen)
            chosen = [i for i, d in decisions if (UNDECIDED if d is None else d.decision) in self.statuses]
        return chosen
