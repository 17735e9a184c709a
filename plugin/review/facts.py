"""What is shown of the current candidate, in words that a cartographer understands: what the map, its
metrics and each expert say. How it is shown is in `candidate_panel.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsGeometry, QgsRasterLayer

from ..i18n import tr
from .layers import RunFiles
from .queue import GroupProgress, Progress, ReviewQueue
from .records import Candidate, Kind, ReviewClass, State, Verdict
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


def kind_name(kind: str) -> str:
    """Return the name of the places of a kind, for filters and tables."""
    return tr("Doubtful places") if kind == Kind.DOUBTFUL else tr("Missed places")


def question_words(candidate: Candidate) -> str:
    """Return what the reviewer is asked."""
    text = tr("Is this really {}?") if candidate.is_doubtful else tr("Was {} overlooked here?")
    return text.format(candidate.class_name)


def effect_words(candidate: Candidate) -> tuple[str, str]:
    """Return in few words what to accept and what to reject does to the map."""
    if candidate.is_doubtful:
        return tr("keep"), tr("becomes {}").format(_instead(candidate))
    return tr("becomes {}").format(candidate.class_name), tr("stays {}").format(candidate.bayes_class_name)


def effect_sentences(candidate: Candidate) -> tuple[str, str]:
    """Return the same in a sentence each."""
    if candidate.is_doubtful:
        return (
            tr("The map is right: {} stays here.").format(candidate.class_name),
            tr("The map is wrong: each pixel takes its next best class, mostly {}.").format(
                _instead(candidate)
            ),
        )
    return (
        tr("The map missed it: {} is put here.").format(candidate.class_name),
        tr("The map is right: {} stays here.").format(candidate.bayes_class_name),
    )


def flag_words(candidate: Candidate) -> str:
    """Return the flagged class, and what makes the place a candidate."""
    text = tr("{}: doubtful, the map says so") if candidate.is_doubtful else tr("{}: perhaps missed")
    return text.format(candidate.class_name)


def change_words(candidate: Candidate) -> str:
    """Return which class would go, or come, if the candidate changed the map."""
    if candidate.is_doubtful:
        return tr("else mostly {}").format(_instead(candidate))
    return tr("in place of {}").format(candidate.bayes_class_name)


def _instead(candidate: Candidate) -> str:
    return candidate.instead_class_name or tr("the next best class")


def score_words(candidate: Candidate) -> str:
    """Return how likely the map is wrong at the place, or why nobody knows."""
    if candidate.score is None:
        return tr("No score: it was flagged without a meta classifier. Rank {}.").format(candidate.rank)
    if candidate.is_doubtful:
        text = tr("The map is wrong here with a probability of {:.0%}. Rank {}.")
    else:
        text = tr("A missed place with a probability of {:.0%}. Rank {}.")
    return text.format(candidate.score, candidate.rank)


def outline_words(candidate: Candidate) -> str:
    """Return how well the outline is expected to agree with the true one."""
    return tr("Expected overlap with the true place (IoU): {:.0%}.").format(candidate.expected_iou or 0.0)


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
    said = [doubt_words(candidate.entropy), chance_words(candidate)]
    if candidate.bayes_class_id != candidate.class_id:
        said.append(support_words(candidate))
    if candidate.expected_iou is not None:
        said.append(outline_words(candidate))
    return said


def expert_words(name: str, agrees: bool, class_name: str) -> str:
    """Return what one expert says."""
    text = tr("Expert {} sees {} here.") if agrees else tr("Expert {} does not see {} here.")
    return text.format(name, class_name)


def speed_words(progress: Progress) -> str:
    """Return how fast one is and how long it will take."""
    if progress.per_minute is None or progress.seconds_left is None:
        return tr("The speed is known after the first decision.")
    return tr("{:.1f} a minute, {} left").format(progress.per_minute, duration_words(progress.seconds_left))


def verdict_words(kind: str, progress: GroupProgress) -> str:
    """Return what was decided of a group, in numbers."""
    n = {verdict: progress.verdicts.get(verdict.value, 0) for verdict in Verdict}
    no = n[Verdict.REJECT] + n[Verdict.RECLASSIFY]
    text = tr("doubtful: {} kept, {} thrown out") if kind == Kind.DOUBTFUL else tr("missed: {} found, {} not")
    return text.format(n[Verdict.ACCEPT], no)


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
    """What is shown of a candidate: `place` of `n` in the queue, from 0; `status` is what was decided;
    `other` is the class that the candidate would take the place of, or that would take its place.
    """

    candidate: Candidate
    state: State
    status: str
    flagged: ReviewClass
    other: ReviewClass | None
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
        classes.get(current.instead_class_id if current.is_doubtful else current.bayes_class_id),
        opinions.of(current, queue.geometry(current.uuid)),
        queue.position or 0,
        len(queue),
    )
