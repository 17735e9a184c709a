"""What a review says of the flags: how many of them were right, by kind, class and score, how fast it went,
and where reviewers differ, be it in copies of a file or in a second look (a random share of what was
decided, shown to a colleague who does not see how).

Reviewed candidates are no probability sample of the map: nothing here estimates the map's accuracy.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..i18n import tr
from .log import DecisionLog, state_of
from .records import UNDO, Candidate, Decision, Kind, ReviewClass, ReviewError, Verdict
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
    """Candidates of one kind and group, and what was decided of them. What is unsure is not judged."""

    kind: Kind
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
    def n_right(self) -> int:
        """Flags that were right: missed places that are really there, doubtful ones that are thrown out."""
        return self.n_thrown_out if self.kind is Kind.DOUBTFUL else self.n_accepted

    @property
    def n_thrown_out(self) -> int:
        """Candidates whose class is not there."""
        return self.n_rejected + self.n_reclassified

    @property
    def precision(self) -> float | None:
        """Share of the judged flags that were right, None where none was judged."""
        return self.n_right / self.n_judged if self.n_judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the precision, as if the judged were drawn at random from the group."""
        return wilson(self.n_right, self.n_judged) if self.n_judged else None


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


def count_flags(store: ReviewStore, candidates: Iterable[Candidate], name: str, kind: Kind) -> Flags:
    """Count the decisions on some candidates of a kind."""
    counts: Counter[str] = Counter(store.state(c.uuid).status for c in candidates)
    verdicts = (Verdict.ACCEPT, Verdict.REJECT, Verdict.RECLASSIFY, Verdict.UNSURE)
    return Flags(kind, name, sum(counts.values()), *(counts[verdict.value] for verdict in verdicts))


def flags_of(store: ReviewStore, kind: Kind) -> Flags:
    """Return all flags of a kind."""
    return count_flags(store, of_kind(store, kind), tr("all"), kind)


def of_kind(store: ReviewStore, kind: Kind) -> list[Candidate]:
    """Return the candidates of a kind."""
    return [candidate for candidate in store.candidates if candidate.kind == kind]


def flags_by_class(store: ReviewStore, kind: Kind) -> list[Flags]:
    """Return the flags of a kind by class, in the order of the flagged classes."""
    groups: dict[int, list[Candidate]] = {c.id: [] for c in store.flagged}
    names = {c.id: c.name for c in store.flagged}
    for candidate in of_kind(store, kind):
        groups.setdefault(candidate.class_id, []).append(candidate)
        names.setdefault(candidate.class_id, candidate.class_name)
    return [count_flags(store, group, names[id_], kind) for id_, group in groups.items()]


def flags_by_score(store: ReviewStore, kind: Kind, n_bins: int = 10) -> list[Flags]:
    """Return the flags of a kind by score in `n_bins` equal parts of 0 to 1, best first; nothing without
    scores.
    """
    bins: list[list[Candidate]] = [[] for _ in range(n_bins)]
    for candidate in of_kind(store, kind):
        if candidate.score is not None:
            bins[min(n_bins - 1, max(0, int(candidate.score * n_bins)))].append(candidate)
    if not any(bins):
        return []
    names = [f"{i / n_bins:.2g}–{(i + 1) / n_bins:.2g}" for i in range(n_bins)]
    return [count_flags(store, group, name, kind) for name, group in zip(names, bins)][::-1]


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


_COLUMNS = (
    *("candidate", "rank", "class_id", "class_name", "x", "y", "user", "decision", "to_class_id", "to_class"),
    *("time", "comment", "counts"),
)


@dataclass(frozen=True)
class Disagreement:
    """A candidate and the decisions on it that differ, oldest first; the one that `counts` is among them."""

    candidate: Candidate
    decisions: tuple[Decision, ...]
    counts: Decision


def disagreements(
    log: DecisionLog, candidates: Iterable[Candidate], copies: Sequence[DecisionLog] = ()
) -> list[Disagreement]:
    """Return the candidates on which the last words of any two users differ, in the given order.

    Args:
        log: all decisions.
        candidates: those to look at.
        copies: the logs that were merged into `log`: where the last words of two of them differ, and neither
            copy knew the other's, that is listed, too, even if one user spoke both.
    """
    found = []
    for candidate in candidates:
        standing = log.standing(candidate.uuid)
        if not standing:
            continue
        last = {row.user: row for row in standing}
        said = {row.uuid: row for row in (*last.values(), *_unaware(candidate.uuid, log, copies))}
        if len({_outcome(row, candidate) for row in said.values()}) > 1:
            rows = tuple(sorted(said.values(), key=lambda row: row.id))
            found.append(Disagreement(candidate, rows, standing[-1]))
    return found


def outcome_name(decision: Decision, names: dict[int, str]) -> str:
    """Return what a decision comes to: accept, reject, unsure, or the name of the class put there."""
    if decision.decision == Verdict.RECLASSIFY:
        return names.get(int(decision.class_id or 0), str(decision.class_id))
    return decision.decision


def disagreements_csv(found: Iterable[Disagreement], classes: Iterable[ReviewClass]) -> str:
    """Return a CSV table, one row per decision."""
    names = {c.id: c.name for c in classes}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in found:
        c = item.candidate
        for row in item.decisions:
            final = state_of(row, c.class_id).final_class_id
            to_class = ("", "") if final is None else (final, names.get(final, ""))
            place = (c.uuid, c.rank, c.class_id, c.class_name, c.x, c.y)
            counts = int(row.uuid == item.counts.uuid)
            writer.writerow([*place, row.user, row.decision, *to_class, row.time, row.comment or "", counts])
    return text.getvalue()


def _unaware(uuid: str, log: DecisionLog, copies: Sequence[DecisionLog]) -> list[Decision]:
    """Return the last words of copies that did not know of another copy's, but what was taken back."""
    last = [(copy, copy.counting(uuid)) for copy in copies]
    unaware: list[Decision] = []
    for (one, mine), (other, theirs) in combinations(last, 2):
        if mine is None or theirs is None or other.get(mine.uuid) or one.get(theirs.uuid):
            continue
        pair = [log.get(row.uuid) for row in (mine, theirs) if not log.is_undone(row.uuid)]
        unaware.extend(row for row in pair if row is not None)
    return unaware


def _outcome(decision: Decision, candidate: Candidate) -> tuple[str, int | None]:
    return decision.decision, state_of(decision, candidate.class_id).final_class_id


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
