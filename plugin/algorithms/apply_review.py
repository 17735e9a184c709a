"""Processing algorithm `apply_review`: a copy of a map with the accepted candidates in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import Folder, RasterOutput
from ..i18n import tr
from ..layer_parameters import Candidates
from ..layers import group_of_run, load_on_completion, place_reviewed
from ..parameters import Choice, Flag, Number, Row, Values

#: What the map is called in our Processing model.
IN_MODEL = "Reviewed map"


class ApplyReview(MceAlgorithm):
    """Hands the GeoPackage of the candidates to the backend; the log of decisions is in there."""

    ID = "apply_review"
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Apply a review to the map")

    def shortDescription(self) -> str:
        return tr("Writes a copy of the map with missed places in it and without false ones, as was decided.")

    def tags(self) -> list[str]:
        return [*tr("review,candidates,accept,fusion,verified map").split(","), "metafusion", "mce"]

    def rows(self) -> list[Row]:
        return [
            Folder("RUN", "run", tr("Folder of the run")),
            Candidates("CANDIDATES", "candidates", tr("Candidates of the run")),
            Choice("DECIDE_BY", "decide_by", tr("Who decides")),
            Number(
                "ACCEPTED_PER_FIND",
                "accepted_per_find",
                tr("False alarms accepted for each missed place found (empty: as flagged, else 1)"),
            ),
            Number(
                "KEPT_PER_LOSS",
                "kept_per_loss",
                tr("False places kept rather than lose a true one, where the classifier decides"),
            ),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier result")),
            Flag("LOAD_LAYERS", "", tr("Add the map to the project"), advanced=True, default=True),
            RasterOutput("MAP", "output", _map_title()),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputFile("CHANGE_LOG", tr("Log of the changes (CSV)")),
            QgsProcessingOutputNumber("N_APPLIED", tr("Number of candidates applied")),
            QgsProcessingOutputNumber("N_PIXELS", tr("Number of pixels changed")),
            QgsProcessingOutputString("MESSAGE", tr("What was changed, in words")),
        ]

    def prepare_run(self, values: Values) -> None:
        self._group = group_of_run(Path(values.text("RUN")), values.context)

    def process(self, values: Values) -> dict[str, Any]:
        request = self.request(values)
        result = self.run_backend(request, values.feedback)
        placed = place_reviewed(Path(result["land_cover"]))
        add = values.flag("LOAD_LAYERS") and not request["output"]
        wanted = [placed.file] if add else []
        load_on_completion([placed], self._group, values.context, wanted, {_map_title(), IN_MODEL})
        return {
            "MAP": result["land_cover"],
            "CHANGE_LOG": result["change_log"],
            "N_APPLIED": result["n_applied"],
            "N_PIXELS": result["n_pixels"],
            "MESSAGE": result["message"],
        }


def _map_title() -> str:
    """Return what the dialog calls the map, and QGIS the layer unless we name it."""
    return tr("Map with them (empty: land_cover_reviewed.tif in the run's folder)")
