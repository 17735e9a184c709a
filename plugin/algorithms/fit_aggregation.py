"""Processing algorithm `fit_aggregation`: teaches a model how its experts are best combined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..mapping import AGGREGATIONS, LEARNT, MODEL_DEFAULT
from ..parameters import (
    bundle_fault,
    check_model,
    choice_parameter,
    model_parameter,
    model_value,
    optional_text,
)

SPLITS = ("val", "test", "train")
#: Number output -> when and score of the job's result.
SCORES = {
    "MEAN_ACCURACY": ("after", "mean_accuracy"),
    "OVERALL_ACCURACY": ("after", "overall_accuracy"),
    "MEAN_IOU": ("after", "mean_iou"),
    "TAIL_ACCURACY": ("after", "tail"),
    "MEAN_ACCURACY_BEFORE": ("before", "mean_accuracy"),
    "OVERALL_ACCURACY_BEFORE": ("before", "overall_accuracy"),
    "MEAN_IOU_BEFORE": ("before", "mean_iou"),
    "TAIL_ACCURACY_BEFORE": ("before", "tail"),
}


class FitAggregation(MceAlgorithm):
    """Writes a bundle with the same experts that joins them by what it learnt from tiles."""

    ID = "fit_aggregation"

    def displayName(self) -> str:
        return tr("Learn how to combine the experts")

    def shortDescription(self) -> str:
        return tr("Teaches a model on tiles with labels how its experts are best combined.")

    def tags(self) -> list[str]:
        return [*tr("aggregation,experts,calibration,ensemble,stacking").split(","), "mce"]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(model_parameter(tr("Model (empty: the embedded one)")))
        self.addParameter(
            QgsProcessingParameterFile(
                "CONFIG",
                tr("Tiles with labels: their train.yaml or folder, or the configuration of the training"),
                fileFilter=tr("Configurations (*.yaml *.yml);;All files (*)"),
            )
        )
        self.addParameter(choice_parameter("SPLIT", tr("Tiles to learn from"), SPLITS))
        plain = tuple(name for name in AGGREGATIONS if name != LEARNT)
        self.addParameter(
            choice_parameter("REFERENCE", tr("Call as many pixels rare as this combination"), plain)
        )
        self.addParameter(
            QgsProcessingParameterBoolean("OVERWRITE", tr("Replace an earlier model"), defaultValue=False)
        )
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "OUTPUT", tr("File for the model"), tr("Model bundles (*.safetensors)")
            )
        )
        for name, title in _score_titles().items():
            self.addOutput(QgsProcessingOutputNumber(name, title))
        self.addOutput(QgsProcessingOutputString("REPLACES", tr("The combination that it was compared with")))
        self.addOutput(QgsProcessingOutputString("SCORED_ON", tr("Tiles of the scores: test or val")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = check_model(self, parameters, context) or self._fault(parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with CONFIG or OUTPUT, or nothing."""
        config = optional_text(self, parameters, "CONFIG", context)
        if config and not Path(config).exists():
            return tr('CONFIG "{}" is neither a folder of tiles nor a file.').format(config)
        return bundle_fault(self, parameters, context, "OUTPUT")

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        reference = self.parameterAsEnumString(parameters, "REFERENCE", context)
        request = {
            "model": model_value(self, parameters, context),
            "config": self.parameterAsString(parameters, "CONFIG", context),
            "output": self.parameterAsFileOutput(parameters, "OUTPUT", context),
            "split": self.parameterAsEnumString(parameters, "SPLIT", context),
            "reference": None if reference == MODEL_DEFAULT else reference,
            "overwrite": self.parameterAsBoolean(parameters, "OVERWRITE", context),
        }
        result = self.run_backend(request, feedback)
        return {
            "OUTPUT": result["model"],
            **{name: result.get(when, {}).get(score) for name, (when, score) in SCORES.items()},
            "REPLACES": result["reference"],
            "SCORED_ON": result["scored_on"] or "",
        }


def _score_titles() -> dict[str, str]:
    titles = {
        "MEAN_ACCURACY": tr("Mean accuracy of the classes, 0 to 1"),
        "OVERALL_ACCURACY": tr("Overall accuracy"),
        "MEAN_IOU": tr("Mean IoU"),
        "TAIL_ACCURACY": tr("Accuracy of rare classes"),
    }
    return titles | {f"{name}_BEFORE": tr("{}, before").format(title) for name, title in titles.items()}
