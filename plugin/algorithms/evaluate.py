"""Processing algorithm `evaluate`: how good a map is, against true classes or from an interpreted sample."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import Folder, FolderOutput, class_table
from ..i18n import tr
from ..layer_parameters import Raster, Vector
from ..parameters import FieldName, Flag, Row, Values

POINTS = QgsProcessing.SourceType.TypeVectorPoint
#: Outputs that are numbers of the result, and the names of the groups whose accuracy is one.
NUMBERS = {
    "OA": "overall",
    "MACC": "mean_recall",
    "MIOU": "mean_iou",
    "N_PIXELS": "n_pixels",
    "OA_SAMPLE": "sample_overall",
    "OA_SAMPLE_CI": "sample_overall_ci95",
    "N_POINTS": "n_points",
}
GROUPS = {"ACC_HEAD": "head", "ACC_BODY": "body", "ACC_TAIL": "tail"}
#: Outputs that are files of the result, as far as they are written.
FILES = {
    "REPORT_HTML": "page",
    "REPORT_JSON": "evaluation",
    "CLASSES_CSV": "classes",
    "CONFUSION_CSV": "confusion",
    "EXPERTS_CSV": "experts",
    "PLACES_CSV": "places",
    "AREAS_CSV": "areas",
    "POINTS_CSV": "points",
}


class Evaluate(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "evaluate"

    def displayName(self) -> str:
        return tr("Evaluate a map")

    def shortDescription(self) -> str:
        return tr("Says how good a map is, against true classes or from an interpreted sample.")

    def tags(self) -> list[str]:
        tags = tr("accuracy,validation,confusion matrix,error matrix,area estimation,confidence interval")
        return [*tags.split(","), "iou", "olofsson", "mce"]

    def rows(self) -> list[Row]:
        return [
            Raster("MAP", "prediction", tr("Land-cover map")),
            Raster("REFERENCE", "reference", tr("True classes: raster"), optional=True),
            # Not one parameter for both: QGIS 3.40 crashes where a field's layer turns out to be a raster.
            Vector("POLYGONS", "", tr("True classes: polygons"), optional=True),
            FieldName(
                "FIELD",
                "field",
                tr("Field of the polygons with the class, by name or id (empty: class)"),
                layer="POLYGONS",
            ),
            Vector("SAMPLE", "sample", tr("Interpreted sample"), optional=True, kind=POINTS),
            FieldName(
                "SAMPLE_FIELD",
                "sample_field",
                tr("Field of the sample with the true class (empty: reference)"),
                layer="SAMPLE",
            ),
            Folder(
                "RUN",
                "run",
                tr("Folder of the run whose experts are compared (empty: the one that made the map)"),
                advanced=True,
            ),
            Raster(
                "SAMPLE_MAP",
                "sample_map",
                tr("Map that the sample was drawn from (empty: the map itself)"),
                advanced=True,
                optional=True,
            ),
            class_table(),
            Flag("PAPER_CONVENTION", "paper_convention", tr("Average as the MCE paper does"), advanced=True),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier report")),
            FolderOutput("OUTPUT_DIR", "output", tr("Folder for the report")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        number, file = QgsProcessingOutputNumber, QgsProcessingOutputFile
        return [
            QgsProcessingOutputHtml("REPORT_HTML", tr("Accuracy report")),
            file("REPORT_JSON", tr("Report as data (JSON)")),
            file("CLASSES_CSV", tr("Scores of each class (CSV)")),
            file("CONFUSION_CSV", tr("Confusion matrix (CSV)")),
            file("EXPERTS_CSV", tr("Scores of the map, its experts and the oracle (CSV)")),
            file("PLACES_CSV", tr("Rare places found, missed and false (CSV)")),
            file("AREAS_CSV", tr("Accuracies and areas from the sample (CSV)")),
            file("POINTS_CSV", tr("Interpreted points: mapped and true classes (CSV)")),
            number("OA", tr("Overall accuracy, 0 to 1")),
            number("MACC", tr("Mean accuracy (recall) of the classes")),
            number("MIOU", tr("Mean intersection over union")),
            number("ACC_HEAD", tr("Mean accuracy of the head classes")),
            number("ACC_BODY", tr("Mean accuracy of the body classes")),
            number("ACC_TAIL", tr("Mean accuracy of the tail classes")),
            number("N_PIXELS", tr("Number of pixels compared")),
            number("OA_SAMPLE", tr("Overall accuracy from the sample")),
            number("OA_SAMPLE_CI", tr("Half-width of its 95 % confidence interval")),
            number("N_POINTS", tr("Number of interpreted points")),
            QgsProcessingOutputString("MESSAGE", tr("What was found, in words")),
        ]

    def fault(self, values: Values) -> str:
        """Return why there is nothing to compare with, or too much, or nothing."""
        given = [name for name in ("REFERENCE", "POLYGONS", "SAMPLE") if values.parameters.get(name)]
        if not given:
            return tr("There is nothing to compare the map with: give REFERENCE, POLYGONS or SAMPLE.")
        if given[:2] == ["REFERENCE", "POLYGONS"]:
            return tr("The true classes are given twice: leave REFERENCE or POLYGONS empty.")
        return ""

    def request(self, values: Values) -> dict[str, Any]:
        polygons = next(row for row in self.rows() if row.name == "POLYGONS")
        found = super().request(values)
        return {**found, "reference": found["reference"] or polygons.read(values)}

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        return {
            "OUTPUT_DIR": result["output"],
            **{name: result["files"].get(file) for name, file in FILES.items()},
            **{name: result[number] for name, number in NUMBERS.items()},
            **{name: result["groups"].get(group) for name, group in GROUPS.items()},
            "MESSAGE": result["message"],
        }
