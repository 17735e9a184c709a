"""Processing algorithm `prepare_tiles`: cuts layers and labels to a folder of tiles that `train` takes."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..algorithm import MceAlgorithm
from ..extents import crs_text
from ..i18n import tr
from ..labels import LabelInput, localise_labels, read_labels
from ..mapping import MappingInputs, read_inputs, sources_fault, sources_parameter
from ..parameters import choice_parameter, number_or_none, optional_text, share_parameter

SPLITS = ("blocked_iterative", "blocked", "iterative", "dominant", "random")
LABEL_CODES = ("ids", "source")


class PrepareTiles(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "prepare_tiles"
    # Set by prepareAlgorithm.
    _rasters: MappingInputs
    _labels: LabelInput

    def displayName(self) -> str:
        return tr("Prepare training tiles")

    def shortDescription(self) -> str:
        return tr("Cuts layers and labels to tiles, deals them to training, validation and test.")

    def tags(self) -> list[str]:
        return [*tr("training,tiles,chips,labels,split,statistics").split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        kinds = QgsProcessing.SourceType
        labels = [kinds.TypeRaster, kinds.TypeVectorPolygon]
        self.addParameter(QgsProcessingParameterRasterLayer("IMAGE", tr("Orthophoto")))
        self.addParameter(
            QgsProcessingParameterRasterLayer("DEM", tr("Elevation model (DEM)"), optional=True)
        )
        self.addParameter(
            QgsProcessingParameterMapLayer("LABELS", tr("Labels: polygons or a raster"), types=labels)
        )
        self.addParameter(
            QgsProcessingParameterString(
                "LABEL_FIELD", tr("Field of label polygons with the class, by name or id"), "class"
            )
        )
        self.addParameter(
            QgsProcessingParameterString(
                "CLASSES",
                tr("Classes: swisstlm3d, flair, a table or a model (empty: those of the labels)"),
                optional=True,
            )
        )
        self.addParameter(
            QgsProcessingParameterExtent(
                "EXTENT", tr("Extent in which labels count (empty: everywhere)"), optional=True
            )
        )
        self._add_tiles()
        self._add_advanced_settings()
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace earlier tiles"), defaultValue=False)
        )
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT_DIR", tr("Folder for the tiles")))
        self.addOutput(QgsProcessingOutputFile("CONFIG", tr("Configuration for training (train.yaml)")))
        self.addOutput(QgsProcessingOutputHtml("REPORT_HTML", tr("Report")))
        for name, title in (
            ("N_TILES", tr("Number of tiles")),
            ("N_TRAIN", tr("Tiles to train on")),
            ("N_VAL", tr("Tiles to validate on")),
            ("N_TEST", tr("Tiles to test on")),
            ("N_CLASSES", tr("Number of classes")),
            ("LABELLED_PIXELS", tr("Labelled pixels")),
            ("NEIGHBOURS_PARTED", tr("Pairs of neighbouring tiles in different splits")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("What to mind, in words")))

    def _add_tiles(self) -> None:
        integer = Qgis.ProcessingNumberParameterType.Integer
        self.addParameter(
            QgsProcessingParameterNumber(
                "TILE", tr("Side of a tile in pixels"), integer, 200, minValue=16, maxValue=4096
            )
        )
        self.addParameter(choice_parameter("SPLIT", tr("How tiles are dealt"), SPLITS))
        self.addParameter(share_parameter("VAL_SHARE", tr("Share of tiles to validate on"), 0.15))
        self.addParameter(share_parameter("TEST_SHARE", tr("Share of tiles to test on"), 0.15))

    def _add_advanced_settings(self) -> None:
        self.add_advanced(sources_parameter())
        crs = tr("CRS of the tiles (empty: the orthophoto's)")
        self.add_advanced(QgsProcessingParameterCrs("CRS", crs, optional=True))
        pixel = tr("Pixel of the tiles in metres (empty: the label raster's, or the orthophoto's)")
        self.add_advanced(_length("GSD", pixel))
        self.add_advanced(_length("BLOCK", tr("Side of a block in metres (empty: up to four tiles)")))
        self.add_advanced(
            share_parameter("MIN_LABELLED", tr("Leave out tiles of which less is labelled, 0 to 1"), 0.0)
        )
        self.add_advanced(
            choice_parameter("LABEL_CODES", tr("Labels hold class ids, or codes of the source"), LABEL_CODES)
        )
        self.add_advanced(
            QgsProcessingParameterString(
                "IGNORED", tr("Further values that mean unlabelled, with commas"), optional=True
            )
        )
        self.add_advanced(QgsProcessingParameterString("NAME", tr("Name of the model-to-be"), "land cover"))
        integer = Qgis.ProcessingNumberParameterType.Integer
        self.add_advanced(QgsProcessingParameterNumber("SEED", tr("Seed"), integer, 0, minValue=0))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = sources_fault(self, parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        self._rasters = read_inputs(self, parameters, context, {})
        layer = self.parameterAsLayer(parameters, "LABELS", context)
        if layer is None or not layer.isValid():
            raise QgsProcessingException(
                tr("LABELS is neither polygons nor a raster that QGIS can read: choose another layer.")
            )
        self._labels = read_labels(layer, "LABELS")
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        request = {
            **self._rasters.request(context, feedback),
            "labels": localise_labels(self._labels, context),
            "output": self.parameterAsString(parameters, "OUTPUT_DIR", context),
            **self._settings(parameters, context),
        }
        result = self.run_backend(request, feedback)
        for line in _table(result):
            feedback.pushInfo(line)
        feedback.pushInfo(result["message"])
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

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Return the parameters that the job takes as they are."""
        return {
            "label_field": self.parameterAsString(parameters, "LABEL_FIELD", context),
            "classes": optional_text(self, parameters, "CLASSES", context),
            "label_codes": self.parameterAsEnumString(parameters, "LABEL_CODES", context),
            "ignored": self.parameterAsString(parameters, "IGNORED", context),
            "name": self.parameterAsString(parameters, "NAME", context),
            "crs": crs_text(self.parameterAsCrs(parameters, "CRS", context)),
            "gsd_m": number_or_none(self, parameters, "GSD", context),
            "tile": self.parameterAsInt(parameters, "TILE", context),
            "min_labelled": self.parameterAsDouble(parameters, "MIN_LABELLED", context),
            "split": self.parameterAsEnumString(parameters, "SPLIT", context),
            "val_share": self.parameterAsDouble(parameters, "VAL_SHARE", context),
            "test_share": self.parameterAsDouble(parameters, "TEST_SHARE", context),
            "block_m": number_or_none(self, parameters, "BLOCK", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }


def _length(name: str, title: str) -> QgsProcessingParameterNumber:
    """Return an optional length in metres."""
    double = Qgis.ProcessingNumberParameterType.Double
    return QgsProcessingParameterNumber(name, title, double, None, optional=True, minValue=1e-3)


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
