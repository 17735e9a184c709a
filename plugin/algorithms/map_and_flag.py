"""The Processing model that ships with the plugin, as one more algorithm in the toolbox. Its file comes from
`scripts/build_model.py`; its texts are here, where they can be translated.
"""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingModelAlgorithm
from qgis.PyQt.QtGui import QIcon

from ..backend import BackendMissing, find_backend
from ..file_parameters import file_fault, model_fault
from ..help import help_html
from ..i18n import tr
from ..parameters import default_of
from ..paths import RESOURCES, icon_file


def titles() -> dict[str, str]:
    """Return what the dialog calls the model's inputs and outputs."""
    return {
        "IMAGE": tr("Orthophoto"),
        "DEM": tr("Elevation model (DEM), if the model reads one"),
        "MODEL": tr("Model (empty: the embedded demonstration model)"),
        "EXTENT": tr("Extent to map (empty: the whole orthophoto)"),
        "ALPHA": tr("Prior correction of the rule that finds candidates (0 none, 1 full)"),
        "CLASSES": tr("Classes to look for, by name or id, with commas (empty: the rare ones)"),
        "META": tr("Meta classifier (empty: ranked by the margin)"),
        "ACCEPTED_PER_FIND": tr(
            "False alarms accepted for each missed place found (empty: any; to apply: 1)"
        ),
        "MIN_AREA": tr("Smallest area in square metres"),
        "OVERWRITE": tr("Replace results of an earlier run"),
        "folder": tr("Folder for the map, the experts, the evidence and the candidates"),
        "reviewed_map": tr("Map with what the meta classifier accepts (empty: in the folder)"),
    }


class MapAndFlag(QgsProcessingModelAlgorithm):
    """`predict`, `flag_candidates`, and where there is a meta classifier `apply_review` by its scores."""

    ID = "map_and_flag"
    FILE = RESOURCES / "models" / f"{ID}.model3"

    def __init__(self) -> None:
        super().__init__()
        if not self.fromFile(str(self.FILE)):
            raise RuntimeError(f"{self.FILE} is not a Processing model of this QGIS")
        self.setHelpContent({"ALG_DESC": help_html(self.ID)})  # what `qgis_process help` prints of models
        for name, title in titles().items():
            parameter = self.parameterDefinition(name)
            if parameter is not None:  # destinations are there once the steps are registered
                parameter.setDescription(title)

    def createInstance(self) -> MapAndFlag:
        return type(self)()

    def displayName(self) -> str:
        return tr("Map land cover and flag missed rare places")

    def shortDescription(self) -> str:
        return tr("Maps land cover, lists the rare places it has probably missed, all in one go.")

    def group(self) -> str:
        return ""

    def groupId(self) -> str:
        return ""

    def tags(self) -> list[str]:
        return [*tr("land cover,candidates,rare classes,model,workflow").split(","), "metafusion", "mce"]

    def icon(self) -> QIcon:
        return QIcon(icon_file(self.ID))

    def svgIconPath(self) -> str:
        return icon_file(self.ID)

    def shortHelpString(self) -> str:
        return help_html(self.ID)

    def canExecute(self) -> tuple[bool, str]:
        """Say whether a backend is there, and if not how to get one."""
        try:
            find_backend()
        except BackendMissing as missing:
            return False, str(missing)
        return super().canExecute()

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        # Before the first step, and not when the map has been made.
        model, meta = (
            self.parameterAsString(parameters, name, context).strip() for name in ("MODEL", "META")
        )
        fault = model_fault(model, default_of("predict", "model")) or file_fault("META", meta)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)
