"""Processing algorithm `import_weights`: the published checkpoint of the MCE paper as a model for QGIS."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..parameters import bundle_fault, file_fault


class ImportWeights(MceAlgorithm):
    """Turns a checkpoint of tensors into a bundle that `predict` takes; code in it is never run."""

    ID = "import_weights"

    def displayName(self) -> str:
        return tr("Import published weights")

    def shortDescription(self) -> str:
        return tr("Turns the checkpoint that the authors of MCE have published into a model.")

    def tags(self) -> list[str]:
        return [*tr("model,weights,checkpoint,swisstopo").split(","), "pth", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(
            QgsProcessingParameterFile(
                "CHECKPOINT",
                tr("Published checkpoint"),
                fileFilter=tr("Checkpoints (*.pth *.pt);;All files (*)"),
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier model"), defaultValue=False)
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "MODEL", tr("File for the model"), tr("Model bundles (*.safetensors)")
            )
        )

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = file_fault(self, parameters, ("CHECKPOINT",), context)
        fault = fault or bundle_fault(self, parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = {
            "checkpoint": self.parameterAsString(parameters, "CHECKPOINT", context),
            "output": self.parameterAsFileOutput(parameters, "MODEL", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        return {"MODEL": self.run_backend(request, feedback)["model"]}
