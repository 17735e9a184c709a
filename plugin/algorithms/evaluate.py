"""Processing algorithm `evaluate`: how good a map is, against true classes or from an interpreted sample."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..parameters import class_table_parameter, file_fault, optional_text
from ..rasters import RasterInput, localise, read_whole
from ..vectors import VectorInput, localise_vector, read_vector

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
    "AREAS_CSV": "areas",
    "POINTS_CSV": "points",
}


class Evaluate(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "evaluate"
    # Set by prepareAlgorithm.
    _rasters: dict[str, RasterInput]
    _vectors: dict[str, VectorInput]

    def displayName(self) -> str:
        return tr("Evaluate a map")

    def shortDescription(self) -> str:
        return tr("Says how good a map is, against true classes or from an interpreted sample.")

    def tags(self) -> list[str]:
        tags = tr("accuracy,validation,confusion matrix,error matrix,area estimation,confidence interval")
        return [*tags.split(","), "iou", "olofsson", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        kinds = QgsProcessing.SourceType
        self.addParameter(QgsProcessingParameterRasterLayer("MAP", tr("Land-cover map")))
        self.addParameter(
            QgsProcessingParameterRasterLayer("REFERENCE", tr("True classes: raster"), optional=True)
        )
        # Not one parameter for both: QGIS 3.40 crashes where a field's layer turns out to be a raster.
        self.addParameter(
            QgsProcessingParameterVectorLayer(
                "POLYGONS", tr("True classes: polygons"), [kinds.TypeVectorPolygon], optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterField(
                "FIELD",
                tr("Field of the polygons with the class, by name or id (empty: class)"),
                parentLayerParameterName="POLYGONS",
                optional=True,
            )
        )
        self.addParameter(
            QgsProcessingParameterVectorLayer(
                "SAMPLE", tr("Interpreted sample"), [kinds.TypeVectorPoint], optional=True
            )
        )
        self.addParameter(
            QgsProcessingParameterField(
                "SAMPLE_FIELD",
                tr("Field of the sample with the true class (empty: reference)"),
                parentLayerParameterName="SAMPLE",
                optional=True,
            )
        )
        self._add_settings()
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT_DIR", tr("Folder for the report")))
        self._add_outputs()

    def _add_settings(self) -> None:
        self.add_advanced(
            QgsProcessingParameterFile(
                "RUN",
                tr("Folder of the run whose experts are compared (empty: the one that made the map)"),
                QgsProcessingParameterFile.Folder,
                optional=True,
            )
        )
        self.add_advanced(
            QgsProcessingParameterRasterLayer(
                "SAMPLE_MAP",
                tr("Map that the sample was drawn from (empty: the map itself)"),
                optional=True,
            )
        )
        self.add_advanced(class_table_parameter())
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "PAPER_CONVENTION", tr("Average as the MCE paper does"), defaultValue=False
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier report"), defaultValue=False)
        )

    def _add_outputs(self) -> None:
        self.addOutput(QgsProcessingOutputHtml("REPORT_HTML", tr("Accuracy report")))
        for name, title in (
            ("REPORT_JSON", tr("Report as data (JSON)")),
            ("CLASSES_CSV", tr("Scores of each class (CSV)")),
            ("CONFUSION_CSV", tr("Confusion matrix (CSV)")),
            ("EXPERTS_CSV", tr("Scores of the map, its experts and the oracle (CSV)")),
            ("AREAS_CSV", tr("Accuracies and areas from the sample (CSV)")),
            ("POINTS_CSV", tr("Interpreted points: mapped and true classes (CSV)")),
        ):
            self.addOutput(QgsProcessingOutputFile(name, title))
        for name, title in (
            ("OA", tr("Overall accuracy, 0 to 1")),
            ("MACC", tr("Mean accuracy (recall) of the classes")),
            ("MIOU", tr("Mean intersection over union")),
            ("ACC_HEAD", tr("Mean accuracy of the head classes")),
            ("ACC_BODY", tr("Mean accuracy of the body classes")),
            ("ACC_TAIL", tr("Mean accuracy of the tail classes")),
            ("N_PIXELS", tr("Number of pixels compared")),
            ("OA_SAMPLE", tr("Overall accuracy from the sample")),
            ("OA_SAMPLE_CI", tr("Half-width of its 95 % confidence interval")),
            ("N_POINTS", tr("Number of interpreted points")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was found, in words")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = self._fault(parameters) or file_fault(self, parameters, ("CLASSES",), context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any]) -> str:
        """Return why there is nothing to compare with, or too much, or nothing."""
        given = [name for name in ("REFERENCE", "POLYGONS", "SAMPLE") if parameters.get(name)]
        if not given:
            return tr("There is nothing to compare the map with: give REFERENCE, POLYGONS or SAMPLE.")
        if given[:2] == ["REFERENCE", "POLYGONS"]:
            return tr("The true classes are given twice: leave REFERENCE or POLYGONS empty.")
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        self._rasters = {
            name: read_whole(self.parameterAsRasterLayer(parameters, name, context), name, context)
            for name in ("MAP", "REFERENCE", "SAMPLE_MAP")
            if parameters.get(name)
        }
        self._vectors = {
            name: read_vector(self.parameterAsVectorLayer(parameters, name, context), name)
            for name in ("POLYGONS", "SAMPLE")
            if parameters.get(name)
        }
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        files = {name: str(localise(raster, context, feedback)) for name, raster in self._rasters.items()}
        files |= {name: localise_vector(vector, context) for name, vector in self._vectors.items()}
        request = {
            "prediction": files["MAP"],
            "run": optional_text(self, parameters, "RUN", context),
            "reference": files.get("REFERENCE") or files.get("POLYGONS"),
            "field": self.parameterAsString(parameters, "FIELD", context),
            "sample": files.get("SAMPLE"),
            "sample_field": self.parameterAsString(parameters, "SAMPLE_FIELD", context),
            "sample_map": files.get("SAMPLE_MAP"),
            "classes": optional_text(self, parameters, "CLASSES", context),
            "paper_convention": self.parameterAsBoolean(parameters, "PAPER_CONVENTION", context),
            "output": self.parameterAsString(parameters, "OUTPUT_DIR", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        return {
            "OUTPUT_DIR": result["output"],
            **{name: result["files"].get(file) for name, file in FILES.items()},
            **{name: result[number] for name, number in NUMBERS.items()},
            **{name: result["groups"].get(group) for name, group in GROUPS.items()},
            "MESSAGE": result["message"],
        }
