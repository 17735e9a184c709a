import numpy as np
import pytest
from mce_landcover.core.flagging.calibration import Calibration, expit, fit_calibration
from sklearn.linear_model import LogisticRegression


def test_the_curve_is_that_of_a_logistic_regression():
    random = np.random.default_rng(0)
    raw = random.normal(3, 2, 5000)
    targets = random.random(5000) < expit(1.7 * raw - 4)
    found = fit_calibration(raw, targets)
    # Softened targets as weights: each candidate counts as true and as false.
    soft = np.where(targets, (targets.sum() + 1) / (targets.sum() + 2), 1 / ((~targets).sum() + 2))
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.tile(raw, 2)[:, None], np.repeat([1, 0], 5000), np.concatenate([soft, 1 - soft])
    )
    assert found.slope == pytest.approx(oracle.coef_[0, 0], rel=1e-3)
    assert found.intercept == pytest.approx(oracle.intercept_[0], rel=1e-3)
    assert (found.slope, found.intercept) == pytest.approx((1.7, -4), rel=0.1)


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_the_unit_of_the_scores_does_not_matter(scale):
    random = np.random.default_rng(1)
    raw = random.normal(0, 1, 400)
    targets = random.random(400) < expit(raw)
    expected = fit_calibration(raw, targets)(raw)
    assert fit_calibration(scale * raw, targets)(scale * raw) == pytest.approx(expected, abs=1e-4)


def test_separable_scores_stay_finite_and_short_of_certain():
    raw, targets = np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True])
    p = fit_calibration(raw, targets)(raw)
    assert (np.diff(p) > 0).all() and p[0] > 0 and p[-1] < 1
    # Platt: the curve's mean over the true ones tends to (n + 1) / (n + 2).
    assert p[-1] < 0.9


def test_scores_worse_than_chance_say_the_share_of_true_ones():
    raw, targets = np.arange(10.0), np.arange(10) < 4
    found = fit_calibration(raw, targets)
    assert found.slope == 0
    assert found(raw) == pytest.approx(np.full(10, (4 * 5 / 6 + 6 / 8) / 10), abs=1e-4)


def test_equal_scores_and_extreme_ones():
    p = fit_calibration(np.zeros(8), np.arange(8) < 4)(np.zeros(8))
    assert p == pytest.approx(np.full(8, 0.5))
    assert Calibration(1, 0)(np.array([-1e9, 1e9])).tolist() == [0, 1]
