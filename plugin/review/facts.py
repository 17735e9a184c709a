"""What is shown of the current candidate, in words that a cartographer understands: what the map, its
metrics and each expert say. How it is shown is in `panels.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsGeometry, QgsRasterLayer

from ..i18n import tr
from .layers import RunFiles
from .queue import Progress, ReviewQueue
from .records import Candidate, ReviewClass, State, Verdict
from .store import ReviewStore

#: Upper limits of the entropy (0 sure, 1 nothing known) for each of the words below.
_DOUBT_LIMITS = (0.25, 0.5, 0.75)


def status_words(state: State, class_name: str) -> str:
    """Return what was decided, and by whom; `class_name` is that of the final class."""
    words = {
        Verdict.ACCEPT: tr("Accepted"),
        Verdict.REJECT: tr("Rejected"),
        Verdict.RECLASSIFY: tr("Reclassified to {}").format(class_name),
        Verdict.UNSURE: tr("Unsure"),
    }
    if state.verdict is None or state.decision is None:
        return tr("Undecided")
    when = state.decision.time[:16].replace("T", " ")
    return tr("{} by {}, {} UTC").format(words[state.verdict], state.decision.user, when)


def short_status(verdict: Verdict | None) -> str:
    """Return the name of a status, for filters and tables."""
    return {
        None: tr("Undecided"),
        Verdict.ACCEPT: tr("Accepted"),
        Verdict.REJECT: tr("Rejected"),
        Verdict.RECLASSIFY: tr("Reclassified"),
        Verdict.UNSURE: tr("Unsure"),
    }[verdict]


def score_words(candidate: Candidate) -> str:
    """Return how likely the map missed the place, or why nobody knows."""
    if candidate.score is None:
        return tr("No score: it was flagged without a meta classifier. Rank {}.").format(candidate.rank)
    return tr("A missed place with a probability of {:.0%}. Rank {}.").format(candidate.score, candidate.rank)


def area_words(area_m2: float) -> str:
    """Return an area, and the side of a square of that size to imagine it by."""
    digits = 0 if area_m2 >= 10 else 1
    return tr("{} m², like a square of {:.0f} m").format(
        f"{area_m2:,.{digits}f}", max(1.0, math.sqrt(area_m2))
    )


def doubt_words(entropy: float) -> str:
    """Return how much the network doubts, from its mean entropy (0 to 1)."""
    words = (
        tr("The network is quite sure what it sees here."),
        tr("The network has some doubt what it sees here."),
        tr("The network doubts a lot what it sees here."),
        tr("The network hardly knows what it sees here."),
    )
    return words[sum(entropy >= limit for limit in _DOUBT_LIMITS)]


def chance_words(candidate: Candidate) -> str:
    """Return the mean probabilities of the flagged class and of the runner-up, rarity taken out.

    The margin is 1 - p1 + p2 and the variation ratio 1 - p1, so p2 is their difference.
    """
    first = 1 - candidate.variation
    second = max(0.0, candidate.margin - candidate.variation)
    return tr("If it were no rarer than others: {} {:.0%}, the next class {:.0%}.").format(
        candidate.class_name, first, second
    )


def support_words(candidate: Candidate) -> str:
    """Return how near the map was to saying so itself."""
    if candidate.support >= 0.995:
        return tr("For the map both were equally probable.")
    return tr("For the map {} was {:.0%} as probable as {}.").format(
        candidate.class_name, candidate.support, candidate.bayes_class_name
    )


def evidence_words(candidate: Candidate) -> list[str]:
    """Return what the metrics say, one sentence each."""
    return [doubt_words(candidate.entropy), chance_words(candidate), support_words(candidate)]


def expert_words(name: str, agrees: bool, class_name: str) -> str:
    """Return what one expert says."""
    text = tr("Expert {} sees {} here.") if agrees else tr("Expert {} does not see {} here.")
    return text.format(name, class_name)


def speed_words(progress: Progress) -> str:
    """Return how fast one is and how long it will take."""
    if progress.per_minute is None or progress.seconds_left is None:
        return tr("The speed is known after the first decision.")
    return tr("{:.1f} a minute, {} left").format(progress.per_minute, duration_words(progress.seconds_left))


def duration_words(seconds: float) -> str:
    """Return a time to wait, in the unit that fits."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return tr("less than a minute")
    if minutes < 60:
        return tr("{} min").format(minutes)
    return tr("{} h {} min").format(*divmod(minutes, 60))


@dataclass(frozen=True)
class Opinion:
    """One expert's. `says` is the class that it sees in the middle of the candidate, None if unknown."""

    expert: str
    agrees: bool
    says: ReviewClass | None


class Opinions:
    """Reads one pixel of each expert's raster; `experts` are their names in order."""

    def __init__(self, experts: Sequence[str], classes: Sequence[ReviewClass], files: RunFiles) -> None:
        self._experts = tuple(experts)
        self._classes: Mapping[int, ReviewClass] = {c.id: c for c in classes}
        self._rasters = [_open(files.roles.get(f"expert_{n}", [])) for n in range(1, len(experts) + 1)]

    def of(self, candidate: Candidate, outline: QgsGeometry) -> list[Opinion]:
        """Return the opinions in the experts' order; agreeing ones see the flagged class in most of it."""
        agreeing = set(candidate.experts.split(", ")) if candidate.experts else set()
        flagged = self._classes.get(candidate.class_id)
        opinions = []
        for name, raster in zip(self._experts, self._rasters):
            agrees = name in agreeing
            says = flagged if agrees else self._sample(raster, outline)
            # In the middle of a candidate that is mostly something else, the expert may see the class.
            opinions.append(Opinion(name, agrees, says if agrees or says != flagged else None))
        return opinions

    def _sample(self, raster: QgsRasterLayer | None, outline: QgsGeometry) -> ReviewClass | None:
        if raster is None:
            return None
        middle = outline.pointOnSurface()
        if middle.isEmpty():
            return None
        value, known = raster.dataProvider().sample(middle.asPoint(), 1)
        return self._classes.get(int(value)) if known else None


def _open(files: Sequence[Path]) -> QgsRasterLayer | None:
    if not files or not files[0].is_file():
        return None
    layer = QgsRasterLayer(str(files[0]), files[0].stem)
    return layer if layer.isValid() else None


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
