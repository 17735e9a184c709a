"""False positives against false negatives: what the plain rule would pay for the misses that MetaFusion
leaves. Counting and Delta live in `core/metafusion/counting.py`."""

from collections.abc import Sequence

import numpy as np

from ....core.metafusion.counting import Errors


def false_positives_at(sweep: Sequence[Errors], misses: float) -> float:
    """Return the false positives of a plain rule whose prior exponent is tuned so that it misses so many.

    Between two points of the sweep the trade-off is taken to be linear; where several alphas miss the same
    number, the fewest false positives count. NaN where no alpha misses so few or so many.

    Args:
        sweep: errors of the plain rule over alpha, Bayes included, in any order.
        misses: false negatives.
    """
    least: dict[int, int] = {}
    for errors in sweep:
        least[errors.fn] = min(errors.fp, least.get(errors.fn, errors.fp))
    fn = np.array(sorted(least), dtype=np.float64)
    fp = np.array([least[int(n)] for n in fn], dtype=np.float64)
    if not len(fn) or not fn[0] <= misses <= fn[-1]:
        return float("nan")
    return float(np.interp(misses, fn, fp))


def mean_errors(runs: Sequence[Errors]) -> tuple[float, float]:
    """Return the mean false positives and false negatives of several runs."""
    return float(np.mean([e.fp for e in runs])), float(np.mean([e.fn for e in runs]))


def known_mean(values: Sequence[float]) -> float:
    """Return the mean of what is a number; NaN if nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
