"""The parameters of our algorithms as rows: a row adds itself to an algorithm, reads itself into a field of
the job, and says what is wrong with what was given. Defaults, bounds and choices are those that the jobs
export to `resources/jobs.json`. Rows of layers are in `layer_parameters.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

from .i18n import tr
from .paths import RESOURCES
from .rasters import crs_text

if TYPE_CHECKING:
    from .algorithm import MceAlgorithm


@functools.cache
def jobs() -> dict[str, dict[str, dict[str, Any]]]:
    """Return job -> field -> type, default, bounds and choices, as far as there are any."""
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (RESOURCES / "jobs.json").read_text(encoding="utf-8")
    )
    return found


def default_of(job: str, job_field: str) -> Any:
    """Return the default of a job's field."""
    return jobs()[job][job_field]["default"]


@dataclass(frozen=True)
class Values:
    """What an algorithm is run with; `feedback` is there once it runs."""

    algorithm: MceAlgorithm
    parameters: dict[str, Any]
    context: QgsProcessingContext
    feedback: QgsProcessingFeedback = None

    def has(self, name: str) -> bool:
        """Was the parameter given? 0 and False are values."""
        return self.parameters.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return a text or path as it was given."""
        return str(self.algorithm.parameterAsString(self.parameters, name, self.context))

    def flag(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.algorithm.parameterAsBoolean(self.parameters, name, self.context))

    def file(self, name: str) -> str:
        """Return a file to be written, empty where none was chosen."""
        return str(self.algorithm.parameterAsFileOutput(self.parameters, name, self.context))


@dataclass(frozen=True)
class Row:
    """One parameter. `job_field` is its name in the job, empty where the job does not take it."""

    name: str
    job_field: str
    title: str
    advanced: bool = False

    def add_to(self, algorithm: MceAlgorithm) -> None:
        """Declare the parameter; the dialog keeps advanced ones folded away."""
        definition = self.definition(self.known(algorithm))
        if self.advanced:
            definition.setFlags(definition.flags() | Qgis.ProcessingParameterFlag.Advanced)
        algorithm.addParameter(definition)

    def known(self, algorithm: MceAlgorithm) -> Mapping[str, Any]:
        """Return what the jobs export of the field."""
        return jobs().get(algorithm.ID, {}).get(self.job_field, {})

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        """Return what QGIS is told."""
        raise NotImplementedError

    def prepare(self, values: Values) -> Any:
        """Return what `read` needs of layers, which only the thread that owns them may look at."""

    def read(self, values: Values) -> Any:
        """Return what the job gets. A text that the job has a value for is handed on as it is."""
        known, text = self.known(values.algorithm), values.text(self.name)
        return text if "required" in known or "default" in known else text.strip() or None

    def fault(self, values: Values) -> str:  # noqa: ARG002
        """Return what is wrong with the parameter, or nothing."""
        return ""


@dataclass(frozen=True)
class Number(Row):
    """A number within the job's bounds, or narrower ones; without a default it may be left empty."""

    minimum: float | None = None
    maximum: float | None = None

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        whole = known["type"] == "integer"
        kinds = Qgis.ProcessingNumberParameterType
        # QGIS has no bound that is not allowed itself: of whole numbers it is the next one.
        least = known.get("minimum", known["above"] + int(whole) if "above" in known else None)
        most = known.get("maximum", known["below"] - int(whole) if "below" in known else None)
        bounds = {
            "minValue": least if self.minimum is None else self.minimum,
            "maxValue": most if self.maximum is None else self.maximum,
        }
        return QgsProcessingParameterNumber(
            self.name,
            self.title,
            kinds.Integer if whole else kinds.Double,
            known.get("default"),
            optional="default" not in known,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        )

    def read(self, values: Values) -> float | None:
        known, algorithm = self.known(values.algorithm), values.algorithm
        if "default" not in known and not values.has(self.name):
            return None  # 0 is a number
        read = algorithm.parameterAsInt if known["type"] == "integer" else algorithm.parameterAsDouble
        number: float = read(values.parameters, self.name, values.context)
        return number


@dataclass(frozen=True)
class Choice(Row):
    """One of the job's words, or of the numbers it takes; `unset` stands first, for making no choice."""

    unset: str = ""
    options: tuple[str, ...] = ()

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        words = self.options or known.get("choices")
        words = words or [str(number) for number in range(known["minimum"], known["maximum"] + 1)]
        return QgsProcessingParameterEnum(
            self.name,
            self.title,
            options=[self.unset, *words] if self.unset else list(words),
            defaultValue=self.unset or known["default"],
            usesStaticStrings=True,
        )

    def read(self, values: Values) -> str | int | None:
        word = str(values.algorithm.parameterAsEnumString(values.parameters, self.name, values.context))
        if word == self.unset:
            return None
        return int(word) if self.known(values.algorithm)["type"] == "integer" else word


@dataclass(frozen=True)
class Flag(Row):
    """A box to tick; `default` is for one that the job does not take."""

    default: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        default = known.get("default", self.default)
        return QgsProcessingParameterBoolean(self.name, self.title, defaultValue=default)

    def read(self, values: Values) -> bool:
        return values.flag(self.name)


@dataclass(frozen=True)
class Text(Row):
    """A text; it may be left empty unless the job's default is one."""

    multi_line: bool = False

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        default = known.get("default") or None
        return QgsProcessingParameterString(
            self.name, self.title, default, multiLine=self.multi_line, optional=default is None
        )


@dataclass(frozen=True)
class FieldName(Row):
    """A field of the layer that the parameter `layer` names, empty for the usual one."""

    layer: str = ""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:  # noqa: ARG002
        return QgsProcessingParameterField(
            self.name, self.title, parentLayerParameterName=self.layer, optional=True
        )


@dataclass(frozen=True)
class Crs(Row):
    """A CRS, which may be left empty."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:  # noqa: ARG002
        return QgsProcessingParameterCrs(self.name, self.title, optional=True)

    def read(self, values: Values) -> str | None:
        return crs_text(values.algorithm.parameterAsCrs(values.parameters, self.name, values.context))


@dataclass(frozen=True)
class File(Row):
    """A file to read; it may be left empty unless the job requires it.

    QGIS refuses other endings without a sentence of ours unless the filter allows all files.
    """

    filter: str = ""
    check: Callable[[str, str], str] | None = None

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterFile(
            self.name, self.title, optional="required" not in known, fileFilter=self.filter
        )

    def fault(self, values: Values) -> str:
        return (self.check or file_fault)(self.name, values.text(self.name).strip())


@dataclass(frozen=True)
class Folder(Row):
    """A folder to read from; it may be left empty unless the job requires it."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        folder = Qgis.ProcessingFileParameterBehavior.Folder
        return QgsProcessingParameterFile(self.name, self.title, folder, optional="required" not in known)


@dataclass(frozen=True)
class Model(Row):
    """A model bundle, or nothing for the embedded one that the job takes by default."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:  # noqa: ARG002
        return QgsProcessingParameterFile(
            self.name,
            self.title,
            optional=True,
            fileFilter=tr("Model bundles (*.safetensors);;All files (*)"),
        )

    def read(self, values: Values) -> str | None:
        return values.text(self.name).strip() or self.known(values.algorithm).get("default")

    def fault(self, values: Values) -> str:
        default = self.known(values.algorithm).get("default")
        return model_fault(values.text(self.name).strip(), *([default] if default else embedded_models()))


@dataclass(frozen=True)
class FileOutput(Row):
    """A file to write; what the job does not require, and we neither, may be left empty."""

    filter: str = ""
    required: bool = False
    check: Callable[[str, str], str] | None = None

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        required = self.required or "required" in known
        return QgsProcessingParameterFileDestination(
            self.name, self.title, self.filter, optional=not required, createByDefault=required
        )

    def read(self, values: Values) -> str | None:
        return values.file(self.name) or None

    def fault(self, values: Values) -> str:
        return self.check(self.name, values.file(self.name)) if self.check else ""


@dataclass(frozen=True)
class RasterOutput(Row):
    """A GeoTIFF to write; what the job does not require may be left empty."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
        required = "required" in known
        return QgsProcessingParameterRasterDestination(
            self.name, self.title, optional=not required, createByDefault=required
        )

    def read(self, values: Values) -> str | None:
        target = values.algorithm.parameterAsOutputLayer(values.parameters, self.name, values.context)
        return str(target) if target else None

    def fault(self, values: Values) -> str:
        target = values.file(self.name) if values.parameters.get(self.name) else ""
        if target and Path(target).suffix.lower() not in (".tif", ".tiff"):
            return tr('{} "{}" is not a GeoTIFF: choose a name that ends in .tif.').format(self.name, target)
        return ""


@dataclass(frozen=True)
class FolderOutput(Row):
    """A folder to write to."""

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:  # noqa: ARG002
        return QgsProcessingParameterFolderDestination(self.name, self.title)


def file_fault(name: str, file: str) -> str:
    """Return that a file which was given is not there, or nothing."""
    if file and not Path(file).is_file():
        return tr('{} "{}" is not a file: choose another one or leave it empty.').format(name, file)
    return ""


def model_fault(model: str, *embedded: str) -> str:
    """Return that a model is neither a file nor one of the embedded ones, or nothing."""
    if not model or model in embedded or Path(model).is_file():
        return ""
    return tr('The model "{}" is not a file: choose a .safetensors bundle or leave MODEL empty.').format(
        model
    )


def embedded_models() -> tuple[str, str]:
    """Return what the jobs call the models that ship with the package, for mapping and for screening."""
    return default_of("predict", "model"), default_of("screen_tiles", "model")


def gpkg_fault(target: str | Path) -> str:
    """Return what is wrong with the name of a GeoPackage to be written, or nothing."""
    if not str(target) or Path(target).suffix.lower() == ".gpkg":
        return ""
    return tr('"{}" is not a GeoPackage: choose a name that ends in .gpkg.').format(target)


def geopackage_output(name: str, job_field: str, title: str, *, required: bool = False) -> FileOutput:
    """Return the row of a GeoPackage to be written."""
    return FileOutput(
        name,
        job_field,
        title,
        filter=tr("GeoPackages (*.gpkg)"),
        required=required,
        check=lambda _name, target: gpkg_fault(target),
    )


def bundle_output(name: str, title: str) -> FileOutput:
    """Return the row of a model to be written."""
    return FileOutput(name, "output", title, filter=tr("Model bundles (*.safetensors)"), check=_bundle_fault)


def _bundle_fault(name: str, target: str) -> str:
    if target and Path(target).suffix.lower() != ".safetensors":
        return tr('{} "{}": choose a name that ends in .safetensors.').format(name, target)
    return ""


def config_row(title: str) -> File:
    """Return CONFIG: a folder of tiles, by its `train.yaml`, or the configuration of a training."""
    filter = tr("Configurations (*.yaml *.yml);;All files (*)")
    return File("CONFIG", "config", title, filter=filter, check=_config_fault)


def _config_fault(_name: str, config: str) -> str:
    if config and not Path(config).exists():
        return tr('CONFIG "{}" is neither a folder of tiles nor a file.').format(config)
    return ""


def class_table() -> File:
    """Return CLASSES: what the ids of a map mean."""
    return File(
        "CLASSES",
        "classes",
        tr("Table of the classes: id, name, group (empty: those of the run that made the map)"),
        advanced=True,
        filter=tr("Tables (*.csv *.txt);;All files (*)"),
    )
