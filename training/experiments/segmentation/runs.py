"""Trains and judges the runs of a study; what an earlier call finished is read back. What the scores are set
out as lives in `tables.py`."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.accuracy import Scores, scores
from ....core.bundle import Bundle, load_bundle
from ....core.card import ModelCard
from ....core.engine.files import write_whole
from ....core.errors import InputError
from ....core.progress import Reporter
from ...config import Config
from ...evaluate import ORACLE, evaluate_rules
from ...formats import open_splits
from ...train import train_config
from .learnt import fit_rules
from .study import Study, for_training, run_config

DEFAULT = "default"


@dataclass(frozen=True)
class Judged:
    """One run with one seed: a confusion matrix `[C, C]` on the test set for each rule."""

    run: str
    seed: int
    class_names: tuple[str, ...]
    groups: tuple[str, ...]
    matrices: dict[str, NDArray[np.int64]]
    parameters: int
    seconds: float

    def scores(self, rule: str) -> Scores:
        """Return the scores of a rule.

        Raises:
            InputError: if the run was not judged by it.
        """
        if rule not in self.matrices:
            raise InputError(f"The run {self.run} has no rule {rule!r}, only {', '.join(self.matrices)}.")
        return scores(self.matrices[rule], self.groups)


def judged_runs(study: Study, folder: Path, reporter: Reporter) -> list[Judged]:
    """Return every run with every seed, training and judging what is not there yet.

    Seeds are the outer loop, so that a study that is broken off has whole tables of fewer seeds.

    Raises:
        InputError: if the configuration or the data cannot be used, or `folder` holds another study's runs.
        TrainingError, OutputError, Cancelled.
    """
    found = []
    for seed in study.seeds:
        for run in study.runs:
            found.append(_judged(study, run, seed, folder, reporter))
    return found


def _judged(study: Study, run: str, seed: int, folder: Path, reporter: Reporter) -> Judged:
    bundle, file = folder / f"{run}_{seed}.safetensors", folder / f"{run}_{seed}.json"
    config = run_config(study, run, seed, bundle)
    key = _key(study, run, config)
    if file.exists():
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["key"] == key:
            reporter.log(f"{run}, seed {seed}: finished before.")
            return _read(known)
    started = time.monotonic()
    training = for_training(study, config)
    if not _is_trained(bundle, training):
        reporter.log(f"{run}, seed {seed}: training.")
        train_config(training, reporter)
    trained = load_bundle(bundle)
    matrices = _judge(study, run, config, trained, reporter)
    judged = Judged(
        run,
        seed,
        tuple(c.name for c in trained.card.classes),
        tuple(c.group for c in trained.card.classes),
        matrices,
        sum(int(np.prod(t.shape)) for t in trained.weights.values()),
        round(time.monotonic() - started, 1),
    )
    _write(file, key, judged)
    return judged


def _judge(
    study: Study, run: str, config: Config, trained: Bundle, reporter: Reporter
) -> dict[str, NDArray[np.int64]]:
    """Return the matrices of a trained run; `default` is the card's own rule."""
    card, network = trained.card, trained.network().eval()
    splits = open_splits(config, card.classes, card.sources, card.window, reporter)
    learnt = {}
    if study.fitted is not None and run in study.fitted.runs:
        tiles = splits[study.fitted.split]
        learnt = fit_rules(study.fitted, network, card, tiles, seed=config.seed, reporter=reporter)
    rules = list(dict.fromkeys([card.aggregation, *rules_of(study, card)]))
    test = splits["test"]
    areas = [test.read(i) for i in range(0, len(test.names), study.test_every)]
    matrices = evaluate_rules(network, card, areas, rules, learnt=learnt, reporter=reporter)
    return {DEFAULT: matrices[card.aggregation], **matrices}


def rules_of(study: Study, card: ModelCard) -> tuple[str, ...]:
    """Return the rules that a run is judged by: one expert leaves no choice."""
    if len(card.experts) == 1:
        return ()
    return (*study.rules, *(f"expert_{k + 1}" for k in range(len(card.experts))), ORACLE)


def _plan(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude={"output": True, "folder": True, "load": {"workers"}})


def _is_trained(bundle: Path, config: Config) -> bool:
    """Say whether the bundle is there and of this very training."""
    if not bundle.exists():
        return False
    made = Config.model_validate(load_bundle(bundle).card.provenance["config"])
    if _plan(made) != _plan(config):
        raise InputError(f"{bundle} is of another training; choose another folder for the results.")
    return True


def _key(study: Study, run: str, config: Config) -> str:
    """Return a hash of everything that the scores of a run depend on."""
    fitted = study.fitted if study.fitted is not None and run in study.fitted.runs else None
    told = [
        _plan(config),
        study.rules,
        study.test_every,
        fitted and fitted.model_dump(mode="json", exclude={"runs"}),
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _read(known: dict[str, Any]) -> Judged:
    matrices = {rule: np.array(matrix, np.int64) for rule, matrix in known["matrices"].items()}
    names, groups = tuple(known["class_names"]), tuple(known["groups"])
    plain = (known["run"], known["seed"])
    return Judged(*plain, names, groups, matrices, known["parameters"], known["seconds"])


def _write(file: Path, key: str, judged: Judged) -> None:
    content = {
        "key": key,
        "run": judged.run,
        "seed": judged.seed,
        "class_names": judged.class_names,
        "groups": judged.groups,
        "parameters": judged.parameters,
        "seconds": judged.seconds,
        "matrices": {rule: matrix.tolist() for rule, matrix in judged.matrices.items()},
    }
    write_whole(file, json.dumps(content).encode())
