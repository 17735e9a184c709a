"""Processing algorithm `evaluate`: how good a map is, against true classes or from an interpreted sample."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorLayer,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..parameters import class_table_parameter, file_fault, optional_text
from ..rasters import RasterInput, localise, read_whole, unreadable
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
    _map: RasterInput
    _reference: RasterInput | VectorInput | None
    _sample: VectorInput | None

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
        reference = QgsProcessingParameterMapLayer(
            "REFERENCE", tr("True classes: raster or polygons"), optional=True
        )
        reference.setDataTypes([kinds.TypeRaster, kinds.TypeVectorPolygon])
        self.addParameter(reference)
        self.addParameter(
            QgsProcessingParameterField(
                "REFERENCE_FIELD",
                tr("Field of the polygons with the class, by name or id (empty: class)"),
                parentLayerParameterName="REFERENCE",
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
        fault = file_fault(self, parameters, ("CLASSES",), context)
        if not fault and not parameters.get("REFERENCE") and not parameters.get("SAMPLE"):
            fault = tr("There is nothing to compare the map with: give REFERENCE, SAMPLE, or both.")
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        self._map = read_whole(self.parameterAsRasterLayer(parameters, "MAP", context), "MAP", context)
        self._reference = self._sample = None
        if parameters.get("REFERENCE"):
            layer = self.parameterAsLayer(parameters, "REFERENCE", context)
            self._reference = _read_reference(layer, context)
        if parameters.get("SAMPLE"):
            sample = self.parameterAsVectorLayer(parameters, "SAMPLE", context)
            if sample is None:
                raise QgsProcessingException(
                    tr("{} is not a layer that QGIS can read: choose another one.").format("SAMPLE")
                )
            self._sample = read_vector(sample, "SAMPLE")
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        reference, sample = self._reference, self._sample
        if isinstance(reference, RasterInput):
            reference_file: str | None = str(localise(reference, context, feedback))
        else:
            reference_file = localise_vector(reference, context) if reference else None
        request = {
            "prediction": str(localise(self._map, context, feedback)),
            "run": optional_text(self, parameters, "RUN", context),
            "reference": reference_file,
            "field": self.parameterAsString(parameters, "REFERENCE_FIELD", context),
            "sample": localise_vector(sample, context) if sample else None,
            "sample_field": self.parameterAsString(parameters, "SAMPLE_FIELD", context),
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


def _read_reference(layer: QgsMapLayer | None, context: QgsProcessingContext) -> RasterInput | VectorInput:
    """Describe the true classes for later use in another thread."""
    if isinstance(layer, QgsVectorLayer):
        return read_vector(layer, "REFERENCE")
    if not isinstance(layer, QgsRasterLayer):
        raise QgsProcessingException(unreadable("REFERENCE"))
    return read_whole(layer, "REFERENCE", context)
