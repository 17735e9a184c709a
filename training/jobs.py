"""The jobs that make models, as the service calls them. Lightning is imported only where it is needed:
tiles are cut and weights imported without it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.base.errors import InputError
from ..core.base.progress import Reporter
from ..core.base.results import JobResult
from ..core.model.file import EMBEDDED
from .evaluate import Outcome, outcome_of, shares_of
from .requests import (
    FitAggregationRequest,
    ImportWeightsRequest,
    PrepareTilesRequest,
    TrainDemoRequest,
    TrainRequest,
    TrainScreenRequest,
)
from .splits import SplitReport


@dataclass(frozen=True)
class ModelResult(JobResult):
    """The bundle that was written."""

    model: Path


@dataclass(frozen=True)
class PreparedTiles(JobResult):
    """The folder of tiles, its configuration for `train`, its report, and what is in it: tiles per split, the
    share of each class there in percent, pairs of neighbouring tiles and how many of them are in two splits.
    """

    folder: Path
    config: Path
    report: Path
    tiles: dict[str, int]
    classes: tuple[str, ...]
    pixels: int
    shares: dict[str, dict[str, float]]
    neighbours: int | None
    neighbours_parted: int | None
    message: str


@dataclass(frozen=True)
class FittedAggregation(JobResult):
    """The bundle, and the shares 0..1 that its rule reached `before` and `after` on the tiles of a split
    that it has not learnt from; `scored_on` is None where there are none.
    """

    model: Path
    reference: str
    scored_on: str | None
    scores: dict[str, dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return the scores beside the rest."""
        value = super().as_json()
        return {**{k: v for k, v in value.items() if k != "scores"}, **value["scores"]}


def train_demo(request: TrainDemoRequest, reporter: Reporter) -> ModelResult:
    """Train the demo model anew on synthetic scenes and write its bundle; the default is the embedded file.

    `seed` is of weights, patches and their order; the scenes are those of the plan.
    """
    from .demo import DemoPlan, train_demo_model

    plan, path = DemoPlan(), request.output or EMBEDDED["demo"]
    settings = replace(plan.settings, steps=request.steps or plan.settings.steps, seed=request.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    train_demo_model(path, replace(plan, settings=settings), reporter)
    return ModelResult(path)


def train_screen(request: TrainScreenRequest, reporter: Reporter) -> ModelResult:
    """Train the screening model anew on synthetic scenes and write its bundle; see `multilabel/screen.py`."""
    from .multilabel.screen import ScreenPlan, train_screen_model

    plan, path = ScreenPlan(), request.output or EMBEDDED["screen"]
    trainer = replace(plan.settings.trainer, epochs=request.epochs or plan.settings.trainer.epochs)
    settings = replace(plan.settings, trainer=trainer, seed=request.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    train_screen_model(path, replace(plan, settings=settings), reporter)
    return ModelResult(path)


def prepare_tiles(request: PrepareTilesRequest, reporter: Reporter) -> PreparedTiles:
    """Cut tiles, see `training/tiling/prepare_tiles.py`; return what is in the folder."""
    from .tiling.prepare_tiles import prepare_tiles as prepare
    from .tiling.prepare_tiles import warnings

    found = prepare(request, reporter)
    report = found.report
    return PreparedTiles(
        folder=found.folder,
        config=found.config,
        report=found.page,
        tiles=dict(zip(report.names, report.tiles.tolist(), strict=True)),
        classes=tuple(c.name for c in found.classes),
        pixels=int(report.pixels.sum()),
        shares=_shares(report),
        neighbours=report.neighbours,
        neighbours_parted=report.parted,
        message=" ".join(warnings(report)),
    )


def _shares(report: SplitReport) -> dict[str, dict[str, float]]:
    """Return the share of each class in each split, in percent."""
    return {
        name: dict(zip(report.classes, [round(100 * v, 4) for v in shares], strict=True))
        for name, shares in zip(report.names, report.shares.tolist(), strict=True)
    }


def train(request: TrainRequest, reporter: Reporter) -> Outcome:
    """Train what a configuration file says, or go on with a training, see `train.py`; return the bundle and
    its scores.
    """
    from .config import read_config
    from .train import check_output, discard, train_config

    plan = read_config(request.config, request.changes)
    if request.resume:
        check_output(plan)
    else:
        discard(plan)
    return outcome_of(train_config(plan, reporter), plan.run_folder)


def import_weights(request: ImportWeightsRequest, reporter: Reporter) -> ModelResult:
    """Turn the authors' checkpoint, which is never trusted, into a bundle; see `authors.py`."""
    from .authors import import_checkpoint

    _check_free(request.output, overwrite=request.overwrite)
    return ModelResult(import_checkpoint(request.checkpoint, request.output, reporter))


def fit_aggregation(request: FitAggregationRequest, reporter: Reporter) -> FittedAggregation:
    """Teach a bundle the aggregation `composed`, see `fit_aggregation.py`; return the new one and both
    rules' scores."""
    from .fit_aggregation import LEARNT
    from .fit_aggregation import fit_aggregation as fit

    _check_free(request.output, overwrite=request.overwrite)
    found = fit(request, reporter)
    rules = {"before": found.reference, "after": LEARNT} if found.scored_on else {}
    scores = {when: shares_of(found.scores[rule].as_json()) for when, rule in rules.items()}
    return FittedAggregation(found.model, found.reference, found.scored_on, scores)


def _check_free(output: Path, *, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists already; choose another name or allow overwriting.")
