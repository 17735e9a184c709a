"""The second look: a random share of what was decided comes back to a colleague, who does not see how;
and how far the two agree. The queue hides the first decisions, see `ReviewQueue.set_second_look`.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..i18n import tr
from .opinions import outcome_name
from .records import Candidate, Decision, ReviewError
from .statistics import wilson
from .store import ReviewStore


def draw_second_look(store: ReviewStore, share: float, seed: int = 0) -> list[str]:
    """Return the uuids of a random share, rounded up, of the candidates that somebody else decided first.

    The draw depends on the seed and the candidates alone: the user may stop and go on. Raises ReviewError for
    a share outside 0 to 1, or if nobody else has decided anything.
    """
    if not 0 < share <= 1:
        raise ReviewError(tr("The share of a second look must be more than 0 and at most 1."))
    theirs = [c.uuid for c in store.candidates if _first_by_another(store, c.uuid)]
    if not theirs:
        raise ReviewError(tr("Nobody but you has decided anything here: a second look is for a colleague."))
    theirs.sort(key=lambda uuid: hashlib.sha256(f"{seed}:{uuid}".encode()).digest())
    return theirs[: math.ceil(share * len(theirs))]


@dataclass(frozen=True)
class Agreement:
    """How far first and second decisions agree, on all candidates that two or more people decided.

    Attributes:
        n: pairs of a first decision and that of another person.
        n_same: of these, how many come to the same.
        confusion: their numbers by what the first and the second come to (`outcome_name`).
        pairs: candidate, first and second decision.
    """

    n: int
    n_same: int
    confusion: Mapping[tuple[str, str], int]
    pairs: tuple[tuple[Candidate, Decision, Decision], ...]

    @property
    def share(self) -> float | None:
        """Raw agreement, None without pairs. Kappa is left out: it rests on how often each verdict falls."""
        return self.n_same / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the agreement."""
        return wilson(self.n_same, self.n) if self.n else None

    @property
    def outcomes(self) -> list[str]:
        """What decisions came to, the most frequent first: rows and columns of the confusion."""
        counts: Counter[str] = Counter()
        for (first, second), n in self.confusion.items():
            counts[first] += n
            counts[second] += n
        return sorted(counts, key=lambda name: (-counts[name], name))


def measure_agreement(store: ReviewStore) -> Agreement:
    """Compare each person's last word on a candidate with that of whoever decided it first."""
    names = {c.id: c.name for c in store.classes}
    pairs = []
    confusion: Counter[tuple[str, str]] = Counter()
    for candidate in store.candidates:
        standing = store.log.standing(candidate.uuid)
        last = {row.user: row for row in standing}
        users = list(dict.fromkeys(row.user for row in standing))
        for user in users[1:]:
            first, second = last[users[0]], last[user]
            pairs.append((candidate, first, second))
            confusion[outcome_name(first, names), outcome_name(second, names)] += 1
    same = sum(n for (first, second), n in confusion.items() if first == second)
    return Agreement(len(pairs), same, dict(confusion), tuple(pairs))


def _first_by_another(store: ReviewStore, uuid: str) -> bool:
    standing = store.log.standing(uuid)
    return bool(standing) and standing[0].user != store.user
