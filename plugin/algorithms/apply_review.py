"""Processing algorithm `apply_review`: a copy of a map with the accepted candidates in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..groups import group_of_run
from ..i18n import tr
from ..layers import load_on_completion, place_reviewed
from ..parameters import accepted_parameter, choice_parameter, number_or_none, run_parameter
from ..vectors import geopackage_of

#: What the map is called in our Processing model.
IN_MODEL = "Reviewed map"
DECIDE_BY = ("review", "classifier", "both")


class ApplyReview(MceAlgorithm):
    """Hands the GeoPackage of the candidates to the backend; the log of decisions is in there."""

    ID = "apply_review"
    # Set by prepareAlgorithm.
    _candidates: Path
    _group: str

    def displayName(self) -> str:
        return tr("Apply a review to the map")

    def shortDescription(self) -> str:
        return tr("Writes a copy of the map with the accepted candidates in it.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,accept,fusion,verified map").split(","), "metafusion", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(run_parameter(tr("Folder of the run")))
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        self.addParameter(
            QgsProcessingParameterVectorLayer("CANDIDATES", tr("Candidates of the run"), polygons)
        )
        self.addParameter(choice_parameter("DECIDE_BY", tr("Who decides"), DECIDE_BY))
        self.addParameter(
            accepted_parameter(
                tr("False alarms accepted for each missed place found (empty: as flagged, else 1)")
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier result"), defaultValue=False)
        )
        self.add_advanced(
            QgsProcessingParameterBoolean("LOAD_LAYERS", tr("Add the map to the project"), defaultValue=True)
        )
        self.addParameter(
            QgsProcessingParameterRasterDestination("MAP", _map_title(), optional=True, createByDefault=False)
        )
        self.addOutput(QgsProcessingOutputFile("CHANGE_LOG", tr("Log of the changes (CSV)")))
        self.addOutput(QgsProcessingOutputNumber("N_APPLIED", tr("Number of candidates applied")))
        self.addOutput(QgsProcessingOutputNumber("N_PIXELS", tr("Number of pixels changed")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was changed, in words")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        target = self.parameterAsFileOutput(parameters, "MAP", context) if parameters.get("MAP") else ""
        if target and Path(target).suffix.lower() not in (".tif", ".tiff"):
            return False, tr('{} "{}" is not a GeoTIFF: choose a name that ends in .tif.').format(
                "MAP", target
            )
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        layer = self.parameterAsVectorLayer(parameters, "CANDIDATES", context)
        self._candidates = geopackage_of(layer, "CANDIDATES")
        self._group = group_of_run(Path(self.parameterAsString(parameters, "RUN", context)), context)
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        target = self.parameterAsOutputLayer(parameters, "MAP", context)
        request = {
            "run": self.parameterAsString(parameters, "RUN", context),
            "candidates": str(self._candidates),
            "output": target or None,
            "decide_by": self.parameterAsEnumString(parameters, "DECIDE_BY", context),
            "accepted_per_find": number_or_none(self, parameters, "ACCEPTED_PER_FIND", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        add = self.parameterAsBoolean(parameters, "LOAD_LAYERS", context) and not target
        placed = place_reviewed(Path(result["land_cover"]))
        titles = {_map_title(), IN_MODEL}
        load_on_completion([placed], self._group, context, [placed.file] if add else [], titles)
        return {
            "MAP": result["land_cover"],
            "CHANGE_LOG": result["change_log"],
            "N_APPLIED": result["n_applied"],
            "N_PIXELS": result["n_pixels"],
            "MESSAGE": result["message"],
        }


def _map_title() -> str:
    """Return what the dialog calls the map, and QGIS the layer unless we name it."""
    return tr("Map with them (empty: land_cover_reviewed.tif in the run's folder)")
