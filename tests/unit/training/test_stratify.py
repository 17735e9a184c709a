from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import IterativeStratification
from mce_landcover.training.stratify import (
    grouped_stratification,
    integer_weights,
    iterative_stratification,
    settle_groups,
)
from support.places import SHARED

#: Multiples of 1/16: the package's demands, products with these, are exact in floating point.
EXACT = st.sampled_from([(1, 1), (3, 1), (5, 11), (1, 1, 2), (10, 3, 3), (9, 4, 2, 1), (4, 4, 4, 4), (16,)])
RATIOS = st.one_of(EXACT, st.lists(st.integers(1, 30), min_size=1, max_size=5).map(tuple))


@st.composite
def tables(draw: st.DrawFn, n: int = 200, n_labels: int = 6) -> np.ndarray:
    """Label tables with rare and frequent labels, and rows without any."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shares = [draw(st.sampled_from([0.0, 0.02, 0.2, 0.6])) for _ in range(draw(st.integers(0, n_labels)))]
    return rng.random((draw(st.integers(0, n)), len(shares))) < shares


class NoChance:
    """Stands for the package's random state: notes that it was asked, and then takes the first."""

    asked = False

    def choice(self, n: int) -> int:
        self.asked = True
        return 0


def by_package(labels: np.ndarray, ratios: tuple[int, ...]) -> tuple[np.ndarray, bool]:
    """The package's folds, and whether chance had a say."""
    chance = NoChance()
    shares = np.array(ratios) / sum(ratios)
    return IterativeStratification(labels=labels, r=shares, random_state=chance), chance.asked


@settings(max_examples=300, deadline=None)
@given(labels=tables(), ratios=EXACT, seed=st.integers(0, 9))
def test_equals_the_package_where_nothing_is_left_to_chance(labels, ratios, seed) -> None:
    expected, chance = by_package(labels, ratios)
    assume(not chance)
    np.testing.assert_array_equal(iterative_stratification(labels, ratios, seed=seed), expected)


def test_equals_the_package_on_a_table_that_leaves_nothing_to_chance() -> None:
    """Ratios whose demands never meet, and labels of different counts, so that the test above is not void."""
    rng = np.random.default_rng(4)
    labels = rng.random((3000, 12)) < np.geomspace(0.4, 0.01, 12)
    ratios = (2**11 + 7, 2**11 - 31, 2**12 - 2**12 + 24)
    ratios = (*ratios[:2], 2**13 - sum(ratios[:2]))
    expected, chance = by_package(labels, ratios)
    assert not chance
    np.testing.assert_array_equal(iterative_stratification(labels, ratios, seed=0), expected)


@settings(max_examples=150, deadline=None)
@given(labels=tables(n=24, n_labels=4), ratios=RATIOS, seed=st.integers(0, 10**6))
def test_is_a_way_the_algorithm_can_go(labels, ratios, seed) -> None:
    folds = iterative_stratification(labels, ratios, seed=seed)
    assert is_possible(labels, ratios, folds)


def is_possible(labels: np.ndarray, ratios: tuple[int, ...], folds: np.ndarray) -> bool:
    """Replay the folds sample by sample in exact fractions: was each a largest demand at its turn?

    Where labels are equally rare, any order of them that explains the folds will do.
    """
    shares = [Fraction(r, sum(ratios)) for r in ratios]
    n_labels = labels.shape[1]

    def keys(done: list[int], label: int | None) -> list[tuple[Fraction, Fraction]]:
        counted = [i for i in range(len(labels)) if label is None or labels[i, label]]
        return [
            (
                len(counted) * share - sum(folds[i] == k for i in done if i in counted),
                len(labels) * share - sum(folds[i] == k for i in done),
            )
            for k, share in enumerate(shares)
        ]

    def is_greedy(done: list[int], rows: list[int], label: int | None) -> bool:
        return all(
            (found := keys(done + rows[:t], label))[folds[row]] == max(found) for t, row in enumerate(rows)
        )

    def explains(done: list[int]) -> bool:
        waiting = [i for i in range(len(labels)) if i not in done]
        counts = {m: c for m in range(n_labels) if (c := int(labels[waiting, m].sum()))}
        if not counts:
            return is_greedy(done, waiting, None)
        for label in (m for m in counts if counts[m] == min(counts.values())):
            rows = [i for i in waiting if labels[i, label]]
            if is_greedy(done, rows, label) and explains(done + rows):
                return True
        return False

    return explains([])


def test_the_replay_sees_a_wrong_fold() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random((20, 3)) < (0.2, 0.4, 0.6)
    folds = iterative_stratification(labels, (3, 1), seed=0)
    assert is_possible(labels, (3, 1), folds)
    wrong = [np.where(np.arange(20) == i, 1 - folds, folds) for i in range(20)]
    assert not any(is_possible(labels, (3, 1), w) for w in wrong)


@settings(max_examples=100, deadline=None)
@given(labels=tables(n=300), ratios=RATIOS, seed=st.integers(0, 10**6))
def test_rarest_label_and_sizes_meet_their_demands(labels, ratios, seed) -> None:
    """The first label dealt misses its demands by less than one sample, and no sample goes missing."""
    folds = iterative_stratification(labels, ratios, seed=seed)
    assert folds.shape == labels.shape[:1] and ((folds >= 0) & (folds < len(ratios))).all()
    counts = labels.sum(axis=0)
    shares = np.array(ratios) / sum(ratios)
    if (counts > 0).any() and (counts == counts[counts > 0].min()).sum() == 1:
        rarest = int(np.argmin(np.where(counts > 0, counts, len(labels) + 1)))
        got = np.bincount(folds[labels[:, rarest]], minlength=len(ratios))
        assert (abs(got - counts[rarest] * shares) < 1).all()


@given(n=st.integers(0, 100), ratios=RATIOS, seed=st.integers(0, 100))
def test_rows_without_labels_are_dealt_by_size_alone(n: int, ratios: tuple[int, ...], seed: int) -> None:
    folds = iterative_stratification(np.zeros((n, 2), bool), ratios, seed=seed)
    shares = np.array(ratios) / sum(ratios)
    assert (abs(np.bincount(folds, minlength=len(ratios)) - n * shares) < 1).all()


def test_ties_are_decided_by_the_seed_and_evenly() -> None:
    """Three equal folds and two samples: each ordered pair of folds in a sixth of the seeds."""
    labels = np.ones((2, 1), bool)
    pairs = [tuple(iterative_stratification(labels, (1, 1, 1), seed=seed).tolist()) for seed in range(600)]
    counts = {pair: pairs.count(pair) for pair in set(pairs)}
    assert set(counts) == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert all(abs(count - 100) < 45 for count in counts.values())  # five standard deviations
    again = iterative_stratification(labels, (1, 1, 1), seed=5)
    assert tuple(again.tolist()) == pairs[5]


def test_equally_rare_labels_take_turns_by_the_seed() -> None:
    """Of two samples of a label the first goes to the larger fold; here sample 1 is second or first."""
    labels = np.array([[1, 0], [1, 1], [0, 1]], bool)
    seen = {tuple(iterative_stratification(labels, (2, 1), seed=seed).tolist()) for seed in range(50)}
    assert seen == {(0, 1, 0), (1, 0, 1)}


def test_a_fold_of_ratio_0_stays_empty() -> None:
    labels = np.random.default_rng(0).random((101, 4)) < 0.3
    folds = iterative_stratification(labels, (2, 0, 1), seed=0)
    assert np.bincount(folds, minlength=3)[1] == 0


@pytest.mark.parametrize(
    ("ratios", "whole"),
    [
        ((0.7, 0.15, 0.15), [14, 3, 3]),
        ((1 / 3, 1 / 3, 1 / 3), [1, 1, 1]),
        ((60, 20, 20), [3, 1, 1]),
        ((0.1,) * 10, [1] * 10),
        ((0.5, 0.0), [1, 0]),
    ],
)
def test_ratios_become_small_integers(ratios: tuple[float, ...], whole: list[int]) -> None:
    assert integer_weights(ratios).tolist() == whole


@given(ratios=st.lists(st.floats(0, 1e9), min_size=1, max_size=6).filter(any))
def test_integer_ratios_are_close_and_never_overflow(ratios: list[float]) -> None:
    weights = integer_weights(ratios)
    assert 0 < weights.sum() <= 2**30 + len(ratios)
    np.testing.assert_allclose(weights / weights.sum(), np.array(ratios) / sum(ratios), atol=1e-6)


def deviation(labels: np.ndarray, folds: np.ndarray, ratios: tuple[float, ...]) -> float:
    """Mean over labels and folds of |share of the label's samples in the fold - ratio|."""
    counts = np.stack([labels[folds == k].sum(axis=0) for k in range(len(ratios))])
    shares = counts / np.maximum(labels.sum(axis=0), 1)
    return float(abs(shares - np.array(ratios)[:, None])[:, labels.any(axis=0)].mean())


def soil_tiles() -> np.ndarray:
    return np.load(SHARED / "multilabel" / "soil_tiles.npz")["counts"] > 0


def forest_tiles() -> np.ndarray:
    columns = range(5, 10)
    table = SHARED / "multilabel" / "tlm5c_tile_counts.csv"
    return np.loadtxt(table, delimiter=",", skiprows=1, usecols=columns) > 0


@pytest.mark.shared_data
@pytest.mark.parametrize("table", [soil_tiles, forest_tiles])
@pytest.mark.parametrize("ratios", [(0.6, 0.2, 0.2), (0.75, 0.25), (0.2,) * 5])
def test_real_tables_deviate_no_more_than_with_the_package(table, ratios) -> None:
    if not (SHARED / "multilabel").is_dir():
        pytest.skip("the real data is not here: multilabel")
    labels = table()
    ours = [deviation(labels, iterative_stratification(labels, ratios, seed=s), ratios) for s in range(20)]
    theirs = [
        deviation(
            labels,
            IterativeStratification(labels=labels, r=np.array(ratios), random_state=np.random.RandomState(s)),
            ratios,
        )
        for s in range(4)
    ]
    assert np.mean(ours) <= np.mean(theirs) + 2 * np.std(ours) + 1e-12


@settings(max_examples=100, deadline=None)
@given(labels=tables(n=24, n_labels=4), ratios=RATIOS, seed=st.integers(0, 99))
def test_groups_of_one_are_dealt_like_samples(labels, ratios, seed) -> None:
    folds = grouped_stratification(labels, np.arange(len(labels)) * 3 - 5, ratios, seed=seed)
    assert is_possible(labels, ratios, folds)


@settings(max_examples=100, deadline=None)
@given(labels=tables(), ratios=RATIOS, n_groups=st.integers(1, 40), seed=st.integers(0, 99))
def test_groups_stay_whole(labels, ratios, n_groups, seed) -> None:
    groups = np.random.default_rng(seed).integers(0, n_groups, len(labels)) * 7 - 3
    folds = grouped_stratification(labels, groups, ratios, seed=seed)
    assert ((folds >= 0) & (folds < len(ratios))).all()
    assert all(len(set(folds[groups == g].tolist())) == 1 for g in set(groups.tolist()))


def test_equal_groups_are_spread_exactly() -> None:
    """24 groups of 5 alike samples at 3 : 1, half of them with a second, rarer label."""
    groups = np.repeat(np.arange(24), 5)
    labels = np.stack([np.ones(120, bool), groups % 2 == 0], axis=1)
    folds = grouped_stratification(labels, groups, (3, 1), seed=0)
    for label in labels.T:
        assert (folds[label] == 1).mean() == 0.25


def missed(labels: np.ndarray, folds: np.ndarray, ratios: tuple[int, ...]) -> float:
    """What `settle_groups` lowers, label by label."""
    shares = np.array(ratios) / sum(ratios)
    own = [label for label in [*labels.T, np.ones(len(labels), bool)] if label.any()]
    found = [np.bincount(folds[label], minlength=len(ratios)) / label.sum() for label in own]
    return float(sum(((f - shares) ** 2).sum() for f in found))


@settings(max_examples=100, deadline=None)
@given(labels=tables(n=80), ratios=RATIOS, n_groups=st.integers(1, 12), seed=st.integers(0, 99))
def test_settled_groups_stay_whole_and_no_move_brings_them_nearer(labels, ratios, n_groups, seed) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, len(labels)) * 5
    start = rng.integers(0, len(ratios), 5 * n_groups)[groups]
    settled = settle_groups(labels, groups, start, ratios)
    least = missed(labels, settled, ratios)
    assert least <= missed(labels, start, ratios) + 1e-9
    for group in set(groups.tolist()):
        assert len(set(settled[groups == group].tolist())) == 1
        for fold in range(len(ratios)):
            moved = np.where(groups == group, fold, settled)
            assert missed(labels, moved, ratios) >= least - 1e-9


@pytest.mark.parametrize(
    ("labels", "ratios", "says"),
    [
        (np.zeros((3, 2), int), (1, 1), "boolean table"),
        (np.zeros(3, bool), (1, 1), "boolean table"),
        (np.zeros((3, 2), bool), (1, -1), "negative"),
        (np.zeros((3, 2), bool), (0, 0), "all zero"),
        (np.zeros((3, 2), bool), (), "all zero"),
        (np.zeros((3, 2), bool), (1, float("nan")), "negative"),
    ],
)
def test_what_does_not_fit_is_refused(labels: np.ndarray, ratios: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        iterative_stratification(labels, ratios, seed=0)
    with pytest.raises(ValueError, match=says):
        grouped_stratification(labels, np.arange(3), ratios, seed=0)


def test_every_sample_needs_a_group() -> None:
    with pytest.raises(ValueError, match="one group per sample"):
        grouped_stratification(np.zeros((3, 2), bool), np.arange(2), (1, 1), seed=0)
