"""The extent and the CRS that the user chose, in the words of the backend: `xmin,xmax,ymin,ymax [EPSG:n]`."""

from __future__ import annotations

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsPointXY,
    QgsProcessingException,
    QgsRectangle,
)

from .i18n import tr


def extent_text(
    extent: QgsRectangle,
    crs: QgsCoordinateReferenceSystem,
    image_crs: QgsCoordinateReferenceSystem,
    transforms: QgsCoordinateTransformContext,
) -> str | None:
    """Return the extent with its EPSG code, None for an empty one.

    A CRS without an EPSG code is one that the backend may not know: the extent is then given in the image's
    CRS, without a code where that has none either. Raises QgsProcessingException if it cannot be transformed.
    """
    if extent.isNull() or extent.isEmpty():
        return None
    if not crs.isValid() or crs == image_crs:
        return _numbers(extent) + (f" [{image_crs.authid()}]" if _has_epsg(image_crs) else "")
    if _has_epsg(crs):
        return f"{_numbers(extent)} [{crs.authid()}]"
    if not image_crs.isValid():
        raise QgsProcessingException(
            tr("The CRS of EXTENT has no EPSG code and the image has no CRS: give the image its CRS.")
        )
    return extent_text(transform_extent(extent, crs, image_crs, transforms), image_crs, image_crs, transforms)


def point_text(
    point: QgsPointXY,
    crs: QgsCoordinateReferenceSystem,
    image_crs: QgsCoordinateReferenceSystem,
    transforms: QgsCoordinateTransformContext,
) -> str:
    """Return `x,y [EPSG:n]`; see `extent_text` for a CRS without a code."""
    if crs.isValid() and not _has_epsg(crs) and crs != image_crs:
        around = transform_extent(QgsRectangle(point, point), crs, image_crs, transforms)
        return point_text(around.center(), image_crs, image_crs, transforms)
    known = crs if crs.isValid() else image_crs
    return f"{point.x()!r},{point.y()!r}" + (f" [{known.authid()}]" if _has_epsg(known) else "")


def crs_text(crs: QgsCoordinateReferenceSystem) -> str | None:
    """Return the CRS by its EPSG code, else as WKT; None for none."""
    if not crs.isValid():
        return None
    return crs.authid() if _has_epsg(crs) else crs.toWkt(Qgis.CrsWktVariant.Preferred)


def transform_extent(
    extent: QgsRectangle,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    transforms: QgsCoordinateTransformContext,
) -> QgsRectangle:
    """Return the rectangle around the extent in the other CRS, or raise QgsProcessingException."""
    try:
        return QgsCoordinateTransform(source, target, transforms).transformBoundingBox(extent)
    except QgsCsException as error:
        raise QgsProcessingException(
            tr("EXTENT cannot be transformed from {} to {}: choose another one.").format(
                source.userFriendlyIdentifier(), target.userFriendlyIdentifier()
            )
        ) from error


def _has_epsg(crs: QgsCoordinateReferenceSystem) -> bool:
    return crs.authid().upper().startswith("EPSG:")


def _numbers(extent: QgsRectangle) -> str:
    # repr gives the shortest text that reads back as the same number.
    edges = (extent.xMinimum(), extent.xMaximum(), extent.yMinimum(), extent.yMaximum())
    return ",".join(repr(edge) for edge in edges)
