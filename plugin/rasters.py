"""Brings rasters, extents and CRSs to the backend: a local file as it is, any other layer exported to one; an
extent as `xmin,xmax,ymin,ymax [EPSG:n]`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsRasterBlockFeedback,
    QgsRasterDataProvider,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRasterProjector,
    QgsRectangle,
)

from .i18n import tr

#: Pixel size in metres of exports from services, which have none of their own.
SERVICE_GSD_M = 0.25
#: Context around the extent that is exported with it, so that windows at its edge see what lies beyond.
MARGIN_M = 100.0


@dataclass(frozen=True)
class Area:
    """The extent asked for, in its own CRS; `rectangle` is None where the user gave none."""

    rectangle: QgsRectangle | None
    crs: QgsCoordinateReferenceSystem
    transforms: QgsCoordinateTransformContext


@dataclass(frozen=True)
class Grid:
    """What an export writes: `n_cols` x `n_rows` pixels over `extent` in `crs`."""

    crs: QgsCoordinateReferenceSystem
    extent: QgsRectangle
    n_cols: int
    n_rows: int


@dataclass(frozen=True)
class RasterInput:
    """A raster for the backend: `file` where it is one, else the `provider` to export over `grid`, once."""

    parameter: str
    name: str
    crs: QgsCoordinateReferenceSystem
    file: Path | None
    provider: QgsRasterDataProvider | None = None
    grid: Grid | None = None


def read_layer(layer: QgsRasterLayer, parameter: str, area: Area) -> RasterInput:
    """Describe a layer for later use in another thread; call it in the layer's own thread.

    Raises QgsProcessingException for a layer that is broken, or that cannot be exported without an extent.
    """
    provider = layer.dataProvider()
    if not layer.isValid() or provider is None:
        raise QgsProcessingException(unreadable(parameter))
    file = local_file(layer)
    if file is not None:
        return RasterInput(parameter, layer.name(), layer.crs(), file)
    grid = export_grid(layer, parameter, area)
    return RasterInput(parameter, layer.name(), layer.crs(), None, provider.clone(), grid)


def read_whole(layer: QgsRasterLayer | None, parameter: str, context: QgsProcessingContext) -> RasterInput:
    """Describe a layer without an extent, as `read_layer` does; None stands for one that cannot be read."""
    if layer is None:
        raise QgsProcessingException(unreadable(parameter))
    return read_layer(
        layer, parameter, Area(None, QgsCoordinateReferenceSystem(), context.transformContext())
    )


def unreadable(parameter: str) -> str:
    """Return the sentence for a parameter whose value is no readable raster."""
    return tr("{} is not a raster that QGIS can read: choose another layer or file.").format(parameter)


def local_file(layer: QgsRasterLayer) -> Path | None:
    """Return the file that holds the whole layer, or None where there is no such file.

    Subdatasets, open options, archives and addresses are not plain files: QGIS reads those for us. Nor does
    the file tell all where the user gave the layer another CRS, for example because the file has none.
    """
    if layer.providerType() != "gdal":
        return None
    uri = layer.dataProvider().dataSourceUri()
    parts = QgsProviderRegistry.instance().decodeUri("gdal", uri)
    special = ("layerName", "openOptions", "vsiPrefix", "vsiSuffix", "authcfg")
    path = Path(str(parts.get("path") or ""))
    other_crs = layer.crs().isValid() and layer.crs() != layer.dataProvider().crs()
    if any(parts.get(key) for key in special) or other_crs or not path.is_file():
        return None
    return path.absolute()


def localise(raster: RasterInput, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Path:
    """Return the raster as a file, exporting it to a temporary GeoTIFF where it is none.

    Raises QgsProcessingException if the export fails or is cancelled.
    """
    if raster.file is not None:
        return raster.file
    grid, provider = raster.grid, raster.provider
    assert grid is not None and provider is not None
    target = Path(QgsProcessingUtils.generateTempFilename(f"{raster.parameter.lower()}.tif", context))
    feedback.pushInfo(
        tr("{} is no local file: exporting {} x {} pixels in {} to {}.").format(
            raster.name, grid.n_cols, grid.n_rows, grid.crs.userFriendlyIdentifier(), target
        )
    )
    # The pipe takes the provider itself: a clone of a clone of a virtual raster reads arbitrary numbers.
    pipe = QgsRasterPipe()
    projector = QgsRasterProjector()
    projector.setCrs(raster.crs, grid.crs, context.transformContext())
    if not pipe.set(provider) or not pipe.set(projector):
        raise QgsProcessingException(
            tr("{} cannot be exported: save it as a GeoTIFF first.").format(raster.name)
        )
    result = _write(pipe, target, grid, context, feedback)
    if feedback.isCanceled():
        raise QgsProcessingException(tr("Cancelled: the job was stopped before its end."))
    if result != Qgis.RasterFileWriterResult.Success:
        raise QgsProcessingException(
            tr("{} could not be exported ({}): save it as a GeoTIFF and use that.").format(
                raster.name, result.name
            )
        )
    return target


def _write(
    pipe: QgsRasterPipe,
    target: Path,
    grid: Grid,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> Qgis.RasterFileWriterResult:
    """Write the pipe, handing the wish to cancel on to it."""
    inner = QgsRasterBlockFeedback()
    feedback.canceled.connect(inner.cancel)
    if feedback.isCanceled():
        inner.cancel()
    writer = QgsRasterFileWriter(str(target))
    writer.setOutputFormat("GTiff")
    writer.setCreateOptions(["TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER"])
    result = writer.writeRaster(
        pipe, grid.n_cols, grid.n_rows, grid.extent, grid.crs, context.transformContext(), inner
    )
    feedback.canceled.disconnect(inner.cancel)
    return Qgis.RasterFileWriterResult(result)


def export_grid(layer: QgsRasterLayer, parameter: str, area: Area) -> Grid:
    """Return the grid to export a layer on: its own, or for a service `SERVICE_GSD_M` in the extent's CRS.

    With an extent, the grid covers that and `MARGIN_M` around it, snapped to whole pixels so that
    neighbouring extents see the same pixels.
    """
    crs = layer.crs()
    if not crs.isValid():
        raise QgsProcessingException(tr("{} has no CRS: set the CRS of the layer.").format(parameter))
    provider = layer.dataProvider()
    if provider.capabilities() & Qgis.RasterInterfaceCapability.Size and provider.xSize() > 0:
        own = Grid(crs, provider.extent(), provider.xSize(), provider.ySize())
        return own if area.rectangle is None else _part(own, parameter, area)
    if area.rectangle is None:
        raise QgsProcessingException(
            tr("{} is a service without an end ({}): choose EXTENT, the part to map.").format(
                parameter, layer.name()
            )
        )
    target = area.crs if area.crs.isValid() else crs
    if target.mapUnits() != Qgis.DistanceUnit.Meters:
        raise QgsProcessingException(
            tr("{} is a service and EXTENT is not in metres ({}): choose EXTENT in a projected CRS.").format(
                parameter, target.userFriendlyIdentifier()
            )
        )
    return snap(area.rectangle.buffered(MARGIN_M), target, (0.0, 0.0), (SERVICE_GSD_M, SERVICE_GSD_M))


def _part(own: Grid, parameter: str, area: Area) -> Grid:
    """Return the part of a layer's own grid that the extent and its margin need."""
    assert area.rectangle is not None
    wanted = area.rectangle
    if area.crs.isValid() and area.crs != own.crs:
        wanted = transform_extent(wanted, area.crs, own.crs, area.transforms)
    if not wanted.intersects(own.extent):
        raise QgsProcessingException(
            tr("EXTENT does not overlap {}: choose an extent inside the raster.").format(parameter)
        )
    size = (own.extent.width() / own.n_cols, own.extent.height() / own.n_rows)
    metres = Qgis.DistanceUnit.Meters
    margin = MARGIN_M if own.crs.mapUnits() == metres else 200 * max(size)
    corner = (own.extent.xMinimum(), own.extent.yMinimum())
    return snap(wanted.buffered(margin).intersect(own.extent), own.crs, corner, size)


def snap(
    extent: QgsRectangle,
    crs: QgsCoordinateReferenceSystem,
    corner: tuple[float, float],
    size: tuple[float, float],
) -> Grid:
    """Return the smallest grid of pixels of `size`, one of them at `corner`, that covers the extent."""
    first_col = math.floor((extent.xMinimum() - corner[0]) / size[0] + 1e-6)
    last_col = math.ceil((extent.xMaximum() - corner[0]) / size[0] - 1e-6)
    first_row = math.floor((extent.yMinimum() - corner[1]) / size[1] + 1e-6)
    last_row = math.ceil((extent.yMaximum() - corner[1]) / size[1] - 1e-6)
    snapped = QgsRectangle(
        corner[0] + first_col * size[0],
        corner[1] + first_row * size[1],
        corner[0] + last_col * size[0],
        corner[1] + last_row * size[1],
    )
    return Grid(crs, snapped, last_col - first_col, last_row - first_row)


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
