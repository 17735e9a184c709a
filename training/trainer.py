"""Trainings of a given number of steps on patches of areas in memory: a short way to `fit.py` for recipes and
experiments that bring their own areas. What is trained on which data is a recipe's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from ..core.base.progress import SILENT, Reporter
from ..core.evaluation.scores import Scores
from ..core.model.card import ModelCard
from .config import OptimizerSettings, TrainerSettings
from .data.module import TileData
from .data.patches import PatchSampler, drawn_pixels
from .data.samples import ScoringWindows, TrainingPatches, augmentation
from .data.tiles import Area, MemoryTiles
from .fit import FitResult, fit
from .losses.mce import Complement, MceLoss
from .module import SegmentationModule


@dataclass(frozen=True)
class TrainSettings:
    """How to train. The paper's values (lr 1e-4, weight decay 0.01, batch 64, 50 epochs, plateau) are for
    pretrained encoders and many GPU hours; these are for minutes on a CPU from random weights."""

    steps: int = 1000
    batch_size: int = 8
    lr: float = 2e-3
    weight_decay: float = 1e-4
    warmup: int = 50
    adapted_lr: bool = True  # eq. 1
    complement: Complement = "pixels"
    complement_weight: float = 1.0
    balanced: float = 0.5  # share of patches drawn by class, so that rare classes are met at all
    jitter: float = 0.2
    symmetry: Literal["square", "mirror"] = "square"  # "mirror" where up is up, as in street scenes
    validate_every: int = 200
    encoder_weights: str | None = None  # "imagenet" downloads
    precision: Literal["fp32", "bf16"] = "fp32"  # bf16 halves the time where the device has it
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class TrainResult(FitResult[Scores]):
    """What came of it, and the pixels per class of a sample of the patches, from which eq. 1 took its
    shares."""

    drawn_pixels: tuple[int, ...]


def train(
    card: ModelCard,
    areas: Sequence[Area],
    validation: Sequence[Area],
    settings: TrainSettings,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train the network of a card and return its checkpoint of the highest validation mean accuracy.

    Without validation areas the last checkpoint is returned, with a mean recall of NaN.
    The same seed gives the same weights on the same CPU with the same number of threads.

    Raises:
        TrainingError: if the loss stops being a number.
        Cancelled: if the reporter says so.
    """
    s, ids = settings, [c.id for c in card.classes]
    sampler = PatchSampler(areas, ids, card.window, s.balanced)
    drawn = drawn_pixels(sampler, len(ids), np.random.default_rng(s.seed))
    epochs = _epochs(s.steps, s.validate_every)
    variants = augmentation(s.symmetry, s.jitter, card.sources)
    patches = TrainingPatches(sampler, s.steps // epochs * s.batch_size, variants, s.seed)
    scoring = ScoringWindows(_tiles(validation), ids, card.window) if validation else None
    data = TileData(patches, scoring, batch_size=s.batch_size, workers=0, seed=s.seed)
    module = SegmentationModule(
        card,
        MceLoss(card.responsible, s.complement, s.complement_weight),
        OptimizerSettings(s.lr, s.weight_decay, s.adapted_lr, schedule="cosine", warmup=s.warmup),
        counts=drawn,
        encoder_weights=s.encoder_weights,
        seed=s.seed,
    )
    device: Literal["cpu", "cuda"] = "cuda" if s.device.startswith("cuda") else "cpu"
    trainer = TrainerSettings(epochs=epochs, device=device, precision=s.precision)
    with TemporaryDirectory() as folder:
        result = fit(module, data, Path(folder), trainer, reporter or SILENT)
    return TrainResult(**vars(result), drawn_pixels=drawn)


def _epochs(steps: int, validate_every: int) -> int:
    """Return how many equal parts steps fall into, as near as can be to one per validation."""
    wanted = max(1, steps / validate_every)
    return min((n for n in range(1, steps + 1) if steps % n == 0), key=lambda n: abs(n - wanted))


def _tiles(areas: Sequence[Area]) -> MemoryTiles:
    return MemoryTiles(areas, [f"area {i}" for i in range(len(areas))], "areas")
