"""A window with a real map canvas and message bar that stands for QGIS's own in the tests of the review."""

from __future__ import annotations

from pathlib import Path

from mce_landcover.plugin.review.reviewer import Reviewer
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsCoordinateReferenceSystem, QgsProject
from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QObject, Qt
from qgis.PyQt.QtWidgets import QAction, QLineEdit, QMainWindow, QVBoxLayout, QWidget


class Window(QObject):
    """The part of the QGIS interface that the review uses."""

    def __init__(self) -> None:
        super().__init__()
        self.window = QMainWindow()
        self.canvas = QgsMapCanvas()
        self.bar = QgsMessageBar()
        #: Some field of QGIS that is none of ours.
        self.elsewhere = QLineEdit()
        middle = QWidget()
        layout = QVBoxLayout(middle)
        for widget in (self.bar, self.canvas, self.elsewhere):
            layout.addWidget(widget)
        self.window.setCentralWidget(middle)
        self.window.resize(900, 600)
        self.bridge = QgsLayerTreeMapCanvasBridge(
            QgsProject.instance().layerTreeRoot(), self.canvas, self.canvas
        )
        self.bridge.setAutoSetupOnFirstLayer(False)
        self.vertex_tool = QAction(self.window)
        self.vertex_uses = 0
        self.cad_enabled = False
        self.vertex_tool.triggered.connect(self._use_vertex_tool)
        self.active_id = ""
        self.custom_actions: list[str] = []
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
        self.window.show()

    def _use_vertex_tool(self):
        self.vertex_uses += 1

    def mainWindow(self):
        return self.window

    def mapCanvas(self):
        return self.canvas

    def messageBar(self):
        return self.bar

    def addDockWidget(self, area, dock):
        self.window.addDockWidget(Qt.DockWidgetArea(area), dock)

    def removeDockWidget(self, dock):
        self.window.removeDockWidget(dock)

    @property
    def active(self):
        return QgsProject.instance().mapLayer(self.active_id)

    def activeLayer(self):
        return self.active

    def setActiveLayer(self, layer):
        self.active_id = layer.id()

    def actionVertexToolActiveLayer(self):
        return self.vertex_tool

    def cadDockWidget(self):
        return self

    def cadEnabled(self):
        return self.cad_enabled

    def addCustomActionForLayerType(self, action, menu, kind, all_layers):
        self.custom_actions.append("type")

    def addCustomActionForLayer(self, action, layer):
        self.custom_actions.append(layer.name())

    def removeCustomActionForLayerType(self, action):
        self.custom_actions.clear()

    def said(self) -> list[str]:
        """Return the sentences in the message bar."""
        return [item.text() for item in self.bar.items()]

    def review(self, path: Path, opened: list | None = None) -> Reviewer:
        """Open a review as the plugin does; what it hands over to algorithms goes into `opened`."""

        def open_algorithm(name, parameters):
            if opened is not None:
                opened.append((name, parameters))

        reviewer = Reviewer(self, ReviewStore.open(path, "me"), QgsProject.instance(), open_algorithm)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, reviewer.dock)
        self.window.activateWindow()
        self.canvas.setFocus()
        return reviewer
