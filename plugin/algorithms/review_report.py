"""Processing algorithm `review_report`: what a review says of the flags, as a page and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..review.files import write_text
from ..review.processing import looked_at
from ..review.report import review_csv, review_html
from ..review.second_look import measure_agreement
from ..review.statistics import count_flags
from ..vectors import geopackage_of


class ReviewReport(MceAlgorithm):
    """Needs no backend; the candidates are only read."""

    ID = "review_report"
    NEEDS_BACKEND = False
    # Set by prepareAlgorithm.
    _candidates: Path

    def displayName(self) -> str:
        return tr("Report on a review")

    def shortDescription(self) -> str:
        return tr("Counts how many flags were right, how fast the review went, and how far people agree.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,precision,statistics,agreement,report").split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        self.addParameter(
            QgsProcessingParameterVectorLayer("CANDIDATES", tr("Reviewed candidates"), polygons)
        )
        self.addParameter(
            QgsProcessingParameterFileDestination("REPORT", tr("Report"), tr("Web pages (*.html)"))
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "TABLE",
                tr("Table of all candidates and their state"),
                tr("Tables (*.csv)"),
                optional=True,
                createByDefault=False,
            )
        )
        self.addOutput(QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")))
        self.addOutput(QgsProcessingOutputNumber("N_DECIDED", tr("Number of decided candidates")))
        self.addOutput(QgsProcessingOutputNumber("N_ACCEPTED", tr("Number of accepted candidates")))
        self.addOutput(QgsProcessingOutputNumber("PRECISION", tr("Precision of the flags, 0 to 1")))
        self.addOutput(QgsProcessingOutputNumber("AGREEMENT", tr("Agreement of two people, 0 to 1")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What was decided, in words")))

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
        page = self.parameterAsFileOutput(parameters, "REPORT", context)
        table = self.parameterAsFileOutput(parameters, "TABLE", context)
        with looked_at(self._candidates) as store:
            for note in store.notes:
                feedback.pushWarning(note)
            write_text(Path(page), review_html(store))
            feedback.setProgress(50)
            if table:
                write_text(Path(table), review_csv(store))
            flags, agreement = count_flags(store, store.candidates, ""), measure_agreement(store)
        message = tr(
            "{} of {} candidates are decided: {} accepted, {} rejected, {} of another class, {} unsure."
        )
        message = message.format(
            *(flags.n_decided, flags.n, flags.n_accepted, flags.n_rejected),
            *(flags.n_reclassified, flags.n_unsure),
        )
        feedback.pushInfo(message)
        return {
            "REPORT": page,
            "TABLE": table or None,
            "N_CANDIDATES": flags.n,
            "N_DECIDED": flags.n_decided,
            "N_ACCEPTED": flags.n_accepted,
            "PRECISION": flags.precision,
            "AGREEMENT": agreement.share,
            "MESSAGE": message,
        }
