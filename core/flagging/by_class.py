"""One boosting for the candidates of all classes, and one of its own for each class that has enough of both
outcomes. The others share one, and are moved towards what their few examples say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .boosting import Bools, MetaSettings, Model, fit_model
from .calibration import Calibration, expit, fit_calibration, fit_offset
from .trees import Floats

#: Candidates of each outcome that a class needs for a boosting of its own.
ENOUGH = 30
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassBoosting:
    """A boosting for all classes, and by class id those that stand in for it."""

    shared: Model
    own: Mapping[int, Model] = field(default_factory=dict)

    def raw(self, values: Floats, class_ids: Ints | None) -> Floats:
        """Return raw scores `[n]` of `values` `[n, F]`; those of different boostings do not compare."""
        scores = self.shared.raw(values)
        for id_, model in self.own.items():
            rows = _of(class_ids, id_, len(values))
            scores[rows] = model.raw(values[rows])
        return scores

    def importances(self) -> Floats:
        """Return each feature's share of what the splits gained `[F]`, the mean over all boostings."""
        return np.asarray(
            np.mean([model.importances() for model in (self.shared, *self.own.values())], axis=0)
        )


@dataclass(frozen=True)
class ClassCalibration:
    """From raw scores to probabilities: by boosting, and `offsets` in log-odds of classes without one."""

    shared: Calibration
    own: Mapping[int, Calibration] = field(default_factory=dict)
    offsets: Mapping[int, float] = field(default_factory=dict)

    def __call__(self, raw: Floats, class_ids: Ints | None) -> Floats:
        """Return probabilities `[n]` of raw scores `[n]`; these compare."""
        scores = self.shared(raw)
        for id_, offset in self.offsets.items():
            rows = _of(class_ids, id_, len(raw))
            scores[rows] = expit(self.shared.log_odds(raw[rows]) + offset)
        for id_, calibration in self.own.items():
            rows = _of(class_ids, id_, len(raw))
            scores[rows] = calibration(raw[rows])
        return scores


def classes_with_enough(targets: Bools, class_ids: Ints | None, enough: int = ENOUGH) -> tuple[int, ...]:
    """Return the ids that get a boosting of their own; none where there is but one class."""
    if class_ids is None:
        return ()
    ids = np.unique(class_ids).tolist()
    counts = [np.bincount(targets[class_ids == id_], minlength=2) for id_ in ids]
    pairs = zip(ids, counts, strict=True)
    return tuple(id_ for id_, n in pairs if n.min() >= enough) if len(ids) > 1 else ()


def fit_class_boosting(
    values: Floats, targets: Bools, class_ids: Ints | None, own: Sequence[int], settings: MetaSettings
) -> ClassBoosting:
    """Fit the shared boosting to all candidates, and to each class of `own` one to its candidates.

    A class with one outcome only, as may happen in a fold, is left to the shared one.
    """
    found: dict[int, Model] = {}
    for id_ in own:
        rows = _of(class_ids, id_, len(values))
        if targets[rows].any() and not targets[rows].all():
            found[id_] = fit_model(values[rows], targets[rows], settings)
    return ClassBoosting(fit_model(values, targets, settings), found)


def fit_class_calibration(
    raw: Floats, targets: Bools, class_ids: Ints | None, own: Sequence[int]
) -> ClassCalibration:
    """Fit one curve per boosting to scores out of fold, the shared one to the candidates that it is for, and
    move each of their classes, where there are several, by its own examples.
    """
    found, rest = {}, np.ones(len(raw), np.bool_)
    for id_ in own:
        rows = _of(class_ids, id_, len(raw))
        found[id_] = fit_calibration(raw[rows], targets[rows])
        rest &= ~rows
    if not rest.any():
        rest[:] = True  # for classes that will be met one day
    shared = fit_calibration(raw[rest], targets[rest])
    return ClassCalibration(shared, found, fit_offsets(shared, raw, targets, class_ids, own))


def fit_offsets(
    shared: Calibration, raw: Floats, targets: Bools, class_ids: Ints | None, own: Sequence[int] = ()
) -> dict[int, float]:
    """Return by class id how far each class but those of `own` is moved; no one where there is but one."""
    ids = [] if class_ids is None else np.setdiff1d(class_ids, np.array(own, np.int64)).tolist()
    if len(ids) + len(own) < 2:
        return {}
    rows = {id_: _of(class_ids, id_, len(raw)) for id_ in ids}
    return {id_: fit_offset(shared.log_odds(raw[own_]), targets[own_]) for id_, own_ in rows.items()}


def _of(class_ids: Ints | None, id_: int, n: int) -> Bools:
    return np.zeros(n, np.bool_) if class_ids is None else np.asarray(class_ids == id_)
