"""What MetaFusion does to sets of classes of mapped scenes, alpha by alpha: plain rule and fused maps judged
against the labels, with the paper's metrics and with ours. Tables are `alpine.py`'s."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....core.base.errors import InputError
from ....core.evaluation.scores import confusion_matrix, scores
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.candidates import Candidates
from ....core.flagging.classifier import filled, medians
from ....core.flagging.counting import Errors, count_errors
from ....core.flagging.cross_validation import CrossValidation, cross_validate, roc_auc
from ....core.flagging.features import FeatureTable
from ....core.flagging.fusion import accept
from ....core.mapping.record import RunRecord
from ....core.model.classes import BACKGROUND, NODATA_CLASS
from .alpine_runs import ClassMap, MappedScene, fuse_scene, ml_map, scene_candidates, tile_groups
from .frame_candidates import agreeing_mask
from .sweep import GROWN, STRICT, Point, Sweep, Verdict

PAPER, ALL = "metrics of the paper", "metrics of the paper and ours"
#: Features and way of fusion.
KEYS = tuple((features, how) for features in (PAPER, ALL) for how in (STRICT, GROWN))


@dataclass(frozen=True)
class Flagged:
    """Classes that are flagged together, by the groups they are of."""

    name: str
    class_ids: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Found:
    """A set of classes at one alpha: the candidates of all scenes together and per scene, their truth, and
    scores out of fold by features; none where there are too few to learn from."""

    flagged: Flagged
    per_scene: Sequence[Candidates]
    features: FeatureTable
    targets: NDArray[np.bool_]
    validations: Mapping[str, CrossValidation]

    @property
    def margin(self) -> NDArray[np.float64]:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.features.select(["M"]).values[:, 0]

    def accepted(self, features: str, price: float) -> list[NDArray[np.bool_]]:
        """Return per scene which candidates are accepted at that many false alarms per find."""
        accepted = np.zeros(len(self.targets), np.bool_)
        if features in self.validations:
            accepted = accept(self.validations[features].scores, price)
        return np.split(accepted, np.cumsum([len(c) for c in self.per_scene])[:-1])


class Gain(NamedTuple):
    """Cross-validated ROC AUC at one alpha by features, and their difference over the same folds."""

    alpha: float
    paper: float
    paper_std: float
    both: float
    both_std: float
    gain: float
    gain_std: float


@dataclass(eq=False)
class Study:
    """What is found out about one set of classes, alpha by alpha: points by features and way of fusion, and
    verdicts at other prices by way of fusion."""

    points: dict[tuple[str, str], list[Point]] = field(default_factory=lambda: {key: [] for key in KEYS})
    prices: dict[str, dict[float, Verdict]] = field(default_factory=dict)
    gains: list[Gain] = field(default_factory=list)
    sweeps: dict[tuple[str, str], Sweep] = field(default_factory=dict)
    last: Found | None = None

    def finish(self, name: str, bayes: Verdict, plain: tuple[Errors, ...]) -> None:
        """Take what the points are compared with."""
        self.sweeps = {
            key: Sweep(f"{name}, {', '.join(key)}", bayes, tuple(points), plain)
            for key, points in self.points.items()
        }


@dataclass(frozen=True, eq=False)
class Decided:
    """All scenes at one alpha: their ML maps, and the candidates of every flagged class."""

    scenes: Sequence[MappedScene]
    alpha: float
    ml: Sequence[ClassMap]
    candidates: Sequence[Candidates]

    def fused(self, found: Found, features: str, price: float, how: str) -> Iterator[ClassMap]:
        """Yield the map of each scene by MetaFusion."""
        parts = found.accepted(features, price)
        for scene, ml, candidates, accepted in zip(self.scenes, self.ml, found.per_scene, parts, strict=True):
            fused = fuse_scene(scene, ml, candidates, accepted)
            if how == GROWN:
                for class_id in found.flagged.class_ids:
                    fused[agreeing_mask(ml, scene.bayes, class_id)] = class_id
            yield fused


def decide_scenes(scenes: Sequence[MappedScene], alpha: float, sets: Sequence[Flagged]) -> Decided:
    """Decide all scenes by the interpolated rule."""
    classes = sorted({class_id for flagged in sets for class_id in flagged.class_ids})
    found = [scene_candidates(scene, alpha, classes) for scene in scenes]
    return Decided(scenes, alpha, [ml_map(scene, alpha) for scene in scenes], found)


def score_candidates(decided: Decided, flagged: Flagged, meta: MetaSettings, tile_m: float) -> Found:
    """Score the candidates of a set of classes by classifiers that have not seen their tile."""
    per_scene = [c.take(np.isin(c.class_ids, flagged.class_ids)) for c in decided.candidates]
    features = FeatureTable.join([c.features for c in per_scene])
    targets = np.concatenate([c.target for c in per_scene if c.target is not None])
    groups = tile_groups(per_scene, tile_m)
    try:
        validations = {
            name: cross_validate(values, targets, groups, meta)
            for name, values in feature_sets(features).items()
        }
    except InputError:  # too few candidates
        validations = {}
    return Found(flagged, per_scene, features, targets, validations)


def add_alpha(study: Study, decided: Decided, found: Found, price: float, record: RunRecord) -> None:
    """Judge the plain rule, and MetaFusion with either set of features and either way of fusion."""
    plain = judge(decided.scenes, decided.ml, found.flagged, record)
    for (features, how), points in study.points.items():
        validation = found.validations.get(features)
        fused = judge(decided.scenes, decided.fused(found, features, price, how), found.flagged, record)
        points.append(
            Point(
                decided.alpha,
                plain,
                fused,
                candidates=len(found.targets),
                true=int(found.targets.sum()),
                auc=validation.auc if validation else float("nan"),
                auc_std=validation.auc_std if validation else float("nan"),
                margin_auc=roc_auc(found.targets, found.margin),
            )
        )
    study.gains.append(auc_gain(decided.alpha, found))
    study.last = found


def judge_prices(
    decided: Decided, found: Found, how: str, prices: Sequence[float], record: RunRecord
) -> dict[float, Verdict]:
    """Return the verdict on MetaFusion with all features by the false alarms accepted per find."""
    return {
        price: judge(decided.scenes, decided.fused(found, ALL, price, how), found.flagged, record)
        for price in prices
    }


def judge(
    scenes: Sequence[MappedScene], maps: Iterable[ClassMap], flagged: Flagged, record: RunRecord
) -> Verdict:
    """Count the errors of all flagged classes together, and measure the mean IoU of all classes."""
    ids = [c.id for c in record.classes]
    matrix = np.zeros((len(ids), len(ids)), np.int64)
    errors = Errors()
    for scene, predicted in zip(scenes, maps, strict=True):
        truth = np.where(scene.truth == BACKGROUND, NODATA_CLASS, scene.truth)
        for class_id in flagged.class_ids:
            errors = errors.plus(count_errors(predicted, truth, class_id))
        matrix += confusion_matrix(truth, predicted, ids)
    return Verdict(errors, scores(matrix).mean_iou)


def feature_sets(features: FeatureTable) -> dict[str, NDArray[np.float64]]:
    """Return the values of the paper's features, and of all, missing ones replaced by the median."""
    values = {PAPER: features.paper.values, ALL: features.values}
    return {name: filled(v, medians(v)) for name, v in values.items()}


def auc_gain(alpha: float, found: Found) -> Gain:
    """Return the AUC of both feature sets and what ours add, fold by fold; NaN without a cross-validation."""
    nothing = float("nan")
    if not found.validations:
        return Gain(alpha, *[nothing] * 6)
    paper, both = found.validations[PAPER], found.validations[ALL]
    gains = np.array(both.aucs) - np.array(paper.aucs)  # the same folds: they depend on targets and groups
    gains = gains[~np.isnan(gains)]
    spread = float(gains.std(ddof=1)) if len(gains) > 1 else nothing
    mean = float(gains.mean()) if len(gains) else nothing
    return Gain(alpha, paper.auc, paper.auc_std, both.auc, both.auc_std, mean, spread)
