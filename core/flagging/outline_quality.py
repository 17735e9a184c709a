"""How well the outlines of doubtful places will agree with what is really there: the regression of their IoU
(MetaSeg; docs/science/methods.md section 2).
"""

from dataclasses import dataclass

import numpy as np

from .boosting import fit_regression
from .by_class import ENOUGH, Ints
from .trees import Floats, Trees


@dataclass(frozen=True, eq=False)
class OutlineQuality:
    """A fitted regression of the IoU.

    Attributes:
        trees: None where it explains nothing on tiles that it has not seen, or has too few examples.
        n: examples.
        r2: share of the variance that it explains on such tiles; NaN where it was not tried.
        error: mean absolute error there.
    """

    trees: Trees | None = None
    n: int = 0
    r2: float = float("nan")
    error: float = float("nan")


def fit_outline_quality(values: Floats, iou: Floats, folds: Ints, seed: int) -> OutlineQuality:
    """Fit and cross-validate the regression.

    Args:
        values: `[n, F]`, finite.
        iou: `[n]`, NaN where it is unknown; those are left out.
        folds: `[n]`, which fold holds each back.
        seed: of the fit.
    """
    known = np.isfinite(iou)
    values, iou, folds = values[known], iou[known], folds[known]
    if len(iou) < ENOUGH or len(np.unique(folds)) < 2 or iou.std() == 0:
        return OutlineQuality(n=len(iou))
    predicted = np.empty(len(iou))
    for fold in np.unique(folds).tolist():
        held = folds == fold
        predicted[held] = expected_iou(fit_regression(values[~held], iou[~held], seed), values[held])
    r2 = 1 - float(((predicted - iou) ** 2).mean() / iou.var())
    trees = fit_regression(values, iou, seed) if r2 > 0 else None
    return OutlineQuality(trees, len(iou), r2, float(np.abs(predicted - iou).mean()))


def expected_iou(trees: Trees, values: Floats) -> Floats:
    """Return the IoU expected of `values` `[n, F]`, `[n]` in 0..1."""
    return np.clip(trees.raw(values), 0, 1)
