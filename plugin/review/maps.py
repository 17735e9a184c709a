"""Shows one candidate after the other on a map canvas (where to, at which scale, with which outline), a
second map that follows the first, and the views that come next, drawn while the user looks at the present
one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsMapLayer,
    QgsMapRendererCache,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsDockWidget, QgsMapCanvas, QgsMapToolPan, QgsRubberBand
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ..i18n import tr
from .records import ReviewError
from .widgets import described

#: Views that are kept; one of 2,000 x 1,500 pixels with five layers takes 60 MB.
N_KEPT = 3


class Prefetcher(QObject):
    """Fills a cache of its own per view. The canvas takes its pictures from there, layer by layer, so what
    has changed meanwhile (a layer switched on, a new style, a resized window) is simply drawn as ever.
    """

    #: Everything that was wanted is drawn.
    ready = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._kept: OrderedDict[str, QgsMapRendererCache] = OrderedDict()
        self._waiting: list[QgsRectangle] = []
        self._drawing: _Drawing | None = None
        #: Cancelled, but not at their end: QGIS would wait for them if they were freed now.
        self._ending: set[_Drawing] = set()
        self._ended: list[_Drawing] = []
        canvas.renderStarting.connect(self._make_way)
        canvas.mapCanvasRefreshed.connect(self._draw_next)

    def want(self, extents: Sequence[QgsRectangle]) -> None:
        """Draw these views as soon as the canvas is at rest, the first one first."""
        self._waiting = list(extents[:N_KEPT])

    def hand_over(self, extent: QgsRectangle) -> bool:
        """Give the canvas what is drawn of the view that it is about to show; was there anything?"""
        settings = self._settings_for(extent)
        cache, target = self._kept.get(_key(settings)), self._canvas.cache()
        if cache is None or target is None:
            return False
        view, scale = settings.visibleExtent(), settings.mapToPixel()
        drawn = [layer for layer in settings.layers() if cache.hasCacheImage(layer.id())]
        for layer in drawn:
            image = cache.cacheImage(layer.id())
            target.setCacheImageWithParameters(layer.id(), image, view, scale, [layer])
        return bool(drawn)

    def stop(self) -> None:
        """Draw nothing more, forget what was drawn, and let go of the canvas."""
        self._canvas.renderStarting.disconnect(self._make_way)
        self._canvas.mapCanvasRefreshed.disconnect(self._draw_next)
        self._waiting.clear()
        self._make_way()
        for drawing in list(self._ending):  # which shrinks as they end
            drawing.job.cancel()
        self._ending.clear()
        self._kept.clear()

    def _settings_for(self, extent: QgsRectangle) -> QgsMapSettings:
        settings = QgsMapSettings(self._canvas.mapSettings())
        settings.setExtent(extent)
        return settings

    def _make_way(self) -> None:
        """Stop drawing: the view that the user waits for comes first."""
        if self._drawing is not None:
            drawing, self._drawing = self._drawing, None
            self._ending.add(drawing)
            drawing.job.cancelWithoutBlocking()

    def _draw_next(self) -> None:
        if self._drawing is not None:
            return
        while self._waiting:
            settings = self._settings_for(self._waiting.pop(0))
            if not self._is_kept(settings):
                self._drawing = _Drawing(settings)
                self._drawing.job.finished.connect(lambda drawing=self._drawing: self._end(drawing))
                self._drawing.job.start()
                return
        self.ready.emit()

    def _is_kept(self, settings: QgsMapSettings) -> bool:
        """Is every layer of this view drawn?"""
        cache = self._kept.get(_key(settings))
        return cache is not None and all(cache.hasCacheImage(layer.id()) for layer in settings.layers())

    def _end(self, drawing: _Drawing) -> None:
        self._ending.discard(drawing)
        # The job is still in its own signal: it may be freed when that is over.
        self._ended.append(drawing)
        QTimer.singleShot(0, self._ended.clear)
        if self._drawing is not drawing:
            return  # it was cancelled, and may be half drawn
        self._drawing = None
        self._kept[drawing.key] = drawing.cache
        self._kept.move_to_end(drawing.key)
        while len(self._kept) > N_KEPT:
            self._kept.popitem(last=False)
        self._draw_next()


class _Drawing:
    """A view that is being drawn, and what must live as long."""

    def __init__(self, settings: QgsMapSettings) -> None:
        self.key = _key(settings)
        self.cache = QgsMapRendererCache()
        self.job = QgsMapRendererParallelJob(settings)
        self.job.setCache(self.cache)


def _key(settings: QgsMapSettings) -> str:
    """Return what makes two views the same but for their layers."""
    size = settings.outputSize()
    extent = settings.visibleExtent().toString(6)
    return (
        f"{extent} {size.width()}x{size.height()} {settings.destinationCrs().authid()} {settings.rotation()}"
    )


#: Dark below, bright above: seen on snow and on rock.
_HALO, _LINE = QColor(0, 0, 0, 200), QColor(255, 225, 25)
#: Share of the candidate's size that is left on either side, and the least side of a view in map pixels.
MARGIN = 1.0
MIN_VIEW_PIXELS = 100


class CandidateView(QObject):
    """Moves a canvas to candidates. `crs` is theirs, `gsd` the pixel of their map in its units."""

    def __init__(self, canvas: QgsMapCanvas, crs: QgsCoordinateReferenceSystem, gsd: float = 0.5) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.keep_scale = False
        self.prefetcher = Prefetcher(canvas)
        self.crs = crs
        self.gsd = gsd
        self._lines = [self._line(_HALO, 5), self._line(_LINE, 2)]
        self._outlined = True

    def show(self, geometry: QgsGeometry) -> None:
        """Go to a candidate and outline it.

        Raises:
            ReviewError: if it has no place in the project's CRS.
        """
        extent = self.extent_of(geometry)
        self.outline(geometry)
        self.prefetcher.hand_over(extent)
        self.canvas.setExtent(extent)
        self.canvas.refresh()

    def outline(self, geometry: QgsGeometry) -> None:
        """Outline a candidate without going there."""
        for line in self._lines:
            line.setToGeometry(geometry, self.crs)
            line.setVisible(self._outlined)

    def prefetch(self, geometries: Sequence[QgsGeometry]) -> None:
        """Draw the views of these candidates when there is time, the first one first."""
        self.prefetcher.want([self.extent_of(geometry) for geometry in geometries])

    def extent_of(self, geometry: QgsGeometry) -> QgsRectangle:
        """Return what the canvas shows of a candidate, in the project's CRS."""
        box = geometry.boundingBox()
        if self.keep_scale:
            return self._around(self._to_canvas(box).center())
        least = MIN_VIEW_PIXELS * self.gsd
        side = (1 + 2 * MARGIN) * max(box.width(), box.height())
        return self._to_canvas(
            QgsRectangle.fromCenterAndSize(box.center(), max(side, least), max(side, least))
        )

    def visible_extent_of(self, geometry: QgsGeometry) -> QgsRectangle:
        """Return the same as wide or as high as the canvas is: its `extent` once it is there."""
        settings = QgsMapSettings(self.canvas.mapSettings())
        settings.setExtent(self.extent_of(geometry))
        return settings.visibleExtent()

    @property
    def outlined(self) -> bool:
        """Is the outline seen?"""
        return self._outlined

    @outlined.setter
    def outlined(self, seen: bool) -> None:
        self._outlined = seen
        for line in self._lines:
            line.setVisible(seen)

    def clear(self) -> None:
        """Take the outline away."""
        for line in self._lines:
            line.reset(Qgis.GeometryType.Polygon)

    def close(self) -> None:
        """Leave the canvas as it was found."""
        self.prefetcher.stop()
        for line in self._lines:
            self.canvas.scene().removeItem(line)
        self._lines.clear()

    def _around(self, middle: QgsPointXY) -> QgsRectangle:
        now = self.canvas.extent()
        return QgsRectangle.fromCenterAndSize(middle, now.width(), now.height())

    def _to_canvas(self, box: QgsRectangle) -> QgsRectangle:
        target = self.canvas.mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(self.crs, target, QgsProject.instance())
        try:
            moved = transform.transformBoundingBox(box)
        except QgsCsException:
            moved = QgsRectangle()
        if moved.isEmpty() or not moved.isFinite():
            raise ReviewError(
                tr("The candidate has no place in the project's CRS {}: choose another CRS.").format(
                    target.authid()
                )
            )
        return moved

    def _line(self, color: QColor, width: int) -> QgsRubberBand:
        line = QgsRubberBand(self.canvas, Qgis.GeometryType.Polygon)
        line.setStrokeColor(color)
        line.setFillColor(QColor(0, 0, 0, 0))
        line.setWidth(width)
        return line


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
