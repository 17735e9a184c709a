"""A row of an experiment on tiles: a network trained with a split, a loss and a seed, and judged on its test
tiles. Finished rows are kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from ....core.base.progress import Reporter, SilentReporter
from ....core.model.card import TileArchitecture, TileCard
from ....core.model.tile_network import calibrated
from ...config import Section, TrainerSettings
from ...data.samples import Symmetry
from ...losses.multilabel import MultilabelLossName
from ...multilabel.metrics import best_threshold, mean_average_precision, multilabel_scores
from ...multilabel.screen import found_by_share
from ...multilabel.tiles import SomeLabelledTiles
from ...multilabel.train import TileOptimizer, TileResult, TileSplits, TileTraining, measured, train_tiles
from ..report import read_published
from ..runner import Row, Runner, hash_of
from .data import Opened

CONFIGS = Path(__file__).with_name("configs")
PUBLISHED = read_published(Path(__file__).with_name("published.toml"))
_KEPT_OF_EPOCHS = ("loss", "validation_loss", "macro_f1", "micro_f1", "average_precision")


class TrainConfig(Section):
    """How one network is trained; the paper's values stand in the full configurations."""

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    lr: float = Field(gt=0)
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "step", "plateau"] = "constant"
    warmup: int = 0
    symmetry: Symmetry = "none"
    jitter: float = 0.0
    pretrained: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: int | None = None

    def settings(self, loss: MultilabelLossName, seed: int, device: str) -> TileTraining:
        """Return the settings of a training."""
        of_optimizer = self.model_dump(include={"lr", "weight_decay", "schedule", "warmup", "momentum"})
        return TileTraining(
            loss=loss,
            optimizer=TileOptimizer(name=self.optimizer, **of_optimizer),
            trainer=TrainerSettings(
                epochs=self.epochs,
                device="cuda" if device.startswith("cuda") else "cpu",
                precision=self.precision,
            ),
            seed=seed,
            **self.model_dump(include={"batch_size", "symmetry", "jitter", "workers", "pretrained"}),
        )


@dataclass(frozen=True)
class Run:
    """What is trained: `folds` 0 train, 1 validation, 2 test, -1 unused, `[N]`."""

    key: str
    architecture: TileArchitecture
    config: TrainConfig
    loss: MultilabelLossName
    seed: int
    folds: NDArray[np.intp]


def finish(run: Run, data: Opened, output: Path, device: str, reporter: Reporter) -> Row:
    """Return the row of a run as plain numbers, from OUT if it is there, else trained now."""

    def make() -> Row:
        row = {"key": run.key, **_trained(run, data, device)}
        macro, micro = (row["own"][kind]["f1"] for kind in ("macro", "micro"))
        reporter.log(f"{run.key}: macro F1 {macro:.3f}, micro F1 {micro:.3f} in {row['seconds']:.0f} s.")
        return row

    return Runner(output / "rows", reporter).run(run.key, _made_with(run, data), make)


def column(rows: Sequence[Mapping[str, Any]], *place: str) -> list[float]:
    """Return a number of each row, such as `"own", "micro", "f1"`."""
    values = []
    for row in rows:
        value: Any = row
        for key in place:
            value = value[key]
        values.append(float(value))
    return values


def _trained(run: Run, data: Opened, device: str) -> Row:
    parts = [SomeLabelledTiles(data.tiles, np.flatnonzero(run.folds == k)) for k in range(3)]
    card = TileCard(
        name=run.key,
        architecture=run.architecture,
        classes=data.classes,
        sources=measured(data.sources, parts[0]),
        gsd_m=data.gsd_m,
        window=data.window,
        label_counts=(0,) * len(data.classes),
        n_samples=0,
    )
    settings = run.config.settings(run.loss, run.seed, device)
    with TemporaryDirectory() as folder:
        result = train_tiles(
            card, TileSplits(parts[0], parts[1], parts[2]), settings, Path(folder), SilentReporter()
        )
    return _judged(result, parts[1].labels, parts[2].labels)


def _judged(result: TileResult, validation: NDArray[np.bool_], test: NDArray[np.bool_]) -> Row:
    """Return the scores at the loss's own threshold, and at one fitted on the validation tiles."""
    assert result.test is not None
    names = [c.name for c in result.card.classes]
    fitted = best_threshold(result.validation, validation)
    return {
        "own": multilabel_scores(result.test > 0, test).as_json(names),
        "fitted": multilabel_scores(result.test > fitted, test).as_json(names),
        "threshold": fitted,
        "average_precision": mean_average_precision(result.test, test),
        "tail_curve": tail_curve(result, test),
        "epochs": [{name: getattr(epoch, name) for name in _KEPT_OF_EPOCHS} for epoch in result.history],
        "best_epoch": result.best.epoch,
        "seconds": round(result.seconds, 1),
    }


def tail_curve(result: TileResult, labels: NDArray[np.bool_], points: int = 20) -> list[float]:
    """Return which share of the tiles with tail classes lies in the first 0, 1/20, ..., 20/20 of the tiles,
    ranked by the calibrated probability of the tail; empty where there is no tail."""
    classes = result.card.classes
    if result.test is None or not labels[:, [c.group == "tail" for c in classes]].any():
        return []
    chances = calibrated(torch.from_numpy(result.test), result.card.calibration).numpy()
    shares = np.linspace(0, 1, points + 1).tolist()
    return [round(v, 4) for v in found_by_share(chances, labels, classes, shares)]


def _made_with(run: Run, data: Opened) -> str:
    """Return a hash of everything that a row depends on."""
    settings = {
        "architecture": run.architecture.model_dump(mode="json"),
        "config": run.config.model_dump(mode="json", include=set(TrainConfig.model_fields) - {"workers"}),
        "loss": run.loss,
        "seed": run.seed,
        "data": data.said,
        "names": hashlib.sha256("\n".join(data.tiles.names).encode()).hexdigest(),
    }
    return hash_of(settings, run.folds, data.tiles.labels)
