"""False positives against false negatives: what the plain rule would pay for the misses that MetaFusion
leaves. Counting and Delta live in `core/flagging/counting.py`."""

from collections.abc import Sequence

import numpy as np

from ....core.flagging.counting import Errors


def false_positives_at(sweep: Sequence[Errors], misses: float) -> float:
    """Return the false positives of a plain rule whose alpha is tuned so that it misses so many.

    Only alphas count that no other one beats in both errors; between two of these the trade-off is taken to
    be linear. NaN where no alpha misses so few or so many.

    Args:
        sweep: errors of the plain rule over alpha, Bayes included, in any order.
        misses: false negatives.
    """
    best: list[Errors] = []
    for errors in sorted(sweep, key=lambda e: (e.fn, e.fp)):
        if not best or errors.fp < best[-1].fp:
            best.append(errors)
    if not best or not best[0].fn <= misses <= max(e.fn for e in sweep):
        return float("nan")
    return float(np.interp(misses, [e.fn for e in best], [e.fp for e in best]))


def mean_errors(runs: Sequence[Errors]) -> tuple[float, float]:
    """Return the mean false positives and false negatives of several runs."""
    return float(np.mean([e.fp for e in runs])), float(np.mean([e.fn for e in runs]))


def known_mean(values: Sequence[float]) -> float:
    """Return the mean of what is a number; NaN if nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
