"""What the meta classifier learns with, its settings, and one fit of plain arrays each."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from .linear import Linear, fit_linear
from .trees import Floats, Trees

Bools = NDArray[np.bool_]
Model = Trees | Linear


@dataclass(frozen=True)
class MetaSettings:
    """How a meta classifier is fitted.

    Attributes:
        kind: "paper" is the boosting for segments (27 stages, 5 features tried per split), "image" the
            CIFAR-10 variant (15 stages, all features), "linear" the logistic regression for doubtful places;
            docs/science/methods.md section 2.
        oversample: even out the two outcomes with SMOTE before every fit, as the authors' code does and the
            paper does not say.
        folds: of the cross-validation behind the calibration; fewer where there are fewer groups.
        seed: of the order of folds, features and synthetic samples.
    """

    kind: Literal["paper", "image", "linear"] = "paper"
    oversample: bool = False
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no fit can use."""
        if self.kind not in ("paper", "image", "linear"):
            raise InputError(f"There is no meta classifier {self.kind!r}; choose paper, image or linear.")
        if self.folds < 2:
            raise InputError(f"A cross-validation needs at least 2 folds, not {self.folds}.")


def fit_model(values: Floats, targets: Bools, settings: MetaSettings) -> Model:
    """Fit what the settings say to `values` `[n, F]`, finite, and `targets` `[n]`, both outcomes present."""
    if settings.kind != "linear":
        return fit_boosting(values, targets, settings)
    if settings.oversample:
        values, targets = _oversampled(values, targets, settings.seed)
    return fit_linear(values, targets)


def fit_boosting(values: Floats, targets: Bools, settings: MetaSettings) -> Trees:
    """Fit the gradient boosting to `values` `[n, F]`, finite, and `targets` `[n]`, both outcomes present.

    `Trees.raw` of it orders candidates, and is no probability.
    """
    from scipy.special import logit
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
    return Trees.from_sklearn(model, start=0.5 * float(logit(targets.mean())))


def fit_regression(values: Floats, targets: Floats, seed: int) -> Trees:
    """Fit a gradient boosting to numbers `targets` `[n]` by least squares; `Trees.raw` predicts them."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=60,
        max_depth=3,
        max_features=min(12, values.shape[1]),
        learning_rate=0.1,
        random_state=seed,
    )
    model.fit(values, targets)
    return Trees.from_sklearn(model, start=float(targets.mean()))


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
