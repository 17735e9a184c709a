"""What MetaFusion does to sets of classes of mapped scenes, alpha by alpha: plain rule and fused maps judged
against the labels, with the paper's metrics and with ours. Tables are `alpine.py`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....core.accuracy import confusion_matrix, scores
from ....core.catalogue import BACKGROUND, NODATA_CLASS
from ....core.errors import InputError
from ....core.metafusion.boosting import MetaSettings
from ....core.metafusion.candidates import Candidates
from ....core.metafusion.classifier import filled, medians
from ....core.metafusion.counting import Errors, count_errors
from ....core.metafusion.crossval import CrossValidation, cross_validate, roc_auc
from ....core.metafusion.features import FeatureTable
from ....core.metafusion.fusion import accept
from ....core.record import RunRecord
from .alpine_runs import ClassMap, MappedScene, fuse_scene, ml_map, scene_candidates, tile_groups
from .frame_candidates import agreeing_mask
from .sweep import GROWN, STRICT, Acceptance, Point, Sweep, Verdict

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
    """The candidates of all scenes at one alpha: features, truth, groups, and scores out of fold by feature
    set."""

    features: FeatureTable
    targets: NDArray[np.bool_]
    groups: NDArray[np.int64]
    validations: dict[str, CrossValidation]

    @property
    def margin(self) -> NDArray[np.float64]:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.features.select(["M"]).values[:, 0]


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
    """What is found out about one set of classes, alpha by alpha; points by features and way of fusion."""

    points: dict[tuple[str, str], list[Point]] = field(default_factory=lambda: {key: [] for key in KEYS})
    gains: list[Gain] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    last: Found | None = None

    def add(self, alpha: float, found: Found, points: Mapping[tuple[str, str], Point]) -> None:
        """Take the next alpha's result."""
        self.last = found
        for key, point in points.items():
            self.points[key].append(point)
        self.gains.append(auc_gain(alpha, found))

    def finish(self, name: str, bayes: Verdict, plain: tuple[Errors, ...]) -> None:
        """Take what the points are compared with."""
        self.sweeps = [
            Sweep(f"{name}, {', '.join(key)}", bayes, tuple(points), plain)
            for key, points in self.points.items()
        ]


@dataclass(frozen=True, eq=False)
class Decided:
    """All scenes at one alpha: their ML maps, and the candidates of every flagged class."""

    alpha: float
    ml: list[ClassMap]
    candidates: list[Candidates]


def decide_scenes(scenes: Sequence[MappedScene], alpha: float, sets: Sequence[Flagged]) -> Decided:
    """Decide all scenes by the interpolated rule."""
    classes = sorted({class_id for flagged in sets for class_id in flagged.class_ids})
    found = [scene_candidates(scene, alpha, classes) for scene in scenes]
    return Decided(alpha, [ml_map(scene, alpha) for scene in scenes], found)


def run_alpha(
    scenes: Sequence[MappedScene],
    decided: Decided,
    flagged: Flagged,
    record: RunRecord,
    *,
    acceptance: Acceptance,
    tile_m: float,
) -> tuple[Found, dict[tuple[str, str], Point]]:
    """Judge the plain rule, and MetaFusion with either set of features and either way of fusion.

    With too few candidates to cross-validate none is accepted.
    """
    chosen = [c.take(np.isin(c.class_ids, flagged.class_ids)) for c in decided.candidates]
    found = _validated(chosen, acceptance.meta, tile_m)
    plain = judge(scenes, decided.ml, flagged.class_ids, record)
    margin_auc = roc_auc(found.targets, found.margin)
    n, n_true = len(found.targets), int(found.targets.sum())
    points = {}
    for name in (PAPER, ALL):
        accepted, auc, spread = np.zeros(n, np.bool_), float("nan"), float("nan")
        if name in found.validations:
            validation = found.validations[name]
            accepted = accept(validation.scores, acceptance.per_find)
            auc, spread = validation.auc, validation.auc_std
        parts = np.split(accepted, np.cumsum([len(c) for c in chosen])[:-1])
        fused = [fuse_scene(s, m, c, a) for s, m, c, a in zip(scenes, decided.ml, chosen, parts, strict=True)]
        for how in (STRICT, GROWN):
            if how == GROWN:
                fused = [_grown(f, s, m, flagged) for f, s, m in zip(fused, scenes, decided.ml, strict=True)]
            verdict = judge(scenes, fused, flagged.class_ids, record)
            points[name, how] = Point(decided.alpha, plain, verdict, n, n_true, auc, spread, margin_auc)
    return found, points


def _grown(fused: ClassMap, scene: MappedScene, ml: ClassMap, flagged: Flagged) -> ClassMap:
    """Return a fused map in which segments that agree with Bayes have their ML outline."""
    grown = fused.copy()
    for class_id in flagged.class_ids:
        grown[agreeing_mask(ml, scene.bayes, class_id)] = class_id
    return grown


def judge(
    scenes: Sequence[MappedScene], maps: Sequence[ClassMap], classes: Sequence[int], record: RunRecord
) -> Verdict:
    """Count the errors of all flagged classes together, and measure the mean IoU of all classes."""
    ids = [c.id for c in record.classes]
    matrix = np.zeros((len(ids), len(ids)), np.int64)
    errors = Errors()
    for scene, predicted in zip(scenes, maps, strict=True):
        truth = np.where(scene.truth == BACKGROUND, NODATA_CLASS, scene.truth)
        for class_id in classes:
            errors = errors.plus(count_errors(predicted, truth, class_id))
        matrix += confusion_matrix(truth, predicted, ids)
    return Verdict(errors, scores(matrix).mean_iou)


def feature_sets(features: FeatureTable) -> dict[str, NDArray[np.float64]]:
    """Return the values of the paper's features, and of all, missing ones replaced by the median."""
    values = {PAPER: features.paper.values, ALL: features.values}
    return {name: filled(v, medians(v)) for name, v in values.items()}


def _validated(per_scene: Sequence[Candidates], meta: MetaSettings, tile_m: float) -> Found:
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
    return Found(features, targets, groups, validations)


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
