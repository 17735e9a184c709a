"""`plugin/review/facts.py`: numbers said in words, and colours that can be read."""

import pytest
from mce_landcover.plugin.review import facts as words
from mce_landcover.plugin.review.queue import Group, GroupProgress, Progress
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
        "missed",
        3,
        "large blocks",
        None,
    )
)
DOUBTFUL = CANDIDATE._replace(
    kind="doubtful",
    bayes_class_id=3,
    bayes_class_name="large blocks",
    instead_class_id=1,
    instead_class_name="bedrock",
    expected_iou=0.35,
)
BLOCKS = Group("missed", 3)


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
    assert words.score_words(CANDIDATE) == "A missed place with a probability of 72%. Rank 4."
    assert words.score_words(DOUBTFUL) == "The map is wrong here with a probability of 72%. Rank 4."
    assert "without a meta classifier" in words.score_words(CANDIDATE._replace(score=None))


def test_the_question_and_what_comes_of_it_differ_by_kind():
    assert words.question_words(CANDIDATE) == "Was large blocks overlooked here?"
    assert words.effect_words(CANDIDATE) == ("becomes large blocks", "stays scree")
    assert words.change_words(CANDIDATE) == "in place of scree"
    assert words.question_words(DOUBTFUL) == "Is this really large blocks?"
    assert words.effect_words(DOUBTFUL) == ("keep", "becomes bedrock")
    assert words.change_words(DOUBTFUL) == "else mostly bedrock"
    assert "next best class, mostly bedrock" in words.effect_sentences(DOUBTFUL)[1]
    nobody_knows = DOUBTFUL._replace(instead_class_id=None, instead_class_name=None)
    assert words.effect_words(nobody_knows) == ("keep", "becomes the next best class")
    assert words.kind_name("missed") != words.kind_name("doubtful")


def test_evidence_is_what_makes_sense_for_the_kind():
    assert words.support_words(CANDIDATE) in words.evidence_words(CANDIDATE)
    said = words.evidence_words(DOUBTFUL)
    assert "Expected overlap with the true place (IoU): 35%." in said
    assert not any("as probable as" in sentence or "equally probable" in sentence for sentence in said)
    unknown = DOUBTFUL._replace(expected_iou=None)
    assert not any("IoU" in sentence for sentence in words.evidence_words(unknown))


def test_decisions_are_counted_in_the_words_of_the_kind():
    part = GroupProgress(9, {"accept": 2, "reject": 3, "reclassify": 1, "unsure": 1})
    assert words.verdict_words("missed", part) == "missed: 2 found, 4 not"
    assert words.verdict_words("doubtful", part) == "doubtful: 2 kept, 4 thrown out"


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
    progress = Progress({BLOCKS: GroupProgress(130, {"accept": 10})}, seconds_each=6.0)
    assert words.speed_words(progress) == "10.0 a minute, 12 min left"
    assert "first decision" in words.speed_words(Progress({BLOCKS: GroupProgress(9, {})}))


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
