"""Draws the views that come next while the user looks at the present one, and hands them to the canvas."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from qgis.core import QgsMapRendererCache, QgsMapRendererParallelJob, QgsMapSettings, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

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
