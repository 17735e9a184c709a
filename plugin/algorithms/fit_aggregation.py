"""Processing algorithm `fit_aggregation`: teaches a model how its experts are best combined."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..algorithm import MceAlgorithm
from ..file_parameters import Model, bundle_output, config_row
from ..i18n import tr
from ..layer_parameters import MODEL_DEFAULT
from ..parameters import Choice, Flag, Row, Values
from .train import SCORES, score_titles

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

    def rows(self) -> list[Row]:
        return [
            Model("MODEL", "model", tr("Model (empty: the embedded one)")),
            config_row(
                tr("Tiles with labels: their train.yaml or folder, or the configuration of the training")
            ),
            Choice("SPLIT", "split", tr("Tiles to learn from")),
            Choice(
                "REFERENCE",
                "reference",
                tr("Call as many pixels rare as this combination"),
                unset=MODEL_DEFAULT,
            ),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier model")),
            bundle_output("OUTPUT", tr("File for the model")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        titles, before = score_titles(), tr("{}, before")
        return [
            *(QgsProcessingOutputNumber(name, titles[name]) for name in TOLD),
            *(QgsProcessingOutputNumber(f"{name}_BEFORE", before.format(titles[name])) for name in TOLD),
            QgsProcessingOutputString("REPLACES", tr("The combination that it was compared with")),
            QgsProcessingOutputString("SCORED_ON", tr("Tiles of the scores: test or val")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        before, after = result.get("before", {}), result.get("after", {})
        return {
            "OUTPUT": result["model"],
            **{name: after.get(SCORES[name]) for name in TOLD},
            **{f"{name}_BEFORE": before.get(SCORES[name]) for name in TOLD},
            "REPLACES": result["reference"],
            "SCORED_ON": result["scored_on"] or "",
        }
