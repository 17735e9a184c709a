"""A second map that follows the first: another vintage, a hillshade, or a map theme beside the orthophoto."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.gui import QgsDockWidget, QgsMapCanvas, QgsMapToolPan
from qgis.PyQt.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ..i18n import tr
from .canvas import CandidateView
from .widgets import described

#: Where the project keeps what the second map shows.
_ENTRY = ("mce_landcover", "/review/second_map")
_THEME = "theme:"


class SecondMap(QgsDockWidget):
    """Shows one layer or one map theme of the project, always where the first map is."""

    def __init__(self, first: CandidateView, project: QgsProject, parent: QWidget | None = None) -> None:
        super().__init__(tr("Review: second map"), parent)
        self.setObjectName("mce_review_second_map")
        self._first = first.canvas
        self._project = project
        self.canvas = described(
            QgsMapCanvas(),
            tr("Second map"),
            tr("Follows the first map; the keys of the review work here, too"),
        )
        self.canvas.setCachingEnabled(True)
        self.canvas.setParallelRenderingEnabled(True)
        self.canvas.setCanvasColor(self._first.canvasColor())
        self._pan = QgsMapToolPan(self.canvas)
        self.canvas.setMapTool(self._pan)
        self.view = CandidateView(self.canvas, first.crs, first.gsd)
        self.choice = described(QComboBox(), tr("Layer of the second map"), tr("What the second map shows"))
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.choice)
        layout.addWidget(self.canvas, 1)
        self.setWidget(body)
        self.choice.activated.connect(self._chosen)
        self._first.extentsChanged.connect(self.follow)
        self._first.destinationCrsChanged.connect(self.follow)
        self.visibilityChanged.connect(self.follow)
        project.layersAdded.connect(self.refill)
        project.layersRemoved.connect(self.refill)
        self.refill()

    def refill(self, *_layers: object) -> None:
        """Offer what the project has, and show what was chosen last."""
        chosen, _known = self._project.readEntry(*_ENTRY)
        self.choice.clear()
        for theme in self._project.mapThemeCollection().mapThemes():
            self.choice.addItem(tr("Theme: {}").format(theme), _THEME + theme)
        for layer in _pictures(self._project):
            self.choice.addItem(layer.name(), layer.id())
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))
        self._show()

    def suggest(self, layer_id: str) -> None:
        """Show a layer unless the user has chosen one."""
        chosen, _known = self._project.readEntry(*_ENTRY)
        if self.choice.findData(chosen) < 0:
            self.choice.setCurrentIndex(max(0, self.choice.findData(layer_id)))
            self._show()

    def follow(self, *_why: object) -> None:
        """Go where the first map is."""
        if not self.isVisible():
            return
        self.canvas.setDestinationCrs(self._first.mapSettings().destinationCrs())
        self.canvas.setRotation(self._first.rotation())
        self.view.prefetcher.hand_over(self._first.extent())
        self.canvas.setExtent(self._first.extent())
        self.canvas.refresh()

    def shut(self) -> None:
        """Let go of the first map and of the project."""
        self._first.extentsChanged.disconnect(self.follow)
        self._first.destinationCrsChanged.disconnect(self.follow)
        self._project.layersAdded.disconnect(self.refill)
        self._project.layersRemoved.disconnect(self.refill)
        self.view.close()
        self.canvas.unsetMapTool(self._pan)
        self.canvas.setLayers([])

    def _chosen(self, _index: int) -> None:
        self._project.writeEntry(*_ENTRY, str(self.choice.currentData() or ""))
        self._show()

    def _show(self) -> None:
        data = str(self.choice.currentData() or "")
        if data.startswith(_THEME):
            layers = self._project.mapThemeCollection().mapThemeVisibleLayers(data.removeprefix(_THEME))
        else:
            layer = self._project.mapLayer(data)
            layers = [layer] if layer is not None else []
        self.canvas.setLayers(layers)
        self.follow()


def _pictures(project: QgsProject) -> Iterable[QgsMapLayer]:
    """Return the layers that are pictures, in the order of the tree."""
    layers = (node.layer() for node in project.layerTreeRoot().findLayers())
    return [layer for layer in layers if layer is not None and not isinstance(layer, QgsVectorLayer)]
