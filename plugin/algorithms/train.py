"""Processing algorithm `train`: from a folder of tiles, or a configuration, to a model."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingOutputDefinition,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from ..algorithm import MceAlgorithm
from ..backend import can_train, find_backend, training_missing
from ..file_parameters import bundle_output, config_row
from ..i18n import tr
from ..parameters import Choice, Flag, Number, Row, Text, Values

CONFIGURED = "as configured"
#: Of the many that a configuration may name.
ENCODERS = ("resnet18", "resnet34", "resnet50", "resnet101", "tu-mobilenetv3_small_100")
#: Number output -> score of the job's result.
SCORES = {
    "MEAN_ACCURACY": "mean_accuracy",
    "OVERALL_ACCURACY": "overall_accuracy",
    "MEAN_IOU": "mean_iou",
    "HEAD_ACCURACY": "head",
    "BODY_ACCURACY": "body",
    "TAIL_ACCURACY": "tail",
}


class Train(MceAlgorithm):
    """Runs the training in the backend, whose log tells loss and accuracy of each epoch."""

    ID = "train"
    #: A batch may be long, and the best weights so far have to be written.
    GRACE_S = 120.0

    def displayName(self) -> str:
        return tr("Train a model")

    def shortDescription(self) -> str:
        return tr("Trains a model of complementary experts on a folder of tiles.")

    def tags(self) -> list[str]:
        return [*tr("training,deep learning,experts,loss,accuracy,fine-tuning").split(","), "mce", "gpu"]

    def canExecute(self) -> tuple[bool, str]:
        """Say whether there is a backend that can train, and if not how to get one."""
        ok, sentence = super().canExecute()
        if ok and can_train(find_backend().python) is False:
            return False, training_missing()
        return ok, sentence

    def rows(self) -> list[Row]:
        return [
            config_row(tr("Tiles to train on: their train.yaml or folder, or another configuration")),
            Number("EPOCHS", "epochs", tr("Epochs, times through the tiles (empty: as configured)")),
            Choice("EXPERTS", "experts", tr("Number of experts"), unset=CONFIGURED),
            Choice("ENCODER", "encoder", tr("Encoder"), unset=CONFIGURED, options=ENCODERS),
            Flag("PRETRAINED", "pretrained", tr("Start at ImageNet weights (downloads them)")),
            Choice("LOSS", "loss", tr("Loss (all but mce are for one expert)"), unset=CONFIGURED),
            Choice("DEVICE", "device", tr("Device"), unset=CONFIGURED),
            Number("LEARNING_RATE", "learning_rate", tr("Learning rate (empty: as configured)"), maximum=1.0),
            Flag("RESUME", "resume", tr("Go on with an unfinished training (else it is discarded)")),
            _Changes(
                "SET",
                "change",
                tr("Further settings, a section.name=value per line"),
                advanced=True,
                multi_line=True,
            ),
            bundle_output("MODEL", tr("File for the model (empty: where the configuration says)")),
        ]

    def outputs(self) -> list[QgsProcessingOutputDefinition]:
        return [
            QgsProcessingOutputFolder("RUN_DIR", tr("Folder of checkpoints and logs")),
            *(QgsProcessingOutputNumber(name, title) for name, title in score_titles().items()),
            QgsProcessingOutputString("SCORED_ON", tr("Tiles of the scores: test or validation")),
            QgsProcessingOutputNumber("BEST_EPOCH", tr("Epoch of the weights")),
            QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")),
            QgsProcessingOutputString("DEVICE_USED", tr("Device used")),
        ]

    def fault(self, values: Values) -> str:
        rate = self.parameterAsDouble(values.parameters, "LEARNING_RATE", values.context)
        if values.has("LEARNING_RATE") and rate == 0:
            return tr("LEARNING_RATE is 0, with which nothing is learnt: give a small number such as 0.001.")
        return ""

    def process(self, values: Values) -> dict[str, Any]:
        result = self.run_backend(self.request(values), values.feedback)
        return {
            "MODEL": result["model"],
            "RUN_DIR": result["run"],
            **{name: result[score] for name, score in SCORES.items()},
            "SCORED_ON": result["scored_on"] or "",
            "BEST_EPOCH": result["best_epoch"],
            "SECONDS": result["seconds"],
            "DEVICE_USED": result["device"],
        }


class _Changes(Text):
    """Changes of the configuration, one per line."""

    def read(self, values: Values) -> list[str]:
        return [line.strip() for line in values.text(self.name).splitlines() if line.strip()]

    def fault(self, values: Values) -> str:
        for line in self.read(values):
            place, equals, _ = line.partition("=")
            if not equals or not place.strip():
                return tr('SET has "{}": write section.name=value, one per line.').format(line)
            if place.strip() in ("trainer.devices", "trainer.nodes"):
                return tr("SET has {}: train on several devices from the command line.").format(place.strip())
        return ""


def score_titles() -> dict[str, str]:
    """Return what people read of `SCORES`."""
    return {
        "MEAN_ACCURACY": tr("Mean accuracy of the classes, 0 to 1"),
        "OVERALL_ACCURACY": tr("Overall accuracy"),
        "MEAN_IOU": tr("Mean IoU"),
        "HEAD_ACCURACY": tr("Accuracy of frequent classes"),
        "BODY_ACCURACY": tr("Accuracy of classes in between"),
        "TAIL_ACCURACY": tr("Accuracy of rare classes"),
    }
