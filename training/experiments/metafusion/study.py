"""MetaFusion on labelled maps, alpha by alpha: the plain rule and the fused maps judged against the labels.
Which maps, and how their candidates are found, is each experiment's business."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
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
from ....core.flagging.fusion import accept, fuse
from ....core.flagging.scorer import filled, medians
from ....core.segments.counting import Errors, count_errors
from ..command import ExperimentSettings
from ..report import Cell, Table
from ..runner import Row
from .sweep import finding, judged, plain_at_equal_fn, price_table, sweep_table

#: Fusion as eq. 14 says, and as the authors' code can do it: segments in which the rules agree take the
#: larger outline of the ML map, too.
STRICT, GROWN = "eq. 14", "agreeing segments with their ML outline"
#: False alarms accepted per find at which MetaFusion is tabulated besides.
PRICES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
_FOUND = (0.25, 0.5, 0.75, 0.9)
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
ClassMap = NDArray[Any]
Alpha = Annotated[float, Field(ge=0, le=1)]


class StudySettings(ExperimentSettings):
    """What both experiments on maps are told: the alphas, and the folds of the meta classifier."""

    alphas: tuple[Alpha, ...] = Field(default=(0.9, 0.95, 0.975, 0.99, 0.995, 1.0), min_length=1)
    folds: int = Field(default=5, ge=2)

    @property
    def meta(self) -> MetaSettings:
        """Settings of the meta classifier."""
        return MetaSettings(folds=self.folds, seed=self.seed)


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps by Bayes and their labels, class ids `[H, W]` each, 255 unlabelled, and the ids there are."""

    bayes: Sequence[ClassMap]
    truth: Sequence[ClassMap]
    class_ids: Sequence[int]

    def judge(self, decided: Iterable[ClassMap], flagged: Sequence[int]) -> tuple[Errors, float]:
        """Count the errors of all flagged classes together, and measure the mean IoU of all classes."""
        matrix = np.zeros((len(self.class_ids), len(self.class_ids)), np.int64)
        errors = Errors()
        for truth, predicted in zip(self.truth, decided, strict=True):
            for class_id in flagged:
                errors = errors.plus(count_errors(predicted, truth, class_id))
            matrix += confusion_matrix(truth, predicted, self.class_ids)
        return errors, scores(matrix).mean_iou


@dataclass(frozen=True, eq=False)
class Decided:
    """All maps at one alpha.

    Attributes:
        plain: maps by the interpolated rule.
        features, targets: of the candidates of all maps together, `[n]`.
        numbers: index of a map -> which candidate 1..n each pixel belongs to, 0 for none, `[H, W]`.
        validations: scores out of fold by the features that they are made from; none where there are too few
            candidates to learn from.
    """

    maps: Maps
    flagged: Sequence[int]
    plain: Sequence[ClassMap]
    features: FeatureTable
    targets: Bools
    numbers: Callable[[int], NDArray[np.integer]]
    validations: Mapping[str, CrossValidation]

    @property
    def margin(self) -> Floats:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.features.select(["M"]).values[:, 0]

    def fused(self, features: str, how: str, price: float) -> Iterator[ClassMap]:
        """Yield the maps of MetaFusion at a price of false alarms per find: Bayes with the flagged class
        where an accepted candidate lies. Without scores no candidate is accepted."""
        known = self.validations.get(features)
        accepted = np.flatnonzero(accept(known.scores, price)) + 1 if known else np.zeros(0, np.intp)
        for index, (bayes, plain) in enumerate(zip(self.maps.bayes, self.plain, strict=True)):
            fused = fuse(bayes, plain, self.numbers(index), accepted)
            for class_id in self.flagged if how == GROWN else ():
                fused[agreeing_mask(plain, bayes, class_id)] = class_id
            yield fused


@dataclass(frozen=True)
class Variant:
    """A way of MetaFusion: which features its candidates are scored by, how they are fused, and the price.
    `priced` is what its table of other prices is called, if there is one."""

    name: str
    features: str
    how: str
    price: float
    priced: str = ""


class Study:
    """What is found out about one set of classes: a sweep for each variant. `price_alpha` is the alpha that
    other prices are tabulated at."""

    def __init__(
        self, name: str, maps: Maps, flagged: Sequence[int], variants: Sequence[Variant], price_alpha: float
    ):
        self.name, self.maps, self.flagged, self.price_alpha = name, maps, flagged, price_alpha
        self.last: Decided | None = None
        self._alpha, self._plain = 0.0, list[Row]()
        self._bayes = maps.judge(maps.bayes, flagged)[0]
        known = {"bayes": self._judge(maps.bayes), "plain": self._plain}
        self.sweeps: dict[Variant, Row] = {
            v: {"name": f"{name}, {v.name}", **known, "points": [], "prices": {}} for v in variants
        }

    def _judge(self, decided: Iterable[ClassMap]) -> Row:
        errors, mean_iou = self.maps.judge(decided, self.flagged)
        return judged(errors, self._bayes, miou=mean_iou)

    def add(self, alpha: float, decided: Decided) -> str:
        """Judge the plain rule and all variants at one alpha; return what to log."""
        self.last, self._alpha = decided, alpha
        n, n_true = len(decided.targets), int(decided.targets.sum())
        point: Row = {"alpha": alpha, "plain": self._judge(decided.plain), "candidates": n, "true": n_true}
        point["margin_auc"] = roc_auc(decided.targets, decided.margin)
        told = [f"FP/FN {point['plain']['fp']}/{point['plain']['fn']}"]
        for v, sweep in self.sweeps.items():
            known = decided.validations.get(v.features)
            auc, auc_std = (known.auc, known.auc_std) if known else (float("nan"), float("nan"))
            fused = self._judge(decided.fused(v.features, v.how, v.price))
            sweep["points"].append({**point, "fused": fused, "auc": auc, "auc_std": auc_std})
            told.append(f"{v.name} {fused['fp']}/{fused['fn']}")
            if v.priced and alpha == self.price_alpha:
                judged_at = {p: self._judge(decided.fused(v.features, v.how, p)) for p in PRICES}
                sweep["prices"] = {f"{price:g}": row for price, row in judged_at.items()}
        return f"{self.name}, alpha {alpha:g}: {'; '.join(told)}; {n} candidates, {n_true} true."

    def add_plain(self, decided: Iterable[ClassMap]) -> None:
        """Note the errors of the plain rule at an alpha between."""
        self._plain.append(self.maps.judge(decided, self.flagged)[0]._asdict())

    def tables(self, class_names: Sequence[str], meta: MetaSettings, *more: Table) -> list[Table]:
        """Return the sweeps, `more`, other prices, and what the last alpha says of reviewing and features."""
        where = f"{self.name}, alpha {self.price_alpha:g}"
        priced = [price_table(s, f"{where}, {v.priced}") for v, s in self.sweeps.items() if s["prices"]]
        return [*map(sweep_table, self.sweeps.values()), *more, *priced, *self._of_last(class_names, meta)]

    def _of_last(self, class_names: Sequence[str], meta: MetaSettings) -> list[Table]:
        if self.last is None or not self.last.validations:
            return []
        where = f"{self.name}, alpha {self._alpha:g}"
        caption = f"{where}: candidates to look at, of {len(self.last.targets)}"
        shares = importances(self.last, class_names, meta)
        return [
            effort_table(effort_of(self.last), caption),
            Table(f"{where}: what counts most", ("feature", "importance"), shares[:10], digits=3),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return every number."""
        sweeps = list(self.sweeps.values())
        for sweep in sweeps:
            for point in sweep["points"]:
                point["plain_fp_at_equal_fn"] = plain_at_equal_fn(sweep, point["fused"])
        effort: dict[str, list[float]] = {}
        if self.last is not None and self.last.validations:
            n = len(self.last.targets)
            at = np.unique(np.linspace(0, n, 101).round().astype(int))
            effort = {"looked at": at.tolist()}
            effort |= {name: curve[at].tolist() for name, curve in effort_of(self.last).items()}
        return {"sweeps": sweeps, "review_effort": effort}

    def findings(self) -> list[str]:
        """Say of each variant whether it wins."""
        return [finding(sweep) for sweep in self.sweeps.values()]


def sweep_alphas(
    studies: Sequence[Study],
    alphas: Sequence[float],
    decide: Callable[[float], Iterable[Decided]],
    between: Sequence[float],
    plain: Callable[[float], Iterable[ClassMap]],
    *,
    reporter: Reporter,
) -> None:
    """Fill studies of the same maps.

    Args:
        decide: gives for an alpha what is decided for each study.
        between: alphas of the plain rule alone, for its trade-off curve.
        plain: gives the maps of the plain rule for such an alpha.
    """
    for done, alpha in enumerate(alphas, start=1):
        for study, decided in zip(studies, decide(alpha), strict=True):
            reporter.log(study.add(alpha, decided))
        reporter.progress(done, len(alphas), "alphas")
    for alpha in between:
        maps = list(plain(alpha))
        for study in studies:
            study.add_plain(maps)


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
