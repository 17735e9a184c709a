"""Runs a training: Trainer, checkpoints, logs, progress, resuming. What is trained, and what becomes of the
weights, is decided by whoever calls."""

import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic

import torch
from torch import Tensor

from ..core.base.errors import Cancelled, DeviceError, InputError, OutputError
from ..core.base.files import make_folder
from ..core.base.progress import Reporter
from .config import TrainerSettings
from .data.module import TileData
from .lightning_setup import (
    Callback,
    CSVLogger,
    ModelCheckpoint,
    SIGTERMException,
    TensorBoardLogger,
    Trainer,
)
from .module import LearningModule, ScoresT

BEST, LAST = "best.ckpt", "last.ckpt"
LOGS = ("csv", "tensorboard")
_PREFIX = "network."
_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


#: Fields of an epoch: the names that they are logged under, and words for them.
_SCORES = {
    "validation_loss": ("validation/loss", "validation loss"),
    "mean_recall": ("validation/mean_accuracy", "mean accuracy"),
    "mean_iou": ("validation/mean_iou", "mean IoU"),
    "macro_f1": ("validation/macro_f1", "macro F1"),
    "micro_f1": ("validation/micro_f1", "micro F1"),
    "average_precision": ("validation/average_precision", "average precision"),
    "false_per_found": ("validation/false_per_found", "false rare places for each one found"),
}


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; scores are NaN where there was no validation, or not of this kind."""

    epoch: int
    step: int
    loss: float
    validation_loss: float
    mean_recall: float = math.nan
    mean_iou: float = math.nan
    macro_f1: float = math.nan
    micro_f1: float = math.nan
    average_precision: float = math.nan
    false_per_found: float = math.nan

    @property
    def told(self) -> str:
        """The scores in words, those that are known."""
        known = {words: getattr(self, name) for name, (_, words) in _SCORES.items()}
        return "".join(f", {words} {value:.3f}" for words, value in known.items() if not math.isnan(value))


@dataclass(frozen=True)
class FitResult(Generic[ScoresT]):
    """The weights of the highest validation score (the last ones without a validation), their epoch, the
    course of this run, scores by rule on the test set, and the seconds spent."""

    weights: dict[str, Tensor]
    best: Epoch
    history: tuple[Epoch, ...]
    scores: dict[str, ScoresT]
    seconds: float
    device: str
    leads: bool  # the one process of a distributed run that writes results


def fit(
    module: LearningModule[ScoresT],
    data: TileData,
    folder: Path,
    settings: TrainerSettings,
    reporter: Reporter,
) -> FitResult[ScoresT]:
    """Train, going on from the last whole epoch if `folder` holds one, and score the best weights.

    The folder gets a checkpoint per epoch (`last.ckpt`), the best one (`best.ckpt`) and the logs
    (TensorBoard, CSV). Global random states are as before afterwards.

    Raises:
        TrainingError: if the loss stops being a number.
        DeviceError, InputError, OutputError, Cancelled: the checkpoints stay in all cases.
    """
    _check_device(settings)
    started, epoch_log = time.monotonic(), _EpochLog(reporter)
    keepers = _keepers(folder, module.MONITOR if data.validation is not None else None)
    make_folder(folder)
    with _quietly(), torch.random.fork_rng():
        trainer = _trainer(folder, settings, data, [*keepers, epoch_log])
        if settings.precision != "fp32" or _on_gpu(settings):  # whose convolutions are made for this layout
            module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = folder / LAST
        if last.exists():
            data.first_epoch = _read_checkpoint(last)[1].epoch
            reporter.log(f"Going on after epoch {data.first_epoch}, from {last}.")
        start = str(last) if last.exists() else None
        try:
            trainer.fit(module, datamodule=data, ckpt_path=start, weights_only=True)
            weights, best = read_best(folder)
            module.network.load_state_dict(weights)
            if data.test is not None:
                trainer.test(module, datamodule=data, verbose=False)
        except SIGTERMException as error:  # Lightning's own word for the signal that QGIS cancels with
            raise Cancelled("Cancelled before the training was done.") from error
    return FitResult(
        weights,
        best,
        tuple(epoch_log.history),
        module.results,
        time.monotonic() - started,
        _device_name(trainer),
        trainer.is_global_zero,
    )


def read_best(folder: Path) -> tuple[dict[str, Tensor], Epoch]:
    """Return the network's weights of the best checkpoint, or of the last where none was judged, and when.

    Raises:
        OutputError: if there is none.
    """
    path = next((p for p in (folder / BEST, folder / LAST) if p.exists()), None)
    if path is None:
        raise OutputError(f"The folder {folder} holds no checkpoint: not one epoch was finished.")
    return _read_checkpoint(path)


def _read_checkpoint(path: Path) -> tuple[dict[str, Tensor], Epoch]:
    """Return the network's weights and the epoch after which they were kept."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state: dict[str, Tensor] = checkpoint["state_dict"]
        epoch = Epoch(**checkpoint["mce_epoch"])
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, UnpicklingError) as error:
        raise InputError(
            f"The checkpoint {path} is not one of this program; remove it or choose another folder."
        ) from error
    return {k.removeprefix(_PREFIX): v for k, v in state.items() if k.startswith(_PREFIX)}, epoch


class _EpochLog(Callback):
    """Tells the reporter of steps and epochs, and writes each epoch into its checkpoint."""

    def __init__(self, reporter: Reporter):
        self.reporter, self.history = reporter, list[Epoch]()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Report a step; may raise Cancelled."""
        self.reporter.progress(trainer.global_step, int(trainer.estimated_stepping_batches), "steps")

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Stand where the last step was; may raise Cancelled."""
        self.on_train_batch_end(trainer)

    def on_train_epoch_end(self, trainer: Trainer, _module: Any) -> None:
        """Note the epoch, and say how it went."""
        epoch = _epoch(trainer)
        self.history.append(epoch)
        self.reporter.log(f"Epoch {epoch.epoch}: training loss {epoch.loss:.3f}{epoch.told}.")

    def on_save_checkpoint(self, trainer: Trainer, _module: Any, checkpoint: dict[str, Any]) -> None:
        """Keep what is known of the epoch in the checkpoint."""
        checkpoint["mce_epoch"] = vars(_epoch(trainer))

    def on_test_batch_end(self, trainer: Trainer, _module: Any, *rest: Any) -> None:
        """Report a batch of the test."""
        total = sum(int(n) for n in trainer.num_test_batches)
        self.reporter.progress(int(rest[2]) + 1, total, "test batches")


def _epoch(trainer: Trainer) -> Epoch:
    known = {name: float(value) for name, value in trainer.callback_metrics.items()}
    scores = {name: known.get(logged, math.nan) for name, (logged, _) in _SCORES.items()}
    loss = known.get("train/loss_epoch", math.nan)
    return Epoch(trainer.current_epoch + 1, trainer.global_step, loss, **scores)


def _keepers(folder: Path, judged_by: str | None) -> list[ModelCheckpoint]:
    """Return what keeps the last epoch and, if there is a validation, the best one: each one file."""

    def keeper(filename: str, monitor: str | None) -> ModelCheckpoint:
        return ModelCheckpoint(
            dirpath=folder,
            filename=filename,
            monitor=monitor,
            mode="max",
            save_top_k=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    best = [keeper(Path(BEST).stem, judged_by)] if judged_by else []
    return [*best, keeper(Path(LAST).stem, None)]


def _trainer(folder: Path, settings: TrainerSettings, data: TileData, callbacks: list[Callback]) -> Trainer:
    on_gpu = _on_gpu(settings)
    several = settings.devices * settings.nodes > 1
    return Trainer(
        accelerator="cuda" if on_gpu else "cpu",
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy="ddp" if several else "auto",
        precision=_PRECISIONS[settings.precision],
        max_epochs=settings.epochs,
        max_steps=settings.steps,
        accumulate_grad_batches=settings.accumulate,
        check_val_every_n_epoch=settings.every,
        limit_val_batches=None if data.validation is not None else 0,
        num_sanity_val_steps=0,
        sync_batchnorm=several and on_gpu,
        use_distributed_sampler=False,
        benchmark=on_gpu,
        default_root_dir=folder,
        logger=[CSVLogger(folder, name=LOGS[0]), TensorBoardLogger(folder, name=LOGS[1])],
        callbacks=callbacks,
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _on_gpu(settings: TrainerSettings) -> bool:
    return settings.device == "cuda" or (settings.device == "auto" and torch.cuda.is_available())


def _check_device(settings: TrainerSettings) -> None:
    if not _on_gpu(settings):
        return
    found = torch.cuda.device_count()
    if found < settings.devices:
        raise DeviceError(f"The training needs {settings.devices} CUDA devices, but there are {found}.")


def _device_name(trainer: Trainer) -> str:
    kind = trainer.strategy.root_device
    return torch.cuda.get_device_name(kind) if kind.type == "cuda" else "cpu"


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Lightning from talking past the reporter."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            yield
    finally:
        log.setLevel(level)


_LOG = logging.getLogger(__name__)


class LogReporter:
    """Logs sentences, and progress ten times per phase."""

    def __init__(self) -> None:
        self._told = ("", 0)

    def progress(self, done: int, total: int, unit: str) -> None:
        """Log when another tenth is done."""
        tenth = (unit, 10 * done // max(1, total))
        if tenth != self._told:
            self._told = tenth
            self.log(f"{done} of {total} {unit}")

    def log(self, message: str) -> None:
        """Log a sentence."""
        _LOG.info(message)
