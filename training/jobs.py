"""What the backend's jobs call in training, by name; see `core/service/jobs.py`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core.bundle import EMBEDDED
from ..core.progress import Reporter, SilentReporter
from ..core.tile_bundle import EMBEDDED_SCREEN
from .demo import DemoPlan, train_demo_model


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
    plan, path = DemoPlan(), output or EMBEDDED
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

    plan, path = ScreenPlan(), output or EMBEDDED_SCREEN
    trainer = replace(plan.settings.trainer, epochs=epochs or plan.settings.trainer.epochs)
    settings = replace(plan.settings, trainer=trainer, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    train_screen_model(path, replace(plan, settings=settings), reporter or SilentReporter())
    return path


def train(config: Path, changes: Sequence[str] = (), *, reporter: Reporter | None = None) -> Path:
    """Train what a configuration file says and return its bundle; see `train.py`."""
    from .train import train_file

    return train_file(config, changes, reporter or SilentReporter())


def import_weights(checkpoint: Path, output: Path, *, reporter: Reporter | None = None) -> Path:
    """Turn the authors' checkpoint into a bundle and return its path; see `authors.py`."""
    from .authors import import_checkpoint

    return import_checkpoint(checkpoint, output, reporter or SilentReporter())
