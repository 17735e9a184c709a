"""Finds the Python that the backend runs in. Building one is in `build.py`, running jobs in `worker.py`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsApplication, QgsSettings

from .i18n import tr
from .paths import REQUIREMENTS, ROOT

SETTING = "mce_landcover/python"
VARIABLE = "MCE_LANDCOVER_PYTHON"
STAMP = "mce_landcover.json"


class BackendMissing(Exception):  # noqa: N818 - a state that setup_backend ends
    """No backend can be used; the message says what to do."""


@dataclass(frozen=True)
class Backend:
    """A Python to run the backend with, and who named it: setting, variable, built or clone."""

    python: Path
    origin: str


def find_backend() -> Backend:
    """Return the first backend of: setting, environment variable, the one we built, the clone's `.venv`.

    Looks at files only, so that it can be asked often. Raises BackendMissing where none is there, and where
    one was named that is not there: it is never passed over for the next.
    """
    setting = python_setting()
    if setting:
        where = tr("The setting {} names").format(SETTING)
        return Backend(_named(setting, where), "setting")
    variable = os.environ.get(VARIABLE, "")
    if variable:
        where = tr("The environment variable {} names").format(VARIABLE)
        return Backend(_named(variable, where), "variable")
    built = built_python()
    if built:
        return Backend(built, "built")
    clone = python_of(ROOT / ".venv")
    if clone:
        return Backend(clone, "clone")
    raise BackendMissing(_nothing_found())


def can_train(python: Path) -> bool | None:
    """Has this Python what training needs, as far as its files tell? None where they do not.

    Only an environment that sees no packages but its own can tell.
    """
    root = python.parent.parent
    try:
        settings = (root / "pyvenv.cfg").read_text(encoding="utf-8").lower().replace(" ", "")
    except OSError:
        return None
    folders = [*root.glob("lib/python3*/site-packages"), *root.glob("Lib/site-packages")]
    if not folders or "include-system-site-packages=true" in settings:
        return None
    return any((folder / "lightning").is_dir() for folder in folders)


def could_train() -> bool:
    """Could an environment that was built here before train? Then the next one should, too."""
    pythons = [python_of(folder) for folder in environments_folder().glob("venv-*")]
    return any(can_train(python) for python in pythons if python)


def training_missing() -> str:
    """Return the sentence for a backend that cannot train."""
    return tr(
        'The backend lacks what training needs: run "Set up the backend" with its box for training '
        "(mce:setup_backend, TRAINING)."
    )


def python_setting() -> str:
    """Return the path in the setting, empty where there is none."""
    return str(QgsSettings().value(SETTING, "", type=str))


def store_python(python: Path | None) -> None:
    """Remember the Python to use, or forget it."""
    if python is None:
        QgsSettings().remove(SETTING)
    else:
        QgsSettings().setValue(SETTING, str(python))


def python_of(path: Path) -> Path | None:
    """Return the interpreter that is `path` or lies in the environment folder `path`, or None."""
    inside = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
    candidates = [path / name for name in inside] if path.is_dir() else [path]
    return next((c for c in candidates if c.is_file() and os.access(c, os.X_OK)), None)


def requirements_hash(files: Iterable[Path] = REQUIREMENTS) -> str:
    """Return a short hash of the pinned packages, the same on every system."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return hashlib.sha256(text.replace("\r\n", "\n").encode("utf-8")).hexdigest()[:8]


def environments_folder() -> Path:
    """Return the folder of this profile in which backend environments are built."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "mce_landcover"


def environment_folder() -> Path:
    """Return where the environment for the present requirements is, or would be built."""
    return environments_folder() / f"venv-{requirements_hash()}"


def is_complete(folder: Path) -> bool:
    """Was the environment in `folder` built to its end? Its stamp is written last."""
    return (folder / STAMP).is_file() and python_of(folder) is not None


def built_python() -> Path | None:
    """Return the Python of the complete environment for the present requirements, or None."""
    folder = environment_folder()
    return python_of(folder) if is_complete(folder) else None


def write_stamp(folder: Path, info: dict[str, object]) -> None:
    """Mark the environment as complete."""
    (folder / STAMP).write_text(json.dumps(info, indent=1), encoding="utf-8")


def other_environments() -> list[Path]:
    """Return the environments in the profile that do not serve: for other requirements, or half built."""
    folders = sorted(environments_folder().glob("venv-*"))
    return [f for f in folders if f != environment_folder() or not is_complete(f)]


def _named(path: str, where: str) -> Path:
    python = python_of(Path(path).expanduser())
    if python is None:
        raise BackendMissing(
            tr(
                '{} "{}", which is not a Python program or environment: correct it, or run '
                '"Set up the backend".'
            ).format(where, path)
        )
    return python


def _nothing_found() -> str:
    advice = tr('run "Set up the backend" in the Processing toolbox (mce:setup_backend).')
    if environment_folder().is_dir():
        state = tr("The backend's environment was not built to its end:")
    elif other_environments():
        state = tr("The backend's environment was built for another version of the plugin:")
    else:
        state = tr("The backend, which runs the network, is not installed yet:")
    return f"{state} {advice}"
