"""Processing algorithm `screen_tiles`: which tiles of a region probably hold a rare class, best first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import geopackage_output
from ..i18n import tr
from ..layer_parameters import POLYGONS, device_rows, raster_rows, source_rows
from ..layers import group_name, load_on_completion, place_tiles
from ..parameters import Flag, Number, Row, Text, Values


class ScreenTiles(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "screen_tiles"
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Screen tiles for rare classes")

    def shortDescription(self) -> str:
        return tr("Ranks the tiles of a region by the probability that they hold a rare class.")

    def tags(self) -> list[str]:
        tags = tr("tiles,screening,rare classes,where to look first,hectares,multi-label,classification")
        return [*tags.split(","), "mce"]

    def rows(self) -> list[Row]:
        return [
            *raster_rows(model_title=tr("Screening model (empty: the embedded demonstration model)")),
            Text(
                "CLASSES",
                "classes",
                tr("Classes to rank by, by name or id, with commas (empty: the rare ones)"),
            ),
            Number(
                "GRID",
                "grid_m",
                tr("Side of the squares in metres, a multiple of the model's tile (empty: the tile)"),
            ),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier layer")),
            *source_rows(),
            *device_rows(),
            Flag("LOAD_LAYERS", "", tr("Add the tiles to the project"), advanced=True, default=True),
            geopackage_output("TILES_FILE", "output", tr("File for the tiles")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputVectorLayer("TILES", tr("Tiles"), POLYGONS),
            QgsProcessingOutputNumber("N_TILES", tr("Number of tiles")),
            QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")),
            QgsProcessingOutputString("RANKED_BY", tr("Classes that they are ranked by")),
            QgsProcessingOutputString("MESSAGE", tr("What was found, in words")),
        ]

    def prepare_run(self, values: Values) -> None:
        self._group = group_name(self.prepared["IMAGE"].name, values.context.project())

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        ranked_by = ", ".join(result["ranked_by"])
        placed = place_tiles(Path(result["tiles"]), ranked_by)
        if values.flag("LOAD_LAYERS"):
            load_on_completion([placed], self._group, values.context, [placed.file])
        return {
            "TILES_FILE": result["tiles"],
            "TILES": placed.source,
            "N_TILES": result["n"],
            "SECONDS": result["seconds"],
            "RANKED_BY": ranked_by,
            "MESSAGE": result["message"],
        }
