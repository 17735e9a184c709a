"""What a review says of the flags: how many of them were right, by class and by score, and how fast it went.

Reviewed candidates are no probability sample of the map: nothing here estimates the map's accuracy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .records import UNDO, Candidate, Verdict
from .store import ReviewStore

#: 97.5 % of the standard normal distribution lie below it.
_Z = 1.959963984540054


def wilson(n_true: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, `n` > 0 (Wilson 1927)."""
    share, z2 = n_true / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Flags:
    """Candidates of one group, and what was decided of them. What is unsure is not judged."""

    name: str
    n: int
    n_accepted: int
    n_rejected: int
    n_reclassified: int
    n_unsure: int

    @property
    def n_decided(self) -> int:
        """Candidates with a decision that counts."""
        return self.n_judged + self.n_unsure

    @property
    def n_judged(self) -> int:
        """Candidates of which it is known whether the flag was right."""
        return self.n_accepted + self.n_rejected + self.n_reclassified

    @property
    def precision(self) -> float | None:
        """Share of the judged flags whose class is really there, None where none was judged."""
        return self.n_accepted / self.n_judged if self.n_judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the precision, as if the judged were drawn at random from the group."""
        return wilson(self.n_accepted, self.n_judged) if self.n_judged else None


@dataclass(frozen=True)
class Pace:
    """How fast one user decided: `n` decisions, among them those taken back; `seconds` of the `n_timed` whose
    time is known; times of the first and the last in UTC.
    """

    user: str
    n: int
    n_timed: int
    seconds: float
    first: str
    last: str

    @property
    def per_minute(self) -> float | None:
        """Decisions a minute."""
        return 60 * self.n_timed / self.seconds if self.seconds > 0 else None


def count_flags(store: ReviewStore, candidates: Iterable[Candidate], name: str) -> Flags:
    """Count the decisions on some candidates."""
    counts: Counter[str] = Counter(store.state(c.uuid).status for c in candidates)
    verdicts = (Verdict.ACCEPT, Verdict.REJECT, Verdict.RECLASSIFY, Verdict.UNSURE)
    return Flags(name, sum(counts.values()), *(counts[verdict.value] for verdict in verdicts))


def flags_by_class(store: ReviewStore) -> list[Flags]:
    """Return the flags of each class, in the order of the flagged classes."""
    groups: dict[int, list[Candidate]] = {c.id: [] for c in store.flagged}
    names = {c.id: c.name for c in store.flagged}
    for candidate in store.candidates:
        groups.setdefault(candidate.class_id, []).append(candidate)
        names.setdefault(candidate.class_id, candidate.class_name)
    return [count_flags(store, group, names[id_]) for id_, group in groups.items()]


def flags_by_score(store: ReviewStore, n_bins: int = 10) -> list[Flags]:
    """Return the flags by score in `n_bins` equal parts of 0 to 1, best first; nothing without scores."""
    bins: list[list[Candidate]] = [[] for _ in range(n_bins)]
    for candidate in store.candidates:
        if candidate.score is not None:
            bins[min(n_bins - 1, max(0, int(candidate.score * n_bins)))].append(candidate)
    if not any(bins):
        return []
    names = [f"{i / n_bins:.2g}–{(i + 1) / n_bins:.2g}" for i in range(n_bins)]
    return [count_flags(store, group, name) for name, group in zip(names, bins, strict=True)][::-1]


def pace_by_user(store: ReviewStore) -> list[Pace]:
    """Return how fast each user decided, in the order in which they came."""
    made = [row for row in store.log.rows if row.decision != UNDO]
    found = []
    for user in dict.fromkeys(row.user for row in made):
        own = [row for row in made if row.user == user]
        timed = [row.seconds for row in own if row.seconds is not None]
        times = [row.time for row in own]
        found.append(Pace(user, len(own), len(timed), sum(timed), min(times), max(times)))
    return found
