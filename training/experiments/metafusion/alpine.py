"""MetaFusion on embedded alpine scenes: large blocks that the shipped model misses, the paper's metrics
against ours. The scenes are synthetic, so nothing here says how it is in real mountains.

    python -m mce_landcover.training.experiments.metafusion.alpine CONFIG OUT
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
from ....core.flagging.boosting import MetaSettings, fit_boosting
from ....core.mapping.record import RunRecord, read_record
from ....core.model.classes import Group
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table
from .alpine_runs import map_scenes, ml_map
from .alpine_study import (
    ALL,
    Flagged,
    Found,
    Gain,
    Study,
    add_alpha,
    decide_scenes,
    feature_sets,
    judge,
    judge_prices,
    score_candidates,
)
from .natural_priors import write_natural
from .sweep import (
    GROWN,
    PRICES,
    STRICT,
    as_json,
    effort_curves,
    effort_table,
    finding,
    importance_table,
    price_table,
    published_table,
    sweep_table,
)

CONFIGS = Path(__file__).with_name("configs")
#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.25, 0.5, 0.7, 0.8, 0.85)
Alpha = Annotated[float, Field(ge=0, le=1)]


class AlpineSettings(ExperimentSettings):
    """The config file of this experiment.

    Attributes:
        seeds: of the scenes; the demo model was trained on 101 to 116 and chosen on 201 and 202.
        size_m: side of each scene.
        model: "demo" or a bundle for the same sources and classes.
        natural_priors: give the model the class frequencies of the land first, see `natural_priors.py`.
        flagged: sets of frequency groups whose classes are flagged together, a table for each.
        tile_m: side of the tiles that are never split between folds.
        price_alpha: one of the alphas, at which MetaFusion is tabulated at other prices, too.
        accepted_per_find: false alarms accepted per missed segment found; 1 is the paper's p >= 0.5.
    """

    seeds: tuple[int, ...] = Field(min_length=1)
    size_m: float = 1000
    model: str = "demo"
    natural_priors: bool = True
    flagged: tuple[tuple[Group, ...], ...] = Field(default=(("tail",), ("body", "tail")), min_length=1)
    alphas: tuple[Alpha, ...] = Field(default=(0.9, 0.95, 0.975, 0.99, 0.995, 1.0), min_length=1)
    tile_m: float = Field(default=250, gt=0)
    folds: int = Field(default=5, ge=2)
    price_alpha: Alpha = 0.975
    accepted_per_find: float = Field(default=1.0, ge=0)


def run(settings: AlpineSettings, output: Path, reporter: Reporter) -> Outcome:
    """Make and map the scenes that OUT does not hold, decide them at every alpha, and compare."""
    model = settings.model
    if settings.natural_priors:
        model = str(write_natural(settings.model, output / "natural_priors.safetensors"))
    scenes = map_scenes(
        settings.seeds,
        settings.size_m,
        output,
        model=model,
        device="cuda" if settings.device.startswith("cuda") else "cpu",
        reporter=reporter,
    )
    record = read_record(scenes[0].run)
    sets = _flagged(settings, record)
    studies = {flagged.name: Study() for flagged in sets}
    meta = MetaSettings(folds=settings.folds, seed=settings.seed)
    for alpha in settings.alphas:
        decided = decide_scenes(scenes, alpha, sets)
        for flagged in sets:
            study = studies[flagged.name]
            found = score_candidates(decided, flagged, meta, settings.tile_m)
            add_alpha(study, decided, found, settings.accepted_per_find, record)
            if alpha == settings.price_alpha:
                for how in (STRICT, GROWN):
                    study.prices[how] = judge_prices(decided, found, how, PRICES, record)
            last = study.points[ALL, STRICT][-1]
            reporter.log(
                f"{flagged.name}, alpha {alpha:g}: FP/FN {last.plain.errors.fp}/{last.plain.errors.fn}, "
                f"MetaFusion {last.fused.errors.fp}/{last.fused.errors.fn}, {last.candidates} candidates, "
                f"{last.true} true."
            )
    between = [[ml_map(scene, alpha) for scene in scenes] for alpha in BETWEEN]
    for flagged in sets:
        bayes = judge(scenes, [s.bayes for s in scenes], flagged, record)
        plain = tuple(judge(scenes, maps, flagged, record).errors for maps in between)
        studies[flagged.name].finish(flagged.name, bayes, plain)
    return _outcome(settings, record, studies)


def _flagged(settings: AlpineSettings, record: RunRecord) -> list[Flagged]:
    sets = []
    for groups in settings.flagged:
        ids = tuple(c.id for c in record.classes if c.group in groups)
        if not ids:
            raise InputError(f"The model has no class of the groups {', '.join(groups)}.")
        sets.append(Flagged(f"Classes of {' and '.join(groups)}", ids))
    return sets


def _outcome(settings: AlpineSettings, record: RunRecord, studies: Mapping[str, Study]) -> Outcome:
    tables: list[Table] = []
    results: dict[str, Any] = {"model_sha256": record.model.sha256}
    findings = []
    for name, study in studies.items():
        tables += [*(sweep_table(sweep) for sweep in study.sweeps.values()), _gain_table(name, study.gains)]
        findings += [finding(sweep) for sweep in study.sweeps.values()]
        for how, prices in study.prices.items():
            where = f"{name}, alpha {settings.price_alpha:g}, {ALL}, {how}"
            tables.append(price_table(study.sweeps[ALL, how], prices, where))
        effort = {}
        if study.last is not None and study.last.validations:
            orders = {n: v.scores for n, v in study.last.validations.items()} | {
                "ML margin": study.last.margin
            }
            effort = effort_curves(study.last.targets, orders)
            where = f"{name}, alpha {settings.alphas[-1]:g}"
            caption = f"{where}: candidates to look at, of {len(study.last.targets)}"
            tables += [
                effort_table(study.last.targets, orders, caption),
                _importances(settings, record, study.last, where),
            ]
        results[name] = {
            "sweeps": [
                as_json(sweep, study.prices.get(how, {}) if features == ALL else {})
                for (features, how), sweep in study.sweeps.items()
            ],
            "auc": [gain._asdict() for gain in study.gains],
            "review_effort": effort,
        }
    return Outcome(
        title="MetaFusion on embedded alpine scenes",
        data=(
            f"SYNTHETIC: {len(settings.seeds)} embedded scenes of {settings.size_m:g} m, seeds "
            f"{', '.join(map(str, settings.seeds))}, mapped by the model {record.model.name!r}; the "
            "published figures are of Cityscapes, other data"
        ),
        tables=[*tables, published_table("MobileNetV2")],
        results=results,
        findings=[*findings, *_remarks(settings)],
    )


def _gain_table(name: str, gains: Sequence[Gain]) -> Table:
    rows: list[list[Cell]] = [[f"{gain.alpha:g}", *gain[1:]] for gain in gains]
    heads = ("alpha", "paper's AUC", "±", "with ours", "±", "gain", "±")
    return Table(f"{name}: cross-validated ROC AUC, mean and spread over folds", heads, rows, digits=4)


def _importances(settings: AlpineSettings, record: RunRecord, found: Found, where: str) -> Table:
    """Return what counts most in a classifier fitted to all candidates and all features."""
    values = feature_sets(found.features)[ALL]
    model = fit_boosting(values, found.targets, MetaSettings(folds=settings.folds, seed=settings.seed))
    shares = dict(zip(found.features.names, map(float, model.feature_importances_), strict=True))
    names = {f"neighbour_{i}": f"neighbour {c.name}" for i, c in enumerate(record.classes)}
    return importance_table(
        {names.get(n, n): share for n, share in shares.items()}, f"{where}: what counts most"
    )


def _remarks(settings: AlpineSettings) -> list[str]:
    natural = (
        "The demo model was trained on patches that favour rare classes, so it decides like ML from the "
        "start; here its biases are shifted to natural class frequencies (natural_priors.py), else Bayes "
        "misses next to nothing."
    )
    return [
        *([natural] if settings.natural_priors else []),
        f"Errors are added up over the flagged classes. Scores are out of fold ({settings.folds} folds; "
        f"tiles of {settings.tile_m:g} m stay together); a candidate is accepted at up to "
        f"{settings.accepted_per_find:g} false alarms per find.",
        "Features that begin with mce_ are ours: agreement and support of the experts, Bayes classes below, "
        "altitude and slope.",
    ]


if __name__ == "__main__":
    raise SystemExit(run_experiment("alpine", AlpineSettings, run, CONFIGS))
