"""Processing algorithm `rank_candidates`: other scores and ranks for candidates that are there already."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import File
from ..i18n import tr
from ..layer_parameters import Candidates
from ..parameters import Row, Values


class RankCandidates(MceAlgorithm):
    """Hands file and classifier to the backend, which writes into the file; decisions stay."""

    ID = "rank_candidates"

    def displayName(self) -> str:
        return tr("Rank candidates anew")

    def shortDescription(self) -> str:
        return tr("Gives candidates new scores and ranks by a meta classifier; decisions stay.")

    def tags(self) -> list[str]:
        return [*tr("meta classifier,candidates,review,rank,score").split(","), "metafusion", "mce"]

    def rows(self) -> list[Row]:
        return [
            Candidates("CANDIDATES", "candidates", tr("Candidates to rank anew")),
            File("META", "meta", tr("Fitted meta classifier"), filter=tr("Meta classifiers (*.json *.skops)")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputFile("CANDIDATES_FILE", tr("File of the candidates")),
            QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")),
            QgsProcessingOutputString("MESSAGE", tr("What was done, in words")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        values.feedback.pushInfo(result["message"])
        return {
            "CANDIDATES_FILE": result["candidates"],
            "N_CANDIDATES": result["n"],
            "MESSAGE": result["message"],
        }
