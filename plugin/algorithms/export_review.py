"""Processing algorithm `export_review`: the accepted candidates as a layer for a TLM import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..parameters import file_fault, optional_text
from ..review.export import CATALOGUE, classes_without_code, export_features, export_fields, read_codes
from ..review.processing import looked_at
from ..vectors import geopackage_of


class ExportReview(MceAlgorithm):
    """Needs no backend; the candidates are only read."""

    ID = "export_review"
    NEEDS_BACKEND = False
    # Set by prepareAlgorithm.
    _candidates: Path

    def displayName(self) -> str:
        return tr("Export accepted candidates")

    def shortDescription(self) -> str:
        return tr("Writes the accepted candidates with their OBJEKTART code, evidence and source.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,accepted,export").split(","), "TLM", "swissTLM3D", "OBJEKTART", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        self.addParameter(
            QgsProcessingParameterVectorLayer("CANDIDATES", tr("Reviewed candidates"), [polygons])
        )
        self.add_advanced(
            QgsProcessingParameterFile(
                "CATALOGUE",
                tr("Class catalogue with the codes (empty: swissTLM3D)"),
                optional=True,
                fileFilter=tr("Class catalogues (*.json);;All files (*)"),
            )
        )
        self.addParameter(QgsProcessingParameterFeatureSink("ACCEPTED", tr("Accepted candidates"), polygons))
        self.addOutput(QgsProcessingOutputNumber("N_ACCEPTED", tr("Number of accepted candidates")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = file_fault(self, parameters, ("CATALOGUE",), context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        layer = self.parameterAsVectorLayer(parameters, "CANDIDATES", context)
        self._candidates = geopackage_of(layer, "CANDIDATES")
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        catalogue = optional_text(self, parameters, "CATALOGUE", context)
        with looked_at(self._candidates) as store:
            codes = read_codes(Path(catalogue) if catalogue else CATALOGUE)
            sink, target = self.parameterAsSink(
                parameters, "ACCEPTED", context, export_fields(), Qgis.WkbType.MultiPolygon, store.crs
            )
            if sink is None:
                raise QgsProcessingException(self.invalidSinkError(parameters, "ACCEPTED"))
            n = 0
            for feature in export_features(store, codes):
                if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                    raise QgsProcessingException(self.writeFeatureError(sink, parameters, "ACCEPTED"))
                n += 1
            for name, count in classes_without_code(store, codes).items():
                known = codes.get(name.casefold(), ())
                choice = ", ".join(map(str, known)) or tr("none is known")
                feedback.pushWarning(
                    tr('No single OBJEKTART for "{}" (candidates: {}): set it by hand ({}).').format(
                        name, count, choice
                    )
                )
        del sink  # which closes the file
        feedback.pushInfo(tr("{} accepted candidates were written.").format(n))
        return {"ACCEPTED": target, "N_ACCEPTED": n}
