import numpy as np
import pytest
from mce_landcover.core.flagging.boosting import MetaSettings, fit_boosting
from mce_landcover.core.flagging.by_class import (
    ClassBoosting,
    classes_with_enough,
    fit_class_boosting,
    fit_class_calibration,
)
from mce_landcover.core.flagging.calibration import expit, fit_calibration, fit_offset
from mce_landcover.core.flagging.cross_validation import cross_validate, roc_auc
from support.meta import draw

SETTINGS = MetaSettings()


def opposite(n: int = 900, seed: int = 0):
    """Return candidates of three classes; what makes those of class 3 true makes those of class 4 false."""
    table, _, groups = draw(n, seed)
    random = np.random.default_rng(seed + 1)
    class_ids = random.choice([3, 4, 9], n, p=[0.5, 0.485, 0.015])
    sign = np.where(class_ids == 4, -1, 1)
    targets = random.random(n) < 1 / (1 + np.exp(1 - 2 * sign * table.values[:, 0]))
    return table.values, targets, class_ids, groups


def test_classes_need_enough_of_both_outcomes():
    targets = np.array([True] * 30 + [False] * 30 + [True] * 40 + [False] * 29)
    class_ids = np.repeat([3, 4], [60, 69])
    assert classes_with_enough(targets, class_ids) == (3,)
    assert classes_with_enough(targets, class_ids, enough=29) == (3, 4)
    assert classes_with_enough(targets[:60], class_ids[:60]) == ()
    assert classes_with_enough(targets, None) == ()


def test_each_class_is_scored_by_its_own_boosting():
    values, targets, class_ids, _ = opposite()
    found = fit_class_boosting(values, targets, class_ids, (3, 4), SETTINGS)
    raw = found.raw(values, class_ids)
    for id_ in (3, 4):
        rows = class_ids == id_
        alone = fit_boosting(values[rows], targets[rows], SETTINGS)
        assert (raw[rows] == alone.raw(values[rows])).all()
    rest = class_ids == 9
    assert rest.any()
    shared = fit_boosting(values, targets, SETTINGS)
    assert (raw[rest] == shared.raw(values[rest])).all()
    parts = [b.importances() for b in (shared, *found.own.values())]
    assert found.importances() == pytest.approx(np.mean(parts, axis=0))


def test_without_classes_there_is_one_for_all():
    values, targets, _, _ = opposite(200)
    found = fit_class_boosting(values, targets, None, (), SETTINGS)
    assert (found.raw(values, None) == found.shared.raw(values)).all()
    assert ClassBoosting(found.shared, {3: found.shared}).raw(values, None).shape == (200,)


def test_a_class_with_one_outcome_is_left_to_the_shared_one():
    values, targets, class_ids, _ = opposite(200)
    targets = targets & (class_ids != 4)
    assert set(fit_class_boosting(values, targets, class_ids, (3, 4), SETTINGS).own) == {3}


def test_each_boosting_has_its_own_curve():
    _, targets, class_ids, _ = opposite()
    raw = np.random.default_rng(5).normal(size=900) + targets * np.where(class_ids == 3, 2, 0.5)
    found = fit_class_calibration(raw, targets, class_ids, (3,))
    three = class_ids == 3
    assert found.own == {3: fit_calibration(raw[three], targets[three])}
    assert found.shared == fit_calibration(raw[~three], targets[~three])
    scores = found(raw, class_ids)
    assert (scores[three] == found.own[3](raw[three])).all()
    for id_ in (4, 9):
        rows = class_ids == id_
        moved = expit(found.shared.log_odds(raw[rows]) + found.offsets[id_])
        assert (scores[rows] == moved).all()


def test_where_every_class_has_its_own_the_shared_curve_is_of_all():
    _, targets, class_ids, _ = opposite()
    raw, known = np.random.default_rng(5).normal(size=900), np.where(class_ids == 9, 3, class_ids)
    assert fit_class_calibration(raw, targets, known, (3, 4)).shared == fit_calibration(raw, targets)


def test_classes_that_differ_gain_from_boostings_of_their_own():
    values, targets, class_ids, groups = opposite(1500)
    together = cross_validate(values, targets, groups, SETTINGS)
    apart = cross_validate(values, targets, groups, SETTINGS, class_ids)
    assert set(apart.calibration.own) == {3, 4} and together.calibration.own == {}
    assert apart.auc > together.auc + 0.1
    assert apart.scores.mean() == pytest.approx(targets.mean(), abs=0.02)
    rare = class_ids == 9
    assert roc_auc(targets[rare], apart.raw[rare]) == roc_auc(targets[rare], together.raw[rare])


def test_a_class_with_few_examples_is_moved_towards_them_and_no_further():
    random = np.random.default_rng(0)
    log_odds = random.normal(size=2000)
    targets = random.random(2000) < expit(log_odds + 1.5)
    assert fit_offset(log_odds, targets) == pytest.approx(1.5, abs=0.15)
    few = [fit_offset(log_odds[:n], np.ones(n, np.bool_)) for n in (0, 1, 3, 10)]
    assert few[0] == 0 and few == sorted(few) and few[-1] < 3
    # The mode of the posterior, by brute force.
    offsets = np.linspace(-4, 4, 8001)
    z = log_odds[:10, None] + offsets
    loss = (np.logaddexp(0, z) - targets[:10, None] * z).sum(axis=0) + offsets**2 / 2
    assert fit_offset(log_odds[:10], targets[:10]) == pytest.approx(offsets[loss.argmin()], abs=1e-3)
