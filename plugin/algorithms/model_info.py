"""Processing algorithm `model_info`: what a model bundle says of itself."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..parameters import check_model, model_parameter, model_value


class ModelInfo(MceAlgorithm):
    """Logs the model card and returns its main figures."""

    ID = "model_info"

    def displayName(self) -> str:
        return tr("Show a model's card")

    def shortDescription(self) -> str:
        return tr("Lists the classes, experts, inputs and scores of a model bundle.")

    def tags(self) -> list[str]:
        return [tr("model"), tr("card"), tr("classes"), tr("experts"), "safetensors"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(model_parameter(tr("Model (empty: the embedded demonstration model)")))
        self.addOutput(QgsProcessingOutputString("INFO", tr("Model card as text")))
        self.addOutput(QgsProcessingOutputString("NAME", tr("Name")))
        self.addOutput(QgsProcessingOutputString("SHA256", tr("SHA-256 of the file")))
        self.addOutput(QgsProcessingOutputNumber("N_CLASSES", tr("Number of classes")))
        self.addOutput(QgsProcessingOutputNumber("N_EXPERTS", tr("Number of experts")))
        self.addOutput(QgsProcessingOutputString("SOURCES", tr("Roles of the inputs, separated by commas")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = check_model(self, parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        result = self.run_backend({"model": model_value(self, parameters, context)}, feedback)
        card = result["card"]
        for line in result["text"].splitlines():
            feedback.pushInfo(line)
        return {
            "INFO": result["text"],
            "NAME": card["name"],
            "SHA256": result["sha256"],
            "N_CLASSES": len(card["classes"]),
            "N_EXPERTS": len(card.get("experts", ())),
            "SOURCES": ",".join(source["role"] for source in card["sources"]),
        }
