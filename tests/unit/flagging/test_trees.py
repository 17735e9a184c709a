from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.flagging.trees import Trees
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from support.meta import draw


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
@settings(max_examples=15)
def test_they_are_scikit_learns(seed, depth, constant):
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=(80, 4)), 1)  # many ties, and values on thresholds
    targets = random.random(80) < 0.3
    targets[:2] = [True, False]
    if constant:
        values[:] = 0
    model = GradientBoostingClassifier(n_estimators=7, max_depth=depth, random_state=0).fit(values, targets)
    start = np.log(targets.mean() / (1 - targets.mean()))
    trees = Trees.from_sklearn(model, start)
    more = np.concatenate([values, random.normal(size=(40, 4)), np.full((1, 4), 1e30)])
    assert trees.raw(more) == pytest.approx(model.decision_function(more), abs=1e-12)
    assert trees.importances() == pytest.approx(model.feature_importances_, abs=1e-12)
    assert trees.is_sound()


def test_a_regression_is_scikit_learns_too():
    table, _, _ = draw(200)
    target = table.values[:, 0] ** 2
    model = GradientBoostingRegressor(n_estimators=9, random_state=0).fit(table.values, target)
    found = Trees.from_sklearn(model, float(target.mean())).raw(table.values)
    assert found == pytest.approx(model.predict(table.values), abs=1e-12)
    assert Trees.from_sklearn(model, 0.0).raw(table.values[:0]).shape == (0,)


@pytest.mark.parametrize(
    "change",
    [
        {"roots": np.array([0, 0])},
        {"roots": np.array([1])},
        {"roots": np.zeros(0, np.int64)},
        {"left": np.array([2, 0, 0, 0])},
        {"left": np.array([3, 0, 0])},
        {"right": np.array([0, 0, 0])},
        {"feature": np.array([2, -1, -1])},
        {"feature": np.array([-2, -1, -1])},
        {"threshold": np.array([np.nan, 0, 0])},
        {"value": np.array([0, np.inf, 0])},
        {"rate": np.nan},
        {"n_features": 0},
    ],
)
def test_what_cannot_be_walked_is_not_sound(change):
    sound = Trees(
        start=0.0,
        rate=0.1,
        n_features=2,
        roots=np.array([0]),
        feature=np.array([1, -1, -1]),
        threshold=np.array([0.5, 0, 0]),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        value=np.array([0, -1.0, 1.0]),
        gain=np.array([1.0, 0, 0]),
    )
    assert sound.is_sound() and sound.raw(np.array([[9, 0.5], [9, 0.6]])).tolist() == [-0.1, 0.1]
    assert not replace(sound, **change).is_sound()
