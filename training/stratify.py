"""Iterative stratification of samples with several labels (docs/science/methods.md section 5; Sechidis,
Tsoumakas and Vlahavas 2011): which fold each sample goes to. What samples and labels are is the business of
`splits.py`."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd, isfinite, lcm

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

#: Ratios are written as integers with at most this sum, so that demands of 2**32 samples fit into 64 bits.
_LARGEST_UNIT = 2**30


def iterative_stratification(labels: BoolArray, ratios: Sequence[float], *, seed: int) -> IntArray:
    """Deal samples to folds so that every label is spread by the ratios, rare labels first.

    Label by label, the one with the fewest samples left first: each of its samples, in order, goes to the
    fold with the largest remaining demand for the label, ties to the largest demand for samples, then at
    random; all demands of that fold fall. Samples without labels come last, by the demand for samples.

    Within a label's round the demands of every fold fall in equal steps, so the round is not played but
    written down, see `_deal`. Demands are integers, multiples of one over the sum of the ratios: ties are
    exact.

    Args:
        labels: `[N, L]`.
        ratios: `[K]` shares of the folds, of any sum, 0 for a fold that stays empty. They are taken as
            fractions with denominators up to a million, or rounded to 2**-30 of their sum where these have
            no smaller common denominator.
        seed: of the ties only; deal shuffled samples where their order means something.

    Returns:
        The fold 0..K-1 of every sample, `[N]`.

    Raises:
        ValueError: if labels are not a boolean table, or ratios are negative, not finite or all zero.
    """
    _check(labels)
    weights, rng = integer_weights(ratios), np.random.default_rng(seed)
    unit, columns = weights.sum(), np.ascontiguousarray(labels.T)
    left = np.count_nonzero(columns, axis=1)  # (L,) samples of each label that have no fold yet
    demand = np.outer(left, weights)  # (L, K)
    total = len(labels) * weights  # (K,)
    folds = np.full(len(labels), -1, np.intp)
    free = np.ones(len(labels), bool)
    while left.any():
        label = _rarest(left, rng)
        rows = np.flatnonzero(columns[label] & free)
        dealt = _deal(len(rows), demand[label], total, unit, rng)
        folds[rows], free[rows] = dealt, False
        taken = _count_labels(labels[rows], dealt, len(weights))  # (L, K)
        demand -= unit * taken
        total -= unit * np.bincount(dealt, minlength=len(weights))
        left -= taken.sum(axis=1)
    rest = np.flatnonzero(free)
    folds[rest] = _deal(len(rest), total, total, unit, rng)
    return folds


def grouped_stratification(
    labels: BoolArray, groups: IntArray, ratios: Sequence[float], *, seed: int
) -> IntArray:
    """Deal whole groups of samples to folds, with the demands of `iterative_stratification`.

    The rarest label first, as there; its groups go one by one, the one with most samples of the label first
    (else the lowest number), because large groups fit only while demands are large. Groups without labels
    go by number: by size, the large ones would all go to the large folds. A group lowers the demands of its
    fold by all its samples. Groups of one sample each are dealt like samples.

    Args:
        labels: `[N, L]`.
        groups: the number of each sample's group, `[N]`.
        ratios, seed: as in `iterative_stratification`.

    Returns:
        The fold 0..K-1 of every sample, `[N]`, the same within a group.

    Raises:
        ValueError: as there, or if there is not one group per sample.
    """
    _check(labels)
    weights, rng = integer_weights(ratios), np.random.default_rng(seed)
    unit, (member, sizes, held) = weights.sum(), _count_groups(labels, groups)
    left, total = held.sum(axis=1), len(labels) * weights  # (L,), (K,)
    demand, folds = np.outer(left, weights), np.full(len(sizes), -1, np.intp)  # (L, K), (G,)
    while (folds < 0).any():
        label = _rarest(left, rng) if left.any() else None
        counted = np.ones(len(sizes)) if label is None else held[label]
        order = np.argsort(-counted, kind="stable")
        for group in order[(folds[order] < 0) & (counted[order] > 0)]:
            keys = (total,) if label is None else (total, demand[label])
            folds[group] = fold = _largest(keys, rng)
            demand[:, fold] -= unit * held[:, group]
            total[fold] -= unit * sizes[group]
            left -= held[:, group]
    return folds[member]


def settle_groups(labels: BoolArray, groups: IntArray, folds: IntArray, ratios: Sequence[float]) -> IntArray:
    """Move whole groups, one after the other, while that brings the folds nearer to the ratios.

    Few large groups end with a fold that missed its demands by most of a group. Each move is the one that
    lowers `sum_l sum_k (n_lk / n_l - r_k)^2` most, with `n_lk` the samples of label l in fold k, and all
    samples counting as one more label.

    Args:
        labels: `[N, L]`.
        groups, folds: of each sample, `[N]`; a group lies in one fold.
        ratios: `[K]`.

    Returns:
        The folds after the last move, `[N]`.
    """
    member, sizes, held = _count_groups(labels, groups)
    share = np.concatenate([held, sizes[None]]) / np.maximum(1, [*held.sum(axis=1), sizes.sum()])[:, None]
    weights = integer_weights(ratios)
    home = np.zeros(len(sizes), np.intp)
    home[member] = folds  # (G,)
    excess = share @ np.eye(len(weights))[home] - weights / weights.sum()  # (L + 1, K)
    own, everyone = np.square(share).sum(axis=0), np.arange(len(sizes))  # (G,)
    while len(sizes):
        pull = share.T @ excess  # (G, K)
        gain = pull[everyone, home][:, None] - pull - own[:, None]
        gain[:, weights == 0] = 0
        group, fold = np.unravel_index(gain.argmax(), gain.shape)
        if gain[group, fold] <= 1e-12:  # what rounding may pretend
            break
        excess[:, home[group]] -= share[:, group]
        excess[:, fold] += share[:, group]
        home[group] = fold
    return home[member]


def integer_weights(ratios: Sequence[float]) -> NDArray[np.int64]:
    """Return integers in the proportion of the ratios, `[K]`; (0.7, 0.15, 0.15) gives 14, 3, 3.

    Raises:
        ValueError: if there is none, or one is negative or not finite, or all are zero.
    """
    if not (all(isfinite(r) and r >= 0 for r in ratios) and any(ratios)):
        raise ValueError(f"ratios must not be negative, nor all zero, got {tuple(ratios)}")
    fractions = [Fraction(float(r)).limit_denominator(10**6) for r in ratios]
    common = lcm(*(f.denominator for f in fractions))
    whole = [int(f * common) for f in fractions]
    divisor = gcd(*whole)
    if not divisor or sum(whole) // divisor > _LARGEST_UNIT:
        return np.array([round(r / sum(ratios) * _LARGEST_UNIT) for r in ratios], np.int64)
    return np.array([w // divisor for w in whole], np.int64)


def _deal(n: int, demand: NDArray[np.int64], total: NDArray[np.int64], unit: int, rng: Generator) -> IntArray:
    """Return the folds of the next `n` samples, each the fold of the largest (demand, total), ties at random.

    A sample lowers both demands of its fold by `unit`. With `demand = unit * level + rest` a fold thus stands
    on one level after the other, always with the same rest and the same `total - unit * level`. The folds on
    a level are served before those below it, in the order of these two numbers: one lexsort gives the order
    for the whole round, and equal folds are shuffled level by level.

    Args:
        demand, total: `[K]`, left as they are.
    """
    level, rest = np.divmod(demand, unit)
    behind = total - unit * level
    order = np.lexsort((-behind, -rest))
    below = np.sort(level.max() - level)  # levels until the next fold joins
    joined = np.arange(1, len(level) + 1)
    depth = int((-(-(n + np.cumsum(below)) // joined)).min())  # levels that hold n samples
    served = np.tile(order, (depth, 1))
    for first, last in _equal_runs(rest[order], behind[order]):
        served[:, first:last] = rng.permuted(served[:, first:last], axis=1)
    levels = level.max() - np.arange(depth)
    return served[levels[:, None] <= level[served]][:n]


def _equal_runs(*keys: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (first, last + 1) of each stretch of two or more places at which all keys are equal."""
    changes = np.any([np.diff(key) != 0 for key in keys], axis=0)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(keys[0])]
    return [(a, b) for a, b in pairwise(edges) if b - a > 1]


def _rarest(left: IntArray, rng: Generator) -> int:
    """Return the label with the fewest samples left, but at least one; ties at random."""
    fewest = left[left > 0].min()
    return int(rng.choice(np.flatnonzero(left == fewest)))


def _count_groups(labels: BoolArray, groups: IntArray) -> tuple[IntArray, IntArray, NDArray[np.int64]]:
    """Return each sample's group as 0..G-1 `[N]`, the samples per group `[G]`, and per label `[L, G]`."""
    if groups.shape != labels.shape[:1]:
        raise ValueError(f"one group per sample needed, got {groups.shape} for labels {labels.shape}")
    names, member = np.unique(groups, return_inverse=True)
    held = np.zeros((labels.shape[1], len(names)), np.int64)
    for counts, own in zip(held, labels.T, strict=True):
        counts[:] = np.bincount(member[own], minlength=len(names))
    return member, np.bincount(member, minlength=len(names)), held


def _largest(keys: Sequence[NDArray[np.int64]], rng: Generator) -> int:
    """Return the fold of the largest last key, ties by the key before it, then at random."""
    folds = np.arange(len(keys[0]))
    for key in reversed(keys):
        folds = folds[key[folds] == key[folds].max()]
    return int(rng.choice(folds))


def _count_labels(labels: BoolArray, folds: IntArray, n_folds: int) -> NDArray[np.int64]:
    """Return how many samples of each label `[n, L]` went to each fold `[n]`, as `[L, K]`."""
    counts = [np.count_nonzero(labels[folds == k], axis=0) for k in range(n_folds)]
    return np.stack(counts, axis=1).astype(np.int64)


def _check(labels: BoolArray) -> None:
    if labels.ndim != 2 or labels.dtype != np.bool_:
        raise ValueError(f"labels must be a boolean table [N, L], got {labels.dtype} {labels.shape}")
