"""Logistic regression on normal scores, as plain arrays: what judges the places that a map itself says, of
which few are true. MetaSeg's classifier is a logistic regression, too (docs/science/methods.md section 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .trees import Floats

#: Quantiles that a feature is ranked by, and the share that the outermost ranks stay away from 0 and 1.
QUANTILES, EDGE = 101, 1e-3
#: Inverse strength of the ridge.
STRENGTH = 0.1


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear function of normal scores.

    Attributes:
        start: the constant.
        weights: `[F]` of the normal scores.
        quantiles: `[F, Q]` of the training values of each feature, rising.
    """

    start: float
    weights: Floats
    quantiles: Floats

    @property
    def n_features(self) -> int:
        """F."""
        return len(self.weights)

    def raw(self, values: Floats) -> Floats:
        """Return log-odds `[n]` of `values` `[n, F]`."""
        return self.start + normal_scores(values, self.quantiles) @ self.weights

    def importances(self) -> Floats:
        """Return each feature's share of the absolute weights, `[F]`."""
        size = np.abs(self.weights)
        return np.asarray(size / (size.sum() or 1.0))

    def is_sound(self) -> bool:
        """Tell whether the arrays fit each other, are finite, and quantiles rise."""
        shape = self.quantiles.shape
        if len(shape) != 2 or shape[0] != self.n_features or shape[1] < 2 or self.n_features < 1:
            return False
        numbers = np.concatenate([[self.start], self.weights, self.quantiles.ravel()])
        return bool(np.isfinite(numbers).all() and (np.diff(self.quantiles, axis=1) >= 0).all())


def normal_scores(values: Floats, quantiles: Floats) -> Floats:
    """Return `[n, F]`: the normal distribution's quantile at the rank of each value among the training's.

    Between quantiles ranks are linear; where several are equal, the middle of theirs counts.
    """
    from scipy.special import ndtri

    ranks = np.linspace(0, 1, quantiles.shape[1])
    scores = np.empty(values.shape)
    for column, feature, known in zip(scores.T, values.T, quantiles, strict=True):
        low = np.interp(feature, known, ranks)
        high = -np.interp(-feature, -known[::-1], -ranks[::-1])
        column[:] = ndtri(np.clip((low + high) / 2, EDGE, 1 - EDGE))
    return scores


def fit_linear(values: Floats, targets: NDArray[np.bool_]) -> Linear:
    """Fit the regression to `values` `[n, F]`, finite, and `targets` `[n]`, both outcomes present.

    Scores are standardised first, so that the ridge treats all features alike.
    """
    from sklearn.linear_model import LogisticRegression

    quantiles = np.ascontiguousarray(np.quantile(values, np.linspace(0, 1, QUANTILES), axis=0).T)
    scores = normal_scores(values, quantiles)
    mean, spread = scores.mean(axis=0), scores.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=STRENGTH, max_iter=3000)
    model.fit((scores - mean) / spread, targets)
    weights = model.coef_[0] / spread
    return Linear(float(model.intercept_[0] - mean @ weights), weights, quantiles)
