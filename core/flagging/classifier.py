"""The meta classifier: which candidates are places that the map missed. It knows its features by name and
what it was fitted for; the boosting under it, its calibration and its file live in modules of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from .boosting import Bools, ClassBoosting, ClassCalibration, Floats, MetaSettings, fit_class_boosting
from .cross_validation import CrossValidation, cross_validate
from .features import OURS, FeatureTable

#: The feature that is the flagged class.
CLASS = f"{OURS}class"


@dataclass(frozen=True)
class Origin:
    """What a meta classifier is fitted for, and will be refused without.

    Attributes:
        class_ids: the flagged classes.
        model_sha256: of the network's file.
        alpha: of the decision rule that gave the candidates.
    """

    class_ids: tuple[int, ...] = ()
    model_sha256: str = ""
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class MetaClassifier:
    """Scores candidates by their features.

    Attributes:
        boosting: one for all classes, and others for single ones.
        feature_names: its F columns.
        fill: `[F]`, what stands in for a missing value: the median of the training candidates.
        calibration: from the boostings' margins to probabilities.
        n_candidates, n_true: what it was fitted to.
        auc, auc_std: of its cross-validation, mean and spread over folds.
    """

    boosting: ClassBoosting
    feature_names: tuple[str, ...]
    fill: Floats
    calibration: ClassCalibration
    origin: Origin = field(default_factory=Origin)
    settings: MetaSettings = field(default_factory=MetaSettings)
    n_candidates: int = 0
    n_true: int = 0
    auc: float = float("nan")
    auc_std: float = float("nan")

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The flagged classes."""
        return self.origin.class_ids

    @property
    def model_sha256(self) -> str:
        """Of the network whose candidates these were."""
        return self.origin.model_sha256

    @property
    def alpha(self) -> float:
        """Of the decision rule that gave the candidates."""
        return self.origin.alpha

    @property
    def importances(self) -> dict[str, float]:
        """Share of each feature in what the boostings' splits gained; largest first."""
        shares = self.boosting.importances()
        order = np.argsort(-shares, kind="stable")
        return {self.feature_names[i]: float(shares[i]) for i in order}

    def score(self, features: FeatureTable) -> Floats:
        """Return each candidate's probability of being a missed place, `[n]`.

        Raises:
            InputError: if the table lacks a feature.
        """
        values = filled(matrix(features, self.feature_names), self.fill)
        class_ids = classes_of(features)
        if class_ids is None and self.boosting.own:
            raise InputError(f"The candidates do not say which class they are of ({CLASS}); flag them anew.")
        return self.calibration(self.boosting.raw(values, class_ids), class_ids)

    def require_fit_for(
        self, class_ids: Sequence[int], feature_names: Sequence[str], model_sha256: str, alpha: float
    ) -> None:
        """Refuse candidates of another kind than those it was fitted to.

        Raises:
            InputError: if a class is not among its own, a feature is missing, or the network or alpha is
                another.
        """
        strange = [str(id_) for id_ in class_ids if id_ not in self.class_ids]
        if strange:
            raise InputError(
                f"The meta classifier was fitted for the classes {_listed(self.class_ids)}, not for "
                f"{', '.join(strange)}; flag its classes or fit one for yours."
            )
        missing = [name for name in self.feature_names if name not in feature_names]
        if missing:
            raise InputError(
                f"The meta classifier needs features that these candidates do not have ({_listed(missing)}); "
                "fit one from runs with the same sources and experts."
            )
        if model_sha256 != self.model_sha256:
            raise InputError(
                "The meta classifier was fitted to maps of another model; fit one from runs of this model."
            )
        if abs(alpha - self.alpha) > 1e-9:
            raise InputError(
                f"The meta classifier was fitted to candidates of alpha {self.alpha:g}, not {alpha:g}; flag "
                "with its alpha or fit one for yours."
            )


def fit_classifier(
    features: FeatureTable,
    targets: Bools,
    groups: NDArray[np.integer],
    settings: MetaSettings = MetaSettings(),  # noqa: B008 - frozen
    origin: Origin = Origin(),
) -> MetaClassifier:
    """Fit a meta classifier to candidates whose truth is known.

    Args:
        features: of n candidates; NaN where a value is missing. Where `mce_class` is among them, classes
            with enough candidates get a boosting of their own.
        targets: `[n]`, true where the candidate is a missed place.
        groups: `[n]`, for example the tile of each candidate, kept together in the cross-validation behind
            the calibration.

    Raises:
        InputError: if the candidates or their groups are too few, or a feature is infinite.
    """
    return fit_with_validation(features, targets, groups, settings, origin)[0]


def fit_with_validation(
    features: FeatureTable,
    targets: Bools,
    groups: NDArray[np.integer],
    settings: MetaSettings,
    origin: Origin,
    *,
    names: Sequence[str] | None = None,
) -> tuple[MetaClassifier, CrossValidation]:
    """Do the same as `fit_classifier` with some of the features, and return the cross-validation too."""
    names = tuple(features.names if names is None else names)
    values = matrix(features, names)
    fill = medians(values)
    values, class_ids = filled(values, fill), classes_of(features)
    validation = cross_validate(values, targets, groups, settings, class_ids)
    own = tuple(validation.calibration.own)
    meta = MetaClassifier(
        boosting=fit_class_boosting(values, targets, class_ids, own, settings),
        feature_names=names,
        fill=fill,
        calibration=validation.calibration,
        origin=origin,
        settings=settings,
        n_candidates=len(targets),
        n_true=int(targets.sum()),
        auc=validation.auc,
        auc_std=validation.auc_std,
    )
    return meta, validation


def classes_of(features: FeatureTable) -> NDArray[np.int64] | None:
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
            f"The candidates have no feature {_listed(missing)}, which the meta classifier was fitted to; "
            "flag them anew or fit another one."
        )
    values = np.asarray(features.values, np.float64)[:, [position[name] for name in names]]
    broken = [name for name, column in zip(names, values.T, strict=True) if np.isinf(column).any()]
    if broken:
        raise InputError(f"The feature {_listed(broken)} of a candidate is infinite; flag them anew.")
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


def _listed(items: Sequence[Any], limit: int = 4) -> str:
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
