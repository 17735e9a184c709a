"""The gradient boosting under the meta classifier: its settings and one fit of plain arrays, one boosting
for all classes and one for each that has enough candidates of both outcomes, and the logistic curve that
makes probabilities of its scores (Platt 1999).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class MetaSettings:
    """How a meta classifier is fitted.

    Attributes:
        kind: "paper" is the one for segments (27 stages, 5 features tried per split), "image" the CIFAR-10
            variant (15 stages, all features); docs/science/methods.md section 2.
        oversample: even out the two outcomes with SMOTE before every fit, as the authors' code does and the
            paper does not say.
        folds: of the cross-validation behind the calibration; fewer where there are fewer groups.
        seed: of the order of folds, features and synthetic samples.
    """

    kind: Literal["paper", "image"] = "paper"
    oversample: bool = False
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no fit can use."""
        if self.kind not in ("paper", "image"):
            raise InputError(f"There is no meta classifier {self.kind!r}; choose paper or image.")
        if self.folds < 2:
            raise InputError(f"A cross-validation needs at least 2 folds, not {self.folds}.")


def fit_boosting(values: Floats, targets: Bools, settings: MetaSettings) -> Any:
    """Fit the gradient boosting to `values` `[n, F]`, finite, and `targets` `[n]`, both outcomes present.

    Returns:
        A scikit-learn GradientBoostingClassifier; `raw_scores` reads it.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    paper = settings.kind == "paper"
    if settings.oversample:
        values, targets = _oversampled(values, targets, settings.seed)
    model = GradientBoostingClassifier(
        loss="exponential",
        n_estimators=27 if paper else 15,
        max_depth=3,
        max_features=min(5, values.shape[1]) if paper else None,
        learning_rate=0.14,
        random_state=settings.seed,
    )
    model.fit(values, targets)
    model._rng = None  # random states are of use in fitting only, and half of the file
    for tree in model.estimators_.ravel():
        tree.random_state = None
    return model


def raw_scores(model: Any, values: Floats) -> Floats:
    """Return the boosting's margin `[n]` of `values` `[n, F]`: orders candidates, and is no probability."""
    if len(values) == 0:
        return np.zeros(0)
    return np.asarray(model.decision_function(values), np.float64)


def _oversampled(values: Floats, targets: Bools, seed: int) -> tuple[Floats, Bools]:
    """Add synthetic samples of the rarer outcome until both are equally frequent (SMOTE)."""
    try:
        from imblearn.over_sampling import SMOTE
    except ImportError as error:
        raise InputError(
            "Oversampling needs the package imbalanced-learn; install it in the backend environment or "
            "switch oversampling off."
        ) from error
    n_rare = min(int(targets.sum()), int((~targets).sum()))
    if n_rare < 2:
        raise InputError(
            "Oversampling needs at least two candidates of each outcome in every fold; switch it off or give "
            "more labels."
        )
    smote = SMOTE(random_state=seed, k_neighbors=min(5, n_rare - 1))
    new_values, new_targets = smote.fit_resample(values, targets)
    return np.asarray(new_values, np.float64), np.asarray(new_targets, np.bool_)


@dataclass(frozen=True)
class Calibration:
    """`p = 1 / (1 + exp(-(slope * raw + intercept)))` with slope >= 0, so that it never changes an order."""

    slope: float
    intercept: float

    def __call__(self, raw: Floats) -> Floats:
        """Return probabilities of raw scores, both `[n]`."""
        return expit(self.slope * raw + self.intercept)


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


#: Candidates of each outcome that a class needs for a boosting of its own.
ENOUGH = 30
Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassBoosting:
    """A boosting for all classes, and by class id those that stand in for it."""

    shared: Any
    own: Mapping[int, Any] = field(default_factory=dict)

    def raw(self, values: Floats, class_ids: Ids | None) -> Floats:
        """Return raw scores `[n]` of `values` `[n, F]`; those of different boostings do not compare."""
        scores = raw_scores(self.shared, values)
        for id_, boosting in self.own.items():
            rows = _of_class(class_ids, id_, len(values))
            scores[rows] = raw_scores(boosting, values[rows])
        return scores

    def importances(self) -> Floats:
        """Return each feature's share of what the splits gained `[F]`, the mean over all boostings."""
        parts = [np.asarray(b.feature_importances_, np.float64) for b in (self.shared, *self.own.values())]
        return np.asarray(np.mean(parts, axis=0))


@dataclass(frozen=True)
class ClassCalibration:
    """From raw scores to probabilities, by boosting."""

    shared: Calibration
    own: Mapping[int, Calibration] = field(default_factory=dict)

    def __call__(self, raw: Floats, class_ids: Ids | None) -> Floats:
        """Return probabilities `[n]` of raw scores `[n]`; these compare."""
        scores = self.shared(raw)
        for id_, calibration in self.own.items():
            rows = _of_class(class_ids, id_, len(raw))
            scores[rows] = calibration(raw[rows])
        return scores


def classes_with_enough(targets: Bools, class_ids: Ids | None, enough: int = ENOUGH) -> tuple[int, ...]:
    """Return the classes that get a boosting of their own; none where there is but one class."""
    if class_ids is None:
        return ()
    ids = np.unique(class_ids).tolist()
    counts = [np.bincount(targets[class_ids == id_], minlength=2) for id_ in ids]
    return tuple(id_ for id_, n in zip(ids, counts, strict=True) if n.min() >= enough) if len(ids) > 1 else ()


def fit_class_boosting(
    values: Floats, targets: Bools, class_ids: Ids | None, own: Sequence[int], settings: MetaSettings
) -> ClassBoosting:
    """Fit the shared boosting to all candidates, and to each class of `own` one to its candidates.

    A class with one outcome only, as may happen in a fold, is left to the shared one.
    """
    found = {}
    for id_ in own:
        rows = _of_class(class_ids, id_, len(values))
        if targets[rows].any() and not targets[rows].all():
            found[id_] = fit_boosting(values[rows], targets[rows], settings)
    return ClassBoosting(fit_boosting(values, targets, settings), found)


def fit_class_calibration(
    raw: Floats, targets: Bools, class_ids: Ids | None, own: Sequence[int]
) -> ClassCalibration:
    """Fit one curve per boosting to scores out of fold; the shared one to the candidates that it is for."""
    found, rest = {}, np.ones(len(raw), np.bool_)
    for id_ in own:
        rows = _of_class(class_ids, id_, len(raw))
        found[id_] = fit_calibration(raw[rows], targets[rows])
        rest &= ~rows
    if not rest.any():
        rest[:] = True  # for classes that will be met one day
    return ClassCalibration(fit_calibration(raw[rest], targets[rest]), found)


def _of_class(class_ids: Ids | None, id_: int, n: int) -> Bools:
    return np.zeros(n, np.bool_) if class_ids is None else np.asarray(class_ids == id_)
