"""Processing algorithm `fit_meta_classifier`: learns to tell missed places from false alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..labels import LabelInput, localise_labels, read_labels
from ..parameters import amount_parameter, choice_parameter, number_or_none, share_parameter
from ..vectors import geopackage_of

FEATURES = ("all", "paper")


class FitMetaClassifier(MceAlgorithm):
    """Reads the layers in the thread that owns them, then leaves the rest to the backend."""

    ID = "fit_meta_classifier"
    # Set by prepareAlgorithm.
    _labels: list[LabelInput]
    _reviewed: list[Path]

    def displayName(self) -> str:
        return tr("Fit a meta classifier")

    def shortDescription(self) -> str:
        return tr("Learns to tell missed places from false alarms, from labels or from reviews.")

    def tags(self) -> list[str]:
        return [*tr("meta classifier,training,candidates,review,report").split(","), "metafusion", "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        sources = QgsProcessing.SourceType
        for name, title, source in (
            ("RUNS", tr("Runs (their run.json)"), sources.TypeFile),
            ("LABELS", tr("True classes of each run in the same order, or of all"), sources.TypeMapLayer),
            ("REVIEWED", tr("Reviewed candidates"), sources.TypeVectorPolygon),
        ):
            self.addParameter(QgsProcessingParameterMultipleLayers(name, title, source, optional=True))
        self.addParameter(
            QgsProcessingParameterString(
                "CLASSES",
                tr("Classes to look for, by name or id, with commas (empty: the rare ones)"),
                optional=True,
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                "OVERWRITE", tr("Replace an earlier classifier"), defaultValue=False
            )
        )
        self._add_advanced_settings()
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "META", tr("File for the classifier"), tr("Meta classifiers (*.skops)")
            )
        )
        self.addOutput(QgsProcessingOutputHtml("REPORT_HTML", tr("Report")))
        self.addOutput(QgsProcessingOutputFile("REPORT_JSON", tr("Report as data (JSON)")))
        self.addOutput(QgsProcessingOutputNumber("AUC", tr("ROC AUC, mean over the folds")))
        self.addOutput(QgsProcessingOutputNumber("AUC_STD", tr("Its standard deviation over the folds")))
        self.addOutput(QgsProcessingOutputNumber("N_CANDIDATES", tr("Number of candidates")))
        self.addOutput(QgsProcessingOutputNumber("N_TRUE", tr("Number of missed places among them")))
        self.addOutput(QgsProcessingOutputString("MESSAGE", tr("How well it ranks, in words")))

    def _add_advanced_settings(self) -> None:
        integer = Qgis.ProcessingNumberParameterType.Integer
        self.add_advanced(
            QgsProcessingParameterString(
                "LABEL_FIELD", tr("Field of label polygons with the class, by name or id"), "class"
            )
        )
        alpha = tr("Prior correction of the rule that finds candidates, 0 to 1 (empty: the run's)")
        self.add_advanced(share_parameter("ALPHA", alpha, None))
        self.add_advanced(choice_parameter("FEATURES", tr("Features"), FEATURES))
        self.add_advanced(
            QgsProcessingParameterNumber("FOLDS", tr("Folds of the cross-validation"), integer, 5, minValue=2)
        )
        self.add_advanced(
            amount_parameter("TILE", tr("Side in metres of the tiles that stay in one fold"), 500.0, 1.0)
        )
        self.add_advanced(
            QgsProcessingParameterBoolean(
                "OVERSAMPLE", tr("Balance the training with SMOTE"), defaultValue=False
            )
        )
        self.add_advanced(QgsProcessingParameterNumber("SEED", tr("Seed"), integer, 0, minValue=0))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = self._fault(parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return why there is nothing to learn from, or what is wrong with the destination, or nothing."""
        target = self.parameterAsFileOutput(parameters, "META", context)
        if target and Path(target).suffix.lower() != ".skops":
            return tr('META "{}": choose a name that ends in .skops.').format(target)
        if not parameters.get("RUNS") and not parameters.get("REVIEWED"):
            return tr("There is nothing to learn from: give RUNS with LABELS, or REVIEWED candidates.")
        return ""

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        layers = self.parameterAsLayerList(parameters, "LABELS", context)
        self._labels = [read_labels(layer, "LABELS") for layer in layers]
        reviewed = self.parameterAsLayerList(parameters, "REVIEWED", context)
        self._reviewed = [geopackage_of(layer, "REVIEWED") for layer in reviewed]
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        # An empty list comes back as one empty text.
        runs = [Path(file) for file in self.parameterAsFileList(parameters, "RUNS", context) if file]
        request = {
            "runs": [str(run.parent if run.suffix == ".json" else run) for run in runs],
            "labels": [localise_labels(labels, context) for labels in self._labels],
            "reviewed": [str(file) for file in self._reviewed],
            "output": self.parameterAsFileOutput(parameters, "META", context),
            **self._settings(parameters, context),
        }
        result = self.run_backend(request, feedback)
        return {
            "META": result["meta"],
            "REPORT_HTML": result["report_html"],
            "REPORT_JSON": result["report_json"],
            "AUC": result["auc"],
            "AUC_STD": result["auc_std"],
            "N_CANDIDATES": result["n_candidates"],
            "N_TRUE": result["n_true"],
            "MESSAGE": result["message"],
        }

    def _settings(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """Return the parameters that the job takes as they are."""
        return {
            "label_field": self.parameterAsString(parameters, "LABEL_FIELD", context),
            "classes": self.parameterAsString(parameters, "CLASSES", context),
            "alpha": number_or_none(self, parameters, "ALPHA", context),
            "features": self.parameterAsEnumString(parameters, "FEATURES", context),
            "folds": self.parameterAsInt(parameters, "FOLDS", context),
            "tile_m": self.parameterAsDouble(parameters, "TILE", context),
            "oversample": self.parameterAsBoolean(parameters, "OVERSAMPLE", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
