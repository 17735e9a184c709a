"""What the algorithms that map have in common: the rasters, the model, and how the network is run. Layers
are read in the thread that owns them, and become a job's parameters later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsRasterLayer,
)

from .algorithm import MceAlgorithm
from .extents import crs_text, extent_text
from .i18n import tr
from .parameters import (
    EMBEDDED_MODEL,
    EMBEDDED_SCREEN,
    check_model,
    choice_parameter,
    model_parameter,
    model_value,
)
from .rasters import Area, RasterInput, localise, read_layer, unreadable
from .source_list import parse_sources

MODEL_DEFAULT = "model default"
#: The combination that a model has to learn first, by `fit_aggregation`.
LEARNT = "composed"
AGGREGATIONS = (
    MODEL_DEFAULT,
    "mean",
    "mean_responsible",
    "max",
    "zero_nontarget",
    "zero_nontarget_responsible",
    "conditional",
    LEARNT,
)
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
ENGINES = ("auto", "openvino", "torch")


def raster_parameters(
    *, optional: bool = False, model: QgsProcessingParameterDefinition | None = None
) -> list[QgsProcessingParameterDefinition]:
    """Return IMAGE, DEM, MODEL and EXTENT; IMAGE may be left out where nothing need be mapped."""
    return [
        QgsProcessingParameterRasterLayer("IMAGE", tr("Orthophoto"), optional=optional),
        QgsProcessingParameterRasterLayer(
            "DEM", tr("Elevation model (DEM), if the model reads one"), optional=True
        ),
        model or model_parameter(tr("Model (empty: the embedded demonstration model)")),
        QgsProcessingParameterExtent(
            "EXTENT", tr("Extent to map (empty: the whole orthophoto)"), optional=True
        ),
    ]


def sources_parameter() -> QgsProcessingParameterString:
    """Return SOURCES: rasters of roles without a parameter of their own."""
    return QgsProcessingParameterString(
        "SOURCES", tr("Further sources, as role=path; role=path"), optional=True, multiLine=False
    )


def setting_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return what few people change: further sources, CRS, and how the network runs."""
    return [
        *source_parameters(),
        choice_parameter("AGGREGATION", tr("How the experts are combined"), AGGREGATIONS),
        *device_parameters(),
        choice_parameter("ENGINE", tr("Engine on a CPU"), ENGINES),
    ]


def source_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return SOURCES and CRS."""
    return [
        sources_parameter(),
        QgsProcessingParameterCrs("CRS", tr("CRS of the map (empty: the orthophoto's)"), optional=True),
    ]


def device_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return DEVICE and PRECISION."""
    return [
        choice_parameter("DEVICE", tr("Device"), DEVICES),
        choice_parameter("PRECISION", tr("Precision"), PRECISIONS),
    ]


def mapping_fault(alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    """Return what is wrong with MODEL or SOURCES, or nothing."""
    return sources_fault(alg, parameters, context) or check_model(alg, parameters, context, EMBEDDED_MODEL)


def screening_fault(alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    """Return the same where MODEL is a screening model."""
    return sources_fault(alg, parameters, context) or check_model(alg, parameters, context, EMBEDDED_SCREEN)


def sources_fault(alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
    """Return what is wrong with SOURCES, or nothing."""
    try:
        parse_sources(alg.parameterAsString(parameters, "SOURCES", context))
    except ValueError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class SourceInputs:
    """The rasters that a job reads; no image where it knows a run's."""

    image: RasterInput | None
    dem: RasterInput | None
    sources: dict[str, list[RasterInput]]

    def request(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Return the parameters of the job; exports what is no file first."""
        return {
            "image": None if self.image is None else str(localise(self.image, context, feedback)),
            "dem": None if self.dem is None else str(localise(self.dem, context, feedback)),
            "source": {
                role: [str(localise(raster, context, feedback)) for raster in rasters]
                for role, rasters in self.sources.items()
            },
        }


@dataclass(frozen=True)
class MappingInputs(SourceInputs):
    """The rasters, and the settings that the jobs take as they are."""

    image: RasterInput
    settings: dict[str, Any]

    def request(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Return the parameters of the job; exports what is no file first."""
        return {**super().request(context, feedback), **self.settings}


def read_mapping(
    alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> MappingInputs:
    """Read the layers; call it in `prepareAlgorithm`. Raises QgsProcessingException for a broken one."""
    return read_inputs(alg, parameters, context, _settings(alg, parameters, context))


def read_inputs(
    alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext, settings: dict[str, Any]
) -> MappingInputs:
    """Do the same with the job's other settings at hand."""
    area = read_area(alg, parameters, context)
    image = _read(alg.parameterAsRasterLayer(parameters, "IMAGE", context), "IMAGE", area)
    rest = read_sources(alg, {**parameters, "IMAGE": None}, context, area)
    extent = None
    if area.rectangle is not None:
        extent = extent_text(area.rectangle, area.crs, image.crs, area.transforms)
    return MappingInputs(image, rest.dem, rest.sources, {"extent": extent, **settings})


def read_sources(
    alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext, area: Area
) -> SourceInputs:
    """Read the layers that are given; call it in `prepareAlgorithm`.

    Raises QgsProcessingException for a broken one.
    """
    image, dem = (
        _read(alg.parameterAsRasterLayer(parameters, name, context), name, area)
        if parameters.get(name)
        else None
        for name in ("IMAGE", "DEM")
    )
    return SourceInputs(image, dem, _further_sources(alg, parameters, area, context))


def read_area(alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> Area:
    """Return EXTENT."""
    extent = alg.parameterAsExtent(parameters, "EXTENT", context)
    crs = alg.parameterAsExtentCrs(parameters, "EXTENT", context)
    given = not extent.isNull() and not extent.isEmpty()
    return Area(extent if given else None, crs, context.transformContext())


def _further_sources(
    alg: MceAlgorithm, parameters: dict[str, Any], area: Area, context: QgsProcessingContext
) -> dict[str, list[RasterInput]]:
    hint = QgsProcessingUtils.LayerHint.Raster
    sources = parse_sources(alg.parameterAsString(parameters, "SOURCES", context))
    return {
        role: [
            _read(QgsProcessingUtils.mapLayerFromString(raster, context, True, hint), f"SOURCES {role}", area)
            for raster in rasters
        ]
        for role, rasters in sources.items()
    }


def _settings(alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
    aggregation = alg.parameterAsEnumString(parameters, "AGGREGATION", context)
    return {
        **device_settings(alg, parameters, context, EMBEDDED_MODEL),
        "aggregation": None if aggregation == MODEL_DEFAULT else aggregation,
        "engine": alg.parameterAsEnumString(parameters, "ENGINE", context),
    }


def device_settings(
    alg: MceAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext, embedded: str
) -> dict[str, Any]:
    """Return the model, the CRS, the device and the precision; no MODEL means the embedded one."""
    return {
        "model": model_value(alg, parameters, context, embedded),
        "crs": crs_text(alg.parameterAsCrs(parameters, "CRS", context)),
        "device": alg.parameterAsEnumString(parameters, "DEVICE", context),
        "precision": alg.parameterAsEnumString(parameters, "PRECISION", context),
    }


def _read(layer: QgsRasterLayer | None, parameter: str, area: Area) -> RasterInput:
    if not isinstance(layer, QgsRasterLayer):
        raise QgsProcessingException(unreadable(parameter))
    return read_layer(layer, parameter, area)
