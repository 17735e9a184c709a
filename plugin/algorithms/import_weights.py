"""Processing algorithm `import_weights`: the published checkpoint of the MCE paper as a model for QGIS."""

from __future__ import annotations

from typing import Any

from ..algorithm import MceAlgorithm
from ..file_parameters import File, bundle_output
from ..i18n import tr
from ..parameters import Flag, Row, Values


class ImportWeights(MceAlgorithm):
    """Turns a checkpoint of tensors into a bundle that `predict` takes; code in it is never run."""

    ID = "import_weights"

    def displayName(self) -> str:
        return tr("Import published weights")

    def shortDescription(self) -> str:
        return tr("Turns the checkpoint that the authors of MCE have published into a model.")

    def tags(self) -> list[str]:
        return [*tr("model,weights,checkpoint,swisstopo").split(","), "pth", "mce"]

    def rows(self) -> list[Row]:
        return [
            File(
                "CHECKPOINT",
                "checkpoint",
                tr("Published checkpoint"),
                filter=tr("Checkpoints (*.pth *.pt);;All files (*)"),
            ),
            Flag("OVERWRITE", "overwrite", tr("Replace an earlier model")),
            bundle_output("MODEL", tr("File for the model")),
        ]

    def process(self, values: Values) -> dict[str, Any]:
        return {"MODEL": self.run_backend(self.request(values), values.feedback)["model"]}
