"""Where reviewers differ: candidates on which two people, or two copies of a file, decided differently."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from .log import DecisionLog, state_of
from .records import Candidate, Decision, ReviewClass, Verdict

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
