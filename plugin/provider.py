"""The Processing provider `mce`: the list of our algorithms."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms.make_scene import MakeScene
from .algorithms.model_info import ModelInfo
from .algorithms.predict import Predict
from .algorithms.setup_backend import SetupBackend
from .i18n import tr
from .paths import icon_file

ALGORITHMS = (Predict, ModelInfo, MakeScene, SetupBackend)


class MceProvider(QgsProcessingProvider):
    """Registered whether or not a backend is there: the algorithms themselves say what is missing."""

    def id(self) -> str:
        return "mce"

    def name(self) -> str:
        return "MCE Land Cover"

    def longName(self) -> str:
        return tr("MCE Land Cover: land cover from an orthophoto and a DEM")

    def icon(self) -> QIcon:
        return QIcon(icon_file("mce"))

    def svgIconPath(self) -> str:
        return icon_file("mce")

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        return ["tif", "tiff"]

    def defaultRasterFileExtension(self, hasGeometry: bool = True) -> str:  # noqa: ARG002
        return "tif"
