"""Processing algorithm `make_scene`: the embedded synthetic landscape, to try everything without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputRasterLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
)

from ..algorithm import MceAlgorithm
from ..groups import group_name
from ..i18n import tr
from ..layers import Placed, load_on_completion


class MakeScene(MceAlgorithm):
    """Writes an orthophoto, a DEM and the true classes of a landscape that does not exist."""

    ID = "make_scene"
    _group: str  # set by prepareAlgorithm

    def displayName(self) -> str:
        return tr("Make an example scene")

    def shortDescription(self) -> str:
        return tr("Writes a synthetic alpine orthophoto, DEM and label raster to try the tools on.")

    def tags(self) -> list[str]:
        return [tr("example"), tr("synthetic"), tr("demo"), "dem"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        number = Qgis.ProcessingNumberParameterType
        self.addParameter(
            QgsProcessingParameterNumber("SIZE", tr("Side in metres"), number.Double, 1000.0, minValue=1.0)
        )
        self.addParameter(
            QgsProcessingParameterNumber(
                "SEED", tr("Seed: each gives another landscape"), number.Integer, 7, minValue=0
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier scene"), defaultValue=False)
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "LOAD_LAYERS", tr("Add the layers to the project"), defaultValue=True
            )
        )
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT_DIR", tr("Folder for the scene")))
        self.addOutput(QgsProcessingOutputRasterLayer("IMAGE", tr("Orthophoto")))
        self.addOutput(QgsProcessingOutputRasterLayer("DEM", tr("Elevation model (DEM)")))
        self.addOutput(QgsProcessingOutputRasterLayer("LABELS", tr("True classes")))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        seed = self.parameterAsInt(parameters, "SEED", context)
        self._group = group_name(tr("example scene {}").format(seed), context.project())
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = self.parameterAsString(parameters, "OUTPUT_DIR", context)
        request = {
            "output": folder,
            "size": self.parameterAsDouble(parameters, "SIZE", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        files = self.run_backend(request, feedback)
        placed = [
            Placed(Path(files["labels"]), tr("True classes"), visible=False),
            Placed(Path(files["image"]), tr("Orthophoto (synthetic)"), expanded=False),
            Placed(Path(files["dem"]), tr("DEM (synthetic)"), visible=False, expanded=False),
        ]
        if self.parameterAsBoolean(parameters, "LOAD_LAYERS", context):
            load_on_completion(placed, self._group, context, [item.file for item in placed])
        return {"OUTPUT_DIR": folder, "IMAGE": files["image"], "DEM": files["dem"], "LABELS": files["labels"]}
