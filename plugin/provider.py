"""The Processing provider `mce`: the list of our algorithms."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms.apply_review import ApplyReview
from .algorithms.draw_sample import DrawSample
from .algorithms.evaluate import Evaluate
from .algorithms.explain import Explain
from .algorithms.export_review import ExportReview
from .algorithms.fit_aggregation import FitAggregation
from .algorithms.fit_meta_classifier import FitMetaClassifier
from .algorithms.flag_candidates import FlagCandidates
from .algorithms.import_weights import ImportWeights
from .algorithms.make_scene import MakeScene
from .algorithms.map_and_flag import MapAndFlag
from .algorithms.merge_reviews import MergeReviews
from .algorithms.model_info import ModelInfo
from .algorithms.predict import Predict
from .algorithms.prepare_tiles import PrepareTiles
from .algorithms.rank_candidates import RankCandidates
from .algorithms.review_report import ReviewReport
from .algorithms.screen_tiles import ScreenTiles
from .algorithms.setup_backend import SetupBackend
from .algorithms.train import Train
from .i18n import tr
from .paths import icon_file

ALGORITHMS = (
    Predict,
    FlagCandidates,
    FitMetaClassifier,
    RankCandidates,
    MergeReviews,
    ReviewReport,
    ApplyReview,
    Explain,
    ScreenTiles,
    DrawSample,
    Evaluate,
    ExportReview,
    PrepareTiles,
    Train,
    FitAggregation,
    ImportWeights,
    ModelInfo,
    MakeScene,
    SetupBackend,
)
#: Made of the algorithms above.
MODELS = (MapAndFlag,)
#: All of them in the order of the menu: a model stands behind what it is made of.
MENU = (*ALGORITHMS[:2], *MODELS, *ALGORITHMS[2:])


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
        for algorithm in (*ALGORITHMS, *MODELS):
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        return ["tif", "tiff"]

    def defaultRasterFileExtension(self, hasGeometry: bool = True) -> str:
        return "tif"


def add_provider() -> MceProvider | None:
    """Register a provider and return it, None where one of this id is there already."""
    provider = MceProvider()
    # QGIS deletes a second provider of the same id, which another copy of the plugin would bring.
    if not QgsApplication.processingRegistry().addProvider(provider):
        return None
    provider.refreshAlgorithms()  # only now do the models find the algorithms that they are made of
    return provider
