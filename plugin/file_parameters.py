"""The rows of files and folders, to read and to write, and what can be wrong with their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
)

from .i18n import tr
from .parameters import Row, Values, default_of


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

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
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

    def definition(self, known: Mapping[str, Any]) -> QgsProcessingParameterDefinition:
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


def geopackage_output(name: str, job_field: str, title: str) -> FileOutput:
    """Return the row of a GeoPackage to be written."""
    return FileOutput(
        name,
        job_field,
        title,
        filter=tr("GeoPackages (*.gpkg)"),
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
