"""Processing algorithm `merge_reviews`: what several people decided on copies of one file, together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import FileOutput
from ..i18n import tr
from ..layer_parameters import POLYGONS, CandidateLayers
from ..layers import group_name, load_on_completion, place_candidates
from ..parameters import Flag, Row, Values
from ..review.export import processing_errors
from ..review.merge import Merged, merge_copies


class MergeReviews(MceAlgorithm):
    """Needs no backend; the copies are only read."""

    ID = "merge_reviews"
    NEEDS_BACKEND = False
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Merge reviews")

    def shortDescription(self) -> str:
        return tr("Joins what several people decided on copies of one file of candidates.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,decisions,merge,union,disagreement").split(","), "mce"]

    def rows(self) -> list[Row]:
        return [
            CandidateLayers("COPIES", "", tr("Reviewed copies of the candidates"), least=2),
            Flag("OVERWRITE", "", tr("Replace an earlier result")),
            Flag("LOAD_LAYERS", "", tr("Add the candidates to the project"), advanced=True, default=True),
            FileOutput(
                "MERGED_FILE",
                "",
                tr("File for the merged review"),
                filter=tr("GeoPackages (*.gpkg)"),
                required=True,
            ),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputVectorLayer("CANDIDATES", tr("Candidates"), POLYGONS),
            QgsProcessingOutputFile("DISAGREEMENTS", tr("Table of the disagreements (CSV)")),
            QgsProcessingOutputNumber("N_DECISIONS", tr("Rows of the merged log")),
            QgsProcessingOutputNumber("N_DISAGREEMENTS", tr("Number of disagreements")),
            QgsProcessingOutputString("MESSAGE", tr("What was merged, in words")),
        ]

    def prepare_run(self, values: Values) -> None:
        self._group = group_name(Path(values.file("MERGED_FILE")).stem, values.context.project())

    def process(self, values: Values) -> dict[str, Any]:
        copies = self.prepared["COPIES"]
        with processing_errors():
            merged = merge_copies(
                copies,
                Path(values.file("MERGED_FILE")),
                overwrite=values.flag("OVERWRITE"),
                on_copy=lambda n: values.feedback.setProgress(90 * n / (len(copies) + 1)),
            )
        message = _message(merged, len(copies))
        values.feedback.pushInfo(message)
        placed = place_candidates(merged.path)
        if values.flag("LOAD_LAYERS"):
            load_on_completion([placed], self._group, values.context, [merged.path])
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
