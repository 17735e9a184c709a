import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.boosting import MetaSettings, fit_boosting
from mce_landcover.core.flagging.cross_validation import (
    assign_folds,
    cross_validate,
    effort_to_find,
    operating_points,
    precision_recall_curve,
    random_effort,
    review_effort,
    roc_auc,
    roc_curve,
)
from sklearn import metrics
from support.meta import draw

outcomes = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=80), st.integers(2, 6))
@example([(0, False)] * 3 + [(0, True)] * 2 + [(1, True)] + [(2, False)] * 2 + [(3, False)], 4)
def test_a_tile_is_never_split_and_every_fold_leaves_both_outcomes(candidates, n_folds):
    groups = np.array([group for group, _ in candidates]) * 7 - 3
    targets = np.array([target for _, target in candidates])
    able = min(len({*groups[targets]}), len({*groups[~targets]})) >= 2
    try:
        folds = assign_folds(targets, groups, MetaSettings(folds=n_folds))
    except InputError:
        assert not able
        return
    assert able
    count = folds.max() + 1
    assert set(folds) == set(range(count)) and (2 <= count <= n_folds or count == len({*groups}))
    for group in set(groups):
        assert len(set(folds[groups == group])) == 1
    for fold in set(folds):
        assert len(set(targets[folds != fold])) == 2


def test_folds_spread_the_true_candidates_and_follow_the_seed():
    _, targets, groups = draw(2000, n_groups=100)
    folds = assign_folds(targets, groups, MetaSettings(folds=5))
    shares = [targets[folds == fold].mean() for fold in range(5)]
    assert max(shares) - min(shares) < 0.05
    assert (folds == assign_folds(targets, groups, MetaSettings(folds=5))).all()
    assert (folds != assign_folds(targets, groups, MetaSettings(folds=5, seed=1))).any()


@pytest.mark.parametrize(
    ("targets", "groups", "said"),
    [
        ([False] * 6, [1, 2, 3, 4, 5, 6], "none is a missed place"),
        ([True] * 6, [1, 2, 3, 4, 5, 6], "every one is a missed place"),
        ([True, False, False, True], [1, 1, 2, 1], "too few tiles"),
        ([True, False] * 3, [8] * 6, "too few tiles"),
    ],
)
def test_too_little_to_learn_from_is_said(targets, groups, said):
    with pytest.raises(InputError, match=said):
        assign_folds(np.array(targets), np.array(groups), MetaSettings())


def test_scores_come_from_models_that_have_not_seen_the_tile():
    table, targets, groups = draw(600)
    chosen = MetaSettings(folds=4)
    found = cross_validate(table.values, targets, groups, chosen)
    folds = assign_folds(targets, groups, chosen)
    assert (found.folds == folds).all()
    for fold in range(4):
        held = folds == fold
        model = fit_boosting(table.values[~held], targets[~held], chosen)
        assert (found.raw[held] == model.raw(table.values[held])).all()
        assert found.aucs[fold] == metrics.roc_auc_score(targets[held], found.raw[held])
    assert found.auc == pytest.approx(sum(found.aucs) / 4)
    assert found.auc_std == pytest.approx(np.std(found.aucs, ddof=1))
    order = np.argsort(found.raw)
    assert (np.diff(found.scores[order]) >= 0).all()


def test_a_classifier_that_remembers_tiles_gains_nothing():
    """Candidates of a tile share a feature that says their outcome, but only within the tile."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 20)
    sign = np.repeat(random.choice([-1, 1], 30), 20)
    targets = random.random(600) < 0.5
    values = np.stack([groups * 10 + sign * targets, random.normal(size=600)], axis=1).astype(float)
    grouped = cross_validate(values, targets, groups, MetaSettings())
    assert 0.35 < grouped.auc < 0.65


@given(outcomes)
def test_auc_counts_pairs(candidates):
    targets = np.array([target for target, _ in candidates])
    scores = np.array([score for _, score in candidates], float)
    pairs = [(a, b) for a in scores[targets] for b in scores[~targets]]
    expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs) if pairs else math.nan
    assert roc_auc(targets, scores) == pytest.approx(expected, nan_ok=True)


@given(outcomes.filter(lambda c: len({target for target, _ in c}) == 2))
def test_curves_against_scikit_learn(candidates):
    targets = np.array([target for target, _ in candidates])
    scores = np.array([score for _, score in candidates], float)
    precision, recall, thresholds = precision_recall_curve(targets, scores)
    expected = metrics.precision_recall_curve(targets, scores)
    assert precision == pytest.approx(expected[0][:-1][::-1])
    assert recall == pytest.approx(expected[1][:-1][::-1])
    assert thresholds == pytest.approx(expected[2][::-1])
    assert metrics.auc(*roc_curve(targets, scores)) == pytest.approx(roc_auc(targets, scores))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40), st.floats(0, 30))
def test_precision_and_recall_against_scikit_learn(candidates, price):
    targets = np.array([target for target, _ in candidates])
    scores = np.array([score for _, score in candidates])
    (row,) = operating_points(targets, scores, [price])
    accepted = scores >= 1 / (1 + price)
    assert (row.n_accepted, row.n_true) == (accepted.sum(), (accepted & targets).sum())
    known = {"zero_division": math.nan}
    assert row.precision == pytest.approx(metrics.precision_score(targets, accepted, **known), nan_ok=True)
    assert row.recall == pytest.approx(metrics.recall_score(targets, accepted, **known), nan_ok=True)
    if accepted.any() and targets.any():
        assert row.f1 == pytest.approx(metrics.f1_score(targets, accepted))


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 2**32))
def test_effort_in_a_given_order_counts_what_was_found(targets, seed):
    order = np.random.default_rng(seed).permutation(len(targets)).astype(float)
    effort = review_effort(np.array(targets, bool), order)
    by_score = [target for _, target in sorted(zip(-order, targets, strict=True))]
    assert effort.tolist() == [sum(by_score[:k]) for k in range(len(targets) + 1)]


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=1, max_size=7))
def test_random_order_is_the_mean_over_all_orders(targets):
    n, n_true = len(targets), sum(targets)
    mean, spread = random_effort(n, n_true)
    for k in range(n + 1):
        counts = [sum(chosen) for chosen in combinations(targets, k)]
        assert mean[k] == pytest.approx(np.mean(counts))
        assert spread[k] == pytest.approx(np.std(counts), abs=1e-7)
    assert review_effort(np.array(targets), np.zeros(n)) == pytest.approx(mean)  # all tied


def test_ties_count_as_random_order():
    targets = np.array([True, False, True, True, False])
    scores = np.array([0.9, 0.9, 0.5, 0.5, 0.5])
    assert review_effort(targets, scores) == pytest.approx([0, 0.5, 1, 1 + 2 / 3, 1 + 4 / 3, 3])


def test_effort_to_find_reads_the_curve():
    effort = review_effort(np.array([True, True, False, False, True]), np.array([5.0, 4, 3, 2, 1]))
    assert [effort_to_find(effort, share) for share in (0, 1 / 3, 0.5, 2 / 3, 1)] == pytest.approx(
        [0, 1, 1.5, 2, 5]
    )
    assert math.isnan(effort_to_find(np.zeros(4), 0.5))
