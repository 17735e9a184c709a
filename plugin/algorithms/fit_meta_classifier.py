"""Processing algorithm `fit_meta_classifier`: learns to tell missed places from false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterMultipleLayers,
)

from ..algorithm import MceAlgorithm
from ..file_parameters import FileOutput
from ..i18n import tr
from ..layer_parameters import CandidateLayers
from ..parameters import Choice, Flag, Number, Row, Text, Values
from ..vectors import LabelInput, localise_labels, read_labels


class FitMetaClassifier(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "fit_meta_classifier"

    def displayName(self) -> str:
        return tr("Fit a meta classifier")

    def shortDescription(self) -> str:
        return tr("Learns which missed places are real and which of the map are false, from labels or reviews.")

    def tags(self) -> list[str]:
        return [*tr("meta classifier,training,candidates,review,report").split(","), "metafusion", "mce"]

    def rows(self) -> list[Row]:
        return [
            _Runs("RUNS", "runs", tr("Runs (their run.json)")),
            _Labels("LABELS", "labels", tr("True classes of each run in the same order, or of all")),
            CandidateLayers("REVIEWED", "reviewed", tr("Reviewed candidates")),
            Text(
                "CLASSES",
                "classes",
                tr("Classes to look for, by name or id, with commas (empty: the rare ones)"),
            ),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier classifier")),
            Text(
                "LABEL_FIELD",
                "label_field",
                tr("Field of label polygons with the class, by name or id"),
                advanced=True,
            ),
            Number(
                "ALPHA",
                "alpha",
                tr("Prior correction of the rule that finds candidates, 0 to 1 (empty: the run's)"),
                advanced=True,
            ),
            Choice("FEATURES", "features", tr("Features"), advanced=True),
            Number("FOLDS", "folds", tr("Folds of the cross-validation"), advanced=True),
            Number(
                "TILE",
                "tile_m",
                tr("Side in metres of the tiles that stay in one fold"),
                advanced=True,
                minimum=1.0,
            ),
            Flag("OVERSAMPLE", "oversample", tr("Balance the training with SMOTE"), advanced=True),
            Number("SEED", "seed", tr("Seed"), advanced=True),
            FileOutput(
                "META",
                "output",
                tr("File for the classifier"),
                filter=tr("Meta classifiers (*.json)"),
                check=_name_fault,
            ),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputHtml("REPORT_HTML", tr("Report")),
            QgsProcessingOutputFile("REPORT_JSON", tr("Report as data (JSON)")),
            QgsProcessingOutputNumber("AUC", tr("ROC AUC, mean over the folds")),
            QgsProcessingOutputNumber("AUC_STD", tr("Its standard deviation over the folds")),
            QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates for missed places")),
            QgsProcessingOutputNumber("N_TRUE", tr("Number of missed places among them")),
            QgsProcessingOutputNumber("AUC_DOUBTFUL", tr("ROC AUC of doubtful places, mean over the folds")),
            QgsProcessingOutputNumber("N_DOUBTFUL", tr("Number of doubtful places")),
            QgsProcessingOutputNumber("N_FALSE", tr("Number of false ones among them")),
            QgsProcessingOutputString("MESSAGE", tr("How well it ranks, in words")),
        ]

    def fault(self, values: Values) -> str:
        """Return why there is nothing to learn from, or nothing."""
        if not values.parameters.get("RUNS") and not values.parameters.get("REVIEWED"):
            return tr("There is nothing to learn from: give RUNS with LABELS, or REVIEWED candidates.")
        return ""

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        return {
            "META": result["meta"],
            "REPORT_HTML": result["report_html"],
            "REPORT_JSON": result["report_json"],
            "AUC": result["auc"],
            "AUC_STD": result["auc_std"],
            "N_CANDIDATES": result["n_candidates"],
            "N_TRUE": result["n_true"],
            "AUC_DOUBTFUL": result["auc_doubtful"],
            "N_DOUBTFUL": result["n_doubtful"],
            "N_FALSE": result["n_false"],
            "MESSAGE": result["message"],
        }


@dataclass(frozen=True)
class _Runs(Row):
    """The folders of several runs, by their `run.json`."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        file = QgsProcessing.SourceType.TypeFile
        return QgsProcessingParameterMultipleLayers(self.name, self.title, file, optional=True)

    def read(self, values: Values) -> list[str]:
        # An empty list comes back as one empty text.
        files = values.algorithm.parameterAsFileList(values.parameters, self.name, values.context)
        runs = [Path(file) for file in files if file]
        return [str(run.parent if run.suffix == ".json" else run) for run in runs]


@dataclass(frozen=True)
class _Labels(Row):
    """Several layers of labels, polygons or rasters."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        layers = QgsProcessing.SourceType.TypeMapLayer
        return QgsProcessingParameterMultipleLayers(self.name, self.title, layers, optional=True)

    def prepare(self, values: Values) -> list[LabelInput]:
        layers = values.algorithm.parameterAsLayerList(values.parameters, self.name, values.context)
        return [read_labels(layer, self.name) for layer in layers]

    def read(self, values: Values) -> list[str]:
        return [localise_labels(labels, values.context) for labels in values.algorithm.prepared[self.name]]


def _name_fault(_name: str, target: str) -> str:
    if target and Path(target).suffix.lower() not in (".json", ".skops"):  # the second as it once was
        return tr('META "{}": choose a name that ends in .json.').format(target)
    return ""
