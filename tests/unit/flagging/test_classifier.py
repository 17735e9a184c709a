import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.classifier import (
    MetaClassifier,
    Origin,
    fit_classifier,
    fit_with_validation,
)
from mce_landcover.core.flagging.scorer import Examples, filled, medians
from support.meta import Table, draw, truth

SHA = "a" * 64


@pytest.fixture(scope="module")
def meta() -> MetaClassifier:
    return fit_classifier(*draw(6000), MetaSettings(), Origin((3, 4), SHA, 1.0))


def test_scores_are_reliable(meta):
    """Of unseen candidates with a score near p, a share p is true: within sampling error and 0.03."""
    table, targets, _ = draw(40_000, seed=9)
    scores = meta.score(table)
    edges = np.quantile(scores, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        held = (scores >= low) & (scores <= high)
        said, found = scores[held].mean(), targets[held].mean()
        assert abs(said - found) < 0.03 + 3 * math.sqrt(found * (1 - found) / held.sum())
    assert scores.mean() == pytest.approx(targets.mean(), abs=0.01)
    assert np.abs(scores - truth(table.values)).mean() < 0.05


def test_oversampling_leaves_the_scores_reliable():
    pytest.importorskip("imblearn")
    fitted = fit_classifier(*draw(6000), MetaSettings(oversample=True))
    table, targets, _ = draw(20_000, seed=3)
    assert fitted.score(table).mean() == pytest.approx(targets.mean(), abs=0.02)


def test_the_features_that_matter_come_first(meta):
    importances = meta.scorers["missed"].importances()
    assert list(importances)[:2] == ["a", "b"]
    assert sum(importances.values()) == pytest.approx(1)
    assert list(importances.values()) == sorted(importances.values(), reverse=True)


def test_it_remembers_what_it_is_for(meta):
    assert meta.origin == Origin((3, 4), SHA, 1.0)
    quality = meta.quality("missed")
    assert quality.n == 6000 and 0 < quality.n_real < 3000
    assert 0.8 < quality.auc < 0.9 and 0 < quality.auc_std < 0.05


def test_one_seed_one_classifier():
    drawn = draw(500)
    fitted = [fit_classifier(*drawn, MetaSettings(seed=seed)) for seed in (4, 4, 5)]
    one, two, other = (meta.score(drawn[0]) for meta in fitted)
    assert (one == two).all() and (one != other).any()


def test_features_are_found_by_name(meta):
    table, _, _ = draw(50, seed=2)
    order = [3, 0, 6, 1, 2, 5, 4]
    shuffled = Table(
        (*[table.names[i] for i in order], "extra"),
        np.column_stack([table.values[:, order], np.full(50, np.nan)]),
    )
    assert (meta.score(shuffled) == meta.score(table)).all()
    assert meta.score(Table(table.names, table.values[:0])).shape == (0,)


def test_missing_values_count_as_the_median(meta):
    table, _, _ = draw(50, seed=2)
    gaps, plugged = table.values.copy(), table.values.copy()
    gaps[:, 2], plugged[:, 2] = np.nan, meta.scorers["missed"].fill[2]
    assert (meta.score(Table(table.names, gaps)) == meta.score(Table(table.names, plugged))).all()


def test_a_feature_that_nobody_knows_is_harmless():
    table, targets, groups = draw(400)
    values = table.values.copy()
    values[:, 3] = np.nan
    fitted = fit_classifier(Table(table.names, values), targets, groups)
    scorer = fitted.scorers["missed"]
    assert scorer.importances()["d"] == 0 and scorer.fill[3] == 0


@settings(max_examples=40)
@given(st.lists(st.lists(st.floats(-9, 9) | st.just(math.nan), min_size=2, max_size=2), max_size=9))
def test_medians_and_filling(rows):
    values = np.array(rows, float).reshape(-1, 2)
    fill = medians(values)
    for column, found in zip(values.T, fill, strict=True):
        known = column[~np.isnan(column)]
        assert found == (np.median(known) if known.size else 0)
    plugged = filled(values, fill)
    assert not np.isnan(plugged).any()
    assert (plugged[~np.isnan(values)] == values[~np.isnan(values)]).all()


def test_a_feature_that_is_not_there_or_infinite_is_named(meta):
    table, targets, groups = draw(60)
    with pytest.raises(InputError, match="no feature g,"):
        meta.score(Table(table.names[:-1], table.values[:, :-1]))
    broken = table.values.copy()
    broken[7, 1] = -np.inf
    with pytest.raises(InputError, match="feature b of a candidate is infinite"):
        fit_classifier(Table(table.names, broken), targets, groups)


def test_candidates_of_another_kind_are_refused(meta):
    names = (*meta.feature_names, "more")
    meta.require_fit_for((4,), names, SHA, 1.0)
    with pytest.raises(InputError, match="for the classes 3, 4, not for 5"):
        meta.require_fit_for((3, 5), names, SHA, 1.0)
    with pytest.raises(InputError, match=r"do not have \(a, b, c, d and 3 more\)"):
        meta.require_fit_for((3,), ("x",), SHA, 1.0)
    with pytest.raises(InputError, match="another model"):
        meta.require_fit_for((3,), names, "b" * 64, 1.0)
    with pytest.raises(InputError, match=r"alpha 1, not 0\.9"):
        meta.require_fit_for((3,), names, SHA, 0.9)


def test_the_validation_is_the_one_behind_the_calibration():
    table, targets, groups = draw(500)
    fitted, validations = fit_with_validation(Examples(table, targets, groups), MetaSettings(), Origin())
    assert fitted.scorers["missed"].calibration == validations["missed"].calibration
    assert fitted.quality("missed").auc == validations["missed"].auc
    assert len(validations["missed"].scores) == 500
