"""Processing algorithm `predict`: from an orthophoto and a DEM to a land-cover map and expert layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import File, FolderOutput, RasterOutput
from ..i18n import tr
from ..layer_parameters import mapping_rows, setting_rows
from ..layers import group_name, load_on_completion, place_products
from ..parameters import Flag, Number, Row, Values

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
    _group: str  # set by `prepare_run`

    def displayName(self) -> str:
        return tr("Map land cover")

    def shortDescription(self) -> str:
        return tr("Maps land cover with complementary experts from an orthophoto and a DEM.")

    def tags(self) -> list[str]:
        tags = tr("land cover,classification,segmentation,deep learning,experts,orthophoto,rare classes")
        return [*tags.split(","), "mce", "dem"]

    def rows(self) -> list[Row]:
        return [
            *mapping_rows(),
            *setting_rows(),
            Number(
                "ALPHA",
                "alpha",
                tr("Prior correction of the maximum-likelihood evidence (0 none, 1 full)"),
                advanced=True,
            ),
            Number(
                "OVERLAP",
                "overlap",
                tr("Overlap of windows, 0 to 0.9 (empty: the model's)"),
                advanced=True,
                maximum=0.9,
            ),
            Number("BATCH_SIZE", "batch_size", tr("Windows per batch (0: automatic)"), advanced=True),
            Flag(
                "LOGITS",
                "logits",
                tr("Keep the experts' logits, to decide anew later (large)"),
                advanced=True,
            ),
            File(
                "TILES",
                "tiles",
                tr("Map only the first of these screened tiles (empty: all of the extent)"),
                advanced=True,
                filter=tr("GeoPackages (*.gpkg);;All files (*)"),
            ),
            Number(
                "TILES_FIRST",
                "tiles_first",
                tr("Share of the tiles to map, the likeliest first"),
                advanced=True,
            ),
            Flag("LOAD_LAYERS", "", tr("Add all results to the project"), advanced=True, default=True),
            Flag("OVERWRITE", "overwrite", tr("Replace results of an earlier run")),
            FolderOutput("OUTPUT_DIR", "output", tr("Folder for the map, the experts and the evidence")),
            *_destinations(),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputFile("RUN_FILE", tr("Record of the run (run.json)")),
            QgsProcessingOutputFile("LOGITS_FILE", tr("Logits of the experts, where kept")),
            QgsProcessingOutputNumber("N_EXPERTS", tr("Number of experts")),
            QgsProcessingOutputNumber("WINDOWS", tr("Number of windows")),
            QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")),
            QgsProcessingOutputString("DEVICE_USED", tr("Device used")),
            QgsProcessingOutputString("PRECISION_USED", tr("Precision used")),
        ]

    def prepare_run(self, values: Values) -> None:
        self._group = group_name(self.prepared["IMAGE"].name, values.context.project())

    def process(self, values: Values) -> dict[str, Any]:
        files = {DESTINATIONS[row.name]: row.read(values) for row in _destinations()}
        destinations = {product: file for product, file in files.items() if file}
        request = {**self.request(values), "destinations": destinations}
        result = self.run_backend(request, values.feedback)
        products = {**result["products"], **destinations}
        add = values.flag("LOAD_LAYERS")
        wanted = [Path(file) for product, file in products.items() if add and product not in destinations]
        titles = {row.title for row in _destinations()}
        load_on_completion(place_products(products), self._group, values.context, wanted, titles)
        values.feedback.pushInfo(
            tr("Mapped {} windows in {:.1f} s on {} with {}.").format(
                result["windows"], result["seconds"], result["device"], result["precision"]
            )
        )
        return _outputs(result, products)


def _destinations() -> list[RasterOutput]:
    """Return the raster destinations: QGIS puts "[Skip output]" under each."""
    title = tr("{} (file of its own)")
    products = {"MAP": tr("Land-cover map"), "EVIDENCE": tr("Evidence")}
    return [
        RasterOutput(name, "", title.format(products.get(name) or tr("Expert {}").format(name[-1])))
        for name in DESTINATIONS
    ]


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
