"""`plugin/review/facts.py`: numbers said in words, and colours that can be read."""

import pytest
from mce_landcover.plugin.review import facts as words
from mce_landcover.plugin.review.queue import ClassProgress, Progress
from mce_landcover.plugin.review.records import NOTHING_DECIDED, Candidate, Verdict
from mce_landcover.plugin.review.widgets import readable_on
from qgis.PyQt.QtGui import QColor

CANDIDATE = Candidate(
    *(
        1,
        "u",
        3,
        "large blocks",
        100.0,
        0.725,
        4,
        5,
        "scree",
        0.5,
        0.7,
        0.4,
        1,
        "tail",
        0.25,
        0,
        0,
        0,
        0,
        "run",
    )
)


def test_probabilities_come_from_margin_and_variation():
    first, second = 0.6, 0.3
    candidate = CANDIDATE._replace(margin=1 - first + second, variation=1 - first)
    assert words.chance_words(candidate) == (
        "If it were no rarer than others: large blocks 60%, the next class 30%."
    )


def test_doubt_grows_with_the_entropy():
    said = [words.doubt_words(entropy) for entropy in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert len(set(said)) == 4 and said[3] == said[4] and "quite sure" in said[0]


def test_score_is_a_probability_or_missing():
    assert "72%" in words.score_words(CANDIDATE)
    assert "without a meta classifier" in words.score_words(CANDIDATE._replace(score=None))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a minute"),
        (29, "less than a minute"),
        (89, "1 min"),
        (3599, "1 h 0 min"),
        (5400, "1 h 30 min"),
    ],
)
def test_durations(seconds, text):
    assert words.duration_words(seconds) == text


def test_speed_says_what_is_left():
    progress = Progress({3: ClassProgress(130, {"accept": 10})}, seconds_each=6.0)
    assert words.speed_words(progress) == "10.0 a minute, 12 min left"
    assert "first decision" in words.speed_words(Progress({3: ClassProgress(9, {})}))


def test_every_status_has_a_name():
    names = {words.short_status(verdict) for verdict in (None, *Verdict)}
    assert len(names) == 5
    assert words.status_words(NOTHING_DECIDED, "") == "Undecided"


def luminance(color):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


@pytest.mark.parametrize(
    "color", ["#000000", "#ffffff", "#d7301f", "#f768a1", "#2d6a35", "#d6f0fa", "#777777"]
)
def test_signs_on_colours_have_the_contrast_of_wcag(color):
    """At least 4.5:1, which one of black and white always has."""
    below, sign = luminance(QColor(color)), luminance(readable_on(QColor(color)))
    high, low = max(below, sign), min(below, sign)
    assert (high + 0.05) / (low + 0.05) >= 4.5
