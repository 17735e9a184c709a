"""Processing algorithm `predict`: from an orthophoto and a DEM to a land-cover map and expert layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsRasterLayer,
)

from ..algorithm import MceAlgorithm
from ..extents import extent_text
from ..i18n import tr
from ..layers import group_name, load_on_completion, place_products
from ..parameters import check_model, model_parameter, model_value
from ..rasters import Area, RasterInput, localise, read_layer, unreadable
from ..source_list import parse_sources

MODEL_DEFAULT = "model default"
AGGREGATIONS = (
    MODEL_DEFAULT,
    "mean",
    "mean_responsible",
    "max",
    "zero_nontarget",
    "zero_nontarget_responsible",
)
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
#: Raster destination -> product of the job. A model with more experts has the rest in OUTPUT_DIR only.
DESTINATIONS = {
    "MAP": "land_cover",
    "EVIDENCE": "evidence",
    "EXPERT_1": "expert_1",
    "EXPERT_2": "expert_2",
    "EXPERT_3": "expert_3",
}


class Predict(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "predict"
    # Set by prepareAlgorithm.
    _image: RasterInput
    _dem: RasterInput | None
    _sources: dict[str, list[RasterInput]]
    _extent: str | None
    _group: str

    def displayName(self) -> str:
        return tr("Map land cover")

    def shortDescription(self) -> str:
        return tr("Maps land cover with complementary experts from an orthophoto and a DEM.")

    def tags(self) -> list[str]:
        tags = tr("land cover,classification,segmentation,deep learning,experts,orthophoto,rare classes")
        return [*tags.split(","), "mce", "dem"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self._add_inputs()
        self._add_settings()
        self._add_destinations()
        self.addOutput(QgsProcessingOutputFile("RUN_FILE", tr("Record of the run (run.json)")))
        self.addOutput(QgsProcessingOutputNumber("N_EXPERTS", tr("Number of experts")))
        self.addOutput(QgsProcessingOutputNumber("WINDOWS", tr("Number of windows")))
        self.addOutput(QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")))
        self.addOutput(QgsProcessingOutputString("DEVICE_USED", tr("Device used")))
        self.addOutput(QgsProcessingOutputString("PRECISION_USED", tr("Precision used")))

    def _add_inputs(self) -> None:
        self.addParameter(QgsProcessingParameterRasterLayer("IMAGE", tr("Orthophoto")))
        self.addParameter(
            QgsProcessingParameterRasterLayer(
                "DEM", tr("Elevation model (DEM), if the model reads one"), optional=True
            )
        )
        self.addParameter(model_parameter())
        self.addParameter(
            QgsProcessingParameterExtent(
                "EXTENT", tr("Extent to map (empty: the whole orthophoto)"), optional=True
            )
        )
        self.add_advanced(
            QgsProcessingParameterString(
                "SOURCES", tr("Further sources, as role=path; role=path"), optional=True, multiLine=False
            )
        )

    def _add_settings(self) -> None:
        integer, double = (
            Qgis.ProcessingNumberParameterType.Integer,
            Qgis.ProcessingNumberParameterType.Double,
        )
        self.add_advanced(_choice("AGGREGATION", tr("How the experts are combined"), AGGREGATIONS))
        self.add_advanced(
            QgsProcessingParameterNumber(
                "ALPHA",
                tr("Prior correction of the maximum-likelihood evidence (0 none, 1 full)"),
                double,
                1.0,
                minValue=0.0,
                maxValue=1.0,
            )
        )
        self.add_advanced(_choice("DEVICE", tr("Device"), DEVICES))
        self.add_advanced(_choice("PRECISION", tr("Precision"), PRECISIONS))
        self.add_advanced(
            QgsProcessingParameterNumber(
                "OVERLAP",
                tr("Overlap of windows, 0 to 0.9 (empty: the model's)"),
                double,
                None,
                optional=True,
                minValue=0.0,
                maxValue=0.9,
            )
        )
        self.add_advanced(
            QgsProcessingParameterNumber(
                "BATCH_SIZE", tr("Windows per batch (0: automatic)"), integer, 0, minValue=0
            )
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "LOAD_LAYERS", tr("Add all results to the project"), defaultValue=True
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                "OVERWRITE", tr("Replace results of an earlier run"), defaultValue=False
            )
        )

    def _add_destinations(self) -> None:
        folder = tr("Folder for the map, the experts and the evidence")
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT_DIR", folder))
        for name, title in _destination_titles().items():
            self.addParameter(
                QgsProcessingParameterRasterDestination(name, title, optional=True, createByDefault=False)
            )

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = check_model(self, parameters, context) or self._fault(parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with the sources or destinations, or nothing."""
        try:
            parse_sources(self.parameterAsString(parameters, "SOURCES", context))
        except ValueError as error:
            return str(error)
        for name in DESTINATIONS:
            target = self.parameterAsFileOutput(parameters, name, context) if parameters.get(name) else ""
            if target and Path(target).suffix.lower() not in (".tif", ".tiff"):
                return tr('{} "{}" is not a GeoTIFF: choose a name that ends in .tif.').format(name, target)
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        area = self._area(parameters, context)
        image = self.parameterAsRasterLayer(parameters, "IMAGE", context)
        self._image = _read(image, "IMAGE", area)
        self._dem = None
        if parameters.get("DEM"):
            self._dem = _read(self.parameterAsRasterLayer(parameters, "DEM", context), "DEM", area)
        self._sources = self._further_sources(parameters, area, context)
        self._extent = (
            None
            if area.rectangle is None
            else extent_text(area.rectangle, area.crs, self._image.crs, area.transforms)
        )
        self._group = group_name(self._image.name, context.project())
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        destinations = self._destinations(parameters, context)
        request = {
            "image": str(localise(self._image, context, feedback)),
            "dem": None if self._dem is None else str(localise(self._dem, context, feedback)),
            "source": {
                role: [str(localise(raster, context, feedback)) for raster in rasters]
                for role, rasters in self._sources.items()
            },
            "model": model_value(self, parameters, context),
            "output": self.parameterAsString(parameters, "OUTPUT_DIR", context),
            "extent": self._extent,
            "destinations": destinations,
            **self._settings(parameters, context),
        }
        result = self.run_backend(request, feedback)
        products = {**result["products"], **destinations}
        add = self.parameterAsBoolean(parameters, "LOAD_LAYERS", context)
        wanted = [Path(file) for product, file in products.items() if add and product not in destinations]
        titles = set(_destination_titles().values())
        load_on_completion(place_products(products), self._group, context, wanted, titles)
        feedback.pushInfo(
            tr("Mapped {} windows in {:.1f} s on {} with {}.").format(
                result["windows"], result["seconds"], result["device"], result["precision"]
            )
        )
        return _outputs(result, products)

    def _area(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Area:
        extent = self.parameterAsExtent(parameters, "EXTENT", context)
        crs = self.parameterAsExtentCrs(parameters, "EXTENT", context)
        given = not extent.isNull() and not extent.isEmpty()
        return Area(extent if given else None, crs, context.transformContext())

    def _further_sources(
        self, parameters: dict[str, Any], area: Area, context: QgsProcessingContext
    ) -> dict[str, list[RasterInput]]:
        hint = QgsProcessingUtils.LayerHint.Raster
        sources = parse_sources(self.parameterAsString(parameters, "SOURCES", context))
        return {
            role: [
                _read(
                    QgsProcessingUtils.mapLayerFromString(raster, context, True, hint),
                    f"SOURCES {role}",
                    area,
                )
                for raster in rasters
            ]
            for role, rasters in sources.items()
        }

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Return the parameters that the job takes as they are."""
        aggregation = self.parameterAsEnumString(parameters, "AGGREGATION", context)
        overlap = parameters.get("OVERLAP")
        return {
            "aggregation": None if aggregation == MODEL_DEFAULT else aggregation,
            "alpha": self.parameterAsDouble(parameters, "ALPHA", context),
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "precision": self.parameterAsEnumString(parameters, "PRECISION", context),
            "overlap": None
            if overlap in (None, "")
            else self.parameterAsDouble(parameters, "OVERLAP", context),
            "batch_size": self.parameterAsInt(parameters, "BATCH_SIZE", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }

    def _destinations(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, str]:
        """Return product -> file for the raster destinations that are set."""
        files = {
            product: self.parameterAsOutputLayer(parameters, name, context)
            for name, product in DESTINATIONS.items()
        }
        return {product: file for product, file in files.items() if file}


def _destination_titles() -> dict[str, str]:
    """Return what the dialog calls the raster destinations: QGIS puts "[Skip output]" under each."""
    title = tr("{} (file of its own)")
    products = {"MAP": tr("Land-cover map"), "EVIDENCE": tr("Evidence")}
    return {
        name: title.format(products.get(name) or tr("Expert {}").format(name[-1])) for name in DESTINATIONS
    }


def _choice(name: str, title: str, options: tuple[str, ...]) -> QgsProcessingParameterEnum:
    return QgsProcessingParameterEnum(
        name, title, options=list(options), defaultValue=options[0], usesStaticStrings=True
    )


def _read(layer: QgsRasterLayer | None, parameter: str, area: Area) -> RasterInput:
    if not isinstance(layer, QgsRasterLayer):
        raise QgsProcessingException(unreadable(parameter))
    return read_layer(layer, parameter, area)


def _outputs(result: dict[str, Any], products: dict[str, str]) -> dict[str, Any]:
    """Return the declared outputs: every product that the model has, wherever it lies."""
    rasters = {name: products[product] for name, product in DESTINATIONS.items() if product in products}
    return {
        "OUTPUT_DIR": result["output_dir"],
        **rasters,
        "RUN_FILE": result["run_file"],
        "N_EXPERTS": sum(product.startswith("expert_") for product in products),
        "WINDOWS": result["windows"],
        "SECONDS": result["seconds"],
        "DEVICE_USED": result["device"],
        "PRECISION_USED": result["precision"],
    }
