"""Processing algorithm `predict`: from an orthophoto and a DEM to a land-cover map and expert layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)

from ..algorithm import MceAlgorithm
from ..groups import group_name
from ..i18n import tr
from ..layers import load_on_completion, place_products
from ..mapping import MappingInputs, mapping_fault, raster_parameters, read_mapping, setting_parameters
from ..parameters import (
    DEFAULT_ALPHA,
    DEFAULT_FIRST,
    file_fault,
    number_or_none,
    optional_text,
    share_parameter,
)

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
    _inputs: MappingInputs
    _group: str

    def displayName(self) -> str:
        return tr("Map land cover")

    def shortDescription(self) -> str:
        return tr("Maps land cover with complementary experts from an orthophoto and a DEM.")

    def tags(self) -> list[str]:
        tags = tr("land cover,classification,segmentation,deep learning,experts,orthophoto,rare classes")
        return [*tags.split(","), "mce", "dem"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        for parameter in raster_parameters():
            self.addParameter(parameter)
        for parameter in setting_parameters():
            self.add_advanced(parameter)
        self._add_settings()
        self._add_destinations()
        self.addOutput(QgsProcessingOutputFile("RUN_FILE", tr("Record of the run (run.json)")))
        self.addOutput(QgsProcessingOutputFile("LOGITS_FILE", tr("Logits of the experts, where kept")))
        self.addOutput(QgsProcessingOutputNumber("N_EXPERTS", tr("Number of experts")))
        self.addOutput(QgsProcessingOutputNumber("WINDOWS", tr("Number of windows")))
        self.addOutput(QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")))
        self.addOutput(QgsProcessingOutputString("DEVICE_USED", tr("Device used")))
        self.addOutput(QgsProcessingOutputString("PRECISION_USED", tr("Precision used")))

    def _add_settings(self) -> None:
        integer, double = (
            Qgis.ProcessingNumberParameterType.Integer,
            Qgis.ProcessingNumberParameterType.Double,
        )
        self.add_advanced(
            share_parameter(
                "ALPHA",
                tr("Prior correction of the maximum-likelihood evidence (0 none, 1 full)"),
                DEFAULT_ALPHA,
            )
        )
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
                "LOGITS", tr("Keep the experts' logits, to decide anew later (large)"), defaultValue=False
            )
        )
        self.add_advanced(
            QgsProcessingParameterFile(
                "TILES",
                tr("Map only the first of these screened tiles (empty: all of the extent)"),
                optional=True,
                fileFilter=tr("GeoPackages (*.gpkg);;All files (*)"),
            )
        )
        self.add_advanced(
            share_parameter(
                "TILES_FIRST", tr("Share of the tiles to map, the likeliest first"), DEFAULT_FIRST
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
        fault = (
            mapping_fault(self, parameters, context)
            or file_fault(self, parameters, ("TILES",), context)
            or self._fault(parameters, context)
        )
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with the destinations, or nothing."""
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
        self._inputs = read_mapping(self, parameters, context)
        self._group = group_name(self._inputs.image.name, context.project())
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        destinations = self._destinations(parameters, context)
        request = {
            **self._inputs.request(context, feedback),
            "output": self.parameterAsString(parameters, "OUTPUT_DIR", context),
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

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Return the parameters that the job takes as they are."""
        return {
            "alpha": self.parameterAsDouble(parameters, "ALPHA", context),
            "overlap": number_or_none(self, parameters, "OVERLAP", context),
            "batch_size": self.parameterAsInt(parameters, "BATCH_SIZE", context),
            "logits": self.parameterAsBoolean(parameters, "LOGITS", context),
            "tiles": optional_text(self, parameters, "TILES", context),
            "tiles_first": self.parameterAsDouble(parameters, "TILES_FIRST", context),
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


def _outputs(result: dict[str, Any], products: dict[str, str]) -> dict[str, Any]:
    """Return the declared outputs: every product that the model has, wherever it lies."""
    names = {**DESTINATIONS, "LOGITS_FILE": "logits"}
    files = {name: products[product] for name, product in names.items() if product in products}
    return {
        "OUTPUT_DIR": result["output_dir"],
        **files,
        "RUN_FILE": result["run_file"],
        "N_EXPERTS": sum(product.startswith("expert_") for product in products),
        "WINDOWS": result["windows"],
        "SECONDS": result["seconds"],
        "DEVICE_USED": result["device"],
        "PRECISION_USED": result["precision"],
    }
