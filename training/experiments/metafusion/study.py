"""MetaFusion on labelled maps, alpha by alpha: the plain rule and the fused maps judged against the labels.
Which maps, and how their candidates are found, is each experiment's business."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from ....core.base.errors import InputError
from ....core.evaluation.scores import confusion_matrix, scores
from ....core.flagging.boosting import MetaSettings, fit_boosting
from ....core.flagging.cross_validation import (
    CrossValidation,
    cross_validate,
    effort_to_find,
    random_effort,
    review_effort,
    roc_auc,
)
from ....core.flagging.features import FeatureTable
from ....core.flagging.fusion import accept
from ....core.flagging.scorer import filled, medians
from ....core.segments.counting import Errors, count_errors
from ..report import Cell, Table
from .sweep import Point, Sweep, Verdict, price_table, sweep_table

#: Fusion as eq. 14 says, and as the authors' code can do it: segments in which the rules agree take the
#: larger outline of the ML map, too.
STRICT, GROWN = "eq. 14", "agreeing segments with their ML outline"
#: False alarms accepted per find at which MetaFusion is tabulated besides.
PRICES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
_FOUND = (0.25, 0.5, 0.75, 0.9)
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
ClassMap = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps by Bayes and their labels, class ids `[H, W]` each, 255 unlabelled, and the ids there are."""

    bayes: Sequence[ClassMap]
    truth: Sequence[ClassMap]
    class_ids: Sequence[int]

    def judge(self, decided: Iterable[ClassMap], flagged: Sequence[int]) -> Verdict:
        """Count the errors of all flagged classes together, and measure the mean IoU of all classes."""
        matrix = np.zeros((len(self.class_ids), len(self.class_ids)), np.int64)
        errors = Errors()
        for truth, predicted in zip(self.truth, decided, strict=True):
            for class_id in flagged:
                errors = errors.plus(count_errors(predicted, truth, class_id))
            matrix += confusion_matrix(truth, predicted, self.class_ids)
        return Verdict(errors, scores(matrix).mean_iou)


@dataclass(frozen=True, eq=False)
class Decided(ABC):
    """All maps at one alpha.

    Attributes:
        plain: maps by the interpolated rule.
        features, targets: of the candidates of all maps together, `[n]`.
        validations: scores out of fold by the features that they are made from; none where there are too few
            candidates to learn from.
    """

    maps: Maps
    flagged: Sequence[int]
    plain: Sequence[ClassMap]
    features: FeatureTable
    targets: Bools
    validations: Mapping[str, CrossValidation]

    @abstractmethod
    def with_accepted(self, index: int, accepted: Bools) -> ClassMap:
        """Return a new map: Bayes with the flagged class where an accepted candidate `[n]` lies (eq. 14)."""

    @property
    def margin(self) -> Floats:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.features.select(["M"]).values[:, 0]

    def fused(self, features: str, how: str, price: float) -> Verdict:
        """Judge MetaFusion at a price of false alarms per find; without scores no candidate is accepted."""
        accepted = np.zeros(len(self.targets), np.bool_)
        if features in self.validations:
            accepted = accept(self.validations[features].scores, price)
        maps = (self._fuse(i, accepted, how) for i in range(len(self.plain)))
        return self.maps.judge(maps, self.flagged)

    def _fuse(self, index: int, accepted: Bools, how: str) -> ClassMap:
        fused = self.with_accepted(index, accepted)
        if how == GROWN:
            for class_id in self.flagged:
                fused[agreeing_mask(self.plain[index], self.maps.bayes[index], class_id)] = class_id
        return fused


@dataclass(frozen=True)
class Variant:
    """A way of MetaFusion: which features its candidates are scored by, how they are fused, and the price.
    `priced` is what its table of other prices is called, if there is one."""

    name: str
    features: str
    how: str
    price: float
    priced: str = ""


@dataclass(eq=False)
class Study:
    """What is found out about one set of classes. `price_alpha` is the alpha that other prices are tabulated
    at; `plain` are errors of the plain rule at alphas between."""

    name: str
    variants: Sequence[Variant]
    price_alpha: float
    points: dict[Variant, list[Point]] = field(default_factory=dict)
    prices: dict[Variant, dict[float, Verdict]] = field(default_factory=dict)
    plain: list[Errors] = field(default_factory=list)
    last: Decided | None = None

    def add(self, alpha: float, decided: Decided) -> str:
        """Judge the plain rule and all variants at one alpha; return what to log."""
        plain = decided.maps.judge(decided.plain, decided.flagged)
        for variant in self.variants:
            points = self.points.setdefault(variant, [])
            points.append(_point(alpha, plain, decided, variant))
            if variant.priced and alpha == self.price_alpha:
                of = variant.features, variant.how
                self.prices[variant] = {price: decided.fused(*of, price) for price in PRICES}
        self.last = decided
        fused = self.points[self.variants[0]][-1].fused
        return (
            f"{self.name}, alpha {alpha:g}: FP/FN {plain.errors.fp}/{plain.errors.fn}, MetaFusion "
            f"{fused.errors.fp}/{fused.errors.fn}, {len(decided.targets)} candidates, "
            f"{int(decided.targets.sum())} true."
        )

    def sweeps(self) -> dict[Variant, Sweep]:
        """Return what the points are compared with, too."""
        assert self.last is not None
        bayes = self.last.maps.judge(self.last.maps.bayes, self.last.flagged)
        plain = tuple(self.plain)
        return {v: Sweep(f"{self.name}, {v.name}", bayes, tuple(p), plain) for v, p in self.points.items()}

    def tables(self, class_names: Sequence[str], meta: MetaSettings, *more: Table) -> list[Table]:
        """Return the sweeps, `more`, other prices, and what the last alpha says of reviewing and features."""
        sweeps = self.sweeps()
        where = f"{self.name}, alpha {self.price_alpha:g}"
        priced = [price_table(sweeps[v], p, f"{where}, {v.priced}") for v, p in self.prices.items()]
        return [*map(sweep_table, sweeps.values()), *more, *priced, *self._of_last(class_names, meta)]

    def _of_last(self, class_names: Sequence[str], meta: MetaSettings) -> list[Table]:
        if self.last is None or not self.last.validations:
            return []
        where = f"{self.name}, alpha {self.points[self.variants[0]][-1].alpha:g}"
        caption = f"{where}: candidates to look at, of {len(self.last.targets)}"
        shares = importances(self.last, class_names, meta)
        return [
            effort_table(effort_of(self.last), caption),
            Table(f"{where}: what counts most", ("feature", "importance"), shares[:10], digits=3),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return every number."""
        sweeps = [sweep.as_json(self.prices.get(v, {})) for v, sweep in self.sweeps().items()]
        effort: dict[str, list[float]] = {}
        if self.last is not None and self.last.validations:
            n = len(self.last.targets)
            at = np.unique(np.linspace(0, n, 101).round().astype(int))
            effort = {"looked at": at.tolist()}
            effort |= {name: curve[at].tolist() for name, curve in effort_of(self.last).items()}
        return {"sweeps": sweeps, "review_effort": effort}


def cross_validations(
    values: Mapping[str, Floats], targets: Bools, groups: NDArray[np.integer], meta: MetaSettings
) -> dict[str, CrossValidation]:
    """Return scores out of fold by features, nothing if there are too few candidates for it."""
    try:
        return {name: cross_validate(v, targets, groups, meta) for name, v in values.items()}
    except InputError:
        return {}


def agreeing_mask(ml: ClassMap, bayes: ClassMap, class_id: int) -> Bools:
    """Return the pixels `[H, W]` of the ML segments of a class that share a pixel with its Bayes mask."""
    parts = np.asarray(cc3d.connected_components(ml == class_id, connectivity=8))
    agree = np.bincount(parts[bayes == class_id], minlength=int(parts.max()) + 1) > 0
    agree[0] = False
    return agree[parts]


def effort_of(decided: Decided) -> dict[str, Floats]:
    """Return how many missed places are found when so many candidates are looked at, `[n + 1]`, by order."""
    targets = decided.targets
    orders = {name: v.scores for name, v in decided.validations.items()} | {"ML margin": decided.margin}
    curves = {name: review_effort(targets, scores) for name, scores in orders.items()}
    return curves | {"random order": random_effort(len(targets), int(targets.sum()))[0]}


def effort_table(curves: Mapping[str, Floats], caption: str) -> Table:
    """Return how many candidates must be looked at to find shares of the missed places, by order."""
    rows: list[list[Cell]] = []
    for name, curve in curves.items():
        efforts = [effort_to_find(curve, share) for share in _FOUND]
        rows.append([name, *(None if np.isnan(effort) else int(np.ceil(effort)) for effort in efforts)])
    return Table(caption, ("order", *(f"to find {share:.0%}" for share in _FOUND)), rows)


def importances(decided: Decided, class_names: Sequence[str], meta: MetaSettings) -> list[list[Cell]]:
    """Return what counts in a classifier fitted to all candidates and all features, most first (figure 6)."""
    values = decided.features.values
    model = fit_boosting(filled(values, medians(values)), decided.targets, meta)
    names = {f"neighbour_{i}": f"neighbour {name}" for i, name in enumerate(class_names)}
    shares = zip(decided.features.names, map(float, model.importances()), strict=True)
    return [[names.get(name, name), share] for name, share in sorted(shares, key=lambda item: -item[1])]


def _point(alpha: float, plain: Verdict, decided: Decided, variant: Variant) -> Point:
    fused = decided.fused(variant.features, variant.how, variant.price)
    counts = len(decided.targets), int(decided.targets.sum())
    margin_auc = roc_auc(decided.targets, decided.margin)
    validation = decided.validations.get(variant.features)
    if validation is None:
        return Point(alpha, plain, fused, *counts, margin_auc=margin_auc)
    return Point(alpha, plain, fused, *counts, validation.auc, validation.auc_std, margin_auc)
