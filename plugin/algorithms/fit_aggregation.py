"""Processing algorithm `fit_aggregation`: teaches a model how its experts are best combined."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
)

from ..algorithm import MceAlgorithm
from ..i18n import tr
from ..mapping import AGGREGATIONS, LEARNT, MODEL_DEFAULT
from ..parameters import (
    bundle_fault,
    check_model,
    choice_parameter,
    config_fault,
    config_parameter,
    model_parameter,
    model_value,
)
from .train import SCORES, score_titles

SPLITS = ("val", "test", "train")
#: Of the scores of a training, those told before and after.
TOLD = ("MEAN_ACCURACY", "OVERALL_ACCURACY", "MEAN_IOU", "TAIL_ACCURACY")


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
            config_parameter(
                tr("Tiles with labels: their train.yaml or folder, or the configuration of the training")
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
        titles = score_titles()
        for name in TOLD:
            self.addOutput(QgsProcessingOutputNumber(name, titles[name]))
        for name in TOLD:
            title = tr("{}, before").format(titles[name])
            self.addOutput(QgsProcessingOutputNumber(f"{name}_BEFORE", title))
        self.addOutput(QgsProcessingOutputString("REPLACES", tr("The combination that it was compared with")))
        self.addOutput(QgsProcessingOutputString("SCORED_ON", tr("Tiles of the scores: test or val")))

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = check_model(self, parameters, context) or config_fault(self, parameters, context)
        fault = fault or bundle_fault(self, parameters, context, "OUTPUT")
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

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
        before, after = result.get("before", {}), result.get("after", {})
        return {
            "OUTPUT": result["model"],
            **{name: after.get(SCORES[name]) for name in TOLD},
            **{f"{name}_BEFORE": before.get(SCORES[name]) for name in TOLD},
            "REPLACES": result["reference"],
            "SCORED_ON": result["scored_on"] or "",
        }
