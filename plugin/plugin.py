"""The plugin object that QGIS loads: provider, menu, toolbar, translation. The work is in the algorithms."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from . import layers
from .environment import BackendMissing, find_backend
from .i18n import load_translator, tr, user_locale
from .paths import icon_file
from .provider import MceProvider, add_provider

MENU = "MCE Land Cover"


class MceLandCoverPlugin:
    """Adds the provider `mce`, and a menu of its algorithms where there is a user interface."""

    def __init__(self, iface: Any) -> None:
        """Take the QGIS interface, None in `qgis_process`."""
        self.iface = iface
        self.provider: MceProvider | None = None
        self.actions: list[QAction] = []
        self.translator: QTranslator | None = load_translator(user_locale())

    def initProcessing(self) -> None:
        """Register the provider; all that `qgis_process` asks for."""
        if self.provider is None:
            self.provider = add_provider()

    def initGui(self) -> None:
        """Add the menu under Raster and the toolbar button."""
        self.initProcessing()
        entries = {
            "predict": tr("Map land cover…"),
            "flag_candidates": tr("Flag missed rare places…"),
            "map_and_flag": tr("Map land cover and flag missed rare places…"),
            "fit_meta_classifier": tr("Fit a meta classifier…"),
            "apply_review": tr("Apply a review to the map…"),
            "explain": tr("Explain a place…"),
            "screen_tiles": tr("Screen tiles for rare classes…"),
            "model_info": tr("Show a model's card…"),
            "make_scene": tr("Make an example scene…"),
            "setup_backend": tr("Set up the backend…"),
        }
        for algorithm, text in entries.items():
            action = QAction(QIcon(icon_file(algorithm)), text, self.iface.mainWindow())
            action.setObjectName(f"mce_{algorithm}")
            action.triggered.connect(lambda _checked=False, name=algorithm: self.open(name))
            self.iface.addPluginToRasterMenu(MENU, action)
            self.actions.append(action)
        self.iface.addRasterToolBarIcon(self.actions[0])

    def open(self, algorithm: str) -> None:
        """Open an algorithm's dialog, or the one that sets up the backend where that is missing."""
        import processing

        if algorithm not in ("setup_backend",):
            try:
                find_backend()
            except BackendMissing as missing:
                self.iface.messageBar().pushWarning(MENU, str(missing))
                algorithm = "setup_backend"
        processing.execAlgorithmDialog(f"mce:{algorithm}")

    def unload(self) -> None:
        """Take back everything that was added."""
        for action in self.actions:
            self.iface.removePluginRasterMenu(MENU, action)
            self.iface.removeRasterToolBarIcon(action)
            action.deleteLater()
        self.actions.clear()
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None
        layers.forget_stylers()
