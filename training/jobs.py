"""What the backend's jobs call in training, by name; see `core/service/jobs.py`."""

from dataclasses import replace
from pathlib import Path

from ..core.bundle import EMBEDDED
from ..core.progress import Reporter, SilentReporter
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
