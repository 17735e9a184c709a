from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.flagging.boosting import MetaSettings, fit_model
from mce_landcover.core.flagging.cross_validation import cross_validate, roc_auc
from mce_landcover.core.flagging.linear import EDGE, QUANTILES, STRENGTH, Linear, fit_linear, normal_scores
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from support.meta import draw, truth


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_ranks_are_those_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    values = random.gamma(1, 3, (200, 3))
    known = np.quantile(values, np.linspace(0, 1, QUANTILES), axis=0).T
    oracle = QuantileTransformer(n_quantiles=QUANTILES, subsample=None).fit(values)
    more = np.concatenate([values, random.normal(0, 9, (50, 3))])
    expected = norm.ppf(np.clip(oracle.transform(more), EDGE, 1 - EDGE))
    assert normal_scores(more, known) == pytest.approx(expected, abs=1e-6)


def test_equal_values_stand_in_the_middle_of_their_ranks():
    values = np.repeat([0.0, 1.0, 5.0], [30, 50, 20])[:, None]
    known = np.quantile(values, np.linspace(0, 1, QUANTILES), axis=0).T
    found = normal_scores(np.array([[0.0], [1.0], [5.0], [-7.0]]), known)[:, 0]
    assert norm.cdf(found) == pytest.approx([0.15, 0.55, 0.9, EDGE], abs=0.02)


def test_it_is_a_logistic_regression_of_standardised_scores():
    table, targets, _ = draw(400)
    found = fit_linear(table.values, targets)
    scores = normal_scores(table.values, found.quantiles)
    scaler = StandardScaler().fit(scores)
    oracle = LogisticRegression(C=STRENGTH, max_iter=3000).fit(scaler.transform(scores), targets)
    assert found.raw(table.values) == pytest.approx(
        oracle.decision_function(scaler.transform(scores)), abs=1e-6
    )
    assert found.importances().sum() == pytest.approx(1) and found.importances().argmax() == 0
    assert found.raw(table.values[:0]).shape == (0,)


def test_a_monotone_change_of_a_feature_changes_nothing():
    table, targets, _ = draw(300)
    warped = table.values.copy()
    warped[:, 0] = np.exp(3 * warped[:, 0])
    scores = [fit_linear(values, targets).raw(values) for values in (table.values, warped)]
    assert np.corrcoef(*scores)[0, 1] > 0.999


def test_it_knows_the_probability_of_what_it_has_not_seen():
    table, targets, groups = draw(3000)
    validation = cross_validate(table.values, targets, groups, MetaSettings(kind="linear"))
    assert validation.auc > 0.8
    assert roc_auc(targets, truth(table.values)) - validation.auc < 0.01
    assert np.abs(validation.scores - truth(table.values)).mean() < 0.05
    assert isinstance(fit_model(table.values, targets, MetaSettings(kind="linear")), Linear)


@pytest.mark.parametrize(
    "change",
    [
        {"start": np.nan},
        {"weights": np.array([1.0, np.inf])},
        {"weights": np.array([1.0])},
        {"quantiles": np.array([[0.0, 1.0], [1.0, 0.0]])},
        {"quantiles": np.zeros((2, 1))},
        {"quantiles": np.zeros(4)},
    ],
)
def test_what_contradicts_itself_is_not_sound(change):
    sound = Linear(0.5, np.array([1.0, -1.0]), np.array([[0.0, 1.0], [2.0, 2.0]]))
    assert sound.is_sound()
    assert not replace(sound, **change).is_sound()
