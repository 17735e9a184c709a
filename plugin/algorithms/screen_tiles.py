"""Processing algorithm `screen_tiles`: which tiles of a region probably hold a rare class, best first."""

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
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..algorithm import MceAlgorithm
from ..groups import group_name
from ..i18n import tr
from ..layers import load_on_completion, place_tiles
from ..mapping import (
    MappingInputs,
    device_parameters,
    device_settings,
    raster_parameters,
    read_inputs,
    screening_fault,
    source_parameters,
)
from ..parameters import EMBEDDED_SCREEN, gpkg_fault, model_parameter, number_or_none


class ScreenTiles(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "screen_tiles"
    # Set by prepareAlgorithm.
    _inputs: MappingInputs
    _group: str

    def displayName(self) -> str:
        return tr("Screen tiles for rare classes")

    def shortDescription(self) -> str:
        return tr("Ranks the tiles of a region by the probability that they hold a rare class.")

    def tags(self) -> list[str]:
        tags = tr("tiles,screening,rare classes,where to look first,hectares,multi-label,classification")
        return [*tags.split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        model = model_parameter(tr("Screening model (empty: the embedded demonstration model)"))
        for parameter in raster_parameters(model=model):
            self.addParameter(parameter)
        self.addParameter(
            QgsProcessingParameterString(
                "CLASSES",
                tr("Classes to rank by, by name or id, with commas (empty: the rare ones)"),
                optional=True,
            )
        )
        self.addParameter(
            QgsProcessingParameterNumber(
                "GRID",
                tr("Side of the squares in metres, a multiple of the model's tile (empty: the tile)"),
                Qgis.ProcessingNumberParameterType.Double,
                None,
                optional=True,
                minValue=0.0,
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier layer"), defaultValue=False)
        )
        for parameter in (*source_parameters(), *device_parameters()):
            self.add_advanced(parameter)
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "LOAD_LAYERS", tr("Add the tiles to the project"), defaultValue=True
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "TILES_FILE", tr("File for the tiles"), tr("GeoPackages (*.gpkg)")
            )
        )
        vectors = QgsProcessing.SourceType.TypeVectorPolygon
        self.addOutput(QgsProcessingOutputVectorLayer("TILES", tr("Tiles"), vectors))
        self.addOutput(QgsProcessingOutputNumber("N_TILES", tr("Number of tiles")))
        self.addOutput(QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")))
        self.addOutput(QgsProcessingOutputString("RANKED_BY", tr("Classes that they are ranked by")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was found, in words")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = screening_fault(self, parameters, context)
        fault = fault or gpkg_fault(self.parameterAsFileOutput(parameters, "TILES_FILE", context))
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        settings = device_settings(self, parameters, context, EMBEDDED_SCREEN)
        self._inputs = read_inputs(self, parameters, context, settings)
        self._group = group_name(self._inputs.image.name, context.project())
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = {
            **self._inputs.request(context, feedback),
            "output": self.parameterAsFileOutput(parameters, "TILES_FILE", context),
            "classes": self.parameterAsString(parameters, "CLASSES", context),
            "grid_m": number_or_none(self, parameters, "GRID", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        ranked_by = ", ".join(result["ranked_by"])
        placed = place_tiles(Path(result["tiles"]), ranked_by)
        if self.parameterAsBoolean(parameters, "LOAD_LAYERS", context):
            load_on_completion([placed], self._group, context, [placed.file])
        return {
            "TILES_FILE": result["tiles"],
            "TILES": placed.source,
            "N_TILES": result["n"],
            "SECONDS": result["seconds"],
            "RANKED_BY": ranked_by,
            "MESSAGE": result["message"],
        }
