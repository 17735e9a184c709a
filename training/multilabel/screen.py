"""The screening model that ships: which squares of 25 m hold which of the nine TLM classes, trained on
synthetic scenes only. Nothing that it scores says anything about real land cover."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.base.progress import Reporter
from ...core.flagging.cross_validation import review_effort
from ...core.model.bundle import save_tile_bundle
from ...core.model.card import TileArchitecture, TileCard
from ...core.model.classes import LandCoverClass, load_catalogue
from ...core.model.tile_network import any_of, calibrated
from ..config import TrainerSettings
from ..data.samples import augmentation
from .metrics import Bools, Floats, mean_average_precision, multilabel_scores
from .samples import GSD_M, SHRINK, drawn_squares, min_share, scene_sources, scene_squares, scene_tiles
from .train import TileOptimizer, TileResult, TileSplits, TileTraining, measured, train_tiles

#: Measured: more scenes or finer pixels found no more on the validation scenes; filters at every pixel did.
ARCHITECTURE = TileArchitecture(kind="patch_cnn", width=24, stem_stride=1)
#: Shares of the tiles at which the curve of what is found is told.
CURVE = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class ScreenPlan:
    """Which scenes the screening model sees; seed 7, the default scene of users, is only for testing."""

    training: tuple[int, ...] = tuple(range(401, 413))
    validation: tuple[int, ...] = (501, 502)
    test: tuple[int, ...] = (7, 601, 602, 603)
    side: int = 2000
    tile_px: int = 50  # of half a metre; in a hectare the few metres that a block field has drown
    per_epoch: int = 40_000
    balanced: float = 0.7
    architecture: TileArchitecture = ARCHITECTURE
    settings: TileTraining = field(
        default_factory=lambda: TileTraining(
            optimizer=TileOptimizer(lr=3e-3, weight_decay=1e-4, schedule="cosine", warmup=50),
            trainer=TrainerSettings(epochs=12, device="cpu"),
            jitter=0.2,
            workers=0,
        )
    )


def train_screen_model(output: Path, plan: ScreenPlan, reporter: Reporter) -> TileResult:
    """Render the scenes of a plan, train, and write the bundle with its scores on the test scenes.

    Raises:
        TrainingError, OutputError, Cancelled.
    """
    train = scene_squares(plan.training, plan.side, reporter, plan.tile_px)
    sources, settings = measured(scene_sources(), train.tiles), plan.settings
    tiles = TileSplits(
        train.tiles,
        scene_tiles(plan.validation, plan.side, reporter, plan.tile_px),
        scene_tiles(plan.test, plan.side, reporter, plan.tile_px),
        drawn_squares(
            train.areas,
            augmentation(settings.symmetry, settings.jitter, sources),
            tile_px=plan.tile_px,
            per_epoch=plan.per_epoch,
            balanced=plan.balanced,
            seed=settings.seed,
        ),
    )
    card = TileCard(
        name="MCE screen, synthetic alpine scene",
        description="Trained on SYNTHETIC scenes only: it shows how screening works, not real land cover.",
        architecture=plan.architecture,
        classes=load_catalogue(),
        sources=sources,
        gsd_m=GSD_M,
        window=plan.tile_px // SHRINK,
        min_share=min_share(plan.tile_px),
        label_counts=(0,) * len(load_catalogue()),
        n_samples=0,
    )
    with TemporaryDirectory() as folder:
        result = train_tiles(card, tiles, plan.settings, Path(folder), reporter)
    assert result.test is not None and tiles.test is not None
    scores = {"test": {"scenes": list(plan.test), **judge(result.test, tiles.test.labels, result.card)}}
    finished = result.card.model_copy(update={"provenance": _provenance(plan, result), "scores": scores})
    save_tile_bundle(output, finished, result.weights, torch.bfloat16)
    return replace(result, card=finished)


def judge(scores: Floats, labels: Bools, card: TileCard) -> dict[str, Any]:
    """Return the scores of tiles as plain numbers: F1 at both thresholds, and what ranking by tail finds."""
    names = [c.name for c in card.classes]
    chances = calibrated(torch.from_numpy(scores), card.calibration).numpy()
    found = found_by_share(chances, labels, card.classes)
    return {
        "average_precision": round(mean_average_precision(scores, labels), 4),
        "own_threshold": multilabel_scores(scores > 0, labels).as_json(names),
        "fitted_thresholds": multilabel_scores(scores > card.thresholds, labels).as_json(names),
        "tail_tiles": int(_of_tail(labels, card.classes).any(axis=1).sum()),
        "tail_found_in_first": {f"{share:g}": round(v, 4) for share, v in zip(CURVE, found, strict=True)},
    }


def found_by_share(
    chances: Floats, labels: Bools, classes: Sequence[LandCoverClass], shares: Sequence[float] = CURVE
) -> list[float]:
    """Return the share of the tiles with tail classes that lie in the first tiles, ranked by probability.

    Args:
        chances: probabilities `[N, C]`.
        labels: `[N, C]`.
        shares: of the tiles that are looked at.
    """
    targets = np.asarray(_of_tail(labels, classes).any(axis=1))
    ranked = any_of(torch.from_numpy(_of_tail(chances, classes))).numpy()
    effort = review_effort(targets, ranked)
    at = np.asarray(shares) * len(targets)
    found: NDArray[np.float64] = np.interp(at, np.arange(len(effort)), effort) / max(1, targets.sum())
    return [float(v) for v in found]


def _of_tail(values: NDArray[Any], classes: Sequence[LandCoverClass]) -> NDArray[Any]:
    return values[:, [c.group == "tail" for c in classes]]


def _provenance(plan: ScreenPlan, result: TileResult) -> dict[str, Any]:
    scenes = {"training": plan.training, "validation": plan.validation, "test": plan.test}
    return {
        "data": "SYNTHETIC scenes computed by MCE Land Cover, not a real place",
        "scenes": {name: list(seeds) for name, seeds in scenes.items()},
        "settings": asdict(plan.settings),
        "best_epoch": result.best.epoch,
        "seconds": round(result.seconds),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "lightning", "numpy")},
        },
        "command": "mce-landcover train-screen",
    }
