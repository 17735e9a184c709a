"""The first look at a review: a few candidates of each class and kind, spread over the ranks, so that one
sees early how bad it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..i18n import tr
from .records import Candidate, Kind
from .statistics import Flags, count_flags
from .store import ReviewStore

#: Candidates of each class and kind.
N_EACH = 20


def first_look(candidates: Iterable[Candidate], n: int = N_EACH) -> frozenset[str]:
    """Return the uuids of up to `n` of each class and kind, evenly spaced over their ranks.

    Each stands for an equal part of its group, in whose middle it is.

    Args:
        candidates: in order of rank.
        n: how many of each.
    """
    chosen: set[str] = set()
    for group in _grouped(candidates).values():
        size, wanted = len(group), min(n, len(group))
        chosen.update(group[(2 * i + 1) * size // (2 * wanted)].uuid for i in range(wanted))
    return frozenset(chosen)


def first_results(store: ReviewStore, uuids: frozenset[str]) -> list[Flags]:
    """Return what was decided of these candidates by class and kind, missed places first."""
    groups = _grouped(c for c in store.candidates if c.uuid in uuids)
    flagged = [(kind.value, c.id) for kind in Kind for c in store.flagged]
    keys = [key for key in dict.fromkeys((*flagged, *groups)) if key in groups]
    return [count_flags(store, groups[key], groups[key][0].class_name, Kind(key[0])) for key in keys]


def result_words(flags: Flags) -> str:
    """Return how many candidates of a class and kind were right."""
    if flags.kind is Kind.DOUBTFUL:
        text = tr("{}: of {} places of the map {} were right, {} false, {} unsure.")
    else:
        text = tr("{}: of {} places {} were overlooked, {} not, {} unsure.")
    return text.format(
        *(flags.name, flags.n_decided, flags.n_accepted),
        *(flags.n_thrown_out, flags.n_unsure),
    )


def _grouped(candidates: Iterable[Candidate]) -> dict[tuple[str, int], list[Candidate]]:
    groups: dict[tuple[str, int], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.kind, candidate.class_id), []).append(candidate)
    return groups
