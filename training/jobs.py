"""What the backend's jobs call in training, by name; see `core/service/jobs.py`. Lightning is imported only
where it is needed: tiles are cut and weights imported without it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.model_file import EMBEDDED
from ..core.progress import Reporter, SilentReporter


def train_demo(
    output: Path | None = None,
    *,
    steps: int | None = None,
    seed: int = 7,
    reporter: Reporter | None = None,
) -> Path:
    """Train the demo model anew on synthetic scenes and write its bundle; the default is the embedded file.

    `seed` is of weights, patches and their order; the scenes are those of the plan.
    """
    from .demo import DemoPlan, train_demo_model

    plan, path = DemoPlan(), output or EMBEDDED["demo"]
    settings = replace(plan.settings, steps=steps or plan.settings.steps, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    train_demo_model(path, replace(plan, settings=settings), reporter or SilentReporter())
    return path


def train_screen(
    output: Path | None = None,
    *,
    epochs: int | None = None,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Path:
    """Train the screening model anew on synthetic scenes and write its bundle; see `multilabel/screen.py`."""
    from .multilabel.screen import ScreenPlan, train_screen_model

    plan, path = ScreenPlan(), output or EMBEDDED["screen"]
    trainer = replace(plan.settings.trainer, epochs=epochs or plan.settings.trainer.epochs)
    settings = replace(plan.settings, trainer=trainer, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    train_screen_model(path, replace(plan, settings=settings), reporter or SilentReporter())
    return path


def prepare_tiles(
    sources: Mapping[str, Sequence[Path]],
    labels: Sequence[Path],
    output: Path,
    *,
    label_field: str = "class",
    classes: str | None = None,
    label_codes: str = "ids",
    ignored: Sequence[str] = (),
    split: Any = "blocked_iterative",
    val_share: float = 0.15,
    test_share: float = 0.15,
    block_m: float | None = None,
    seed: int = 0,
    reporter: Reporter | None = None,
    **same: Any,
) -> dict[str, Any]:
    """Cut tiles, see `tiling/folder.py`, whose request takes `same`; return what is in the folder."""
    from .tiling.dealing import SplitPlan
    from .tiling.folder import TilesRequest
    from .tiling.folder import prepare_tiles as prepare
    from .tiling.labels import LabelChoice
    from .tiling.page import warnings

    choice = LabelChoice(labels, label_field, classes, label_codes == "source", ignored)
    plan = SplitPlan(split, val_share, test_share, block_m, seed)
    request = TilesRequest(sources, choice, output, split=plan, **same)
    found = prepare(request, reporter or SilentReporter())
    report = found.report
    return {
        "folder": str(found.folder),
        "config": str(found.config),
        "report": str(found.page),
        "tiles": dict(zip(report.names, report.tiles.tolist(), strict=True)),
        "classes": [c.name for c in found.classes],
        "pixels": int(report.pixels.sum()),
        "shares": {
            name: dict(zip(report.classes, [round(100 * v, 4) for v in shares], strict=True))
            for name, shares in zip(report.names, report.shares.tolist(), strict=True)
        },
        "neighbours": report.neighbours,
        "neighbours_parted": report.parted,
        "message": " ".join(warnings(report)),
    }


def train(
    config: Path, changes: Sequence[str] = (), *, resume: bool = True, reporter: Reporter | None = None
) -> dict[str, Any]:
    """Train what a configuration file says, see `train.py`; return the bundle and its scores."""
    from .config import read_config
    from .outcome import outcome_of
    from .train import check_output, discard, train_config

    plan = read_config(config, changes)
    if resume:
        check_output(plan)
    else:
        discard(plan)
    return outcome_of(train_config(plan, reporter or SilentReporter()), plan.run_folder)


def import_weights(checkpoint: Path, output: Path, *, reporter: Reporter | None = None) -> Path:
    """Turn the authors' checkpoint into a bundle and return its path; see `authors.py`."""
    from .authors import import_checkpoint

    return import_checkpoint(checkpoint, output, reporter or SilentReporter())


def fit_aggregation(
    model: str,
    config: Path,
    output: Path,
    *,
    split: Any = "val",
    reference: Any = None,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Teach a bundle the aggregation `composed`, see `join.py`; return the new one and both rules' scores."""
    from .join import LEARNT, JoinRequest
    from .join import fit_aggregation as fit
    from .outcome import shares_of

    found = fit(JoinRequest(model, config, output, split, reference), reporter or SilentReporter())
    rules = {"before": found.reference, "after": LEARNT} if found.scored_on else {}
    return {
        "model": str(found.model),
        "reference": found.reference,
        "scored_on": found.scored_on,
        **{when: shares_of(found.scores[rule].as_json()) for when, rule in rules.items()},
    }
