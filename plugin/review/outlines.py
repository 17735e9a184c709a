"""Outlines between QGIS and the file: GeoPackage geometries (GeoPackage 1.2, clause 2.1.3)."""

from __future__ import annotations

import struct

from qgis.core import Qgis, QgsGeometry

from ..i18n import tr
from .records import ReviewError

_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_LITTLE_ENDIAN, _XY_ENVELOPE = 1, 1 << 1


def outline_from(blob: bytes) -> QgsGeometry:
    """Return the geometry of a GeoPackage blob; raise ReviewError where it is none."""
    kind = (blob[3] >> 1) & 7 if len(blob) > 8 and blob[:2] == b"GP" else -1
    geometry = QgsGeometry()
    if kind in _ENVELOPE_BYTES:
        geometry.fromWkb(blob[8 + _ENVELOPE_BYTES[kind] :])
    if geometry.isNull():
        raise ReviewError(tr("The outline of this candidate is broken: flag the run anew."))
    return geometry


def outline_to(geometry: QgsGeometry, srs_id: int) -> bytes:
    """Return a polygon as the GeoPackage blob of a multipolygon.

    Raises ReviewError where it is no valid polygon.
    """
    if geometry.isEmpty() or geometry.type() != Qgis.GeometryType.Polygon:
        raise ReviewError(tr("The new outline is no polygon: draw it anew."))
    polygons = QgsGeometry(geometry)
    polygons.convertToMultiType()
    polygons.get().dropZValue()
    polygons.get().dropMValue()
    if not polygons.isGeosValid():
        raise ReviewError(tr("The new outline crosses itself: correct it and decide again."))
    box = polygons.boundingBox()
    envelope = box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum()
    header = struct.pack("<2sBBi4d", b"GP", 0, _LITTLE_ENDIAN | _XY_ENVELOPE, srs_id, *envelope)
    return header + bytes(polygons.asWkb())
