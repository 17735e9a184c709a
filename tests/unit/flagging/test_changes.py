import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.changes import AppliedDecision, Changes, change_log, decide
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.review import Review
from mce_landcover.core.mapping.record import RunRecord
from mce_landcover.core.model.classes import load_catalogue
from rasterio.crs import CRS
from support.run import run_record

CLASSES = load_catalogue()


def review(states=(), final=(), scores=(), **run) -> Review:
    """Return candidates of class 3 in order of rank."""
    n = len(states)
    columns = {
        "uuid": np.array([f"u{i}" for i in range(n)], object),
        "class_id": np.full(n, 3),
        "score": np.array(scores, float) if len(scores) else np.full(n, np.nan),
        "rank": np.arange(1, n + 1),
        "x": np.arange(n) + 0.5,
        "y": np.arange(n) - 0.5,
    }
    log = {
        "user": np.array(["ann" if s != "undecided" else None for s in states], object),
        "time": np.array(["2026-01-01T00:00:00Z"] * n, object),
        "comment": np.array(['say "so", twice'] * n, object),
    }
    return Review(
        Path("c.gpkg"),
        columns,
        np.array(states, np.str_),
        np.array(final if len(final) else [3 if s == "accept" else -1 for s in states], np.int64),
        FeatureTable((), np.zeros((n, 0))),
        run,
        CRS.from_epsg(2056),
        log,
    )


STATES = ("accept", "reject", "reclassify", "unsure", "undecided")


def test_the_interpreter_decides():
    found = decide(review(STATES, [3, -1, 5, -1, -1]), CLASSES, "review")
    assert [(v.uuid, v.class_id, v.decided_by, v.decision, v.user) for v in found] == [
        ("u0", 3, "interpreter", "accept", "ann"),
        ("u2", 5, "interpreter", "reclassify", "ann"),
    ]


def test_the_classifier_decides_by_price():
    given_ = review(["undecided"] * 4, scores=[0.9, 0.5, 0.25, 0.1])
    assert [v.uuid for v in decide(given_, CLASSES, "classifier")] == ["u0", "u1"]
    assert [v.uuid for v in decide(given_, CLASSES, "classifier", 3)] == ["u0", "u1", "u2"]
    assert [v.uuid for v in decide(given_, CLASSES, "classifier", 0)] == []
    flagged = replace(given_, run={"accepted_per_find": 9.0})
    assert len(decide(flagged, CLASSES, "classifier")) == 4
    assert {v.decided_by for v in decide(flagged, CLASSES, "classifier", 1)} == {"classifier"}


def test_the_interpreters_word_stands_before_the_classifiers():
    found = decide(review(STATES, [3, -1, 5, -1, -1], [0.9] * 5), CLASSES, "both")
    assert [(v.uuid, v.decided_by) for v in found] == [
        ("u0", "interpreter"),
        ("u2", "interpreter"),
        ("u4", "classifier"),
    ]
    assert [v.uuid for v in decide(review(STATES, scores=[0.9] * 5), CLASSES, "classifier")] == [
        f"u{i}" for i in range(5)
    ]


def test_nobody_who_decided_is_said():
    with pytest.raises(InputError, match=r"c\.gpkg has no decisions"):
        decide(review(["undecided"] * 2), CLASSES, "review")
    with pytest.raises(InputError, match="no decisions"):
        decide(review(), CLASSES, "review")
    with pytest.raises(InputError, match="have no scores"):
        decide(review(["undecided"]), CLASSES, "classifier")
    with pytest.raises(InputError, match="'me'"):
        decide(review(), CLASSES, "me")  # type: ignore[arg-type]
    assert decide(review(), CLASSES, "classifier") == []


def test_a_class_that_the_map_does_not_have_is_refused():
    with pytest.raises(InputError, match="class 77"):
        decide(review(["reclassify"], [77]), CLASSES, "review")


@given(
    arrays(np.int32, (5, 6), elements=st.integers(0, 3)),
    arrays(np.uint8, (5, 6), elements=st.sampled_from([1, 3, 5, 7])),
    st.integers(1, 4),
)
def test_counts_are_those_of_single_pixels(numbers, old, cut):
    changes = Changes([AppliedDecision(f"u{i}", class_id, "x", "y") for i, class_id in enumerate((3, 5, 3))])
    changes.count(numbers[:cut], old[:cut])
    changes.count(numbers[cut:], old[cut:])
    expected: dict[tuple[str, int], int] = {}
    for n, was in zip(numbers.ravel().tolist(), old.ravel().tolist(), strict=True):
        if n and was != (3, 5, 3)[n - 1]:
            expected[f"u{n - 1}", was] = expected.get((f"u{n - 1}", was), 0) + 1
    found = {(v.uuid, was): n for v, replaced in changes.rows() for was, n in replaced.items()}
    assert found == expected
    assert changes.n_pixels == sum(expected.values())


def test_the_log_has_a_row_for_every_class_replaced(tmp_path):
    record = RunRecord.model_validate(run_record(tmp_path))
    given_ = review(["accept", "reclassify", "accept"], [3, 5, 3], [0.75, 0.5, 0.25])
    verdicts = decide(given_, CLASSES, "review")
    changes = Changes(verdicts)
    changes.count(np.array([[1, 1, 2, 0]], np.int32), np.array([[5, 7, 1, 1]], np.uint8))
    rows = list(csv.DictReader(io.StringIO(change_log(changes, given_, record))))
    assert [(r["uuid"], r["from_class_id"], r["to_class_id"], r["n_pixels"], r["area_m2"]) for r in rows] == [
        ("u0", "5", "3", "1", "0.25"),
        ("u0", "7", "3", "1", "0.25"),
        ("u1", "1", "5", "1", "0.25"),
        ("u2", "", "3", "0", "0.0"),
    ]
    assert rows[0]["from_class"] == "scree" and rows[0]["to_class"] == "large blocks"
    assert rows[0]["comment"] == 'say "so", twice' and rows[2]["score"] == "0.5"
    assert {r["decided_by"] for r in rows} == {"interpreter"}
