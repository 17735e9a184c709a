"""Processing algorithm `model_info`: what a model bundle says of itself."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..algorithm import MceAlgorithm
from ..file_parameters import Model
from ..i18n import tr
from ..parameters import Row, Values


class ModelInfo(MceAlgorithm):
    """Logs the model card and returns its main figures."""

    ID = "model_info"

    def displayName(self) -> str:
        return tr("Show a model's card")

    def shortDescription(self) -> str:
        return tr("Lists the classes, experts, inputs and scores of a model bundle.")

    def tags(self) -> list[str]:
        return [tr("model"), tr("card"), tr("classes"), tr("experts"), "safetensors"]

    def rows(self) -> list[Row]:
        return [Model("MODEL", "model", tr("Model (empty: the embedded demonstration model)"))]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputString("INFO", tr("Model card as text")),
            QgsProcessingOutputString("NAME", tr("Name")),
            QgsProcessingOutputString("SHA256", tr("SHA-256 of the file")),
            QgsProcessingOutputNumber("N_CLASSES", tr("Number of classes")),
            QgsProcessingOutputNumber("N_EXPERTS", tr("Number of experts")),
            QgsProcessingOutputString("SOURCES", tr("Roles of the inputs, separated by commas")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        card = result["card"]
        for line in result["text"].splitlines():
            values.feedback.pushInfo(line)
        return {
            "INFO": result["text"],
            "NAME": card["name"],
            "SHA256": result["sha256"],
            "N_CLASSES": len(card["classes"]),
            "N_EXPERTS": len(card.get("experts", ())),
            "SOURCES": ",".join(source["role"] for source in card["sources"]),
        }
