"""A training from a configuration file to a bundle: prepares, fits, settles and writes, and keeps the best so
far of a cancelled run beside the place of the finished one."""

import hashlib
import json
import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..core.base.errors import Cancelled, InputError, OutputError
from ..core.base.files import make_folder, write_json
from ..core.base.progress import SILENT, Reporter
from ..core.model.bundle import save_bundle
from ..core.model.card import ModelCard
from .config import Config, CutData
from .evaluate import score_line
from .fit import BEST, LAST, LOGS, Epoch, fit, read_best
from .fold_and_round import settled_weights
from .module import SegmentationModule, make_loss
from .prepare import Prepared, prepare

_PACKAGES = ("torch", "lightning", "segmentation-models-pytorch", "timm", "numpy")
_PLAN = "config.json"


def train_config(config: Config, reporter: Reporter) -> Path:
    """Train, score and write the bundle; a run that was broken off goes on where it was.

    Raises:
        InputError: if the configuration or the data cannot be used, or the folder holds another training.
        TrainingError: if the loss stops being a number.
        OutputError: if something cannot be written.
        Cancelled: then the best weights so far are in `<output>.best-so-far.safetensors`.
    """
    if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) != "0":
        reporter = SILENT  # of several processes, the first one speaks
    prepared = prepare(config, reporter)
    card = prepared.card
    reporter.log(
        f"Training {len(card.experts)} expert{'s' * (len(card.experts) != 1)} on "
        f"{sum(card.pixel_counts):,} labelled pixels of {len(card.classes)} classes."
    )
    _claim(config, card)
    module = _module(config, prepared)
    try:
        result = fit(module, prepared.data, config.run_folder, config.trainer, reporter)
    except Cancelled as error:
        raise Cancelled(_save_so_far(config, card)) from error
    if not result.leads:
        return config.output
    names = [c.name for c in card.classes]
    found = {rule: score.as_json(names) for rule, score in result.scores.items()}
    provenance = _provenance(config, prepared, result.best)
    provenance |= {"device": result.device, "seconds": round(result.seconds)}
    finished = card.model_copy(update={"provenance": provenance, "scores": found})
    config.output.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(config.output, finished, settled_weights(card, result.weights), dtype=torch.bfloat16)
    _so_far(config).unlink(missing_ok=True)
    for rule, score in result.scores.items():
        reporter.log(score_line("test", rule, score))
    where = "test tiles" if result.scores else "validation tiles after the last epoch"
    for name, places in module.places.items():
        reporter.log(f"Rare places on the {where}: {places.sentence(name)}.")
    return config.output


def _module(config: Config, prepared: Prepared) -> SegmentationModule:
    card = prepared.card
    return SegmentationModule(
        card,
        make_loss(config.loss, card, card.window**2),
        config.optimizer,
        counts=prepared.counts,
        encoder_weights=config.model.encoder_weights,
        seed=config.seed,
    )


def _claim(config: Config, card: ModelCard) -> None:
    """Write down which training the folder holds, or see that it is this one.

    Longer trainings of the same kind may go on from shorter ones.
    """
    left_out: dict[str, Any] = {"output": True, "folder": True, "trainer": True, "load": {"workers"}}
    if isinstance(config.data, CutData):
        left_out["data"] = {"folder"}  # which may have been moved together with the run
    plan = config.model_dump(mode="json", exclude=left_out)
    plan["card"] = hashlib.sha256(card.model_dump_json().encode()).hexdigest()
    file = config.run_folder / _PLAN
    if not file.exists():
        make_folder(file.parent)
        write_json(file, plan)
        return
    known = json.loads(file.read_text(encoding="utf-8"))
    different = sorted(key for key in plan if known.get(key) != plan[key])
    if different:
        raise InputError(
            f"The folder {config.run_folder} holds another training (it differs in {', '.join(different)}); "
            "choose another output, or train without resuming (--restart), which discards it."
        )


def check_output(config: Config) -> None:
    """Raise InputError where the place of the bundle is taken by one of another training."""
    if config.output.exists() and not (config.run_folder / _PLAN).exists():
        raise InputError(
            f"{config.output} exists already and is not of this training; choose another output, or replace "
            "it by a training without resuming (--restart)."
        )


def discard(config: Config) -> None:
    """Remove what an earlier training in the same place left: its checkpoints and its logs.

    Its bundle stays until the new one takes its place.

    Raises:
        OutputError: if something cannot be removed.
    """
    folder = config.run_folder
    try:
        for file in (folder / BEST, folder / LAST, folder / _PLAN):
            file.unlink(missing_ok=True)
        for logs in LOGS:
            if (folder / logs).is_dir():
                shutil.rmtree(folder / logs)
    except OSError as error:
        raise OutputError(
            f"The earlier training in {folder} cannot be removed ({error.strerror or error}); choose another "
            "output."
        ) from error


def _so_far(config: Config) -> Path:
    """Return the place of the best weights of a cancelled run."""
    return config.output.with_suffix(".best-so-far.safetensors")


def _save_so_far(config: Config, card: ModelCard) -> str:
    """Write the best weights of a cancelled run, if an epoch was finished; return what to tell the user."""
    if not any((config.run_folder / name).exists() for name in (BEST, LAST)):
        return "Cancelled before the first epoch was done, so there is nothing to keep."
    weights, best = read_best(config.run_folder)
    path = _so_far(config)
    provenance = {"unfinished": f"cancelled; the best epoch so far is {best.epoch}"}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(path, card.model_copy(update={"provenance": provenance}), weights, dtype=torch.bfloat16)
    return (
        f"Cancelled; the best weights so far, of epoch {best.epoch}, are in {path}, and the same training "
        "goes on after its last whole epoch when it is started again."
    )


def _provenance(config: Config, prepared: Prepared, best: Epoch) -> dict[str, Any]:
    return {
        "config": config.model_dump(mode="json"),
        "best_epoch": best.epoch,
        "best_step": best.step,
        "validation_mean_recall": None
        if best.mean_recall != best.mean_recall
        else round(best.mean_recall, 4),
        "splits": prepared.report.as_json(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    }
