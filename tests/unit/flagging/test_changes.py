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
from mce_landcover.core.flagging.changes import (
    ANY,
    INSTEAD,
    AppliedDecision,
    Changes,
    Prices,
    change_log,
    decide,
)
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.review import Review
from mce_landcover.core.mapping.record import RunRecord
from mce_landcover.core.model.classes import load_catalogue
from rasterio.crs import CRS
from support.run import run_record

CLASSES = load_catalogue()


def review(states=(), final=(), scores=(), kinds=(), drawn=(), **run) -> Review:
    """Return candidates of class 3 in order of rank; doubtful ones would mostly be 5."""
    n = len(states)
    columns = {
        "uuid": np.array([f"u{i}" for i in range(n)], object),
        "class_id": np.full(n, 3),
        "score": np.array(scores, float) if len(scores) else np.full(n, np.nan),
        "rank": np.arange(1, n + 1),
        "x": np.arange(n) + 0.5,
        "y": np.arange(n) - 0.5,
        "kind": np.array(kinds or ["missed"] * n, object),
        "instead_class_id": np.full(n, 5),
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
        np.array(drawn or [False] * n, np.bool_),
        log,
    )


def nobody(old: np.ndarray) -> np.ndarray:
    raise AssertionError("no class is looked for")


STATES = ("accept", "reject", "reclassify", "unsure", "undecided")


def test_the_interpreter_decides():
    found = decide(review(STATES, [3, -1, 5, -1, -1]), CLASSES, "review")
    assert [(v.uuid, v.class_id, v.decided_by, v.decision, v.note.user) for v in found] == [
        ("u0", 3, "interpreter", "accept", "ann"),
        ("u2", 5, "interpreter", "reclassify", "ann"),
    ]


def test_the_classifier_decides_by_price():
    given_ = review(["undecided"] * 4, scores=[0.9, 0.5, 0.25, 0.1])
    assert [v.uuid for v in decide(given_, CLASSES, "classifier")] == ["u0", "u1"]
    assert [v.uuid for v in decide(given_, CLASSES, "classifier", Prices(3))] == ["u0", "u1", "u2"]
    assert [v.uuid for v in decide(given_, CLASSES, "classifier", Prices(0))] == []
    flagged = replace(given_, run={"accepted_per_find": 9.0})
    assert len(decide(flagged, CLASSES, "classifier")) == 4
    assert {v.decided_by for v in decide(flagged, CLASSES, "classifier", Prices(1))} == {"classifier"}


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
    changes = Changes(
        [AppliedDecision(f"u{i}", class_id, "x", "y", class_id) for i, class_id in enumerate((3, 5, 3))]
    )
    changed = [changes.changed(numbers[rows], old[rows], nobody) for rows in (slice(cut), slice(cut, None))]
    assert (np.concatenate(changed) == np.where(numbers > 0, np.array([0, 3, 5, 3])[numbers], old)).all()
    expected: dict[tuple[str, int], int] = {}
    for n, was in zip(numbers.ravel().tolist(), old.ravel().tolist(), strict=True):
        if n and was != (3, 5, 3)[n - 1]:
            expected[f"u{n - 1}", was] = expected.get((f"u{n - 1}", was), 0) + 1
    found = {(v.uuid, was): n for v, replaced in changes.rows() for (was, _), n in replaced.items()}
    assert found == expected
    assert changes.n_pixels == sum(expected.values())


def test_the_log_has_a_row_for_every_class_replaced(tmp_path):
    record = RunRecord.model_validate(run_record(tmp_path))
    given_ = review(["accept", "reclassify", "accept"], [3, 5, 3], [0.75, 0.5, 0.25])
    verdicts = decide(given_, CLASSES, "review")
    changes = Changes(verdicts)
    changes.changed(np.array([[1, 1, 2, 0]], np.int32), np.array([[5, 7, 1, 1]], np.uint8), nobody)
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


def doubtful(**changes) -> Review:
    return review(STATES, [3, -1, 7, -1, -1], kinds=["doubtful"] * 5, **changes)


def test_a_rejected_doubtful_place_takes_what_it_would_be_instead():
    found = decide(doubtful(), CLASSES, "review")
    assert [(d.uuid, d.class_id, d.only_id, d.fallback_id, d.original) for d in found] == [
        ("u2", 7, 3, 7, False),
        ("u1", INSTEAD, 3, 5, False),
    ]


def test_a_place_is_where_the_reviewer_drew_it_and_no_longer_where_the_map_had_it():
    found = decide(doubtful(drawn=[True] * 5), CLASSES, "review")
    assert [(d.uuid, d.class_id, d.only_id, d.original) for d in found] == [
        ("u0", 3, ANY, False),
        ("u2", 7, ANY, False),
        ("u0", INSTEAD, 3, True),
        ("u1", INSTEAD, 3, False),
        ("u2", INSTEAD, 3, True),
    ]


@pytest.mark.parametrize(("price", "n"), [(0, 3), (1, 2), (3, 1), (99, 0), (float("inf"), 0)])
def test_the_classifier_takes_out_what_is_false_at_a_price(price, n):
    given_ = review(["undecided"] * 4, scores=[0.8, 0.6, 0.2, 0.0], kinds=["doubtful"] * 4)
    found = decide(given_, CLASSES, "classifier", Prices(kept_per_loss=price))
    assert [d.uuid for d in found] == [f"u{i}" for i in range(n)]
    assert {d.class_id for d in found} <= {INSTEAD} and all(d.original for d in found)


@given(
    arrays(np.int32, (5, 6), elements=st.integers(0, 2)),
    arrays(np.uint8, (5, 6), elements=st.sampled_from([1, 3, 5, 255])),
    arrays(np.uint8, (5, 6), elements=st.sampled_from([1, 7, 255])),
)
def test_pixels_of_the_class_change_one_by_one_and_no_others(numbers, old, best):
    """By single pixels: number 1 takes class 3 out, number 2 puts class 7 for it."""
    changes = Changes(
        [
            AppliedDecision("u0", INSTEAD, "x", "reject", fallback_id=5, only_id=3),
            AppliedDecision("u1", 7, "x", "reclassify", fallback_id=7, only_id=3),
        ]
    )

    def instead(asked: np.ndarray) -> np.ndarray:
        assert ((asked == 3) == ((numbers == 1) & (old == 3))).all() and set(asked.ravel()) <= {3, 255}
        return np.where(asked == 3, best, 255).astype(np.uint8)

    found = changes.changed(numbers, old, instead)
    for number, was, other, now in zip(
        *(a.ravel().tolist() for a in (numbers, old, best, found)), strict=True
    ):
        expected = {1: 5 if other == 255 else other, 2: 7}.get(number, was) if was == 3 else was
        assert now == expected
    assert changes.n_pixels == (found != old).sum()
