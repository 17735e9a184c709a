"""Processing algorithm `draw_sample`: random points of a map, for an interpreter to fill in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterVectorDestination,
    QgsProcessingUtils,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import class_table, gpkg_fault
from ..i18n import tr
from ..layer_parameters import Raster
from ..layers import group_of_run, load_on_completion, place_sample, run_files
from ..parameters import Flag, Number, Row, Values


class DrawSample(MceAlgorithm):
    """Draws points class by class; the layer comes with a form that shows nothing of the map."""

    ID = "draw_sample"
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Draw a sample of a map")

    def shortDescription(self) -> str:
        return tr("Draws random points of a map, class by class, for an interpreter to fill in.")

    def tags(self) -> list[str]:
        return [*tr("random,stratified,points,accuracy,validation,interpretation").split(","), "mce"]

    def rows(self) -> list[Row]:
        return [
            Raster("MAP", "raster", tr("Land-cover map")),
            Number("SIZE", "size", tr("Number of points")),
            Number("MINIMUM", "minimum", tr("Points of each class at least")),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier sample (never one with answers)")),
            Number("SEED", "seed", tr("Seed: each gives other points"), advanced=True),
            class_table(),
            _Points("SAMPLE", "output", _layer_title()),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("N_POINTS", tr("Number of points")),
            QgsProcessingOutputString("PER_CLASS", tr("Points of each class")),
        ]

    def prepare_run(self, values: Values) -> None:
        file = self.prepared["MAP"].file
        of_run = file is not None and file in run_files(file.parent)
        self._group = group_of_run(file.parent, values.context) if of_run else ""

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        sample = Path(result["sample"])
        if sample.is_relative_to(QgsProcessingUtils.tempFolder(values.context)):
            values.feedback.pushWarning(
                tr("The sample is a temporary file: save it elsewhere before you fill it in, or it is lost.")
            )
        load_on_completion([place_sample(sample)], self._group, values.context, [], {_layer_title()})
        return {
            "SAMPLE": result["sample"],
            "N_POINTS": result["n"],
            "PER_CLASS": ", ".join(f"{name}: {n}" for name, n in result["per_class"].items()),
        }


class _Points(Row):
    """A GeoPackage of points to write."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        points = QgsProcessing.SourceType.TypeVectorPoint
        return QgsProcessingParameterVectorDestination(self.name, self.title, points)

    def read(self, values: Values) -> str:
        target = values.algorithm.parameterAsOutputLayer(values.parameters, self.name, values.context)
        return str(target)

    def fault(self, values: Values) -> str:
        return gpkg_fault(values.file(self.name))


def _layer_title() -> str:
    """Return what the dialog calls the layer, and QGIS the layer unless we name it."""
    return tr("Sample to interpret")
