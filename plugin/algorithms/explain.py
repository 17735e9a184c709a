"""Processing algorithm `explain`: a heat map of what spoke for a class at a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsExpression,
    QgsFeatureRequest,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterExtent,
    QgsProcessingParameterPoint,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..extents import crs_text, extent_text, point_text
from ..groups import group_of_run
from ..i18n import tr
from ..layers import load_on_completion, place_heat_map
from ..mapping import DEVICES, SourceInputs, mapping_fault, read_area, read_sources, screening_fault
from ..parameters import EMBEDDED_SCREEN, choice_parameter, model_parameter, optional_text
from ..rasters import Area
from ..vectors import geopackage_of

#: Parameters that name a place; one of them does.
PLACES = ("CANDIDATES", "EXTENT", "POINT")


class Explain(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "explain"
    # Set by prepareAlgorithm.
    _inputs: SourceInputs
    _place: dict[str, str | None]
    _group: str

    def displayName(self) -> str:
        return tr("Explain a place")

    def shortDescription(self) -> str:
        return tr("Shows which pixels spoke for a class at a place, or for flagging a candidate.")

    def tags(self) -> list[str]:
        tags = tr("explain,why,heat map,relevance,candidates,experts,attribution,saliency")
        return [*tags.split(","), "lrp", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        for parameter in (
            QgsProcessingParameterVectorLayer(
                "CANDIDATES", tr("Candidates, one of which is explained"), polygons, optional=True
            ),
            QgsProcessingParameterString(
                "UUID", tr("The candidate's uuid (empty: the one that is selected)"), optional=True
            ),
            QgsProcessingParameterPoint("POINT", tr("Or a point"), optional=True),
            QgsProcessingParameterExtent("EXTENT", tr("Or an extent"), optional=True),
            QgsProcessingParameterString(
                "CLASS", tr("Class to explain, by name or id (empty: the candidate's)"), optional=True
            ),
            QgsProcessingParameterString(
                "EXPERT", tr("Expert, by name or number (empty: the specialist of the class)"), optional=True
            ),
            QgsProcessingParameterRasterLayer(
                "IMAGE", tr("Orthophoto (empty: that of the candidate's run)"), optional=True
            ),
            QgsProcessingParameterRasterLayer(
                "DEM", tr("Elevation model (DEM), if the model reads one"), optional=True
            ),
            model_parameter(tr("Model (empty: that of the candidate's run, else the embedded one)")),
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier heat map"), defaultValue=False),
        ):
            self.addParameter(parameter)
        for parameter in (
            QgsProcessingParameterString(
                "AGAINST", tr("Explain the lead over this class, by name or id (empty: none)"), optional=True
            ),
            QgsProcessingParameterString(
                "SOURCES", tr("Further sources, as role=path; role=path"), optional=True, multiLine=False
            ),
            QgsProcessingParameterCrs(
                "CRS",
                tr("CRS of the heat map of a point or an extent (empty: the orthophoto's)"),
                optional=True,
            ),
            choice_parameter("DEVICE", tr("Device"), DEVICES),
        ):
            self.add_advanced(parameter)
        self.addParameter(QgsProcessingParameterRasterDestination("HEAT_MAP", _title()))
        self.addOutput(QgsProcessingOutputString("CLASS_NAME", tr("Class that was explained")))
        self.addOutput(QgsProcessingOutputString("EXPERT_NAME", tr("Expert that was asked")))
        self.addOutput(QgsProcessingOutputNumber("LOGIT", tr("Mean logit at the place")))
        self.addOutput(QgsProcessingOutputNumber("INSIDE", tr("Share of the relevance within the place")))
        self.addOutput(QgsProcessingOutputString("SHARES", tr("Share of each source")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was found, in words")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        screens = optional_text(self, parameters, "MODEL", context) == EMBEDDED_SCREEN
        check = screening_fault if screens else mapping_fault
        fault = check(self, parameters, context) or self._fault(parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with the place, the class or the destination, or nothing."""
        given = [name for name in PLACES if parameters.get(name) not in (None, "")]
        if len(given) != 1:
            return tr("One place is explained at a time: give CANDIDATES, POINT or EXTENT.")
        if given != ["CANDIDATES"]:
            needed = [name for name in ("CLASS", "IMAGE") if parameters.get(name) in (None, "")]
            if needed:
                return tr("{} is needed for a point or an extent: give it too.").format(needed[0])
        elif parameters.get("CRS"):
            return tr("CRS is that of the candidate's run: leave it empty.")
        target = self.parameterAsOutputLayer(parameters, "HEAT_MAP", context)
        if Path(target).suffix.lower() not in (".tif", ".tiff"):
            return tr('{} "{}" is not a GeoTIFF: choose a name that ends in .tif.').format("HEAT_MAP", target)
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        layer = self.parameterAsVectorLayer(parameters, "CANDIDATES", context)
        if parameters.get("CANDIDATES"):
            file = geopackage_of(layer, "CANDIDATES")
            uuid = optional_text(self, parameters, "UUID", context) or _selected(layer)
            self._group = group_of_run(file.parent, context)
            self._inputs = read_sources(self, parameters, context, _around(layer, uuid, context))
            self._place = {"candidates": str(file), "uuid": uuid, "extent": None, "point": None}
            return True
        self._group = ""
        self._inputs = read_sources(self, parameters, context, self._area(parameters, context))
        image = self._inputs.image
        assert image is not None  # _fault has seen to it
        self._place = {
            "candidates": None,
            "uuid": None,
            "extent": self._extent(parameters, image.crs, context),
            "point": self._point(parameters, image.crs, context),
        }
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        target = self.parameterAsOutputLayer(parameters, "HEAT_MAP", context)
        request = {
            **self._inputs.request(context, feedback),
            **self._place,
            "output": target,
            "model": optional_text(self, parameters, "MODEL", context),
            "class_name": optional_text(self, parameters, "CLASS", context),
            "expert": optional_text(self, parameters, "EXPERT", context),
            "against": optional_text(self, parameters, "AGAINST", context),
            "crs": crs_text(self.parameterAsCrs(parameters, "CRS", context)),
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        placed = place_heat_map(Path(result["heat_map"]), result["class_name"])
        load_on_completion([placed], self._group, context, [], {_title()})
        return {
            "HEAT_MAP": result["heat_map"],
            "CLASS_NAME": result["class_name"],
            "EXPERT_NAME": result["expert"] or "",
            "LOGIT": result["logit"],
            "INSIDE": result["inside"],
            "SHARES": ", ".join(f"{role}: {share:.0%}" for role, share in result["shares"].items()),
            "MESSAGE": result["message"],
        }

    def _area(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Area:
        """Return where rasters are read: the extent, or the point's own."""
        if parameters.get("EXTENT"):
            return read_area(self, parameters, context)
        point = self.parameterAsPoint(parameters, "POINT", context)
        return Area(
            QgsRectangle(point, point),
            self.parameterAsPointCrs(parameters, "POINT", context),
            context.transformContext(),
        )

    def _extent(
        self, parameters: dict[str, Any], image: QgsCoordinateReferenceSystem, context: QgsProcessingContext
    ) -> str | None:
        if not parameters.get("EXTENT"):
            return None
        area = read_area(self, parameters, context)
        if area.rectangle is None:
            raise QgsProcessingException(tr("EXTENT is empty: choose another one."))
        return extent_text(area.rectangle, area.crs, image, area.transforms)

    def _point(
        self, parameters: dict[str, Any], image: QgsCoordinateReferenceSystem, context: QgsProcessingContext
    ) -> str | None:
        if not parameters.get("POINT"):
            return None
        point = self.parameterAsPoint(parameters, "POINT", context)
        crs = self.parameterAsPointCrs(parameters, "POINT", context)
        return point_text(point, crs, image, context.transformContext())


def _selected(layer: QgsVectorLayer) -> str:
    """Return the uuid of the one candidate that is selected."""
    if layer.selectedFeatureCount() != 1 or layer.fields().indexOf("uuid") < 0:
        raise QgsProcessingException(
            tr("UUID is empty and not just one candidate is selected: give it, or select one candidate.")
        )
    return str(layer.selectedFeatures()[0]["uuid"])


def _around(layer: QgsVectorLayer, uuid: str, context: QgsProcessingContext) -> Area:
    """Return the surroundings of a candidate; nowhere, if there is none: the job says so."""
    request = QgsFeatureRequest().setFilterExpression(
        QgsExpression.createFieldEqualityExpression("uuid", uuid)
    )
    boxes = [feature.geometry().boundingBox() for feature in layer.getFeatures(request)]
    return Area(boxes[0] if boxes else None, layer.crs(), context.transformContext())


def _title() -> str:
    """Return what the dialog calls the heat map, and QGIS the layer unless we name it."""
    return tr("Heat map")
