"""How a review is opened: from menu and toolbar, and from the menu of a layer of candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsMapLayer, QgsProject
from qgis.PyQt.QtCore import QObject, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from ..i18n import tr
from ..paths import icon_file
from .map_views import ask_file, ask_user, candidates_file, find_file, known_user, remember_file
from .records import ReviewError
from .reviewer import Reviewer
from .store import ReviewStore

#: Opens an algorithm's dialog: its id, and what is filled in.
OpenAlgorithm = Callable[[str, dict[str, Any]], None]


class ReviewEntry(QObject):
    """Keeps one review at a time, and the actions that start it."""

    def __init__(self, iface: Any, open_algorithm: OpenAlgorithm) -> None:
        super().__init__(iface.mainWindow())
        self._iface = iface
        self._open_algorithm = open_algorithm
        self.reviewer: Reviewer | None = None
        icon = QIcon(icon_file("review"))
        self.action = QAction(icon, tr("Review candidates…"), iface.mainWindow())
        self.action.setObjectName("mce_review_action")
        self.action.setToolTip(tr("Verify the places where the map may be wrong, one key at a time"))
        self.action.triggered.connect(lambda _checked=False: self.open())
        self.layer_action = QAction(icon, tr("Review these candidates"), iface.mainWindow())
        self.layer_action.triggered.connect(lambda _checked=False: self.open())
        iface.addCustomActionForLayerType(self.layer_action, "", Qgis.LayerType.Vector, False)
        project = QgsProject.instance()
        project.layersAdded.connect(self._offer)
        self._offer(list(project.mapLayers().values()))

    def open(self, path: Path | None = None) -> None:
        """Open a review of a file: the given one, else that of the active layer, else one to choose."""
        window = self._iface.mainWindow()
        path = path or find_file(self._iface, QgsProject.instance()) or ask_file(window)
        user = (known_user() or ask_user(window)) if path is not None else ""
        if path is None or not user:
            return
        if self.reviewer is not None and self.reviewer.store.path == path:
            self.reviewer.dock.setUserVisible(True)
            self._iface.mapCanvas().setFocus()
            return
        self._start(path, user)

    def close(self) -> None:
        """End the review and take the actions away."""
        self._end()
        QgsProject.instance().layersAdded.disconnect(self._offer)
        self._iface.removeCustomActionForLayerType(self.layer_action)
        self.layer_action.deleteLater()
        self.deleteLater()

    def _start(self, path: Path, user: str) -> None:
        try:
            store = ReviewStore.open(path, user)
        except ReviewError as error:
            self._iface.messageBar().pushWarning(tr("Review"), str(error))
            return
        self._end()
        self.reviewer = Reviewer(self._iface, store, QgsProject.instance(), self._open_algorithm, self)
        self.reviewer.closed.connect(self._closed)
        self.reviewer.user_wanted.connect(self._change_user)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.reviewer.dock)
        self._iface.mapCanvas().setFocus()
        remember_file(path)

    def _change_user(self) -> None:
        user = ask_user(self._iface.mainWindow())
        if self.reviewer is not None and user:
            self._start(self.reviewer.store.path, user)

    def _end(self) -> None:
        if self.reviewer is not None:
            self.reviewer.close()

    def _closed(self) -> None:
        reviewer, self.reviewer = self.reviewer, None
        if reviewer is not None:
            reviewer.deleteLater()

    def _offer(self, layers: Sequence[QgsMapLayer]) -> None:
        """Put the action into the menu of those layers that are candidates."""
        for layer in layers:
            if candidates_file(layer) is not None:
                self._iface.addCustomActionForLayer(self.layer_action, layer)
