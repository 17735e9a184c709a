"""Parameters that several algorithms share, and how their values are read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext, QgsProcessingParameterFile

from .i18n import tr

#: What the jobs call the model that ships with the package.
EMBEDDED_MODEL = "demo"


def model_parameter() -> QgsProcessingParameterFile:
    """Return the parameter MODEL: a bundle, or nothing for the embedded model."""
    return QgsProcessingParameterFile(
        "MODEL",
        tr("Model (empty: the embedded demonstration model)"),
        optional=True,
        # QGIS refuses other endings without a sentence of ours unless all files are allowed.
        fileFilter=tr("Model bundles (*.safetensors);;All files (*)"),
    )


def model_value(
    alg: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """Return what the jobs take as `model`."""
    return alg.parameterAsString(parameters, "MODEL", context).strip() or EMBEDDED_MODEL


def check_model(
    alg: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """Return what is wrong with MODEL, or nothing."""
    model = model_value(alg, parameters, context)
    if model == EMBEDDED_MODEL or Path(model).is_file():
        return ""
    return tr('The model "{}" is not a file: choose a .safetensors bundle or leave MODEL empty.').format(
        model
    )
