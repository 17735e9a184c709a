#!/usr/bin/env python3
"""Writes the Processing model that the plugin ships: map, flag, and apply what a meta classifier accepts.

Run with QGIS's Python; without an argument the shipped file is replaced. Its texts are those of
`plugin/algorithms/map_and_flag.py`.
"""

import runpy
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildDependency,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QPointF

ROOT = Path(__file__).resolve().parents[1]
runpy.run_path(str(ROOT / "service" / "bootstrap.py"))  # makes the package importable

from mce_landcover.plugin.algorithms.map_and_flag import MapAndFlag, titles  # noqa: E402
from mce_landcover.plugin.parameters import default_of  # noqa: E402

#: Step -> algorithm.
STEPS = {
    "map": "mce:predict",
    "flag": "mce:flag_candidates",
    "choose": "native:condition",
    "review": "mce:apply_review",
}
#: Step -> what it takes from the model's inputs, under its own names.
INPUTS = {
    "map": ("IMAGE", "DEM", "MODEL", "EXTENT", "ALPHA", "OVERWRITE"),
    "flag": ("CLASSES", "META", "ACCEPTED_PER_FIND", "MIN_AREA", "OVERWRITE"),
    "review": ("ACCEPTED_PER_FIND", "OVERWRITE"),
}
#: Step -> what it takes from earlier steps.
CHAIN = {
    "flag": {"RUN": ("map", "OUTPUT_DIR")},
    "review": {"RUN": ("map", "OUTPUT_DIR"), "CANDIDATES": ("flag", "CANDIDATES")},
}
FIXED = {"review": {"DECIDE_BY": "classifier"}}
SCORED = "there is a meta classifier"


def build() -> QgsProcessingModelAlgorithm:
    """Return the model; its outputs are "folder" and, where META is given, "reviewed_map"."""
    model = QgsProcessingModelAlgorithm(MapAndFlag.ID)
    for row, parameter in enumerate(parameters()):
        parameter.setDescription(titles()[parameter.name()])
        component = QgsProcessingModelParameter(parameter.name())
        component.setPosition(QPointF(120.0, 60.0 + 50.0 * row))
        model.addModelParameter(parameter, component)
    for column, (step, algorithm) in enumerate(STEPS.items()):
        child = QgsProcessingModelChildAlgorithm(algorithm)
        child.setChildId(step)
        child.setPosition(QPointF(400.0 + 240.0 * column, 120.0 + 60.0 * column))
        for name, source in sources(step).items():
            child.addParameterSources(name, [source])
        model.addChildAlgorithm(child)
    choose, review, map_ = (model.childAlgorithm(step) for step in ("choose", "review", "map"))
    condition = {"name": SCORED, "expression": "coalesce(@META, '') <> ''", "isExpression": True}
    choose.setConfiguration({"conditions": [condition]})
    review.setDependencies([QgsProcessingModelChildDependency("choose", SCORED)])
    map_.setModelOutputs({"Folder": output("Folder", "map", "OUTPUT_DIR")})
    review.setModelOutputs({"Reviewed map": output("Reviewed map", "review", "MAP", mandatory=False)})
    for child in (choose, review, map_):
        model.setChildAlgorithm(child)
    model.setParameterOrder([parameter.name() for parameter in parameters()])
    return model


def parameters() -> list[QgsProcessingParameterDefinition]:
    """Return the inputs, named like those of the steps."""
    double, file = Qgis.ProcessingNumberParameterType.Double, Qgis.ProcessingFileParameterBehavior.File
    return [
        QgsProcessingParameterRasterLayer("IMAGE"),
        QgsProcessingParameterRasterLayer("DEM", optional=True),
        QgsProcessingParameterFile(
            "MODEL", "", file, optional=True, fileFilter="Model bundles (*.safetensors);;All files (*)"
        ),
        QgsProcessingParameterExtent("EXTENT", optional=True),
        QgsProcessingParameterString("CLASSES", optional=True),
        QgsProcessingParameterNumber(
            "ALPHA", "", double, default_of("predict", "alpha"), minValue=0.0, maxValue=1.0
        ),
        QgsProcessingParameterFile(
            "META", "", file, optional=True, fileFilter="Meta classifiers (*.json *.skops);;All files (*)"
        ),
        QgsProcessingParameterNumber("ACCEPTED_PER_FIND", "", double, None, optional=True, minValue=0.0),
        QgsProcessingParameterNumber("MIN_AREA", "", double, 0.0, minValue=0.0),
        QgsProcessingParameterBoolean("OVERWRITE", defaultValue=False),
    ]


def sources(step: str) -> dict[str, QgsProcessingModelChildParameterSource]:
    """Return where a step's parameters come from."""
    source = QgsProcessingModelChildParameterSource
    return {
        **{name: source.fromModelParameter(name) for name in INPUTS.get(step, ())},
        **{name: source.fromChildOutput(*origin) for name, origin in CHAIN.get(step, {}).items()},
        **{name: source.fromStaticValue(value) for name, value in FIXED.get(step, {}).items()},
    }


def output(name: str, step: str, of_step: str, *, mandatory: bool = True) -> QgsProcessingModelOutput:
    """Return a model output that is a destination of a step; QGIS makes its id of its description."""
    out = QgsProcessingModelOutput(name, name)
    out.setChildId(step)
    out.setChildOutputName(of_step)
    out.setMandatory(mandatory)
    return out


def write(file: Path) -> None:
    """Write the model, attributes in order: QGIS's own order changes from run to run."""
    if not build().toFile(str(file)):
        raise SystemExit(f"{file} cannot be written")
    file.write_text(f"<!DOCTYPE model>\n{Xml.canonicalize(from_file=file)}\n", encoding="utf-8")


if __name__ == "__main__":
    application = QgsApplication([], False)
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else MapAndFlag.FILE)
