"""The one door to Lightning and torchmetrics, which import torchvision. No training lives here."""

import sys

from ..core.base.errors import BackendError
from ..core.model.torch_setup import declare_torchvision_operators

declare_torchvision_operators()

try:
    from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
    from lightning.pytorch.utilities.exceptions import SIGTERMException
    from torchmetrics import CatMetric, Metric
    from torchmetrics.classification import MulticlassConfusionMatrix
except ModuleNotFoundError as error:
    raise BackendError(
        f'Training needs the package {error.name}, which the environment {sys.prefix} lacks: run "Set up the '
        "backend\" in QGIS with its box for training, or install mce-landcover with its extra 'training'."
    ) from error

__all__ = [
    "CSVLogger",
    "Callback",
    "CatMetric",
    "LightningDataModule",
    "LightningModule",
    "Metric",
    "ModelCheckpoint",
    "MulticlassConfusionMatrix",
    "SIGTERMException",
    "TensorBoardLogger",
    "Trainer",
]
