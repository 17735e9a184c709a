"""Trains and judges the runs of a study; what an earlier call finished is read back. What the scores are set
out as lives in `tables.py`."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
from ....core.model.bundle import Bundle, load_bundle
from ...config import Config
from ...evaluate import ORACLE, evaluate_rules
from ...formats import open_splits
from ...train import train_config
from ..runner import Row, Runner, hash_of
from .learnt import fit_rules
from .study import Study, for_training, run_config

DEFAULT = "default"


def judged_runs(study: Study, folder: Path, reporter: Reporter) -> list[Row]:
    """Return a row for every run with every seed, training and judging what is not there yet: `run`, `seed`,
    `class_names`, `groups`, and in `matrices` a confusion matrix `[C][C]` on the test set for each rule.

    Seeds are the outer loop, so that a study that is broken off has whole tables of fewer seeds.

    Raises:
        InputError: if the configuration or the data cannot be used, or `folder` holds another study's runs.
        TrainingError, OutputError, Cancelled.
    """
    runner = Runner(folder, reporter)
    return [_judged(study, run, seed, runner) for seed in study.seeds for run in study.runs]


def _judged(study: Study, run: str, seed: int, runner: Runner) -> Row:
    """Return a run as it was judged before, with the rules that are new or have changed since."""
    name, reporter = f"{run}_{seed}", runner.reporter
    bundle = runner.folder / f"{name}.safetensors"
    config = run_config(study, run, seed, bundle)
    made_with, asked = _made_with(study, config), _asked(study, run, config)
    known = runner.finished(name, made_with)
    missing = [rule for rule, spec in asked.items() if known.get("rules", {}).get(rule, "") != spec]
    if not missing:
        reporter.log(f"{name} is done already.")
        return _asked_of(known, asked)
    started = time.monotonic()
    training = for_training(study, config)
    if not _is_trained(bundle, training):
        reporter.log(f"{name}: training.")
        train_config(training, reporter)
    trained = load_bundle(bundle)
    found = _judge(study, config, trained, missing, reporter)
    row = {
        "run": run,
        "seed": seed,
        "class_names": [c.name for c in trained.card.classes],
        "groups": [c.group for c in trained.card.classes],
        "parameters": sum(int(np.prod(t.shape)) for t in trained.weights.values()),
        "seconds": round(time.monotonic() - started, 1) + known.get("seconds", 0.0),
        "rules": asked,
        "matrices": known.get("matrices", {}) | {rule: matrix.tolist() for rule, matrix in found.items()},
    }
    return _asked_of(runner.keep(name, made_with, row), asked)


def _asked(study: Study, run: str, config: Config) -> dict[str, Any]:
    """Return what a run is judged by: rule -> how it is fitted, None for a rule with nothing to learn."""
    experts = config.model.experts
    n_experts = experts if isinstance(experts, int) else len(experts)
    rules = [DEFAULT, config.model.aggregation]
    if n_experts > 1:  # one leaves no choice
        rules += [*study.rules, *(f"expert_{k + 1}" for k in range(n_experts)), ORACLE]
    plain = dict.fromkeys(rules)
    if study.fitted is None or run not in study.fitted.runs:
        return plain
    return {**plain, **{name: spec.model_dump(mode="json") for name, spec in study.fitted.rules.items()}}


def _judge(
    study: Study, config: Config, trained: Bundle, wanted: Sequence[str], reporter: Reporter
) -> dict[str, NDArray[np.int64]]:
    """Return the matrices of a trained run by the rules wanted; `default` is the card's own rule."""
    card, network = trained.card, trained.network().eval()
    splits = open_splits(config, card.classes, card.sources, card.window, reporter)
    learnt = {}
    fitted = study.fitted and study.fitted.only(wanted)
    if fitted:
        learnt = fit_rules(fitted, network, card, splits[fitted.split], seed=config.seed, reporter=reporter)
    plain = [card.aggregation if rule == DEFAULT else rule for rule in wanted if rule not in learnt]
    test = splits["test"]
    areas = [test.read(i) for i in range(0, len(test.names), study.test_every)]
    rules = list(dict.fromkeys(plain))
    found = evaluate_rules(network, card, areas, rules, learnt=learnt, reporter=reporter)
    return {rule: found[card.aggregation if rule == DEFAULT else rule] for rule in wanted}


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


def _made_with(study: Study, config: Config) -> str:
    """Return a hash of everything that the scores of a run depend on whatever the rule."""
    fitted = study.fitted and study.fitted.model_dump(mode="json", exclude={"runs", "rules"})
    return hash_of([_plan(config), study.test_every, fitted])


def _asked_of(row: Row, asked: Iterable[str]) -> Row:
    return {**row, "matrices": {rule: row["matrices"][rule] for rule in asked}}
