"""Processing algorithm `explain`: a heat map of what spoke for a class at a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsExpression,
    QgsFeatureRequest,
    QgsProcessingException,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterPoint,
    QgsRectangle,
    QgsVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import Model, RasterOutput
from ..i18n import tr
from ..layer_parameters import Candidates, Extent, Raster, extent_area, sources_row
from ..layers import group_of_run, load_on_completion, place_heat_map
from ..parameters import Choice, Crs, Flag, Prepared, Row, Text, Values
from ..rasters import Area, point_text

#: Parameters that name a place; one of them does.
PLACES = ("CANDIDATES", "EXTENT", "POINT")


class Explain(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "explain"
    # Set by `prepare_run`.
    _uuid: str | None
    _group: str

    def displayName(self) -> str:
        return tr("Explain a place")

    def shortDescription(self) -> str:
        return tr("Shows which pixels spoke for a class at a place, or for flagging a candidate.")

    def tags(self) -> list[str]:
        tags = tr("explain,why,heat map,relevance,candidates,experts,attribution,saliency")
        return [*tags.split(","), "lrp", "mce"]

    def rows(self) -> list[Row]:
        return [
            Candidates(
                "CANDIDATES", "candidates", tr("Candidates, one of which is explained"), optional=True
            ),
            Text("UUID", "uuid", tr("The candidate's uuid (empty: the one that is selected)")),
            _Point("POINT", "point", tr("Or a point")),
            Extent("EXTENT", "extent", tr("Or an extent")),
            Text("CLASS", "class_name", tr("Class to explain, by name or id (empty: the candidate's)")),
            Text("EXPERT", "expert", tr("Expert, by name or number (empty: the specialist of the class)")),
            Raster("IMAGE", "image", tr("Orthophoto (empty: that of the candidate's run)"), optional=True),
            Raster("DEM", "dem", tr("Elevation model (DEM), if the model reads one"), optional=True),
            Model("MODEL", "model", tr("Model (empty: that of the candidate's run, else the embedded one)")),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier heat map")),
            Text(
                "AGAINST",
                "against",
                tr("Explain the lead over this class, by name or id (empty: none)"),
                advanced=True,
            ),
            sources_row(),
            Crs(
                "CRS",
                "crs",
                tr("CRS of the heat map of a point or an extent (empty: the orthophoto's)"),
                advanced=True,
            ),
            Choice("DEVICE", "device", tr("Device"), advanced=True),
            RasterOutput("HEAT_MAP", "output", _title()),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputString("CLASS_NAME", tr("Class that was explained")),
            QgsProcessingOutputString("EXPERT_NAME", tr("Expert that was asked")),
            QgsProcessingOutputNumber("LOGIT", tr("Mean logit at the place")),
            QgsProcessingOutputNumber("INSIDE", tr("Share of the relevance within the place")),
            QgsProcessingOutputString("SHARES", tr("Share of each source")),
            QgsProcessingOutputString("MESSAGE", tr("What was found, in words")),
        ]

    def fault(self, values: Values) -> str:
        """Return what is wrong with the place or the class, or nothing."""
        given = [name for name in PLACES if values.has(name)]
        if len(given) != 1:
            return tr("One place is explained at a time: give CANDIDATES, POINT or EXTENT.")
        if given != ["CANDIDATES"]:
            needed = [name for name in ("CLASS", "IMAGE") if not values.has(name)]
            if needed:
                return tr("{} is needed for a point or an extent: give it too.").format(needed[0])
        elif values.parameters.get("CRS"):
            return tr("CRS is that of the candidate's run: leave it empty.")
        return ""

    def area(self, values: Values) -> Area:
        """Return the surroundings of the place."""
        if values.parameters.get("CANDIDATES"):
            return _around(_layer(values), _uuid(values), values)
        if values.parameters.get("EXTENT"):
            return extent_area(values)
        point = self.parameterAsPoint(values.parameters, "POINT", values.context)
        crs = self.parameterAsPointCrs(values.parameters, "POINT", values.context)
        return Area(QgsRectangle(point, point), crs, values.context.transformContext())

    def prepare_run(self, values: Values) -> None:
        if values.parameters.get("EXTENT") and extent_area(values).rectangle is None:
            raise QgsProcessingException(tr("EXTENT is empty: choose another one."))
        file = self.prepared["CANDIDATES"]
        self._uuid = _uuid(values) if file else None
        self._group = group_of_run(file.parent, values.context) if file else ""

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend({**self.request(values), "uuid": self._uuid}, values.feedback)
        placed = place_heat_map(Path(result["heat_map"]), result["class_name"])
        load_on_completion([placed], self._group, values.context, [], {_title()})
        return {
            "HEAT_MAP": result["heat_map"],
            "CLASS_NAME": result["class_name"],
            "EXPERT_NAME": result["expert"] or "",
            "LOGIT": result["logit"],
            "INSIDE": result["inside"],
            "SHARES": ", ".join(f"{role}: {share:.0%}" for role, share in result["shares"].items()),
            "MESSAGE": result["message"],
        }


@dataclass(frozen=True)
class _Point(Prepared):
    """A point, which the job gets in a CRS that it knows, if need be that of IMAGE."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterPoint(self.name, self.title, optional=True)

    def prepare(self, values: Values) -> str | None:
        algorithm, parameters, context = values.algorithm, values.parameters, values.context
        image = algorithm.parameterAsRasterLayer(parameters, "IMAGE", context)
        if not parameters.get(self.name) or image is None:
            return None
        point = algorithm.parameterAsPoint(parameters, self.name, context)
        crs = algorithm.parameterAsPointCrs(parameters, self.name, context)
        return point_text(point, crs, image.crs(), context.transformContext())


def _layer(values: Values) -> QgsVectorLayer:
    return values.algorithm.parameterAsVectorLayer(values.parameters, "CANDIDATES", values.context)


def _uuid(values: Values) -> str:
    """Return the uuid that was given, else that of the one candidate that is selected."""
    given = values.text("UUID").strip()
    if given:
        return given
    layer = _layer(values)
    if layer.selectedFeatureCount() != 1 or layer.fields().indexOf("uuid") < 0:
        raise QgsProcessingException(
            tr("UUID is empty and not just one candidate is selected: give it, or select one candidate.")
        )
    return str(layer.selectedFeatures()[0]["uuid"])


def _around(layer: QgsVectorLayer, uuid: str, values: Values) -> Area:
    """Return the surroundings of a candidate; nowhere, if there is none: the job says so."""
    request = QgsFeatureRequest().setFilterExpression(
        QgsExpression.createFieldEqualityExpression("uuid", uuid)
    )
    boxes = [feature.geometry().boundingBox() for feature in layer.getFeatures(request)]
    return Area(boxes[0] if boxes else None, layer.crs(), values.context.transformContext())


def _title() -> str:
    """Return what the dialog calls the heat map, and QGIS the layer unless we name it."""
    return tr("Heat map")
