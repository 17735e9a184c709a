"""Processing algorithm `draw_sample`: random points of a map, for an interpreter to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
    QgsProcessingUtils,
)

from ..algorithm import MceAlgorithm
from ..groups import group_of_run, run_files
from ..i18n import tr
from ..layers import load_on_completion, place_sample
from ..parameters import class_table_parameter, file_fault, gpkg_fault, optional_text
from ..rasters import RasterInput, localise, read_whole


class DrawSample(MceAlgorithm):
    """Draws points class by class; the layer comes with a form that shows nothing of the map."""

    ID = "draw_sample"
    # Set by prepareAlgorithm.
    _map: RasterInput
    _group: str

    def displayName(self) -> str:
        return tr("Draw a sample of a map")

    def shortDescription(self) -> str:
        return tr("Draws random points of a map, class by class, for an interpreter to fill in.")

    def tags(self) -> list[str]:
        return [*tr("random,stratified,points,accuracy,validation,interpretation").split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        integer = Qgis.ProcessingNumberParameterType.Integer
        self.addParameter(QgsProcessingParameterRasterLayer("MAP", tr("Land-cover map")))
        self.addParameter(
            QgsProcessingParameterNumber("SIZE", tr("Number of points"), integer, 500, minValue=1)
        )
        self.addParameter(
            QgsProcessingParameterNumber(
                "MINIMUM", tr("Points of each class at least"), integer, 50, minValue=2
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                "OVERWRITE", tr("Replace an earlier sample (never one with answers)"), defaultValue=False
            )
        )
        self.add_advanced(
            QgsProcessingParameterNumber("SEED", tr("Seed: each gives other points"), integer, 0, minValue=0)
        )
        self.add_advanced(class_table_parameter())
        self.addParameter(
            QgsProcessingParameterVectorDestination(
                "SAMPLE", _layer_title(), QgsProcessing.SourceType.TypeVectorPoint
            )
        )
        self.addOutput(QgsProcessingOutputNumber("N_POINTS", tr("Number of points")))
        self.addOutput(QgsProcessingOutputString("PER_CLASS", tr("Points of each class")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = file_fault(self, parameters, ("CLASSES",), context)
        fault = fault or gpkg_fault(self.parameterAsFileOutput(parameters, "SAMPLE", context))
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        self._map = read_whole(self.parameterAsRasterLayer(parameters, "MAP", context), "MAP", context)
        file = self._map.file
        of_run = file is not None and file in run_files(file.parent)
        self._group = group_of_run(file.parent, context) if file and of_run else ""
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = {
            "raster": str(localise(self._map, context, feedback)),
            "output": self.parameterAsOutputLayer(parameters, "SAMPLE", context),
            "size": self.parameterAsInt(parameters, "SIZE", context),
            "minimum": self.parameterAsInt(parameters, "MINIMUM", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
            "classes": optional_text(self, parameters, "CLASSES", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        if Path(result["sample"]).is_relative_to(QgsProcessingUtils.tempFolder(context)):
            feedback.pushWarning(
                tr("The sample is a temporary file: save it elsewhere before you fill it in, or it is lost.")
            )
        load_on_completion([place_sample(Path(result["sample"]))], self._group, context, [], {_layer_title()})
        return {
            "SAMPLE": result["sample"],
            "N_POINTS": result["n"],
            "PER_CLASS": ", ".join(f"{name}: {n}" for name, n in result["per_class"].items()),
        }


def _layer_title() -> str:
    """Return what the dialog calls the layer, and QGIS the layer unless we name it."""
    return tr("Sample to interpret")
