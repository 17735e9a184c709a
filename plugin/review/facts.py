"""Puts together what is shown of the current candidate. How it is shown is in `candidate_panel.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .words import status_words
from .expert_opinions import Opinion, Opinions
from .queue import ReviewQueue
from .records import Candidate, ReviewClass, State
from .store import ReviewStore


@dataclass(frozen=True)
class Facts:
    """What is shown of a candidate: `place` of `n` in the queue, from 0; `status` is what was decided."""

    candidate: Candidate
    state: State
    status: str
    flagged: ReviewClass
    mapped: ReviewClass | None
    opinions: Sequence[Opinion]
    place: int
    n: int


def gather_facts(store: ReviewStore, queue: ReviewQueue, opinions: Opinions, current: Candidate) -> Facts:
    """Return what is known of a candidate as the reviewer may see it; raise ReviewError if it was deleted."""
    classes = {c.id: c for c in store.classes}
    state = queue.state(current.uuid)
    final = classes.get(state.final_class_id) if state.final_class_id is not None else None
    return Facts(
        current,
        state,
        status_words(state, final.name if final else ""),
        classes[current.class_id],
        classes.get(current.bayes_class_id),
        opinions.of(current, queue.geometry(current.uuid)),
        queue.position or 0,
        len(queue),
    )
