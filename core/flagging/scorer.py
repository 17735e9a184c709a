"""How candidates of one kind are scored: by boostings that learnt from candidates of that kind, from those of
both kinds where there are too few, or by the plain rule where even these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from .boosting import Bools, MetaSettings
from .by_class import ClassBoosting, ClassCalibration, Ints, fit_class_boosting, fit_offsets
from .calibration import Calibration, fit_offset
from .cross_validation import CrossValidation, cross_validate
from .features import CLASS, IS_DOUBTFUL, FeatureTable
from .rule import likely_real
from .trees import Floats

#: Candidates of each outcome that a boosting needs at the least.
LEAST = 10
#: Log-odds of the rule are no larger, where it is sure.
_MOST_ODDS = 5.0
Basis = Literal["own", "both kinds", "rule"]


@dataclass(frozen=True)
class Quality:
    """What was seen of one kind: n candidates, of which `n_real` are really of their class, and how well
    these are told apart on tiles not seen, mean and spread over folds.
    """

    n: int = 0
    n_real: int = 0
    auc: float = float("nan")
    auc_std: float = float("nan")


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores candidates of one kind by their features.

    Attributes:
        feature_names: the F columns of the boosting.
        fill: `[F]`, what stands in for a missing value: the median of the training candidates.
        calibration: from the boosting's margins, or the rule's log-odds, to probabilities.
        boosting: one for all classes, and others for single ones; None where the rule scores.
        basis: what it has learnt from.
    """

    feature_names: tuple[str, ...]
    fill: Floats
    calibration: ClassCalibration
    boosting: ClassBoosting | None = None
    basis: Basis = "own"
    quality: Quality = field(default_factory=Quality)

    def score(self, features: FeatureTable) -> Floats:
        """Return each candidate's probability of being really of its class, `[n]`.

        Raises:
            InputError: if the table lacks a feature.
        """
        class_ids = classes_of(features)
        if self.boosting is None:
            return self.calibration(rule_log_odds(features), class_ids)
        if class_ids is None and self.boosting.own:
            raise InputError(f"The candidates do not say which class they are of ({CLASS}); flag them anew.")
        return self.calibration(self.boosting.raw(self.values(features), class_ids), class_ids)

    def values(self, features: FeatureTable) -> Floats:
        """Return the columns of the boosting, none missing, `[n, F]`."""
        return filled(matrix(features, self.feature_names), self.fill)

    def importances(self) -> dict[str, float]:
        """Return each feature's share of what the splits gained, largest first; none of the rule."""
        if self.boosting is None:
            return {}
        shares = self.boosting.importances()
        order = np.argsort(-shares, kind="stable")
        return {self.feature_names[i]: float(shares[i]) for i in order}


@dataclass(frozen=True, eq=False)
class Examples:
    """n candidates whose truth is known: features, targets `[n]` (is the class really there?) and groups
    `[n]`, for example tiles, which stay together in a cross-validation.
    """

    features: FeatureTable
    targets: Bools
    groups: NDArray[np.integer]

    def take(self, rows: Bools) -> "Examples":
        """Return the rows of a mask."""
        features = replace(self.features, values=self.features.values[rows])
        return Examples(features, self.targets[rows], self.groups[rows])

    def can_teach(self) -> bool:
        """Tell whether there are LEAST of each outcome, and these in two groups at least."""
        if min(self.targets.sum(), (~self.targets).sum()) < LEAST:
            return False
        groups, targets = self.groups, self.targets
        return min(len(np.unique(groups[targets])), len(np.unique(groups[~targets]))) >= 2


def fit_scorer(
    examples: Examples, rows: Bools, settings: MetaSettings, names: Sequence[str]
) -> tuple[Scorer, CrossValidation]:
    """Fit a scorer for candidates of one kind, `rows` `[n]` of all examples, and judge it on these.

    Raises:
        InputError: if a feature is infinite.
    """
    own = examples.take(rows)
    if own.can_teach():
        return _learn(own, settings, names)
    if not rows.all() and examples.can_teach():
        return _learn_from_both(examples, rows, settings, (*names, IS_DOUBTFUL))
    return _take_the_rule(own, names)


def _learn(own: Examples, settings: MetaSettings, names: Sequence[str]) -> tuple[Scorer, CrossValidation]:
    values = matrix(own.features, names)
    fill = medians(values)
    values, class_ids = filled(values, fill), classes_of(own.features)
    validation = cross_validate(values, own.targets, own.groups, settings, class_ids)
    apart = tuple(validation.calibration.own)
    boosting = fit_class_boosting(values, own.targets, class_ids, apart, settings)
    return _judged(Scorer(tuple(names), fill, validation.calibration, boosting), validation), validation


def _learn_from_both(
    examples: Examples, rows: Bools, settings: MetaSettings, names: Sequence[str]
) -> tuple[Scorer, CrossValidation]:
    """Learn from both kinds, and move each class of this kind by its own examples."""
    values = matrix(examples.features, names)
    fill = medians(values)
    values = filled(values, fill)
    whole = cross_validate(values, examples.targets, examples.groups, settings)
    boosting = fit_class_boosting(values, examples.targets, None, (), settings)
    own = whole.of(rows)
    class_ids = classes_of(examples.take(rows).features)
    shared = whole.calibration.shared
    moved = Calibration(shared.slope, shared.intercept + fit_offset(shared.log_odds(own.raw), own.targets))
    calibration = ClassCalibration(moved, {}, fit_offsets(moved, own.raw, own.targets, class_ids))
    validation = replace(own, scores=calibration(own.raw, class_ids), calibration=calibration)
    return _judged(Scorer(tuple(names), fill, calibration, boosting, "both kinds"), validation), validation


def _take_the_rule(own: Examples, names: Sequence[str]) -> tuple[Scorer, CrossValidation]:
    """Learn nothing but how often the rule is right: one offset for all and one for each class."""
    raw, class_ids = rule_log_odds(own.features), classes_of(own.features)
    shared = Calibration(1.0, fit_offset(raw, own.targets))
    calibration = ClassCalibration(shared, {}, fit_offsets(shared, raw, own.targets, class_ids))
    folds = np.zeros(len(raw), np.int64)
    validation = CrossValidation(folds, raw, calibration(raw, class_ids), calibration, own.targets)
    scorer = Scorer(tuple(names), medians(matrix(own.features, names)), calibration, None, "rule")
    return _judged(scorer, validation), validation


def _judged(scorer: Scorer, validation: CrossValidation) -> Scorer:
    targets = validation.targets
    quality = Quality(len(targets), int(targets.sum()), validation.auc, validation.auc_std)
    return replace(scorer, quality=quality)


def rule_log_odds(features: FeatureTable) -> Floats:
    """Return the rule's scores `[n]` as log-odds."""
    real = likely_real(features)
    with np.errstate(divide="ignore"):
        return np.clip(np.log(real) - np.log1p(-real), -_MOST_ODDS, _MOST_ODDS)


def classes_of(features: FeatureTable) -> Ints | None:
    """Return the flagged class of each candidate `[n]`, None where the table does not say."""
    if CLASS not in features.names:
        return None
    return np.rint(matrix(features, [CLASS])[:, 0]).astype(np.int64)


def matrix(features: FeatureTable, names: Sequence[str]) -> Floats:
    """Return the named columns, float64 `[n, F]`; NaN stays.

    Raises:
        InputError: if one is not there or holds an infinite value.
    """
    position = {name: i for i, name in enumerate(features.names)}
    missing = [name for name in names if name not in position]
    if missing:
        raise InputError(
            f"The candidates have no feature {listed(missing)}, which the meta classifier was fitted to; "
            "flag them anew or fit another one."
        )
    values = np.asarray(features.values, np.float64)[:, [position[name] for name in names]]
    broken = [name for name, column in zip(names, values.T, strict=True) if np.isinf(column).any()]
    if broken:
        raise InputError(f"The feature {listed(broken)} of a candidate is infinite; flag them anew.")
    return values


def medians(values: Floats) -> Floats:
    """Return the median of the known values of each column `[F]`; 0 where none is known."""
    known = ~np.isnan(values).all(axis=0) if len(values) else np.zeros(values.shape[1], np.bool_)
    result = np.zeros(values.shape[1])
    result[known] = np.nanmedian(values[:, known], axis=0)
    return result


def filled(values: Floats, fill: Floats) -> Floats:
    """Return `[n, F]` with `fill` `[F]` in place of NaN."""
    return np.where(np.isnan(values), fill, values)


def listed(items: Sequence[Any], limit: int = 4) -> str:
    """Return some items in words, no more than `limit` of them."""
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
