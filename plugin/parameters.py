"""Parameters that several algorithms share, and how their values are read and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
)

from .i18n import tr

#: How far rarity is taken out unless the user says otherwise; the jobs' own default.
DEFAULT_ALPHA = 0.95
#: Share of screened tiles that is mapped unless the user says otherwise; the job's own default.
DEFAULT_FIRST = 0.2
#: What the jobs call the models that ship with the package, for mapping and for screening.
EMBEDDED_MODEL, EMBEDDED_SCREEN = "demo", "screen"


def choice_parameter(name: str, title: str, options: tuple[str, ...]) -> QgsProcessingParameterEnum:
    """Return a choice of words that the jobs know, the first by default."""
    return QgsProcessingParameterEnum(
        name, title, options=list(options), defaultValue=options[0], usesStaticStrings=True
    )


def share_parameter(name: str, title: str, default: float | None) -> QgsProcessingParameterNumber:
    """Return a number from 0 to 1; one without a default may be left empty."""
    return QgsProcessingParameterNumber(
        name,
        title,
        Qgis.ProcessingNumberParameterType.Double,
        default,
        optional=default is None,
        minValue=0.0,
        maxValue=1.0,
    )


def amount_parameter(
    name: str, title: str, default: float = 0.0, smallest: float = 0.0
) -> QgsProcessingParameterNumber:
    """Return a number that is not negative."""
    double = Qgis.ProcessingNumberParameterType.Double
    return QgsProcessingParameterNumber(name, title, double, default, minValue=smallest)


def accepted_parameter(title: str) -> QgsProcessingParameterNumber:
    """Return ACCEPTED_PER_FIND, the threshold in the words of those who verify."""
    return QgsProcessingParameterNumber(
        "ACCEPTED_PER_FIND",
        title,
        Qgis.ProcessingNumberParameterType.Double,
        None,
        optional=True,
        minValue=0.0,
    )


def class_table_parameter() -> QgsProcessingParameterFile:
    """Return CLASSES: what the ids of a map mean."""
    return QgsProcessingParameterFile(
        "CLASSES",
        tr("Table of the classes: id, name, group (empty: those of the run that made the map)"),
        optional=True,
        fileFilter=tr("Tables (*.csv *.txt);;All files (*)"),
    )


def run_parameter(title: str) -> QgsProcessingParameterFile:
    """Return RUN: the folder of a run of `predict`."""
    return QgsProcessingParameterFile("RUN", title, Qgis.ProcessingFileParameterBehavior.Folder)


def number_or_none(
    alg: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> float | None:
    """Return an optional number, None where it was left empty: 0 is a number."""
    return None if parameters.get(name) in (None, "") else alg.parameterAsDouble(parameters, name, context)


def optional_text(
    alg: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: QgsProcessingContext
) -> str | None:
    """Return a text or path, None where it was left empty."""
    return alg.parameterAsString(parameters, name, context).strip() or None


def file_fault(
    alg: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    names: Iterable[str],
    context: QgsProcessingContext,
) -> str:
    """Return which of the optional files is not there, or nothing."""
    for name in names:
        file = optional_text(alg, parameters, name, context)
        if file and not Path(file).is_file():
            return tr('{} "{}" is not a file: choose another one or leave it empty.').format(name, file)
    return ""


def gpkg_fault(target: str | Path) -> str:
    """Return what is wrong with the name of a GeoPackage to be written, or nothing."""
    if not str(target) or Path(target).suffix.lower() == ".gpkg":
        return ""
    return tr('"{}" is not a GeoPackage: choose a name that ends in .gpkg.').format(target)


def model_parameter(title: str) -> QgsProcessingParameterFile:
    """Return the parameter MODEL: a bundle, or nothing for the embedded model."""
    return QgsProcessingParameterFile(
        "MODEL",
        title,
        optional=True,
        # QGIS refuses other endings without a sentence of ours unless all files are allowed.
        fileFilter=tr("Model bundles (*.safetensors);;All files (*)"),
    )


def model_value(
    alg: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    embedded: str = EMBEDDED_MODEL,
) -> str:
    """Return what the jobs take as `model`."""
    return alg.parameterAsString(parameters, "MODEL", context).strip() or embedded


def config_parameter(title: str) -> QgsProcessingParameterFile:
    """Return CONFIG: a folder of tiles, by its `train.yaml`, or the configuration of a training."""
    return QgsProcessingParameterFile(
        "CONFIG", title, fileFilter=tr("Configurations (*.yaml *.yml);;All files (*)")
    )


def config_fault(
    alg: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """Return what is wrong with CONFIG, or nothing."""
    config = optional_text(alg, parameters, "CONFIG", context)
    if config and not Path(config).exists():
        return tr('CONFIG "{}" is neither a folder of tiles nor a file.').format(config)
    return ""


def bundle_fault(
    alg: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    name: str = "MODEL",
) -> str:
    """Return what is wrong with the destination of a model, or nothing."""
    target = alg.parameterAsFileOutput(parameters, name, context)
    if target and Path(target).suffix.lower() != ".safetensors":
        return tr('{} "{}": choose a name that ends in .safetensors.').format(name, target)
    return ""


def check_model(
    alg: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    embedded: str = EMBEDDED_MODEL,
) -> str:
    """Return what is wrong with MODEL, or nothing."""
    model = model_value(alg, parameters, context, embedded)
    if model == embedded or Path(model).is_file():
        return ""
    return tr('The model "{}" is not a file: choose a .safetensors bundle or leave MODEL empty.').format(
        model
    )
