"""Processing algorithm `setup_backend`: finds, checks or builds the environment that runs the network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..backend import (
    VARIABLE,
    BackendMissing,
    build_backend,
    could_train,
    find_backend,
    install_training,
    python_of,
    python_setting,
    store_python,
)
from ..file_parameters import File
from ..i18n import tr
from ..parameters import Flag, Row, Values
from ..worker import run_job

#: A Python and what the job `backend_info` says of it.
Found = tuple[Path, dict[str, Any]]


class SetupBackend(MceAlgorithm):
    """Leaves a backend that answers, or says in one sentence why there is none."""

    ID = "setup_backend"
    NEEDS_BACKEND = False

    def displayName(self) -> str:
        return tr("Set up the backend")

    def shortDescription(self) -> str:
        return tr("Installs or chooses the Python environment that runs the network.")

    def tags(self) -> list[str]:
        return [tr("install"), tr("environment"), tr("dependencies"), "python", "torch"]

    def rows(self) -> list[Row]:
        return [
            File(
                "PYTHON",
                "",
                tr("Use this Python or environment (empty: build one)"),
                filter=tr("All files (*)"),
                check=lambda _name, _file: "",  # a folder will do, and `_adopt` has a sentence of its own
            ),
            Flag("REBUILD", "", tr("Build again even if a backend works")),
            Flag("TRAINING", "", tr("Also install what training a model needs")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputString("PYTHON", tr("Python of the backend")),
            QgsProcessingOutputString("INFO", tr("Versions and devices")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        chosen, feedback = values.text("PYTHON").strip(), values.feedback
        rebuild, training = values.flag("REBUILD"), values.flag("TRAINING")
        if chosen and rebuild:
            raise QgsProcessingException(
                tr("Give either PYTHON or REBUILD: a chosen environment is never rebuilt.")
            )
        kept = training or could_train()
        if chosen:
            python, info = _adopt(chosen, feedback)
        else:
            python, info = (None if rebuild else _answering(feedback)) or _build(feedback, training=kept)
        if training and not info["versions"].get("lightning"):
            info = install_training(python, feedback)
        text = describe(python, info)
        for line in text.splitlines():
            feedback.pushInfo(line)
        return {"PYTHON": str(python), "INFO": text}


def describe(python: Path, info: dict[str, Any]) -> str:
    """Return what `backend_info` says as lines of text."""
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items() if version)
    return "\n".join(
        [
            tr("Backend: {} (Python {})").format(python, info["python"]),
            tr("Versions: {}").format(versions),
            tr("Devices: {}").format(", ".join(info["devices"])),
        ]
    )


def _adopt(chosen: str, feedback: QgsProcessingFeedback) -> Found:
    """Check the environment that the user chose and remember it."""
    python = python_of(Path(chosen).expanduser())
    if python is None:
        raise QgsProcessingException(
            tr('"{}" is not a Python program or environment: correct PYTHON.').format(chosen)
        )
    info = run_job(python, "backend_info", {}, feedback)
    store_python(python)
    return python, info


def _answering(feedback: QgsProcessingFeedback) -> Found | None:
    """Return the backend that is found, if it answers; say why where none does."""
    try:
        python = find_backend().python
        return python, run_job(python, "backend_info", {}, feedback)
    except (BackendMissing, QgsProcessingException) as error:
        if feedback.isCanceled():
            raise
        feedback.pushInfo(str(error))
        return None


def _build(feedback: QgsProcessingFeedback, *, training: bool) -> Found:
    """Build our own environment and let it be the one that is found."""
    if os.environ.get(VARIABLE):
        raise QgsProcessingException(
            tr(
                "The environment variable {} decides which Python is used ({}): correct it or unset it first."
            ).format(VARIABLE, os.environ[VARIABLE])
        )
    found = build_backend(feedback, training=training)
    if python_setting():
        feedback.pushInfo(tr("The setting no longer names {}.").format(python_setting()))
        store_python(None)
    return found
