"""Processing algorithm `review_report`: what a review says of the flags, as a page and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..algorithm import MceAlgorithm
from ..file_parameters import FileOutput
from ..i18n import tr
from ..layer_parameters import Candidates
from ..parameters import Row, Values
from ..review.export import looked_at
from ..review.merge import write_text
from ..review.report import review_csv, review_html
from ..review.statistics import count_flags, measure_agreement


class ReviewReport(MceAlgorithm):
    """Needs no backend; the candidates are only read."""

    ID = "review_report"
    NEEDS_BACKEND = False

    def displayName(self) -> str:
        return tr("Report on a review")

    def shortDescription(self) -> str:
        return tr("Counts how many flags were right, how fast the review went, and how far people agree.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,precision,statistics,agreement,report").split(","), "mce"]

    def rows(self) -> list[Row]:
        return [
            Candidates("CANDIDATES", "", tr("Reviewed candidates")),
            FileOutput("REPORT", "", tr("Report"), filter=tr("Web pages (*.html)"), required=True),
            FileOutput(
                "TABLE", "", tr("Table of all candidates and their state"), filter=tr("Tables (*.csv)")
            ),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")),
            QgsProcessingOutputNumber("N_DECIDED", tr("Number of decided candidates")),
            QgsProcessingOutputNumber("N_ACCEPTED", tr("Number of accepted candidates")),
            QgsProcessingOutputNumber("PRECISION", tr("Precision of the flags, 0 to 1")),
            QgsProcessingOutputNumber("AGREEMENT", tr("Agreement of two people, 0 to 1")),
            QgsProcessingOutputString("MESSAGE", tr("What was decided, in words")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        page, table, feedback = values.file("REPORT"), values.file("TABLE"), values.feedback
        with looked_at(self.prepared["CANDIDATES"]) as store:
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
