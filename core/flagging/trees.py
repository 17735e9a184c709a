"""Boosted trees as plain arrays: what a fitted gradient boosting of scikit-learn knows, without its objects.
They are added up here just as scikit-learn does.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAF = -1


@dataclass(frozen=True, eq=False)
class Trees:
    """T regression trees of N nodes in all over F features.

    Attributes:
        start: what the sum begins with. rate: the weight of every tree.
        n_features: F.
        roots: `[T]` the node that each tree begins with, rising.
        feature: `[N]` that a node splits by, LEAF for none.
        threshold: `[N]` values up to it go left.
        left, right: `[N]` later nodes; 0 of a leaf.
        value: `[N]` what a leaf gives.
        gain: `[N]` by how much the split lowers the loss, as a share of the tree's samples.
    """

    start: float
    rate: float
    n_features: int
    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    gain: Floats

    def raw(self, values: Floats) -> Floats:
        """Return `start + rate * (sum over trees)` of `values` `[n, F]`, float64 `[n]`."""
        total = np.full(len(values), self.start)
        near = np.asarray(values, np.float32)  # as scikit-learn's trees compare them
        rows = np.arange(len(near))
        for root in self.roots.tolist():
            node = np.full(len(near), root)
            while (inner := self.feature[node] != LEAF).any():
                goes_left = near[rows, np.where(inner, self.feature[node], 0)] <= self.threshold[node]
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            total += self.rate * self.value[node]
        return total

    def importances(self) -> Floats:
        """Return each feature's share of what the splits gained, `[F]`; 0 for all without a split."""
        inner = self.feature != LEAF
        gains = np.bincount(self.feature[inner], self.gain[inner], self.n_features)
        return gains / (gains.sum() or 1.0)

    def is_sound(self) -> bool:
        """Tell whether the arrays are of equal length, finite, and every walk ends at a leaf."""
        n, nodes = len(self.feature), np.arange(len(self.feature))
        arrays = (self.threshold, self.left, self.right, self.value, self.gain)
        if not (self.n_features > 0 and len(self.roots) and n and all(len(array) == n for array in arrays)):
            return False
        inner = self.feature != LEAF
        ends = np.append(self.roots[1:], n)
        if self.roots[0] != 0 or not (self.roots < ends).all():
            return False
        last = np.repeat(ends, ends - self.roots)  # where each node's tree ends
        links = np.stack([self.left[inner], self.right[inner]])
        numbers = np.concatenate([[self.start, self.rate], self.threshold[inner], self.value, self.gain])
        return bool(
            ((self.feature >= LEAF) & (self.feature < self.n_features)).all()
            and (links > nodes[inner]).all()
            and (links < last[inner]).all()
            and np.isfinite(numbers).all()
        )

    @classmethod
    def from_nodes(cls, nodes: list[NDArray[Any]], values: list[Floats], **others: Any) -> Self:
        """Join trees by scikit-learn's own arrays of their nodes, `nodes` and `values` per tree."""
        roots = np.cumsum([0, *(len(tree) for tree in nodes[:-1])])
        feature, left, right, gain = [], [], [], []
        for root, tree in zip(roots.tolist(), nodes, strict=True):
            leaf = tree["left_child"] == LEAF
            feature.append(np.where(leaf, LEAF, tree["feature"]))
            left.append(np.where(leaf, 0, tree["left_child"] + root))
            right.append(np.where(leaf, 0, tree["right_child"] + root))
            loss = tree["weighted_n_node_samples"] * tree["impurity"]
            lost = loss - loss[tree["left_child"]] - loss[tree["right_child"]]
            gain.append(np.where(leaf, 0, lost) / tree["weighted_n_node_samples"][0])
        return cls(
            **others,
            roots=roots.astype(np.int64),
            feature=np.concatenate(feature).astype(np.int64),
            threshold=np.concatenate([tree["threshold"] for tree in nodes]),
            left=np.concatenate(left).astype(np.int64),
            right=np.concatenate(right).astype(np.int64),
            value=np.concatenate([value.reshape(-1) for value in values]),
            gain=np.concatenate(gain),
        )

    @classmethod
    def from_sklearn(cls, model: Any, start: float) -> Self:
        """Return the trees of a fitted GradientBoostingClassifier of two classes, or Regressor."""
        trees = [tree.tree_ for tree in model.estimators_.ravel()]
        return cls.from_nodes(
            [tree.__getstate__()["nodes"] for tree in trees],
            [tree.value for tree in trees],
            start=start,
            rate=float(model.learning_rate),
            n_features=int(model.n_features_in_),
        )
