"""MetaFusion on embedded alpine scenes: large blocks that the shipped model misses, the paper's metrics
against ours. The scenes are synthetic, so nothing here says how it is in real mountains.

    python -m mce_landcover.training.experiments.metafusion.alpine CONFIG OUT
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....core.accuracy import confusion_matrix, scores
from ....core.catalogue import BACKGROUND, NODATA_CLASS
from ....core.errors import InputError
from ....core.metafusion.boosting import MetaSettings, fit_boosting
from ....core.metafusion.candidates import Candidates
from ....core.metafusion.classifier import filled, medians
from ....core.metafusion.counting import Errors, count_errors
from ....core.metafusion.crossval import CrossValidation, cross_validate, roc_auc
from ....core.metafusion.features import FeatureTable
from ....core.metafusion.fusion import accept
from ....core.progress import Reporter
from ....core.record import RunRecord, read_record
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table
from .alpine_runs import (
    ClassMap,
    MappedScene,
    fuse_scene,
    map_scenes,
    ml_map,
    scene_candidates,
    tile_groups,
)
from .sweep import (
    Point,
    Sweep,
    Verdict,
    as_json,
    effort_curves,
    effort_table,
    finding,
    importance_table,
    published_table,
    sweep_table,
)

CONFIGS = Path(__file__).with_name("configs")
PAPER, ALL = "metrics of the paper", "metrics of the paper and ours"
#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.5, 0.8, 0.925, 0.9625, 0.9825, 0.9925, 0.9975, 0.999)
Alpha = Annotated[float, Field(ge=0, le=1)]


class AlpineSettings(ExperimentSettings):
    """The config file of this experiment.

    Attributes:
        seeds: of the scenes; the demo model was trained on 101 to 116 and chosen on 201 and 202.
        size_m: side of each scene.
        model: "demo" or a bundle for the same sources and classes.
        groups: frequency groups whose classes are flagged.
        tile_m: side of the tiles that are never split between folds.
        accepted_per_find: false alarms accepted per missed segment found; 1 is the paper's p >= 0.5.
    """

    seeds: tuple[int, ...] = Field(min_length=1)
    size_m: float = 1000
    model: str = "demo"
    groups: tuple[str, ...] = ("tail",)
    alphas: tuple[Alpha, ...] = Field(default=(0.9, 0.95, 0.975, 0.99, 0.995, 1.0), min_length=1)
    tile_m: float = Field(default=250, gt=0)
    folds: int = Field(default=5, ge=2)
    accepted_per_find: float = Field(default=1.0, ge=0)


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


def run(settings: AlpineSettings, output: Path, reporter: Reporter) -> Outcome:
    """Make and map the scenes that OUT does not hold, decide them at every alpha, and compare."""
    scenes = map_scenes(
        settings.seeds,
        settings.size_m,
        output,
        model=settings.model,
        device=settings.device,
        reporter=reporter,
    )
    record = read_record(scenes[0].run)
    classes = [c.id for c in record.classes if c.group in settings.groups]
    if not classes:
        raise InputError(f"The model has no class of the groups {', '.join(settings.groups)}.")
    points: dict[str, list[Point]] = {PAPER: [], ALL: []}
    gains: list[Gain] = []
    for alpha in settings.alphas:
        found, verdicts = run_alpha(scenes, alpha, classes, record, settings)
        for name, point in verdicts.items():
            points[name].append(point)
        gains.append(auc_gain(alpha, found))
        last = verdicts[ALL]
        reporter.log(
            f"alpha {alpha:g}: FP/FN {last.plain.errors.fp}/{last.plain.errors.fn}, MetaFusion "
            f"{last.fused.errors.fp}/{last.fused.errors.fn}, {last.candidates} candidates."
        )
    bayes = judge(scenes, [s.bayes for s in scenes], classes, record)
    between = tuple(
        judge(scenes, [ml_map(s, alpha) for s in scenes], classes, record).errors for alpha in BETWEEN
    )
    sweeps = [Sweep(name.capitalize(), bayes, tuple(p), between) for name, p in points.items()]
    return _outcome(settings, record, sweeps, gains, found)


def run_alpha(
    scenes: Sequence[MappedScene],
    alpha: float,
    classes: Sequence[int],
    record: RunRecord,
    settings: AlpineSettings,
) -> tuple[Found, dict[str, Point]]:
    """Decide all scenes by the interpolated rule and by MetaFusion with either set of features.

    With too few candidates to cross-validate none is accepted.
    """
    per_scene = [scene_candidates(scene, alpha, classes) for scene in scenes]
    found = _validated(per_scene, settings)
    ml = [ml_map(scene, alpha) for scene in scenes]
    plain = judge(scenes, ml, classes, record)
    margin_auc = roc_auc(found.targets, found.margin)
    points = {}
    for name in (PAPER, ALL):
        accepted, auc, spread = np.zeros(len(found.targets), np.bool_), float("nan"), float("nan")
        if name in found.validations:
            validation = found.validations[name]
            accepted = accept(validation.scores, settings.accepted_per_find)
            auc, spread = validation.auc, validation.auc_std
        parts = np.split(accepted, np.cumsum([len(c) for c in per_scene])[:-1])
        fused = [fuse_scene(s, m, c, a) for s, m, c, a in zip(scenes, ml, per_scene, parts, strict=True)]
        verdict = judge(scenes, fused, classes, record)
        n, n_true = len(found.targets), int(found.targets.sum())
        points[name] = Point(alpha, plain, verdict, n, n_true, auc, spread, margin_auc)
    return found, points


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


def _validated(per_scene: Sequence[Candidates], settings: AlpineSettings) -> Found:
    features = FeatureTable.join([c.features for c in per_scene])
    targets = np.concatenate([c.target for c in per_scene if c.target is not None])
    groups = tile_groups(per_scene, settings.tile_m)
    meta = MetaSettings(folds=settings.folds, seed=settings.seed)
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


def _outcome(
    settings: AlpineSettings, record: RunRecord, sweeps: Sequence[Sweep], gains: Sequence[Gain], last: Found
) -> Outcome:
    names = ", ".join(c.name for c in record.classes if c.group in settings.groups)
    alpha = settings.alphas[-1]
    tables = [sweep_table(sweep) for sweep in sweeps]
    rows: list[list[Cell]] = [[f"{gain.alpha:g}", *gain[1:]] for gain in gains]
    heads = ("alpha", "paper's AUC", "±", "with ours", "±", "gain", "±")
    caption = "Cross-validated ROC AUC, mean and standard deviation over folds"
    tables.append(Table(caption, heads, rows, digits=4))
    effort: dict[str, list[float]] = {}
    if last.validations:
        orders = {name: v.scores for name, v in last.validations.items()} | {"ML margin": last.margin}
        n = len(last.targets)
        tables.append(effort_table(last.targets, orders, f"Alpha {alpha:g}: candidates to look at, of {n}"))
        effort = effort_curves(last.targets, orders)
        tables.append(_importances(settings, record, last))
    tables.append(published_table("MobileNetV2"))
    return Outcome(
        title=f"MetaFusion on embedded alpine scenes: {names}",
        data=(
            f"SYNTHETIC: {len(settings.seeds)} embedded scenes of {settings.size_m:g} m, seeds "
            f"{', '.join(map(str, settings.seeds))}, mapped by the model {record.model.name!r}; the "
            "published figures are of Cityscapes, other data"
        ),
        tables=tables,
        results={
            "sweeps": [as_json(sweep) for sweep in sweeps],
            "auc": [gain._asdict() for gain in gains],
            "review_effort": effort,
            "model_sha256": record.model.sha256,
        },
        findings=[*(finding(sweep) for sweep in sweeps), *_remarks(settings)],
    )


def _importances(settings: AlpineSettings, record: RunRecord, found: Found) -> Table:
    """Return what counts most in a classifier fitted to all candidates and all features."""
    values = feature_sets(found.features)[ALL]
    model = fit_boosting(values, found.targets, MetaSettings(folds=settings.folds, seed=settings.seed))
    shares = dict(zip(found.features.names, map(float, model.feature_importances_), strict=True))
    names = {f"neighbour_{i}": f"neighbour {c.name}" for i, c in enumerate(record.classes)}
    named = {names.get(name, name): share for name, share in shares.items()}
    return importance_table(named, f"Alpha {settings.alphas[-1]:g}: what counts most")


def _remarks(settings: AlpineSettings) -> list[str]:
    return [
        f"Errors are added up over the flagged classes. Scores are out of fold ({settings.folds} folds; "
        f"tiles of {settings.tile_m:g} m stay together); a candidate is accepted at up to "
        f"{settings.accepted_per_find:g} false alarms per find.",
        "Features that begin with mce_ are ours: agreement and support of the experts, Bayes classes below, "
        "altitude and slope.",
    ]


if __name__ == "__main__":
    raise SystemExit(run_experiment("alpine", AlpineSettings, run, CONFIGS))
