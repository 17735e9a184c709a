"""Fusion of two maps by accepted candidates (docs/science/methods.md section 2, eq. 14), and the price that
accepts them. Arrays in memory only; rasters of any size are in `apply.py`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError


def threshold_of(accepted_per_find: float) -> float:
    """Return the least score that is accepted at a price of d false alarms per missed place found.

    A candidate that is true with probability p costs `(1 - p) / p` false alarms per find; it is accepted
    while that is at most d, so from `p = 1 / (1 + d)` on. d = 1 is the paper's p >= 0.5.

    Raises:
        InputError: if d is negative or no number.
    """
    if not accepted_per_find >= 0:
        raise InputError(
            f"The false alarms accepted per missed place must be 0 or more, not {accepted_per_find}."
        )
    return 0.0 if math.isinf(accepted_per_find) else 1 / (1 + accepted_per_find)


def accept(scores: NDArray[np.float64], accepted_per_find: float) -> NDArray[np.bool_]:
    """Tell which candidates are accepted at that price, by score `[n]`."""
    return scores >= threshold_of(accepted_per_find)


def refuse(scores: NDArray[np.float64], kept_per_loss: float) -> NDArray[np.bool_]:
    """Tell which doubtful places are taken out of a map, by the probability `[n]` that they are false.

    To take one out that is false with probability p loses `(1 - p) / p` true places per false one; it is done
    while d of these cost no more than the loss: from `p = d / (1 + d)` on.

    Args:
        scores: `[n]`.
        kept_per_loss: d, false places that one keeps rather than lose a true one.

    Raises:
        InputError: if d is negative or no number.
    """
    if not kept_per_loss >= 0:
        raise InputError(
            f"The false places kept rather than lose a true one must be 0 or more, not {kept_per_loss}."
        )
    least = 1.0 if math.isinf(kept_per_loss) else kept_per_loss / (1 + kept_per_loss)
    return np.asarray((scores >= least) & (scores > 0))


def fuse(
    bayes: NDArray[Any],
    ml: NDArray[Any],
    labels: NDArray[np.integer],
    accepted: NDArray[np.integer],
    *,
    agreeing: NDArray[np.integer] | None = None,
) -> NDArray[Any]:
    """Return the Bayes map with the ML class where an accepted candidate lies (eq. 14).

    Args:
        bayes: class map `[H, W]`.
        ml: class map `[H, W]`.
        labels: segment of the ML map at each pixel `[H, W]`, 0 for none.
        accepted: labels of the accepted candidates.
        agreeing: labels of ML segments that share a pixel with the Bayes mask of their class, to take their
            larger ML outline too, as the authors' code can and the paper does not.

    Returns:
        A new map `[H, W]` of the type of `bayes`.
    """
    chosen = accepted if agreeing is None else np.concatenate([accepted, agreeing])
    taken = np.isin(labels, chosen) & (labels != 0)
    return np.where(taken, ml, bayes).astype(bayes.dtype, copy=False)
