"""Layers of labels, rasters or polygons, as files for the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from qgis.core import (
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingException,
    QgsRasterLayer,
    QgsVectorLayer,
)

from .rasters import local_file, unreadable
from .vectors import VectorInput, localise_vector, read_vector

LabelInput = Union[Path, VectorInput]  # noqa: UP007 - evaluated by QGIS's own Python


def read_labels(layer: QgsMapLayer | None, parameter: str) -> LabelInput:
    """Describe labels for later use in another thread; call it in the layer's own thread.

    Raises QgsProcessingException for what is neither a raster file nor a vector layer.
    """
    if isinstance(layer, QgsVectorLayer):
        return read_vector(layer, parameter)
    file = local_file(layer) if isinstance(layer, QgsRasterLayer) and layer.isValid() else None
    if file is None:
        raise QgsProcessingException(unreadable(parameter))
    return file


def localise_labels(labels: LabelInput, context: QgsProcessingContext) -> str:
    """Return the labels as a file; polygons that are none are exported first."""
    return localise_vector(labels, context) if isinstance(labels, VectorInput) else str(labels)
