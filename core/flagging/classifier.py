"""The meta classifier: which missed places are real, and which places of the map are not. It knows what it
was fitted for; how each kind is scored lives in `scorer.py`, its file in `archive.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from .boosting import Bools, MetaSettings
from .cross_validation import CrossValidation
from .features import IS_DOUBTFUL, FeatureTable, doubtful_rows
from .kinds import DOUBTFUL, KINDS, Kind
from .outline_quality import OutlineQuality, expected_iou, fit_outline_quality
from .rule import RULE, change_of, likely_real
from .scorer import Basis, Examples, Quality, Scorer, fit_scorer, listed
from .trees import Floats


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
        scorers: by kind, of those that there were examples of; others are ranked by the plain rule.
        outlines: the regression of the IoU of doubtful places.
    """

    scorers: Mapping[Kind, Scorer]
    origin: Origin = field(default_factory=Origin)
    settings: MetaSettings = field(default_factory=MetaSettings)
    outlines: OutlineQuality = field(default_factory=OutlineQuality)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The flagged classes."""
        return self.origin.class_ids

    @property
    def feature_names(self) -> tuple[str, ...]:
        """All features that it looks at."""
        return tuple(dict.fromkeys(name for one in self.scorers.values() for name in one.feature_names))

    def quality(self, kind: Kind) -> Quality:
        """Return what it has seen of a kind."""
        return self.scorers[kind].quality if kind in self.scorers else Quality()

    def basis(self, kind: Kind) -> Basis:
        """Return what scores of a kind come from."""
        return self.scorers[kind].basis if kind in self.scorers else RULE

    def score(self, features: FeatureTable) -> Floats:
        """Return each candidate's probability of being really of its class, `[n]`.

        Raises:
            InputError: if the table lacks a feature.
        """
        doubtful = doubtful_rows(features)
        scores = np.empty(len(features.values))
        for kind in KINDS:
            rows = doubtful == (kind == DOUBTFUL)
            if rows.any():
                own = features if rows.all() else features.take(rows)
                scores[rows] = self.scorers[kind].score(own) if kind in self.scorers else likely_real(own)
        return scores

    def changes(self, features: FeatureTable) -> Floats:
        """Return the probability `[n]` that looking at a candidate changes the map: that a missed place is
        real, that a doubtful one is not.
        """
        return change_of(self.score(features), doubtful_rows(features))

    def expected_iou(self, features: FeatureTable) -> Floats:
        """Return the IoU expected of each doubtful place with the true ones `[n]`, NaN where it says none."""
        found = np.full(len(features.values), np.nan)
        rows = doubtful_rows(features)
        if self.outlines.trees is not None and rows.any():
            values = self.scorers[DOUBTFUL].values(features.take(rows))
            found[rows] = expected_iou(self.outlines.trees, values)
        return found

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
                f"The meta classifier was fitted for the classes {listed(self.class_ids)}, not for "
                f"{', '.join(strange)}; flag its classes or fit one for yours."
            )
        missing = [name for name in self.feature_names if name not in feature_names]
        if missing:
            raise InputError(
                f"The meta classifier needs features that these candidates do not have ({listed(missing)}); "
                "fit one from runs with the same sources and experts."
            )
        if model_sha256 != self.origin.model_sha256:
            raise InputError(
                "The meta classifier was fitted to maps of another model; fit one from runs of this model."
            )
        if abs(alpha - self.origin.alpha) > 1e-9:
            raise InputError(
                f"The meta classifier was fitted to candidates of alpha {self.origin.alpha:g}, not "
                f"{alpha:g}; flag with its alpha or fit one for yours."
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
            with enough candidates of a kind get a boosting of their own.
        targets: `[n]`, true where the flagged class is really there.
        groups: `[n]`, for example the tile of each candidate, kept together in the cross-validation behind
            the calibration.

    Raises:
        InputError: if a feature is infinite.
    """
    return fit_with_validation(Examples(features, targets, groups), settings, origin)[0]


def settings_of(kind: Kind, settings: MetaSettings) -> MetaSettings:
    """Return what candidates of a kind are learnt with: doubtful places linearly, as so few are true that
    boosted trees lose more of them at an equal number of false ones (docs/science/methods.md section 2).
    """
    return replace(settings, kind="linear") if kind == DOUBTFUL else settings


def fit_with_validation(
    examples: Examples,
    settings: MetaSettings,
    origin: Origin,
    *,
    names: Sequence[str] | None = None,
    iou: Floats | None = None,
) -> tuple[MetaClassifier, dict[Kind, CrossValidation]]:
    """Do the same with some of the features, and return the cross-validation of each kind too.

    `iou` `[n]` teaches the expected IoU of doubtful places, NaN where it is unknown.
    """
    features = examples.features
    names = tuple(name for name in features.names if name != IS_DOUBTFUL) if names is None else names
    doubtful = doubtful_rows(features)
    scorers: dict[Kind, Scorer] = {}
    validations: dict[Kind, CrossValidation] = {}
    for kind in KINDS:
        rows = doubtful == (kind == DOUBTFUL)
        if rows.any():
            scorers[kind], validations[kind] = fit_scorer(examples, rows, settings_of(kind, settings), names)
    outlines = OutlineQuality()
    if iou is not None and DOUBTFUL in scorers:
        values = scorers[DOUBTFUL].values(examples.take(doubtful).features)
        outlines = fit_outline_quality(values, iou[doubtful], validations[DOUBTFUL].folds, settings.seed)
    return MetaClassifier(scorers, origin, settings, outlines), validations
