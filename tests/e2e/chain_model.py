"""Writes a two-step Processing model: `mce:predict`, then a count of the map's classes.

Run with QGIS's Python:

python3 chain_model.py MODEL_FILE
"""

import sys

from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)


def build() -> QgsProcessingModelAlgorithm:
    """Return the model: inputs IMAGE, DEM and FOLDER; outputs "count:Table" and "map:Map"."""
    model = QgsProcessingModelAlgorithm("map_and_count", "test")
    for parameter in (
        QgsProcessingParameterRasterLayer("IMAGE"),
        QgsProcessingParameterRasterLayer("DEM"),
        QgsProcessingParameterFile("FOLDER", behavior=QgsProcessingParameterFile.Folder),
    ):
        model.addModelParameter(parameter, QgsProcessingModelParameter(parameter.name()))
    predict = QgsProcessingModelChildAlgorithm("mce:predict")
    predict.setChildId("map")
    for name, source in (("IMAGE", "IMAGE"), ("DEM", "DEM"), ("OUTPUT_DIR", "FOLDER")):
        predict.addParameterSources(name, [QgsProcessingModelChildParameterSource.fromModelParameter(source)])
    predict.setModelOutputs({"Map": output("Map", "map", "MAP")})
    model.addChildAlgorithm(predict)
    count = QgsProcessingModelChildAlgorithm("native:rasterlayeruniquevaluesreport")
    count.setChildId("count")
    count.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("map", "MAP")])
    count.addParameterSources("BAND", [QgsProcessingModelChildParameterSource.fromStaticValue(1)])
    count.setModelOutputs({"Table": output("Table", "count", "OUTPUT_TABLE")})
    model.addChildAlgorithm(count)
    return model


def output(name: str, child: str, child_output: str) -> QgsProcessingModelOutput:
    """Return a model output that is an output of a step."""
    out = QgsProcessingModelOutput(name)
    out.setChildId(child)
    out.setChildOutputName(child_output)
    return out


if __name__ == "__main__":
    sys.exit(not build().toFile(sys.argv[1]))
