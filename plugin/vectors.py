"""Brings vector layers and labels to the backend as files; what is none is exported to a temporary one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Union

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeatureSink,
    QgsFields,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from .i18n import tr
from .rasters import local_file, unreadable


@dataclass(frozen=True)
class VectorInput:
    """A vector layer for the backend: `source` where it is a file, else its `features` to export, once."""

    parameter: str
    source: str
    features: QgsVectorLayerFeatureSource | None = None
    fields: QgsFields | None = None
    geometry: Qgis.WkbType = Qgis.WkbType.Unknown
    crs: QgsCoordinateReferenceSystem | None = None


def read_vector(layer: QgsVectorLayer | None, parameter: str) -> VectorInput:
    """Describe a layer for later use in another thread; call it in the layer's own thread.

    Raises QgsProcessingException for a layer that is broken, or that QGIS could not load at all.
    """
    if layer is None or not layer.isValid():
        raise QgsProcessingException(
            tr("{} is not a layer that QGIS can read: choose another one.").format(parameter)
        )
    source = local_source(layer)
    if source:
        return VectorInput(parameter, source)
    features = QgsVectorLayerFeatureSource(layer)
    return VectorInput(parameter, "", features, layer.fields(), layer.wkbType(), layer.crs())


def local_source(layer: QgsVectorLayer) -> str:
    """Return the file that holds the whole layer, with `|layername=` where it is one of several, or nothing.

    A filter, unsaved edits, or a CRS that the user gave the layer are not in the file.
    """
    if layer.providerType() != "ogr" or layer.subsetString() or layer.isModified():
        return ""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    path = Path(str(parts.get("path") or ""))
    special = any(parts.get(key) for key in ("vsiPrefix", "vsiSuffix", "authcfg", "openOptions"))
    if special or layer.crs() != layer.dataProvider().crs() or not path.is_file():
        return ""
    name = parts.get("layerName") or layer.dataProvider().subLayers()[0].split("!!::!!")[1]
    return f"{path.absolute()}|layername={name}"


def localise_vector(vector: VectorInput, context: QgsProcessingContext) -> str:
    """Return the layer as a file, exporting it to a temporary GeoPackage where it is none.

    Raises QgsProcessingException if that fails.
    """
    if vector.source:
        return vector.source
    assert vector.features is not None and vector.fields is not None
    target = QgsProcessingUtils.generateTempFilename(f"{vector.parameter.lower()}.gpkg", context)
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", "labels"
    writer = QgsVectorFileWriter.create(
        target, vector.fields, vector.geometry, vector.crs, context.transformContext(), options
    )
    written = writer.addFeatures(vector.features.getFeatures(), QgsFeatureSink.Flag.FastInsert)
    reason = writer.errorMessage()
    del writer  # which closes the file
    if not written or reason:
        raise QgsProcessingException(
            tr("{} could not be exported ({}): save it as a GeoPackage and use that.").format(
                vector.parameter, reason
            )
        )
    return target


def geopackage_of(layer: QgsVectorLayer | None, parameter: str) -> Path:
    """Return the GeoPackage that a layer of candidates lies in.

    Raises QgsProcessingException for a layer that lies elsewhere: the decisions are in the same file.
    """
    source = layer.source() if isinstance(layer, QgsVectorLayer) and layer.isValid() else ""
    path = Path(str(QgsProviderRegistry.instance().decodeUri("ogr", source).get("path") or ""))
    if path.suffix.lower() != ".gpkg" or not path.is_file():
        raise QgsProcessingException(
            tr(
                "{} is not a GeoPackage of candidates: choose a file that "
                '"Flag missed and doubtful rare places" wrote.'
            ).format(parameter)
        )
    return path.absolute()


LabelInput = Union[Path, VectorInput]


def read_labels(layer: QgsMapLayer | None, parameter: str) -> LabelInput:
    """Describe labels for later use in another thread; call it in the layer's own thread.

    Raises QgsProcessingException for what is neither a raster file nor a vector layer.
    """
    if isinstance(layer, QgsVectorLayer):
        return read_vector(layer, parameter)
    file = local_file(layer) if isinstance(layer, QgsRasterLayer) and layer.isValid() else None
    if file is None:
        raise QgsProcessingException(unreadable(parameter))
    return file


def localise_labels(labels: LabelInput, context: QgsProcessingContext) -> str:
    """Return the labels as a file; polygons that are none are exported first."""
    return localise_vector(labels, context) if isinstance(labels, VectorInput) else str(labels)
