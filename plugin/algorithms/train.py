"""Processing algorithm `train`: from a folder of tiles, or a configuration, to a model."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..algorithm import MceAlgorithm
from ..environment import can_train, find_backend, training_missing
from ..i18n import tr
from ..parameters import bundle_fault, choice_parameter, config_fault, config_parameter, number_or_none

CONFIGURED = "as configured"
EXPERTS = (CONFIGURED, "1", "2", "3")
LOSSES = (
    CONFIGURED,
    "mce",
    "ce",
    "wce",
    "cb",
    "balanced",
    "seesaw",
    "focal",
    "lovasz",
    "cdfl",
    "cdfl_normalized",
)
ENCODERS = (CONFIGURED, "resnet18", "resnet34", "resnet50", "resnet101", "tu-mobilenetv3_small_100")
DEVICES = (CONFIGURED, "auto", "cpu", "cuda")
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

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.addParameter(
            config_parameter(tr("Tiles to train on: their train.yaml or folder, or another configuration"))
        )
        self._add_settings()
        self.addParameter(
            QgsProcessingParameterFileDestination(
                "MODEL",
                tr("File for the model (empty: where the configuration says)"),
                tr("Model bundles (*.safetensors)"),
                optional=True,
                createByDefault=False,
            )
        )
        self.addOutput(QgsProcessingOutputFolder("RUN_DIR", tr("Folder of checkpoints and logs")))
        for name, title in score_titles().items():
            self.addOutput(QgsProcessingOutputNumber(name, title))
        self.addOutput(QgsProcessingOutputString("SCORED_ON", tr("Tiles of the scores: test or validation")))
        self.addOutput(QgsProcessingOutputNumber("BEST_EPOCH", tr("Epoch of the weights")))
        self.addOutput(QgsProcessingOutputNumber("SECONDS", tr("Seconds taken")))
        self.addOutput(QgsProcessingOutputString("DEVICE_USED", tr("Device used")))

    def _add_settings(self) -> None:
        number = Qgis.ProcessingNumberParameterType
        self.addParameter(
            QgsProcessingParameterNumber(
                "EPOCHS",
                tr("Epochs, times through the tiles (empty: as configured)"),
                number.Integer,
                None,
                optional=True,
                minValue=1,
            )
        )
        self.addParameter(choice_parameter("EXPERTS", tr("Number of experts"), EXPERTS))
        self.addParameter(choice_parameter("ENCODER", tr("Encoder"), ENCODERS))
        self.addParameter(
            QgsProcessingParameterBoolean(
                "PRETRAINED", tr("Start at ImageNet weights (downloads them)"), defaultValue=False
            )
        )
        self.addParameter(choice_parameter("LOSS", tr("Loss (all but mce are for one expert)"), LOSSES))
        self.addParameter(choice_parameter("DEVICE", tr("Device"), DEVICES))
        self.addParameter(
            QgsProcessingParameterNumber(
                "LEARNING_RATE",
                tr("Learning rate (empty: as configured)"),
                number.Double,
                None,
                optional=True,
                minValue=0.0,
                maxValue=1.0,
            )
        )
        self.addParameter(
            QgsProcessingParameterBoolean(
                "RESUME", tr("Go on with an unfinished training (else it is discarded)"), defaultValue=True
            )
        )
        self.add_advanced(
            QgsProcessingParameterString(
                "SET",
                tr("Further settings, a section.name=value per line"),
                optional=True,
                multiLine=True,
            )
        )

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        fault = self._fault(parameters, context) or bundle_fault(self, parameters, context)
        return (False, fault) if fault else super().checkParameterValues(parameters, context)

    def _fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with CONFIG, LEARNING_RATE or SET, or nothing."""
        if fault := config_fault(self, parameters, context):
            return fault
        if number_or_none(self, parameters, "LEARNING_RATE", context) == 0:
            return tr("LEARNING_RATE is 0, with which nothing is learnt: give a small number such as 0.001.")
        for line in _lines(self.parameterAsString(parameters, "SET", context)):
            place, equals, _ = line.partition("=")
            if not equals or not place.strip():
                return tr('SET has "{}": write section.name=value, one per line.').format(line)
            if place.strip() in ("trainer.devices", "trainer.nodes"):
                return tr("SET has {}: train on several devices from the command line.").format(place.strip())
        return ""

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        result = self.run_backend(self._request(parameters, context), feedback)
        return {
            "MODEL": result["model"],
            "RUN_DIR": result["run"],
            **{name: result[score] for name, score in SCORES.items()},
            "SCORED_ON": result["scored_on"] or "",
            "BEST_EPOCH": result["best_epoch"],
            "SECONDS": result["seconds"],
            "DEVICE_USED": result["device"],
        }

    def _request(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        epochs = number_or_none(self, parameters, "EPOCHS", context)
        experts = self._chosen(parameters, "EXPERTS", context)
        return {
            "config": self.parameterAsString(parameters, "CONFIG", context),
            "output": self.parameterAsFileOutput(parameters, "MODEL", context) or None,
            "epochs": None if epochs is None else int(epochs),
            "experts": None if experts is None else int(experts),
            "loss": self._chosen(parameters, "LOSS", context),
            "encoder": self._chosen(parameters, "ENCODER", context),
            "pretrained": self.parameterAsBoolean(parameters, "PRETRAINED", context),
            "device": self._chosen(parameters, "DEVICE", context),
            "learning_rate": number_or_none(self, parameters, "LEARNING_RATE", context),
            "change": _lines(self.parameterAsString(parameters, "SET", context)),
            "resume": self.parameterAsBoolean(parameters, "RESUME", context),
        }

    def _chosen(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> str | None:
        """Return a choice, None for what the configuration says."""
        choice = self.parameterAsEnumString(parameters, name, context)
        return None if choice == CONFIGURED else choice


def _lines(text: str) -> list[str]:
    """Return the lines of a text without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


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
