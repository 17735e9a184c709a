import sys

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.boosting import MetaSettings, fit_boosting
from sklearn.ensemble import GradientBoostingClassifier
from support.meta import draw


def test_it_is_the_papers_classifier():
    table, targets, _ = draw(300)
    oracle = GradientBoostingClassifier(
        loss="exponential",
        n_estimators=27,
        max_depth=3,
        max_features=5,
        learning_rate=0.14,
        random_state=5,
    ).fit(table.values, targets)
    found = fit_boosting(table.values, targets, MetaSettings(seed=5)).raw(table.values)
    assert (found == oracle.decision_function(table.values)).all()


def test_the_variant_for_images_takes_few_features_and_15_stages():
    table, targets, _ = draw(300)
    model = fit_boosting(table.values[:, :3], targets, MetaSettings(kind="image"))
    assert (len(model.roots), model.n_features) == (15, 3)
    assert model.raw(table.values[:0, :3]).shape == (0,)


def test_one_seed_one_classifier():
    table, targets, _ = draw(300)
    one, two, other = (
        fit_boosting(table.values, targets, MetaSettings(seed=seed)).raw(table.values) for seed in (1, 1, 2)
    )
    assert (one == two).all() and (one != other).any()


def test_oversampling_evens_out_the_outcomes():
    pytest.importorskip("imblearn")
    table, targets, _ = draw(400)
    plain = fit_boosting(table.values, targets, MetaSettings())
    smote = fit_boosting(table.values, targets, MetaSettings(oversample=True))
    before, after = (model.raw(table.values) for model in (plain, smote))
    assert targets.mean() < 0.4
    assert after.mean() > before.mean()
    assert smote.start == pytest.approx(0)
    again = fit_boosting(table.values, targets, MetaSettings(oversample=True))
    assert (after == again.raw(table.values)).all()


def test_oversampling_says_what_it_needs(monkeypatch):
    table, targets, _ = draw(40)
    settings = MetaSettings(oversample=True)
    with pytest.raises(InputError, match="two candidates of each outcome"):
        fit_boosting(table.values, np.arange(40) == 3, settings)
    monkeypatch.setitem(sys.modules, "imblearn.over_sampling", None)
    with pytest.raises(InputError, match="imbalanced-learn"):
        fit_boosting(table.values, targets, settings)


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="'forest'"):
        MetaSettings(kind="forest")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="2 folds"):
        MetaSettings(folds=1)
