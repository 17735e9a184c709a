"""Lets the reviewer change an outline with QGIS's own digitising tools, on a layer of its own."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsProject,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject

from ..i18n import tr
from .records import ReviewError

_STYLE = {"color": "255,225,25,40", "outline_color": "255,225,25,255", "outline_width": "0.6"}


class OutlineEditor(QObject):
    """Holds a temporary layer in edit mode while somebody draws. All tools of QGIS work on it: vertices,
    reshape, split, rings, parts. What is on it becomes the outline; the candidates are never changed.
    """

    def __init__(self, iface: Any, project: QgsProject, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._project = project
        self._id = ""
        self._tool_before: Any = None
        self._layer_before = ""

    @property
    def active(self) -> bool:
        """Is there an outline being drawn? The user may take the layer away himself."""
        return self._layer() is not None

    def takes_letters(self) -> bool:
        """Does QGIS's advanced digitising panel, which has keys of its own, listen now?"""
        return self.active and bool(self._iface.cadDockWidget().cadEnabled())

    def start(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, title: str) -> None:
        """Put an outline on a layer, and the vertex tool into the user's hand."""
        self.stop()
        layer = QgsVectorLayer("MultiPolygon", title, "memory")
        layer.setCrs(crs)
        layer.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(_STYLE)))
        layer.setCustomProperty("skipMemoryLayersCheck", True)  # nothing is lost when QGIS closes it
        feature = QgsFeature()
        outline = QgsGeometry(geometry)
        outline.convertToMultiType()
        feature.setGeometry(outline)
        layer.dataProvider().addFeature(feature)
        before = self._iface.activeLayer()
        self._layer_before = before.id() if before is not None else ""
        self._tool_before = self._iface.mapCanvas().mapTool()
        self._project.addMapLayer(layer, addToLegend=False)
        self._project.layerTreeRoot().insertLayer(0, layer)
        self._id = layer.id()
        self._iface.setActiveLayer(layer)
        layer.startEditing()
        self._iface.actionVertexToolActiveLayer().trigger()

    def outline(self) -> QgsGeometry:
        """Return what is drawn, in the CRS that was given; raise ReviewError where nothing is."""
        layer = self._layer()
        parts = [f.geometry() for f in layer.getFeatures()] if layer is not None else []
        parts = [part for part in parts if not part.isEmpty()]
        if not parts:
            raise ReviewError(tr("There is no outline left: draw one, or stop drawing to keep the old one."))
        drawn = parts[0] if len(parts) == 1 else QgsGeometry.unaryUnion(parts)
        if drawn.isNull() or drawn.type() != Qgis.GeometryType.Polygon:
            raise ReviewError(tr("The new outline crosses itself: correct it and decide again."))
        return drawn

    def stop(self) -> None:
        """Take the layer away and give back the tool and the layer that were active before."""
        layer = self._layer()
        self._id = ""
        if layer is None:
            return
        canvas = self._iface.mapCanvas()
        if self._tool_before is not None:
            canvas.setMapTool(self._tool_before)
        else:
            canvas.unsetMapTool(canvas.mapTool())
        self._tool_before = None
        layer.rollBack()
        self._project.removeMapLayer(layer.id())
        before = self._project.mapLayer(self._layer_before)
        if before is not None:
            self._iface.setActiveLayer(before)

    def _layer(self) -> QgsVectorLayer | None:
        return self._project.mapLayer(self._id) if self._id else None
