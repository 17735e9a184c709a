"""Trains a network that says what tiles hold, with the loop of `training/fit.py`, and calibrates what it
says. Where tiles come from, and what becomes of the weights, is decided by whoever calls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.base.progress import Reporter
from ...core.model.card import SourceSpec, TileCard
from ..data.area import measure_normalisation
from ..data.module import TileData
from ..data.samples import Draw, Symmetry, augmentation
from ..fit import Epoch, fit
from ..losses.multilabel.by_name import MultilabelLossName, link_of, multilabel_loss
from ..settings import TrainerSettings
from .metrics import Floats, class_calibration, class_thresholds
from .module import MultilabelModule, TileOptimizer
from .samples import DrawnTiles, TileSamples
from .tiles import LabelledTiles

#: Tiles that normalisation is measured on, evenly spread.
MEASURED = 400


@dataclass(frozen=True)
class TileTraining:
    """How to train."""

    loss: MultilabelLossName = "bce"
    optimizer: TileOptimizer = field(default_factory=TileOptimizer)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    batch_size: int = 32
    symmetry: Symmetry = "square"
    jitter: float = 0.0
    workers: int | None = None
    pretrained: bool = False  # asks timm for weights
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TileSplits:
    """The tiles to train on, to choose the best epoch and calibrate by, and to test with, if any; `drawn` are
    training samples to take in place of `train`, whose labels are counted all the same."""

    train: LabelledTiles
    validation: LabelledTiles
    test: LabelledTiles | None = None
    drawn: DrawnTiles | None = None


@dataclass(frozen=True, eq=False)
class TileResult:
    """The card as trained (loss, link, calibration, thresholds), the weights of the best epoch, the course,
    and the best network's decision scores `[N, C]` of the validation and the test tiles."""

    card: TileCard
    weights: dict[str, Tensor]
    best: Epoch
    history: tuple[Epoch, ...]
    validation: Floats
    test: Floats | None
    seconds: float
    device: str


def train_tiles(
    card: TileCard,
    tiles: TileSplits,
    settings: TileTraining,
    folder: Path,
    reporter: Reporter,
) -> TileResult:
    """Train the network of a card, whose sources have their normalisation; `folder` is as in `fit`.

    Raises:
        InputError: if the loss cannot be used with these labels, or there are too few tiles.
        TrainingError, DeviceError, OutputError, Cancelled: see `fit`.
    """
    train, validation = tiles.train, tiles.validation
    counts, n = train.labels.sum(axis=0).tolist(), len(train.names)
    card = card.model_copy(
        update={
            "loss": settings.loss,
            "link": link_of(settings.loss),
            "label_counts": tuple(counts),
            "n_samples": n,
        }
    )
    module = MultilabelModule(
        card,
        multilabel_loss(settings.loss, *(tiles.drawn.drawn_labels() if tiles.drawn else (counts, n))),
        settings.optimizer,
        pretrained=settings.pretrained,
        seed=settings.seed,
    )
    variants = augmentation(settings.symmetry, settings.jitter, card.sources)
    data = TileData(
        tiles.drawn or TileSamples(train, variants, settings.seed),
        TileSamples(validation),
        batch_size=settings.batch_size,
        workers=settings.workers,
        seed=settings.seed,
    )
    found = fit(module, data, folder, settings.trainer, reporter)
    on_validation = score_tiles(module, validation, settings.batch_size)
    learnt = {
        "calibration": tuple(class_calibration(on_validation, validation.labels)),
        "thresholds": tuple(class_thresholds(on_validation, validation.labels)),
    }
    return TileResult(
        card.model_copy(update=learnt),
        found.weights,
        found.best,
        found.history,
        on_validation,
        None if tiles.test is None else score_tiles(module, tiles.test, settings.batch_size),
        found.seconds,
        found.device,
    )


def score_tiles(module: MultilabelModule, tiles: LabelledTiles, batch_size: int = 32) -> Floats:
    """Return the decision scores `[N, C]` of tiles."""
    module.eval()
    samples, found = TileSamples(tiles), []
    with torch.inference_mode():
        for start in range(0, len(samples), batch_size):
            items = range(start, min(start + batch_size, len(samples)))
            raw = torch.stack([samples[Draw(0, i)].raw for i in items])
            found.append(module(raw.to(module.device)).cpu().numpy())
    n_classes = len(module.card.classes)
    return np.concatenate(found).astype(np.float64) if found else np.empty((0, n_classes))


def measured(sources: Sequence[SourceSpec], tiles: LabelledTiles) -> tuple[SourceSpec, ...]:
    """Return the sources with mean and standard deviation measured on up to 400 tiles.

    Scale and kind (relief or not) are those of the sources given.
    """
    chosen: NDArray[np.intp] = np.unique(np.linspace(0, len(tiles.names) - 1, MEASURED).astype(np.intp))
    raw = [tiles.read(int(i)) for i in chosen]
    result, first = [], 0
    for source in sources:
        own, norm = slice(first, first + len(source.bands)), source.normalisation
        first = own.stop
        relief = norm.kind == "window_min"
        window = raw[0].shape[-1]
        found = measure_normalisation([r[own] for r in raw], relief=relief, window=window, scale=norm.scale)
        result.append(source.model_copy(update={"normalisation": found}))
    return tuple(result)
