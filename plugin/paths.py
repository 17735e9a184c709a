"""Where the files of this package and of the user's profile lie."""

from __future__ import annotations

from pathlib import Path

#: The package root, which is the plugin folder. A link into a profile stays a link.
ROOT = Path(__file__).absolute().parents[1]
RESOURCES = ROOT / "resources"
BOOTSTRAP = ROOT / "service" / "bootstrap.py"
REQUIREMENTS = tuple(RESOURCES / "requirements" / name for name in ("backend.txt", "cpu.txt"))
#: What training needs besides; none of it is imported elsewhere.
TRAINING_REQUIREMENTS = RESOURCES / "requirements" / "training.txt"


def icon_file(name: str) -> str:
    """Return the path of one of our SVG icons."""
    return str(RESOURCES / "icons" / f"{name}.svg")
