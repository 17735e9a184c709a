"""Builds the backend's own environment in the user's profile. Finding it again is in `environment.py`."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsProcessingException, QgsProcessingFeedback

from .environment import (
    built_python,
    environment_folder,
    other_environments,
    python_of,
    requirements_hash,
    write_stamp,
)
from .i18n import tr
from .paths import REQUIREMENTS, TRAINING_REQUIREMENTS
from .process import Ended, child_environment, run_lines
from .worker import run_job

#: Python versions that the pinned packages are made for.
OLDEST, NEWEST = (3, 11), (3, 14)
_PROBE = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
_PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
#: Share of the whole that is done when pip begins, and when it begins to unpack.
_PIP_BEGINS, _PIP_UNPACKS = 5.0, 60.0


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
