"""Processing algorithm `make_scene`: the embedded synthetic landscape, to try everything without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputRasterLayer

from ..algorithm import MceAlgorithm
from ..file_parameters import FolderOutput
from ..i18n import tr
from ..layers import Placed, group_name, load_on_completion
from ..parameters import Flag, Number, Row, Values


class MakeScene(MceAlgorithm):
    """Writes an orthophoto, a DEM and the true classes of a landscape that does not exist."""

    ID = "make_scene"
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Make an example scene")

    def shortDescription(self) -> str:
        return tr("Writes a synthetic alpine orthophoto, DEM and label raster to try the tools on.")

    def tags(self) -> list[str]:
        return [tr("example"), tr("synthetic"), tr("demo"), "dem"]

    def rows(self) -> list[Row]:
        return [
            Number("SIZE", "size", tr("Side in metres"), minimum=1.0),
            Number("SEED", "seed", tr("Seed: each gives another landscape")),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier scene")),
            Flag("LOAD_LAYERS", "", tr("Add the layers to the project"), advanced=True, default=True),
            FolderOutput("OUTPUT_DIR", "output", tr("Folder for the scene")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputRasterLayer("IMAGE", tr("Orthophoto")),
            QgsProcessingOutputRasterLayer("DEM", tr("Elevation model (DEM)")),
            QgsProcessingOutputRasterLayer("LABELS", tr("True classes")),
        ]

    def prepare_run(self, values: Values) -> None:
        seed = self.parameterAsInt(values.parameters, "SEED", values.context)
        self._group = group_name(tr("example scene {}").format(seed), values.context.project())

    def process(self, values: Values) -> dict[str, Any]:
        request = self.request(values)
        files = self.run_backend(request, values.feedback)
        placed = [
            Placed(Path(files["labels"]), tr("True classes"), visible=False),
            Placed(Path(files["image"]), tr("Orthophoto (synthetic)"), expanded=False),
            Placed(Path(files["dem"]), tr("DEM (synthetic)"), visible=False, expanded=False),
        ]
        if values.flag("LOAD_LAYERS"):
            load_on_completion(placed, self._group, values.context, [item.file for item in placed])
        return {
            "OUTPUT_DIR": request["output"],
            "IMAGE": files["image"],
            "DEM": files["dem"],
            "LABELS": files["labels"],
        }
