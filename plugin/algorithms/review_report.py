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
from ..review.records import Kind
from ..review.report import review_csv, review_html
from ..review.statistics import Flags, flags_of, measure_agreement


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
            QgsProcessingOutputNumber("N_FOUND", tr("Number of missed places found")),
            QgsProcessingOutputNumber("N_THROWN_OUT", tr("Number of doubtful places thrown out")),
            QgsProcessingOutputNumber("PRECISION", tr("Precision of the flags of missed places, 0 to 1")),
            QgsProcessingOutputNumber("SHARE_FALSE", tr("Share of false ones among doubtful places, 0 to 1")),
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
            missed, doubtful = flags_of(store, Kind.MISSED), flags_of(store, Kind.DOUBTFUL)
            agreement = measure_agreement(store)
        message = " ".join(_sentence(flags) for flags in (missed, doubtful) if flags.n) or _sentence(missed)
        feedback.pushInfo(message)
        return {
            "REPORT": page,
            "TABLE": table or None,
            "N_CANDIDATES": missed.n + doubtful.n,
            "N_DECIDED": missed.n_decided + doubtful.n_decided,
            "N_ACCEPTED": missed.n_accepted + doubtful.n_accepted,
            "N_FOUND": missed.n_accepted,
            "N_THROWN_OUT": doubtful.n_thrown_out,
            "PRECISION": missed.precision,
            "SHARE_FALSE": doubtful.precision,
            "AGREEMENT": agreement.share,
            "MESSAGE": message,
        }


def _sentence(flags: Flags) -> str:
    if flags.kind is Kind.DOUBTFUL:
        text = tr(
            "{} of {} doubtful places are decided: {} kept, {} thrown out, {} of another class, {} unsure."
        )
    else:
        text = tr(
            "{} of {} missed places are decided: {} accepted, {} rejected, {} of another class, {} unsure."
        )
    return text.format(
        *(flags.n_decided, flags.n, flags.n_accepted, flags.n_rejected),
        *(flags.n_reclassified, flags.n_unsure),
    )
