from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mce_landcover.training.multilabel.metrics import (
    best_threshold,
    class_calibration,
    class_thresholds,
    multilabel_scores,
)
from numpy.typing import NDArray
from sklearn.metrics import f1_score, fbeta_score, precision_score, recall_score

pytestmark = pytest.mark.slow

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 5))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_equals_scikit_learn(data: st.DataObject, shape: tuple[int, int]) -> None:
    said, true = (data.draw(arrays(np.bool_, shape)) for _ in range(2))
    found = multilabel_scores(said, true)
    present = true.any(axis=0)
    np.testing.assert_array_equal(np.isnan(found.f1), ~present)
    columns = [(true[:, c], said[:, c]) for c in np.flatnonzero(present)]
    for got, pairs in ((found.macro, columns), (found.micro, [(true.ravel(), said.ravel())])):
        if not pairs:
            assert np.isnan(got.f1)
            continue
        for value, judge in (
            (got.precision, precision_score),
            (got.recall, recall_score),
            (got.f1, f1_score),
            (got.f2, partial(fbeta_score, beta=2)),
        ):
            assert value == pytest.approx(np.mean([judge(*pair, zero_division=0) for pair in pairs]))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_sample_averages(data: st.DataObject, shape: tuple[int, int]) -> None:
    """As scikit-learn's, but that nothing predicted where there is nothing counts as right."""
    said, true = (data.draw(arrays(np.bool_, shape)) for _ in range(2))
    got = multilabel_scores(said, true).samples
    f1 = []
    for row, own in zip(said, true, strict=True):
        total = row.sum() + own.sum()
        f1.append(2 * (row & own).sum() / total if total else 1.0)
    assert got.f1 == pytest.approx(np.mean(f1))


def test_json_rounds_and_names() -> None:
    labels = np.array([[True, False], [True, False], [True, False]])
    said = np.array([[True, False], [False, False], [False, True]])
    found = multilabel_scores(said, labels).as_json(["a", "b"])
    assert found["f1"] == {"a": 0.5, "b": None} and found["support"] == {"a": 3, "b": 0}
    assert found["micro"]["precision"] == 0.5 and found["macro"]["recall"] == 0.3333


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="not both"):
        multilabel_scores(np.zeros((2, 3), bool), np.zeros((3, 2), bool))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(1, 15))
def test_no_other_threshold_has_a_higher_f1(data: st.DataObject, n: int) -> None:
    scores = data.draw(arrays(np.float64, n, elements=st.integers(-4, 4).map(float)))
    labels = data.draw(arrays(np.bool_, n))

    def f1(threshold: float) -> float:
        return float(f1_score(labels, scores > threshold, zero_division=0))

    found = best_threshold(scores, labels)
    assert f1(found) == pytest.approx(max(f1(t) for t in np.arange(-5, 5, 0.5)))
    assert class_thresholds(scores[:, None], labels[:, None]) == [found]


def test_calibration_gives_frequencies() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(4000, 2)) * [1.0, 5.0]
    chance = 1 / (1 + np.exp(-(scores * [2.0, 0.1] + [-1.0, 0.5])))
    labels: NDArray[np.bool_] = rng.random(scores.shape) < chance
    for (slope, offset), expected in zip(
        class_calibration(scores, labels), [(2.0, -1.0), (0.1, 0.5)], strict=True
    ):
        assert (slope, offset) == pytest.approx(expected, abs=0.15)
