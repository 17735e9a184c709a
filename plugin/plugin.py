"""The plugin object that QGIS loads: provider, menu, toolbar, translation. The work is in the algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from . import layers
from .i18n import load_translator, user_locale
from .paths import icon_file
from .provider import MENU, MceProvider, add_provider

if TYPE_CHECKING:
    from .review.entry import ReviewEntry

TITLE = "MCE Land Cover"


class MceLandCoverPlugin:
    """Adds the provider `mce`, and a menu of its algorithms where there is a user interface."""

    def __init__(self, iface: Any) -> None:
        """Take the QGIS interface, None in `qgis_process`."""
        self.iface = iface
        self.provider: MceProvider | None = None
        self.actions: list[QAction] = []
        self.review: ReviewEntry | None = None
        self.translator: QTranslator | None = load_translator(user_locale())

    def initProcessing(self) -> None:
        """Register the provider; all that `qgis_process` asks for."""
        if self.provider is None:
            self.provider = add_provider()

    def initGui(self) -> None:
        """Add the menu under Raster and the toolbar button."""
        self.initProcessing()
        for algorithm in MENU:
            text = f"{algorithm().displayName()}…"
            action = QAction(QIcon(icon_file(algorithm.ID)), text, self.iface.mainWindow())
            action.setObjectName(f"mce_{algorithm.ID}")
            action.triggered.connect(lambda _checked=False, name=algorithm.ID: self.open(name))
            self.iface.addPluginToRasterMenu(TITLE, action)
            self.actions.append(action)
        self.iface.addRasterToolBarIcon(self.actions[0])
        self._add_review()

    def _add_review(self) -> None:
        from .review.entry import ReviewEntry  # its widgets are of no use to `qgis_process`

        self.review = ReviewEntry(self.iface, self.open)
        self.iface.addPluginToRasterMenu(TITLE, self.review.action)
        self.iface.addRasterToolBarIcon(self.review.action)
        self.actions.append(self.review.action)

    def open(self, algorithm: str, parameters: dict[str, Any] | None = None) -> None:
        """Open an algorithm's dialog, or the one that sets up the backend where that is missing."""
        import processing

        known = QgsApplication.processingRegistry().algorithmById(f"mce:{algorithm}")
        ready, missing = known.canExecute() if known else (True, "")
        if not ready:
            self.iface.messageBar().pushWarning(TITLE, missing)
            algorithm, parameters = "setup_backend", None
        processing.execAlgorithmDialog(f"mce:{algorithm}", parameters or {})

    def unload(self) -> None:
        """Take back everything that was added."""
        if self.review is not None:
            self.review.close()
            self.review = None
        for action in self.actions:
            self.iface.removePluginRasterMenu(TITLE, action)
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
