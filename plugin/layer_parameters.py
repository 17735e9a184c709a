"""The rows of layers, extents and further sources. Layers are looked at in the thread that owns them;
later they become files for the job, see `rasters.py` and `vectors.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsVectorLayer,
)

from .file_parameters import Model
from .i18n import tr
from .parameters import Choice, Crs, Prepared, Row, Values
from .rasters import Area, RasterInput, extent_text, localise, read_layer, unreadable
from .vectors import geopackage_of, localise_vector, read_vector

POLYGONS = QgsProcessing.SourceType.TypeVectorPolygon
MODEL_DEFAULT = "model default"
_ROLE = re.compile(r"[a-z][a-z0-9_]*")
#: Roles that have a parameter of their own.
_OWN = ("image", "dem")


@dataclass(frozen=True)
class Raster(Row):
    """A raster layer."""

    optional: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterRasterLayer(self.name, self.title, optional=self.optional)

    def prepare(self, values: Values) -> RasterInput | None:
        if not values.parameters.get(self.name):
            return None
        layer = values.algorithm.parameterAsRasterLayer(values.parameters, self.name, values.context)
        return _readable(layer, self.name, values.algorithm.area(values))

    def read(self, values: Values) -> str | None:
        raster = values.algorithm.prepared[self.name]
        return None if raster is None else str(localise(raster, values.context, values.feedback))


@dataclass(frozen=True)
class Sources(Row):
    """SOURCES: rasters of roles without a parameter of their own."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterString(self.name, self.title, optional=True, multiLine=False)

    def prepare(self, values: Values) -> dict[str, list[RasterInput]]:
        hint, area = QgsProcessingUtils.LayerHint.Raster, values.algorithm.area(values)
        return {
            role: [
                _readable(
                    QgsProcessingUtils.mapLayerFromString(raster, values.context, True, hint),
                    f"{self.name} {role}",
                    area,
                )
                for raster in rasters
            ]
            for role, rasters in parse_sources(values.text(self.name)).items()
        }

    def read(self, values: Values) -> dict[str, list[str]]:
        return {
            role: [str(localise(raster, values.context, values.feedback)) for raster in rasters]
            for role, rasters in values.algorithm.prepared[self.name].items()
        }

    def fault(self, values: Values) -> str:
        try:
            parse_sources(values.text(self.name))
        except ValueError as error:
            return str(error)
        return ""


@dataclass(frozen=True)
class Extent(Prepared):
    """EXTENT, which the job gets in a CRS that it knows, if need be that of IMAGE."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterExtent(self.name, self.title, optional=True)

    def prepare(self, values: Values) -> str | None:
        area = extent_area(values)
        image = values.algorithm.parameterAsRasterLayer(values.parameters, "IMAGE", values.context)
        if area.rectangle is None or image is None:
            return None
        return extent_text(area.rectangle, area.crs, image.crs(), area.transforms)


@dataclass(frozen=True)
class Vector(Row):
    """A vector layer of one kind."""

    kind: Any = POLYGONS
    optional: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterVectorLayer(self.name, self.title, [self.kind], optional=self.optional)

    def prepare(self, values: Values) -> Any:
        if not values.parameters.get(self.name):
            return None
        return self.describe(
            values.algorithm.parameterAsVectorLayer(values.parameters, self.name, values.context)
        )

    def describe(self, layer: QgsVectorLayer | None) -> Any:
        """Return what `read` needs of the layer."""
        return read_vector(layer, self.name)

    def read(self, values: Values) -> str | None:
        vector = values.algorithm.prepared[self.name]
        return None if vector is None else localise_vector(vector, values.context)


@dataclass(frozen=True)
class Candidates(Vector):
    """CANDIDATES: a layer of a GeoPackage of candidates, whose log of decisions lies in the same file."""

    def describe(self, layer: QgsVectorLayer | None) -> Path:
        return geopackage_of(layer, self.name)

    def read(self, values: Values) -> str | None:
        file = values.algorithm.prepared[self.name]
        return None if file is None else str(file)


@dataclass(frozen=True)
class CandidateLayers(Row):
    """Several such layers, `least` of them or more."""

    least: int = 0

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        layers = QgsProcessingParameterMultipleLayers(
            self.name, self.title, POLYGONS, optional=not self.least
        )
        if self.least:
            layers.setMinimumNumberInputs(self.least)
        return layers

    def prepare(self, values: Values) -> list[Path]:
        layers = values.algorithm.parameterAsLayerList(values.parameters, self.name, values.context)
        return [geopackage_of(layer, self.name) for layer in layers]

    def read(self, values: Values) -> list[str]:
        return [str(file) for file in values.algorithm.prepared[self.name]]


def raster_rows(*, model_title: str, image_optional: bool = False) -> list[Row]:
    """Return IMAGE, DEM, MODEL and EXTENT; IMAGE may be left out where nothing need be mapped."""
    return [
        Raster("IMAGE", "image", tr("Orthophoto"), optional=image_optional),
        Raster("DEM", "dem", tr("Elevation model (DEM), if the model reads one"), optional=True),
        Model("MODEL", "model", model_title),
        Extent("EXTENT", "extent", tr("Extent to map (empty: the whole orthophoto)")),
    ]


def mapping_rows(*, image_optional: bool = False) -> list[Row]:
    """Return the rows of `raster_rows` for a model that maps."""
    title = tr("Model (empty: the embedded demonstration model)")
    return raster_rows(model_title=title, image_optional=image_optional)


def sources_row() -> Sources:
    """Return SOURCES."""
    return Sources("SOURCES", "source", tr("Further sources, as role=path; role=path"), advanced=True)


def source_rows() -> list[Row]:
    """Return SOURCES and CRS."""
    return [
        sources_row(),
        Crs("CRS", "crs", tr("CRS of the map (empty: the orthophoto's)"), advanced=True),
    ]


def device_rows() -> list[Row]:
    """Return DEVICE and PRECISION."""
    return [
        Choice("DEVICE", "device", tr("Device"), advanced=True),
        Choice("PRECISION", "precision", tr("Precision"), advanced=True),
    ]


def setting_rows() -> list[Row]:
    """Return what few people change: further sources, CRS, and how the network runs."""
    return [
        *source_rows(),
        Choice(
            "AGGREGATION",
            "aggregation",
            tr("How the experts are combined"),
            advanced=True,
            unset=MODEL_DEFAULT,
        ),
        *device_rows(),
        Choice("ENGINE", "engine", tr("Engine on a CPU"), advanced=True),
    ]


def as_advanced(rows: Sequence[Row]) -> list[Row]:
    """Return the rows as advanced ones."""
    return [replace(row, advanced=True) for row in rows]


def extent_area(values: Values) -> Area:
    """Return EXTENT as it was given; all of a layer where there is no such parameter, or nothing in it."""
    algorithm, transforms = values.algorithm, values.context.transformContext()
    if algorithm.parameterDefinition("EXTENT") is None:
        return Area(None, QgsCoordinateReferenceSystem(), transforms)
    extent = algorithm.parameterAsExtent(values.parameters, "EXTENT", values.context)
    crs = algorithm.parameterAsExtentCrs(values.parameters, "EXTENT", values.context)
    return Area(None if extent.isNull() or extent.isEmpty() else extent, crs, transforms)


def _readable(layer: QgsRasterLayer | None, parameter: str, area: Area) -> RasterInput:
    if not isinstance(layer, QgsRasterLayer):
        raise QgsProcessingException(unreadable(parameter))
    return read_layer(layer, parameter, area)


def parse_sources(text: str) -> dict[str, tuple[str, ...]]:
    """Return role -> rasters of a text like `ndsm=/data/a.tif; ndsm=/data/b.tif; nir=layer name`.

    A role given several times is a mosaic. Raises ValueError with a sentence for people.
    """
    sources: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"[;\n]", text):
        if not part.strip():
            continue
        role, equals, raster = (piece.strip() for piece in part.partition("="))
        if not equals or not raster or not _ROLE.fullmatch(role):
            raise ValueError(
                tr('SOURCES has "{}": write role=path, several separated by semicolons.').format(part.strip())
            )
        if role in _OWN:
            raise ValueError(
                tr("SOURCES names the role {}: give that raster as {}.").format(role, role.upper())
            )
        sources[role] = (*sources.get(role, ()), raster)
    return sources
