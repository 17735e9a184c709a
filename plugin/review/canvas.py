"""Shows one candidate after the other on a map canvas: where to, at which scale, and with which outline."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QColor

from ..i18n import tr
from .prefetch import Prefetcher
from .records import ReviewError

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
