"""Prior probabilities of classes, and what the decision rules divide by (docs/science/methods.md section 2,
MetaFusion).

Global priors are training frequencies; for fixed frames they may differ from pixel to pixel, on a map by
altitude. How a rule decides lives in `decision.py`.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ..base.errors import InputError

Array = TypeVar("Array", NDArray[Any], Tensor)


def interpolated(priors: Array, alpha: float) -> Array:
    """Return `(1 - alpha) + alpha * prior`, any shape: 1 for Bayes (0), the prior for maximum likelihood (1).

    Raises:
        InputError: if alpha is not in 0..1.
    """
    check_alpha(alpha)
    return (1 - alpha) + alpha * priors


def check_alpha(alpha: float) -> None:
    """Raise InputError unless alpha is in 0..1."""
    if not 0 <= alpha <= 1:
        raise InputError(f"Alpha {alpha} is not between 0 (Bayes) and 1 (maximum likelihood).")


def log_priors(pixel_counts: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Return `log((1 - alpha) + alpha * prior)` per class, prior = relative training frequency.

    A class without training pixels keeps prior 1: the ML rule has nothing to weigh it by and must not divide
    by 0.

    Raises:
        InputError: if alpha is not in 0..1.
    """
    check_alpha(alpha)
    total = sum(pixel_counts)
    return tuple(math.log((1 - alpha) + alpha * n / total) if n else 0.0 for n in pixel_counts)


def weigh(probabilities: Array, priors: Array, alpha: float) -> Array:
    """Return `p / prior_alpha`, renormalised to sum 1 over classes; its arg-max is the interpolated decision.

    Args:
        probabilities: `[C, ...]`, NumPy or torch, float32 or better.
        priors: `[C]`, or one per pixel, `[C, ...]`; above 0.
        alpha: 0 (Bayes) to 1 (maximum likelihood).

    Returns:
        As the probabilities.
    """
    divisor = interpolated(priors, alpha)
    if divisor.ndim == 1:
        divisor = divisor.reshape(-1, *[1] * (probabilities.ndim - 1))
    weighed = probabilities / divisor
    return weighed / weighed.sum(0)


def position_priors(
    labels: Iterable[NDArray[np.integer[Any]]], n_classes: int, *, sigma_px: float = 80.0, floor: float = 1e-5
) -> NDArray[np.float64]:
    """Return priors `[C, H, W]` of frames that always show the same place or come from one camera.

    The share of each class among the labels at a pixel, smoothed over the frame by a Gaussian, plus a floor,
    then scaled to sum 1. Sigma 80 px and floor 1e-5 are the authors'; the paper gives neither.

    Args:
        labels: frames `[H, W]` of one size; values outside 0..C-1 are unlabelled.
        n_classes: C.
        sigma_px: standard deviation of the Gaussian.
        floor: added to every share.

    Raises:
        InputError: if there is no frame, or frames differ in size.
    """
    counts: NDArray[np.float64] | None = None
    for frame in labels:
        if counts is None:
            counts = np.zeros((n_classes, *frame.shape))
        if counts.shape[1:] != frame.shape:
            raise InputError(f"A frame of {frame.shape} among frames of {counts.shape[1:]} has no position.")
        for channel in range(n_classes):
            counts[channel] += frame == channel
    if counts is None:
        raise InputError("Position-specific priors need at least one labelled frame.")
    smooth = np.stack([gaussian_filter(layer, sigma_px) for layer in counts])
    seen = smooth.sum(axis=0)
    shares = np.divide(smooth, seen, out=np.full_like(smooth, 1 / n_classes), where=seen > 0) + floor
    return shares / shares.sum(axis=0)


@dataclass(frozen=True, eq=False)
class AltitudePriors:
    """Priors per altitude band: `edges_m` `[B + 1]` rising, `shares` `[B, C]`, rows sum to 1."""

    edges_m: NDArray[np.float64]
    shares: NDArray[np.float64]

    def at(self, altitude_m: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return priors `[C, ...]` at altitudes `[...]`; outside the table the nearest band holds."""
        band = np.searchsorted(self.edges_m, altitude_m, side="right") - 1
        rows = self.shares[np.clip(band, 0, len(self.shares) - 1)]
        return np.moveaxis(rows, -1, 0)


def read_altitude_priors(path: Path, class_names: Sequence[str]) -> AltitudePriors:
    """Read a table of priors: CSV with the columns `from_m`, `to_m` and one per class name.

    Values are pixel counts or shares; each row is scaled to sum 1. Bands must follow each other without gap.

    Raises:
        InputError: in one sentence, if the table cannot be read so.
    """
    needed = ["from_m", "to_m", *class_names]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        values = np.array([[float(row[name]) for name in needed] for row in rows])
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The table of priors {path} cannot be read; check the file.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The table of priors {path} needs a number in each of the columns {', '.join(needed)} ({error})."
        ) from error
    if not len(values):
        raise InputError(f"The table of priors {path} has no altitude band.")
    low, high, shares = values[:, 0], values[:, 1], values[:, 2:]
    if not (np.isfinite(values).all() and (high > low).all() and (low[1:] == high[:-1]).all()):
        raise InputError(f"The altitude bands of {path} must rise from row to row without gap or overlap.")
    if not ((shares > 0).all()):
        raise InputError(f"Each prior of {path} must be above 0: nothing can be divided by it otherwise.")
    return AltitudePriors(np.append(low, high[-1]), shares / shares.sum(axis=1, keepdims=True))
