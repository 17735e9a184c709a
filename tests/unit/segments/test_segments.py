import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.segments.metrics import metric_names, segment_metrics
from mce_landcover.core.segments.stream import IGNORED
from support.segments import (
    assert_metrics,
    brute_heat,
    brute_labels,
    brute_rows,
    make_classes,
    make_probabilities,
)


def check(classes: np.ndarray, n_classes: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Compare labels and metrics with the restatement; return the metrics."""
    p = make_probabilities(classes, n_classes, seed)
    labels, metrics = segment_metrics(p, ignore=classes == IGNORED)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, brute_labels(classes))
    assert tuple(metrics) == metric_names(n_classes)
    assert all(column.dtype == np.float64 and column.shape == (labels.max(),) for column in metrics.values())
    assert_metrics(metrics, brute_rows(classes, brute_heat(p), n_classes))
    return metrics


@settings(deadline=None, max_examples=80)
@given(
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.05, 0.4]),
    st.integers(0, 10**6),
)
def test_agrees_with_the_definitions_on_random_scenes(shape, n_classes, patch, ignored, seed):
    check(make_classes(shape, n_classes, patch=patch, ignored=ignored, seed=seed), n_classes, seed)


@pytest.mark.parametrize("n_classes", [2, 19, 254])
def test_agrees_with_the_definitions_on_a_larger_scene(n_classes):
    check(make_classes((40, 33), n_classes, patch=3, ignored=0.02), n_classes)


def test_wide_rows_are_worked_one_at_a_time():
    check(make_classes((2, 20_000), 3, patch=50), 3)


def test_one_class_fills_the_raster():
    metrics = check(np.full((5, 7), 2, np.uint8), 4)
    assert metrics["S_in"][0] == metrics["S"][0] == 35
    assert metrics["S_bd"][0] == metrics["E_bd"][0] == metrics["M_var_bd"][0] == 0
    assert metrics["S_rel"][0] == metrics["S_rel_in"][0] == 35
    assert (metrics["row"][0], metrics["col"][0]) == (2, 3)
    assert all(metrics[f"neighbour_{c}"][0] == 0 for c in range(4))


def test_one_pixel():
    metrics = check(np.array([[1]], np.uint8), 3)
    assert metrics["S"][0] == metrics["S_in"][0] == 1
    assert metrics["E_var"][0] == 0


def test_a_network_of_one_class_has_no_entropy():
    labels, metrics = segment_metrics(np.ones((1, 3, 4), np.float32))
    assert (labels == 1).all()
    assert all(metrics[name][0] == 0 for name in ("E", "M", "V"))


def test_checkerboard_is_two_segments_joined_over_corners():
    metrics = check((np.indices((6, 8)).sum(axis=0) % 2).astype(np.uint8), 2)
    np.testing.assert_array_equal(metrics["class"], [0, 1])
    np.testing.assert_array_equal(metrics["S_bd"], [24, 24])
    np.testing.assert_array_equal(metrics["neighbour_1"], [1, 0])


def test_everything_ignored():
    metrics = check(np.full((4, 5), IGNORED, np.uint8), 3)
    assert all(column.size == 0 for column in metrics.values())


def test_ignored_pixels_make_boundary_and_count_in_the_denominator_only():
    classes = np.zeros((3, 5), np.uint8)
    classes[:, 3] = IGNORED
    classes[:, 4] = 1
    metrics = check(classes, 2)
    np.testing.assert_array_equal(metrics["S_bd"], [3, 3])
    np.testing.assert_array_equal(metrics["S_in"], [6, 0])
    classes[0, 3] = 1  # now 2 of the 7 pairs of the left segment are with class 1
    assert check(classes, 2)["neighbour_1"][0] == pytest.approx(2 / 7)


def test_the_raster_edge_alone_makes_no_boundary():
    classes = np.zeros((5, 5), np.uint8)
    classes[4, 4] = 1
    metrics = check(classes, 2)
    np.testing.assert_array_equal(metrics["S_bd"], [3, 1])


def test_segments_that_meet_late_have_one_number():
    """A U, a comb and a ring: their parts are joined below, to the left and around a hole."""
    classes = np.array(
        [
            [1, 0, 1, 0, 1],
            [1, 0, 1, 0, 1],
            [1, 1, 0, 1, 1],
            [0, 0, 0, 0, 0],
            [0, 2, 2, 2, 0],
            [0, 2, 0, 2, 0],
        ],
        np.uint8,
    )
    check(classes, 3)


def test_certain_pixels_have_no_entropy():
    p = np.zeros((3, 4, 4), np.float32)
    p[1] = 1
    _, metrics = segment_metrics(p)
    assert all(metrics[name][0] == 0 for name in ("E", "M", "V", "E_var", "E_rel"))


def test_equal_probabilities_give_the_first_class():
    labels, metrics = segment_metrics(np.full((4, 3, 3), 0.25, np.float32))
    assert labels.max() == 1
    assert metrics["class"][0] == 0
    assert metrics["E"][0] == pytest.approx(1)
    assert metrics["M"][0] == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tensors_and_other_float_types_give_the_same(dtype):
    p = make_probabilities(make_classes((9, 8), 4, patch=2), 4).astype(dtype)
    labels, metrics = segment_metrics(p)
    same_labels, same = segment_metrics(torch.from_numpy(p).requires_grad_(dtype != np.float16))
    as32_labels, as32 = segment_metrics(p.astype(np.float64))
    np.testing.assert_array_equal(labels, same_labels)
    np.testing.assert_array_equal(labels, as32_labels)
    for name, column in metrics.items():
        np.testing.assert_array_equal(column, same[name])
        np.testing.assert_array_equal(column, as32[name])


def test_float64_probabilities_are_compared_as_they_are():
    p = np.full((2, 1, 2), 0.5)
    p[1, 0, 1] += 1e-12
    assert segment_metrics(p)[1]["class"].tolist() == [0, 1]


def test_the_layout_in_memory_does_not_matter():
    p = make_probabilities(make_classes((9, 8), 4, patch=2), 4)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(p, 0, 2)), 2, 0)
    one, other = segment_metrics(p)[1], segment_metrics(last)[1]
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_equal_pixels_have_no_variance_and_never_a_negative_one():
    for n in range(1, 60):
        _, metrics = segment_metrics(np.full((3, 1, n), 1 / 3, np.float32) + np.float32(1e-4))
        for name in ("E_var", "M_var", "V_var", "V_var_in"):
            assert 0 <= metrics[name][0] < 1e-14


def test_ignored_pixels_may_hold_anything_without_a_warning(recwarn):
    p = good.copy()
    p[:, 1] = np.array([[np.inf, np.nan, 3e38, -1], [-np.inf, 2, 3e38, -3e38]])
    ignore = np.zeros((3, 4), np.bool_)
    ignore[1] = True
    _, metrics = segment_metrics(p, ignore=ignore)
    assert all(np.isfinite(column).all() for column in metrics.values())
    assert not recwarn.list


def test_the_input_is_left_as_it_is():
    p = make_probabilities(make_classes((9, 8), 3, ignored=0.2), 3)
    ignore = np.isnan(p[0])
    before = p.copy()
    segment_metrics(p, ignore=ignore)
    np.testing.assert_array_equal(p, before)


good = np.full((2, 3, 4), 0.5, np.float32)


@pytest.mark.parametrize(
    ("probabilities", "ignore", "words"),
    [
        (good[0], None, "shape"),
        (good[None], None, "shape"),
        (good[:, :0], None, "shape"),
        ((good * 100).astype(np.uint8), None, "type uint8"),
        (np.full((255, 2, 2), 1 / 255, np.float32), None, "255 classes"),
        ([[0.5], [0.5, 0.5]], None, "array"),
        (torch.full((2, 3, 4), 0.5, dtype=torch.bfloat16), None, "array"),
        (good, np.zeros((3, 5), np.bool_), "ignore mask"),
        (good, np.zeros((3, 4), np.uint8), "ignore mask"),
        (good * 2, None, "sum to 1"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(probabilities, ignore, words):
    with pytest.raises(InputError, match=words) as caught:
        segment_metrics(probabilities, ignore=ignore)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -0.5])
def test_a_bad_pixel_is_named_unless_it_is_ignored(bad):
    p = good.copy()
    p[0, 1, 2] = bad
    p[1, 1, 2] = 1 - bad
    with pytest.raises(InputError, match="row 1, column 2"):
        segment_metrics(p)
    ignore = np.zeros((3, 4), np.bool_)
    ignore[1, 2] = True
    labels, metrics = segment_metrics(p, ignore=ignore)
    assert labels[1, 2] == 0
    assert all(np.isfinite(column).all() for column in metrics.values())
