"""`evaluate` and `draw_sample`: what they ask for, give back and load."""

from pathlib import Path

import processing
import pytest
from conftest import Feedback, write_raster
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)


@pytest.fixture
def land_cover(tmp_path) -> Path:
    return write_raster(tmp_path / "map.tif")


def layer_of(kind: str, field: str, wkt: str) -> QgsVectorLayer:
    """A memory layer of the project with one feature of class `glacier`."""
    layer = QgsVectorLayer(f"{kind}?crs=EPSG:2056&field={field}:string", "drawn", "memory")
    feature = QgsFeature(layer.fields())
    feature.setAttributes(["glacier"])
    feature.setGeometry(QgsGeometry.fromWkt(wkt))
    layer.dataProvider().addFeatures([feature])
    return QgsProject.instance().addMapLayer(layer)


def squares() -> QgsVectorLayer:
    return layer_of(
        "Polygon", "cover", "POLYGON((2600000 1199990,2600001 1199990,2600001 1199991,2600000 1199990))"
    )


def points() -> QgsVectorLayer:
    return layer_of("Point", "reference", "POINT(2600000 1199990)")


def test_evaluate_defaults(run, land_cover, tmp_path):
    reference = write_raster(tmp_path / "truth.tif")
    folder = tmp_path / "report"
    result, request = run("evaluate", MAP=str(land_cover), REFERENCE=str(reference), OUTPUT_DIR=str(folder))
    assert request == {
        "prediction": str(land_cover),
        "run": None,
        "reference": str(reference),
        "field": "",
        "sample": None,
        "sample_field": "",
        "sample_map": None,
        "classes": None,
        "paper_convention": False,
        "output": str(folder),
        "overwrite": False,
    }
    assert result == {
        "OUTPUT_DIR": str(folder),
        "REPORT_HTML": str(folder / "evaluation.html"),
        "REPORT_JSON": str(folder / "evaluation.json"),
        "CLASSES_CSV": str(folder / "classes.csv"),
        **dict.fromkeys(("CONFUSION_CSV", "EXPERTS_CSV", "PLACES_CSV", "AREAS_CSV", "POINTS_CSV")),
        "OA": 0.875,
        "MACC": 0.75,
        "MIOU": None,
        "ACC_HEAD": 0.9,
        "ACC_BODY": None,
        "ACC_TAIL": 0.5,
        "N_PIXELS": 400,
        "OA_SAMPLE": None,
        "OA_SAMPLE_CI": None,
        "N_POINTS": 0,
        "MESSAGE": "Fine.",
    }


def test_evaluate_with_everything_given(run, land_cover, tmp_path):
    """Layers that are no files are exported, with their fields."""
    (tmp_path / "t.csv").touch()
    _, request = run(
        "evaluate",
        MAP=str(land_cover),
        POLYGONS=squares(),
        FIELD="cover",
        SAMPLE=points(),
        SAMPLE_FIELD="reference",
        SAMPLE_MAP=str(write_raster(tmp_path / "earlier.tif")),
        RUN=str(tmp_path),
        CLASSES=str(tmp_path / "t.csv"),
        PAPER_CONVENTION=True,
        OVERWRITE=True,
        OUTPUT_DIR=str(tmp_path / "report"),
    )
    exported = {name: QgsVectorLayer(request.pop(name)) for name in ("reference", "sample")}
    assert [f["cover"] for f in exported["reference"].getFeatures()] == ["glacier"]
    assert [f["reference"] for f in exported["sample"].getFeatures()] == ["glacier"]
    assert {layer.crs().authid() for layer in exported.values()} == {"EPSG:2056"}
    assert request == {
        "prediction": str(land_cover),
        "run": str(tmp_path),
        "field": "cover",
        "sample_field": "reference",
        "sample_map": str(tmp_path / "earlier.tif"),
        "classes": str(tmp_path / "t.csv"),
        "paper_convention": True,
        "output": str(tmp_path / "report"),
        "overwrite": True,
    }


def test_a_map_that_is_no_plain_file_is_exported(run, land_cover, tmp_path):
    layer = QgsRasterLayer(str(land_cover), "map")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:21781"))
    QgsProject.instance().addMapLayer(layer)
    truth = str(write_raster(tmp_path / "truth.tif"))
    _, request = run("evaluate", MAP=layer, REFERENCE=truth, OUTPUT_DIR=str(tmp_path / "report"))
    exported = QgsRasterLayer(request["prediction"])
    assert request["prediction"] != str(land_cover)
    assert exported.crs().authid() == "EPSG:21781"
    assert (exported.width(), exported.extent()) == (20, layer.extent())
    assert request["reference"] == truth


def test_draw_defaults(run, land_cover, tmp_path):
    target = str(tmp_path / "points.gpkg")
    result, request = run("draw_sample", MAP=str(land_cover), SAMPLE=target)
    assert request == {
        "raster": str(land_cover),
        "output": target,
        "size": 500,
        "minimum": 50,
        "seed": 0,
        "classes": None,
        "overwrite": False,
    }
    assert result == {"SAMPLE": target, "N_POINTS": 1, "PER_CLASS": "glacier: 1, forest: 0"}
    assert not QgsProject.instance().mapLayers()


def test_draw_with_everything_given(run, land_cover, tmp_path):
    (tmp_path / "t.csv").touch()
    given = {"SIZE": 80, "MINIMUM": 4, "SEED": 9, "CLASSES": str(tmp_path / "t.csv"), "OVERWRITE": True}
    _, request = run("draw_sample", MAP=str(land_cover), SAMPLE=str(tmp_path / "p.gpkg"), **given)
    names = ("size", "minimum", "seed", "classes", "overwrite")
    assert [request[name] for name in names] == [80, 4, 9, str(tmp_path / "t.csv"), True]


@pytest.mark.parametrize("where", ["file", "temporary"])
def test_a_sample_is_loaded_above_the_layers_of_its_run(run, image, tmp_path, where):
    folder = tmp_path / "out"
    mapped, _ = run("predict", IMAGE=str(image), OUTPUT_DIR=str(folder))
    target = str(tmp_path / "p.gpkg") if where == "file" else "TEMPORARY_OUTPUT"
    wish = QgsProcessingOutputLayerDefinition(target, QgsProject.instance())
    result, _ = run("draw_sample", MAP=mapped["MAP"], SAMPLE=wish)
    assert ["temporary file" in warning for warning in run.warnings] == [True] * (where == "temporary")
    (group,) = QgsProject.instance().layerTreeRoot().children()
    assert group.name() == "MCE land cover ortho"
    assert [node.name() for node in group.children()][:2] == ["Sample", "Land cover"]
    (layer,) = QgsProject.instance().mapLayersByName("Sample")
    assert layer.source() == result["SAMPLE"] and layer.featureCount() == 1


def test_a_sample_of_any_other_map_needs_no_group(run, land_cover, tmp_path):
    wish = QgsProcessingOutputLayerDefinition(str(tmp_path / "p.gpkg"), QgsProject.instance())
    run("draw_sample", MAP=str(land_cover), SAMPLE=wish)
    assert [node.name() for node in QgsProject.instance().layerTreeRoot().children()] == ["Sample"]


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("evaluate", {"REFERENCE": None}, "nothing to compare the map with"),
        ("evaluate", {"MAP": "/nowhere/m.tif"}, "MAP"),
        ("evaluate", {"REFERENCE": "/nowhere/r.tif"}, "REFERENCE"),
        ("evaluate", {"REFERENCE": None, "POLYGONS": "/nowhere/r.gpkg"}, "POLYGONS"),
        ("evaluate", {"POLYGONS": "/nowhere/r.gpkg"}, "given twice"),
        ("evaluate", {"SAMPLE": "/nowhere/s.gpkg"}, "SAMPLE"),
        ("evaluate", {"SAMPLE_MAP": "/nowhere/m.tif"}, "SAMPLE_MAP"),
        ("evaluate", {"CLASSES": "/nowhere/t.csv"}, "CLASSES"),
        ("draw_sample", {"MAP": "/nowhere/m.tif"}, "MAP"),
        ("draw_sample", {"SAMPLE": "/tmp/s.shp"}, "ends in .gpkg"),
        ("draw_sample", {"MINIMUM": 1}, "MINIMUM"),
        ("draw_sample", {"CLASSES": "/nowhere/t.csv"}, "CLASSES"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    provider, fake_backend, context, land_cover, tmp_path, name, parameters, words
):
    file = str(land_cover)
    required = {
        "evaluate": {"MAP": file, "REFERENCE": file, "OUTPUT_DIR": str(tmp_path / "report")},
        "draw_sample": {"MAP": file, "SAMPLE": str(tmp_path / "s.gpkg")},
    }
    feedback = Feedback()
    with pytest.raises(QgsProcessingException) as caught:
        processing.run(f"mce:{name}", required[name] | parameters, context=context, feedback=feedback)
    sentence = "\n".join([*feedback.errors, str(caught.value)])
    assert words in sentence and "Traceback" not in sentence
    assert not (tmp_path / "requests.jsonl").exists()
