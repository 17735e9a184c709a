"""From the raw scores of a boosting to probabilities: the logistic curve (Platt 1999), and how far a class
with few examples is moved along it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boosting import Bools
from .trees import Floats


@dataclass(frozen=True)
class Calibration:
    """`p = 1 / (1 + exp(-(slope * raw + intercept)))` with slope >= 0, so that it never changes an order."""

    slope: float
    intercept: float

    def __call__(self, raw: Floats) -> Floats:
        """Return probabilities of raw scores, both `[n]`."""
        return expit(self.log_odds(raw))

    def log_odds(self, raw: Floats) -> Floats:
        """Return the logarithm of their odds, `[n]`."""
        return self.slope * raw + self.intercept


def expit(x: Floats) -> Floats:
    """Return the logistic function without overflow."""
    from scipy.special import expit as scipy_expit

    return np.asarray(scipy_expit(x), np.float64)


def fit_calibration(raw: Floats, targets: Bools) -> Calibration:
    """Fit the curve to raw scores of candidates that the scoring model has not seen.

    Minimises the cross-entropy against Platt's softened targets `(n1 + 1) / (n1 + 2)` and `1 / (n0 + 2)`,
    which keep the curve finite where the scores separate the outcomes. Scores that are worse than chance get
    slope 0: the same probability, the share of true candidates, for all.

    Args:
        raw: `[n]`, n > 0.
        targets: `[n]`.
    """
    from scipy.optimize import minimize

    n_true, n_false = int(targets.sum()), int((~targets).sum())
    soft = np.where(targets, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    scale = float(raw.std()) or 1.0  # in units of the scores' spread the problem is well conditioned
    x = (raw - raw.mean()) / scale

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = parameters[0] * x + parameters[1]
        value = np.logaddexp(0, z) - soft * z
        residual = expit(z) - soft
        return float(value.mean()), np.array([(residual * x).mean(), residual.mean()])

    share = float(soft.mean())
    start = np.array([1.0, math.log(share / (1 - share))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)], tol=1e-12)
    slope = float(found.x[0]) / scale
    return Calibration(slope, float(found.x[1]) - slope * float(raw.mean()))


def fit_offset(log_odds: Floats, targets: Bools, spread: float = 1.0) -> float:
    """Return what to add to the log-odds of the examples of a class, shrunk towards 0.

    The mode of the posterior of one number with a normal prior of mean 0 and that spread: none without
    examples, near the likeliest with many.

    Args:
        log_odds: `[n]`, by the curve that all classes share.
        targets: `[n]`.
    """
    from scipy.optimize import brentq

    def slope(offset: float) -> float:
        return float((expit(log_odds + offset) - targets).sum() + offset / spread**2)

    far = spread**2 * len(targets) + 1.0  # there the prior outweighs all examples
    return float(brentq(slope, -far, far))
