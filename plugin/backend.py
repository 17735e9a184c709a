"""The Python that the backend runs in: finding it, and building its environment in the user's profile.
Running jobs with it is in `worker.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback, QgsSettings

from ..service.protocol import OLDEST_PYTHON
from .i18n import tr
from .paths import REQUIREMENTS, ROOT, TRAINING_REQUIREMENTS
from .worker import Ended, child_environment, run_job, run_lines

SETTING = "mce_landcover/python"
VARIABLE = "MCE_LANDCOVER_PYTHON"
STAMP = "mce_landcover.json"
#: Python versions that the pinned packages are made for.
OLDEST, NEWEST = OLDEST_PYTHON, (3, 14)
_PROBE = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
_PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
#: Share of the whole that is done when pip begins, and when it begins to unpack.
_PIP_BEGINS, _PIP_UNPACKS = 5.0, 60.0


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


def build_backend(feedback: QgsProcessingFeedback, *, training: bool = False) -> tuple[Path, dict[str, Any]]:
    """Build the environment for the present requirements; return its Python and its `backend_info`.

    With `training` it can train too.

    It is marked complete only after the backend has answered from it. What is not complete is removed, after
    an error and after a cancel. Raises QgsProcessingException.
    """
    folder = environment_folder()
    base = find_base_python(feedback)
    feedback.pushInfo(tr("Building the backend's environment in {} with {}.").format(folder, base))
    complete = False
    try:
        _remove(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _step([base, "-I", "-m", "venv", str(folder)], feedback, tr("making the environment"))
        feedback.setProgress(_PIP_BEGINS)
        python = _python_in(folder)
        _install(python, (*REQUIREMENTS, TRAINING_REQUIREMENTS) if training else REQUIREMENTS, feedback)
        info = run_job(python, "backend_info", {}, feedback)
        write_stamp(folder, {"requirements": requirements_hash(), "base": base, **info})
        complete = True
    except OSError as error:
        raise QgsProcessingException(
            tr(
                "The environment cannot be written to {} ({}): free some space or check the permissions."
            ).format(folder, error.strerror or error)
        ) from error
    finally:
        if not complete:
            shutil.rmtree(folder, ignore_errors=True)
    _remove_outdated(feedback)
    return python, info


def install_training(python: Path, feedback: QgsProcessingFeedback) -> dict[str, Any]:
    """Add what training needs to an environment that runs the backend; return its `backend_info`.

    Packages that are there stay as they are. Raises QgsProcessingException if that fails.
    """
    feedback.pushInfo(tr("Adding what training needs to {}.").format(python))
    ours = python == built_python()
    _install(python, (*REQUIREMENTS, TRAINING_REQUIREMENTS) if ours else (TRAINING_REQUIREMENTS,), feedback)
    return run_job(python, "backend_info", {}, feedback)


def _install(python: Path, files: Sequence[Path], feedback: QgsProcessingFeedback) -> None:
    """Install requirements in one call of pip, so that nothing pulls another torch."""
    requirements = [part for file in files for part in ("-r", str(file))]
    say = _PipProgress(feedback, files).hear
    _step([str(python), "-I", *_PIP, *requirements], feedback, tr("installing the packages"), say)


def find_base_python(feedback: QgsProcessingFeedback) -> str:
    """Return a Python that can make the environment; raise QgsProcessingException with what was tried.

    Never `sys.executable`, which is QGIS itself on Windows and macOS.
    """
    refused = []
    for candidate in base_candidates():
        reason = _refusal(candidate, feedback)
        if not reason:
            return candidate
        refused.append(f"{candidate} {reason}")
    needed = "{}.{}-{}.{}".format(*OLDEST, *NEWEST)
    tried = "; ".join(refused) or tr("none was found")
    raise QgsProcessingException(
        tr(
            "Building the backend needs Python {} with venv ({}): install one (on Debian and Ubuntu the "
            "package python3-venv, on Windows and macOS from python.org) and run this again."
        ).format(needed, tried)
    )


def base_candidates(platform: str = sys.platform) -> list[str]:
    """Return the Pythons of this machine worth trying, best first; all exist."""
    versions = [f"3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    if platform == "win32":
        paths = [Path(sys.base_prefix) / "python.exe", Path(sys.base_prefix) / "python3.exe"]
        names = ["python", "python3"]
    elif platform == "darwin":
        roots = ["/opt/homebrew/bin", "/usr/local/bin"]
        paths = [Path(root) / f"python{v}" for root in roots for v in versions]
        paths += [Path(f"/Library/Frameworks/Python.framework/Versions/{v}/bin/python3") for v in versions]
        paths.append(Path(sys.base_prefix) / "bin" / "python3")
        names = ["python3"]
    else:
        paths = [Path("/usr/bin/python3"), Path(sys.base_prefix) / "bin" / "python3"]
        names = [f"python{v}" for v in versions] + ["python3"]
    found = [str(path) for path in paths if path.is_file()] + [shutil.which(name) or "" for name in names]
    # The app stub of Windows opens a shop instead of running.
    return [path for path in dict.fromkeys(found) if path and "WindowsApps" not in path]


def _refusal(python: str, feedback: QgsProcessingFeedback) -> str:
    """Return why the Python cannot be the base, or nothing."""
    printed: list[str] = []
    try:
        ended = _run([python, "-I", "-c", _PROBE], feedback, printed.append)
    except OSError as error:
        return tr("does not start ({})").format(error.strerror or error)
    if ended.exit_code:
        return tr("lacks the modules venv or ensurepip")
    version = tuple(int(part) for part in printed[-1].split())
    if not OLDEST <= version <= NEWEST:
        return tr("is Python {}.{}").format(*version)
    return ""


def _step(
    command: Sequence[str],
    feedback: QgsProcessingFeedback,
    what: str,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run one command of the build; raise QgsProcessingException if it fails or is cancelled."""
    ended = _run(command, feedback, on_line or feedback.pushDebugInfo)
    if ended.cancelled:
        raise QgsProcessingException(tr("Cancelled: the half-built environment was removed."))
    if ended.exit_code == 0:
        return
    feedback.pushDebugInfo("\n".join(ended.stderr))
    said = [line.strip() for line in ended.stderr if line.strip()]
    last = next((line for line in reversed(said) if line.startswith("ERROR:")), said[-1] if said else "")
    raise QgsProcessingException(
        tr(
            "The backend could not be built, {} failed ({}): see the log, check the network and try again."
        ).format(what, last[:200].rstrip(".") or tr("exit code {}").format(ended.exit_code))
    )


def _run(command: Sequence[str], feedback: QgsProcessingFeedback, on_line: Callable[[str], None]) -> Ended:
    env = child_environment(QgsApplication.prefixPath())
    return run_lines(command, env=env, on_line=on_line, is_cancelled=feedback.isCanceled)


class _PipProgress:
    """Turns what pip prints into progress: pip tells no share, so the pinned packages are counted."""

    def __init__(self, feedback: QgsProcessingFeedback, files: Sequence[Path]) -> None:
        self._feedback = feedback
        pins = "\n".join(file.read_text(encoding="utf-8") for file in files)
        self._left = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", pins, re.MULTILINE)}
        self._step = (_PIP_UNPACKS - _PIP_BEGINS) / max(1, len(self._left))
        self._percent = _PIP_BEGINS

    def hear(self, line: str) -> None:
        """Take one line of pip's output."""
        line = line.strip()
        # "Collecting numpy==2.4.6 (from ...)", or for a local file "Processing /a/numpy-2.4.6-cp311.whl".
        named = re.match(r"Collecting ([\w.-]+)|Processing .*?([\w.]+?)-\d[^/\\]*$", line)
        name = _canonical(named[1] or named[2]) if named else ""
        if name in self._left:
            self._left.remove(name)
            self._percent += self._step
        elif line.startswith("Installing collected packages"):
            self._percent = _PIP_UNPACKS
        self._feedback.setProgress(self._percent)
        if line.startswith(("Collecting", "Downloading", "Installing", "Building", "Successfully")):
            self._feedback.pushInfo(line)
        else:
            self._feedback.pushDebugInfo(line)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _python_in(folder: Path) -> Path:
    python = python_of(folder)
    if python is None:
        raise QgsProcessingException(tr("The environment in {} has no Python: try again.").format(folder))
    return python


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _remove_outdated(feedback: QgsProcessingFeedback) -> None:
    for folder in other_environments():
        feedback.pushInfo(tr("Removing the outdated environment {}.").format(folder))
        try:
            _remove(folder)
        except OSError as error:
            feedback.pushWarning(
                tr("It could not be removed whole ({}): delete it by hand.").format(error.strerror)
            )
