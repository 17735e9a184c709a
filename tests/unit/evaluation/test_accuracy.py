import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.evaluation.scores import confusion_matrix, scores
from sklearn import metrics

IDS = [1, 2, 4, 9]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 200))
def test_equals_scikit_learn(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice([*IDS, 0, 255], n).astype(np.uint8)
    predicted = rng.choice([*IDS, 255], n).astype(np.uint8)
    matrix = confusion_matrix(labels, predicted, IDS)
    counted = np.isin(labels, IDS) & np.isin(predicted, IDS)
    if not counted.any():
        assert matrix.sum() == 0
        return
    y, z = labels[counted], predicted[counted]
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(y, z, labels=IDS))
    got, present = scores(matrix), [i for i in IDS if (y == i).any()]
    where = [IDS.index(i) for i in present]
    assert got.overall == pytest.approx(metrics.accuracy_score(y, z))
    recalls = metrics.recall_score(y, z, labels=present, average=None, zero_division=0)
    np.testing.assert_allclose(got.recall[where], recalls)
    assert got.mean_recall == pytest.approx(recalls.mean())
    ious = metrics.jaccard_score(y, z, labels=present, average=None, zero_division=0)
    np.testing.assert_allclose(got.iou[where], ious)
    assert got.mean_iou == pytest.approx(ious.mean())
    precisions, _, f1s, _ = metrics.precision_recall_fscore_support(y, z, labels=present, zero_division=0)
    np.testing.assert_allclose(got.precision[where], precisions)
    np.testing.assert_allclose(got.f1[where], f1s)
    assert (got.mean_precision, got.mean_f1) == pytest.approx((precisions.mean(), f1s.mean()))


def test_matrices_of_parts_add_up() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 10, (2, 40, 30)).astype(np.uint8)
    parts = confusion_matrix(labels[:17], predicted[:17], IDS) + confusion_matrix(
        labels[17:], predicted[17:], IDS
    )
    np.testing.assert_array_equal(parts, confusion_matrix(labels, predicted, IDS))


def test_rows_are_labels() -> None:
    matrix = confusion_matrix(np.array([1, 1, 2]), np.array([2, 2, 2]), [1, 2])
    assert matrix.tolist() == [[0, 2], [0, 1]]


def test_absent_classes_count_in_no_mean() -> None:
    matrix = np.array([[8, 2, 0], [0, 0, 0], [5, 0, 5]])
    got = scores(matrix, ["head", "tail", "body"])
    assert got.recall.tolist() == pytest.approx([0.8, np.nan, 0.5], nan_ok=True)
    assert got.mean_recall == pytest.approx(0.65)
    assert got.groups == pytest.approx({"head": 0.8, "tail": np.nan, "body": 0.5}, nan_ok=True)
    assert got.iou == pytest.approx([8 / 15, np.nan, 0.5], nan_ok=True)


def test_paper_convention_gives_the_printed_mean_of_mce_3() -> None:
    """Table I: head 89.3, body 72.8, tail 62.0 over 4, 3 and 2 classes, printed mAcc 70.0."""
    recall = [893] * 4 + [728] * 3 + [620] * 2
    matrix = np.diag(recall).astype(np.int64)
    matrix[:, 0] += 1000 - np.array(recall)
    matrix[0] = [893, 107, *[0] * 7]
    groups = ["head"] * 4 + ["body"] * 3 + ["tail"] * 2
    assert scores(matrix, groups).mean_recall == pytest.approx(0.777, abs=5e-4)
    paper = scores(matrix, groups, paper_convention=True)
    assert paper.mean_recall == pytest.approx(0.700, abs=1e-3)
    assert paper.groups == pytest.approx({"head": 0.893, "body": 0.728, "tail": 0.62})


def test_nothing_labelled_gives_no_numbers_and_plain_json() -> None:
    got = scores(np.zeros((2, 2), np.int64), ["head", "tail"])
    assert np.isnan([got.overall, got.mean_recall, got.mean_iou]).all()
    text = json.dumps(got.as_json(["a", "b"]), allow_nan=False)
    assert json.loads(text)["recall"] == {"a": None, "b": None}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        confusion_matrix(np.zeros(3, np.uint8), np.zeros(4, np.uint8), IDS)
    with pytest.raises(ValueError, match="2 groups given for 4 classes"):
        scores(np.zeros((4, 4), np.int64), ["head", "tail"])
