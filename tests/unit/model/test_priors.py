import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.decision import (
    AltitudePriors,
    interpolated,
    log_priors,
    position_priors,
    read_altitude_priors,
    weigh,
)

counts = st.lists(st.integers(0, 10**9), min_size=2, max_size=19).filter(any)
alphas = st.floats(0, 1)


@given(counts, alphas)
def test_priors_interpolate_between_bayes_and_maximum_likelihood(counts, alpha):
    found = log_priors(counts, alpha)
    for n, value in zip(counts, found, strict=True):
        if n:
            assert math.exp(value) == pytest.approx(1 - alpha + alpha * n / sum(counts))
        else:
            assert value == 0
    assert log_priors(counts, 0.0) == (0.0,) * len(counts)


@pytest.mark.parametrize("alpha", [-0.01, 1.01, float("nan")])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(InputError, match="Alpha"):
        log_priors([1, 2], alpha)
    with pytest.raises(InputError, match="Alpha"):
        interpolated(np.ones(2), alpha)


@given(arrays(np.float64, (4, 3, 2), elements=st.floats(0.01, 1)), alphas, st.booleans())
def test_weighing_against_bayes_theorem(raw, alpha, per_pixel):
    p = raw / raw.sum(axis=0)
    priors = np.array([0.7, 0.2, 0.0999, 0.0001])
    given_priors = np.broadcast_to(priors[:, None, None], p.shape) if per_pixel else priors
    found = weigh(p, given_priors, alpha)
    for row in range(3):
        for col in range(2):
            ratio = [p[c, row, col] / (1 - alpha + alpha * priors[c]) for c in range(4)]
            np.testing.assert_allclose(found[:, row, col], np.array(ratio) / sum(ratio), rtol=1e-12)
    in_torch = weigh(torch.from_numpy(p), torch.from_numpy(np.array(given_priors)), alpha)
    np.testing.assert_allclose(in_torch.numpy(), found, rtol=1e-12)
    if alpha == 0:
        np.testing.assert_allclose(found, p, rtol=1e-12)


def test_position_priors_without_smoothing_are_the_shares_at_each_pixel():
    frames = [np.array([[0, 1], [2, 9]]), np.array([[0, 0], [2, 9]]), np.array([[1, 0], [9, 9]])]
    found = position_priors(frames, 3, sigma_px=0, floor=1e-5)
    expected = np.array([[[2, 2], [0, 1]], [[1, 1], [0, 1]], [[0, 0], [2, 1]]], float)
    expected /= expected.sum(axis=0)  # where nothing was ever labelled, every class is as likely
    np.testing.assert_allclose(found, (expected + 1e-5) / (1 + 3e-5), rtol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.floats(0, 20), st.floats(1e-7, 1e-2))
def test_position_priors_are_positive_and_sum_to_one(seed, sigma, floor):
    frames = np.random.default_rng(seed).integers(0, 4, (3, 12, 9))
    found = position_priors(frames, 3, sigma_px=sigma, floor=floor)
    assert found.min() > 0
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-12)


def test_wide_smoothing_of_equal_frames_gives_the_global_priors():
    frame = np.random.default_rng(0).integers(0, 3, (8, 8))
    found = position_priors([frame], 3, sigma_px=500, floor=0)
    shares = np.bincount(frame.ravel(), minlength=3) / frame.size
    np.testing.assert_allclose(found, np.broadcast_to(shares[:, None, None], found.shape), atol=2e-3)


@pytest.mark.parametrize("frames", [[], [np.zeros((2, 2), int), np.zeros((2, 3), int)]])
def test_frames_that_fit_nothing_are_refused(frames):
    with pytest.raises(InputError, match="frame"):
        position_priors(frames, 2)


TABLE = "from_m,to_m,rock,ice\n500,2000,3,1\n2000,3000,1,1\n3000,4500,0.1,0.9\n"


def test_altitude_priors_are_looked_up_band_by_band(tmp_path):
    path = tmp_path / "priors.csv"
    path.write_text(TABLE)
    priors = read_altitude_priors(path, ["rock", "ice"])
    assert isinstance(priors, AltitudePriors)
    found = priors.at(np.array([[0.0, 1999.9, 2000.0], [2999, 3000, 9000]]))
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found[1], [[0.25, 0.25, 0.5], [0.5, 0.9, 0.9]])
    np.testing.assert_allclose(found.sum(axis=0), 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("from_m,to_m,rock\n1,2,3\n", "columns from_m, to_m, rock, ice"),
        ("from_m,to_m,rock,ice\n1,2,3,x\n", "needs a number"),
        ("from_m,to_m,rock,ice\n", "no altitude band"),
        ("from_m,to_m,rock,ice\n0,10,1,1\n11,20,1,1\n", "without gap"),
        ("from_m,to_m,rock,ice\n10,0,1,1\n", "without gap"),
        ("from_m,to_m,rock,ice\n0,10,1,0\n", "above 0"),
    ],
)
def test_tables_that_are_none_get_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "priors.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_altitude_priors(path, ["rock", "ice"])


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read"):
        read_altitude_priors(tmp_path / "none.csv", ["rock"])
