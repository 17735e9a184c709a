"""Processing algorithm `merge_reviews`: what several people decided on copies of one file, together."""

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
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
)

from ..algorithm import MceAlgorithm
from ..groups import group_name
from ..i18n import tr
from ..layers import load_on_completion, place_candidates
from ..review.merge import Merged, merge_copies
from ..review.processing import processing_errors
from ..vectors import geopackage_of


class MergeReviews(MceAlgorithm):
    """Needs no backend; the copies are only read."""

    ID = "merge_reviews"
    NEEDS_BACKEND = False
    # Set by prepareAlgorithm.
    _copies: list[Path]
    _group: str

    def displayName(self) -> str:
        return tr("Merge reviews")

    def shortDescription(self) -> str:
        return tr("Joins what several people decided on copies of one file of candidates.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,decisions,merge,union,disagreement").split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        copies = QgsProcessingParameterMultipleLayers(
            "COPIES", tr("Reviewed copies of the candidates"), polygons
        )
        copies.setMinimumNumberInputs(2)
        self.addParameter(copies)
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier result"), defaultValue=False)
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "LOAD_LAYERS", tr("Add the candidates to the project"), defaultValue=True
            )
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "MERGED_FILE", tr("File for the merged review"), tr("GeoPackages (*.gpkg)")
            )
        )
        self.addOutput(QgsProcessingOutputVectorLayer("CANDIDATES", tr("Candidates"), polygons))
        self.addOutput(QgsProcessingOutputFile("DISAGREEMENTS", tr("Table of the disagreements (CSV)")))
        self.addOutput(QgsProcessingOutputNumber("N_DECISIONS", tr("Rows of the merged log")))
        self.addOutput(QgsProcessingOutputNumber("N_DISAGREEMENTS", tr("Number of disagreements")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was merged, in words")))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        layers = self.parameterAsLayerList(parameters, "COPIES", context)
        self._copies = [geopackage_of(layer, "COPIES") for layer in layers]
        target = self.parameterAsFileOutput(parameters, "MERGED_FILE", context)
        self._group = group_name(Path(target).stem, context.project())
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        target = Path(self.parameterAsFileOutput(parameters, "MERGED_FILE", context))
        with processing_errors():
            merged = merge_copies(
                self._copies,
                target,
                overwrite=self.parameterAsBoolean(parameters, "OVERWRITE", context),
                on_copy=lambda n: feedback.setProgress(90 * n / (len(self._copies) + 1)),
            )
        message = _message(merged, len(self._copies))
        feedback.pushInfo(message)
        placed = place_candidates(merged.path)
        if self.parameterAsBoolean(parameters, "LOAD_LAYERS", context):
            load_on_completion([placed], self._group, context, [merged.path])
        return {
            "MERGED_FILE": str(merged.path),
            "CANDIDATES": placed.source,
            "DISAGREEMENTS": str(merged.disagreements_csv),
            "N_DECISIONS": merged.n_decisions,
            "N_DISAGREEMENTS": len(merged.disagreements),
            "MESSAGE": message,
        }


def _message(merged: Merged, n_copies: int) -> str:
    said = tr(
        "Decisions and undos of {} copies together: {}. Candidates on which people differ: {}; the last "
        "decision counts, see {}."
    ).format(n_copies, merged.n_decisions, len(merged.disagreements), merged.disagreements_csv.name)
    if merged.n_elsewhere:
        gone = tr("Decided candidates that the first copy does not have: {}; the log keeps them.")
        said += " " + gone.format(merged.n_elsewhere)
    return said
