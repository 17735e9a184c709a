"""Processing algorithm `prepare_tiles`: cuts layers and labels to a folder of tiles that `train` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterMapLayer,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import FolderOutput
from ..i18n import tr
from ..layer_parameters import Extent, Raster, sources_row
from ..parameters import Choice, Crs, Flag, Number, Row, Text, Values
from ..vectors import LabelInput, localise_labels, read_labels

#: The shortest length that makes sense, a millimetre.
SHORTEST_M = 1e-3


class PrepareTiles(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "prepare_tiles"

    def displayName(self) -> str:
        return tr("Prepare training tiles")

    def shortDescription(self) -> str:
        return tr("Cuts layers and labels to tiles, deals them to training, validation and test.")

    def tags(self) -> list[str]:
        return [*tr("training,tiles,chips,labels,split,statistics").split(","), "mce"]

    def rows(self) -> list[Row]:
        return [
            Raster("IMAGE", "image", tr("Orthophoto")),
            Raster("DEM", "dem", tr("Elevation model (DEM)"), optional=True),
            _Labels("LABELS", "labels", tr("Labels: polygons or a raster")),
            Text("LABEL_FIELD", "label_field", tr("Field of label polygons with the class, by name or id")),
            Text(
                "CLASSES",
                "classes",
                tr("Classes: swisstlm3d, flair, a table or a model (empty: those of the labels)"),
            ),
            Extent("EXTENT", "extent", tr("Extent in which labels count (empty: everywhere)")),
            Number("TILE", "tile", tr("Side of a tile in pixels")),
            Choice("SPLIT", "split", tr("How tiles are dealt")),
            Number("VAL_SHARE", "val_share", tr("Share of tiles to validate on")),
            Number("TEST_SHARE", "test_share", tr("Share of tiles to test on")),
            sources_row(),
            Crs("CRS", "crs", tr("CRS of the tiles (empty: the orthophoto's)"), advanced=True),
            Number(
                "GSD",
                "gsd_m",
                tr("Pixel of the tiles in metres (empty: the label raster's, or the orthophoto's)"),
                advanced=True,
                minimum=SHORTEST_M,
            ),
            Number(
                "BLOCK",
                "block_m",
                tr("Side of a block in metres (empty: up to four tiles)"),
                advanced=True,
                minimum=SHORTEST_M,
            ),
            Number(
                "MIN_LABELLED",
                "min_labelled",
                tr("Leave out tiles of which less is labelled, 0 to 1"),
                advanced=True,
            ),
            Choice(
                "LABEL_CODES",
                "label_codes",
                tr("Labels hold class ids, or codes of the source"),
                advanced=True,
            ),
            Text("IGNORED", "ignored", tr("Further values that mean unlabelled, with commas"), advanced=True),
            Text("NAME", "name", tr("Name of the model-to-be"), advanced=True),
            Number("SEED", "seed", tr("Seed"), advanced=True),
            Flag("OVERWRITE", "overwrite", tr("Replace earlier tiles")),
            FolderOutput("OUTPUT_DIR", "output", tr("Folder for the tiles")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        number = QgsProcessingOutputNumber
        return [
            QgsProcessingOutputFile("CONFIG", tr("Configuration for training (train.yaml)")),
            QgsProcessingOutputHtml("REPORT_HTML", tr("Report")),
            number("N_TILES", tr("Number of tiles")),
            number("N_TRAIN", tr("Tiles to train on")),
            number("N_VAL", tr("Tiles to validate on")),
            number("N_TEST", tr("Tiles to test on")),
            number("N_CLASSES", tr("Number of classes")),
            number("LABELLED_PIXELS", tr("Labelled pixels")),
            number("NEIGHBOURS_PARTED", tr("Pairs of neighbouring tiles in different splits")),
            QgsProcessingOutputString("MESSAGE", tr("What to mind, in words")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        for line in (*_table(result), result["message"]):
            values.feedback.pushInfo(line)
        tiles = result["tiles"]
        return {
            "OUTPUT_DIR": result["folder"],
            "CONFIG": result["config"],
            "REPORT_HTML": result["report"],
            "N_TILES": sum(tiles.values()),
            "N_TRAIN": tiles["train"],
            "N_VAL": tiles["val"],
            "N_TEST": tiles["test"],
            "N_CLASSES": len(result["classes"]),
            "LABELLED_PIXELS": result["pixels"],
            "NEIGHBOURS_PARTED": result["neighbours_parted"],
            "MESSAGE": result["message"],
        }


class _Labels(Row):
    """A layer of labels, polygons or a raster."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        kinds = QgsProcessing.SourceType
        return QgsProcessingParameterMapLayer(
            self.name, self.title, types=[kinds.TypeRaster, kinds.TypeVectorPolygon]
        )

    def prepare(self, values: Values) -> LabelInput:
        layer = values.algorithm.parameterAsLayer(values.parameters, self.name, values.context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(
                tr("LABELS is neither polygons nor a raster that QGIS can read: choose another layer.")
            )
        return read_labels(layer, self.name)

    def read(self, values: Values) -> str:
        return localise_labels(values.algorithm.prepared[self.name], values.context)


def _table(result: dict[str, Any]) -> list[str]:
    """Return the share of each class in each split, as lines of the log."""
    splits = result["tiles"]
    head = tr("Tiles: {}. Share of the pixels of each class, %:").format(
        ", ".join(f"{split} {n}" for split, n in splits.items())
    )
    return [
        head,
        *(
            f"{name}: " + ", ".join(f"{split} {result['shares'][split][name]:.2f}" for split in splits)
            for name in result["classes"]
        ),
    ]
