"""Says what is known of a candidate in words that a cartographer understands. Pure functions, no widgets."""

from __future__ import annotations

import math

from ..i18n import tr
from .progress import Progress
from .records import Candidate, State, Verdict

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
