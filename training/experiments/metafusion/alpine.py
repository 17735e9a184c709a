"""MetaFusion on embedded alpine scenes: large blocks that the shipped model misses, the paper's metrics
against ours. The scenes are synthetic, so nothing here says how it is in real mountains.

    python -m mce_landcover.training.experiments.metafusion.alpine CONFIG OUT
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
from ....core.flagging.cross_validation import CrossValidation
from ....core.mapping.record import RunRecord, read_record
from ....core.model.classes import Group
from ..command import run_experiment
from ..report import Outcome, Table, deviation, known_mean
from ..runner import Row
from .natural_priors import write_natural
from .scenes import ALL, PAPER, decide_scenes, map_scenes, plain_maps, read_maps
from .study import GROWN, STRICT, Alpha, Decided, Study, StudySettings, Variant, sweep_alphas
from .sweep import CONFIGS, published_table

#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.25, 0.5, 0.7, 0.8, 0.85)


class AlpineSettings(StudySettings):
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
    tile_m: float = Field(default=250, gt=0)
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
    maps, record = read_maps(scenes), read_record(scenes[0].run)
    sets = _flagged(settings, record)
    studies = [
        Study(name, maps, ids, _variants(settings), settings.price_alpha) for name, ids in sets.items()
    ]
    gains: dict[str, list[Row]] = {name: [] for name in sets}

    def decide(alpha: float) -> Iterator[Decided]:
        ids = list(sets.values())
        found = decide_scenes(scenes, maps, alpha, ids, meta=settings.meta, tile_m=settings.tile_m)
        for name, decided in zip(sets, found, strict=True):
            gains[name].append(auc_gain(alpha, decided.validations))
            yield decided

    sweep_alphas(studies, settings.alphas, decide, BETWEEN, partial(plain_maps, scenes), reporter=reporter)
    return _outcome(settings, record, studies, gains)


def _variants(settings: AlpineSettings) -> list[Variant]:
    price = settings.accepted_per_find
    names = [(f"{features}, {how}", features, how) for features in (PAPER, ALL) for how in (STRICT, GROWN)]
    return [Variant(*name, price, name[0] if ALL in name else "") for name in names]


def _flagged(settings: AlpineSettings, record: RunRecord) -> dict[str, tuple[int, ...]]:
    sets = {}
    for groups in settings.flagged:
        ids = tuple(c.id for c in record.classes if c.group in groups)
        if not ids:
            raise InputError(f"The model has no class of the groups {', '.join(groups)}.")
        sets[f"Classes of {' and '.join(groups)}"] = ids
    return sets


def auc_gain(alpha: float, validations: Mapping[str, CrossValidation]) -> Row:
    """Return the AUC of both feature sets and what ours add, fold by fold; NaN without a cross-validation."""
    columns = ("paper", "paper_std", "both", "both_std", "gain", "gain_std")
    figures = [float("nan")] * len(columns)
    if validations:
        paper, both = validations[PAPER], validations[ALL]  # of the same folds: of targets and groups
        gains = [b - a for a, b in zip(paper.aucs, both.aucs, strict=True) if not np.isnan(b - a)]
        figures = [paper.auc, paper.auc_std, both.auc, both.auc_std, known_mean(gains), deviation(gains)]
    return {"alpha": alpha, **dict(zip(columns, figures, strict=True))}


def _outcome(
    settings: AlpineSettings, record: RunRecord, studies: Sequence[Study], gains: Mapping[str, Sequence[Row]]
) -> Outcome:
    tables: list[Table] = []
    results: dict[str, Any] = {"model_sha256": record.model.sha256}
    names = [c.name for c in record.classes]
    for study in studies:
        own = gains[study.name]
        tables += study.tables(names, settings.meta, _gain_table(study.name, own))
        results[study.name] = study.as_json() | {"auc": own}
    return Outcome(
        title="MetaFusion on embedded alpine scenes",
        data=(
            f"SYNTHETIC: {len(settings.seeds)} embedded scenes of {settings.size_m:g} m, seeds "
            f"{', '.join(map(str, settings.seeds))}, mapped by the model {record.model.name!r}; the "
            "published figures are of Cityscapes, other data"
        ),
        tables=[*tables, published_table("MobileNetV2")],
        results=results,
        findings=[*(told for study in studies for told in study.findings()), *_remarks(settings)],
    )


def _gain_table(name: str, gains: Sequence[Row]) -> Table:
    rows = [[f"{gain['alpha']:g}", *list(gain.values())[1:]] for gain in gains]
    heads = ("alpha", "paper's AUC", "±", "with ours", "±", "gain", "±")
    return Table(f"{name}: cross-validated ROC AUC, mean and spread over folds", heads, rows, digits=4)


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
