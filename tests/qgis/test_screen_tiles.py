"""`screen_tiles`: what it asks for, gives back, loads and refuses; and `predict` with its tiles."""

import processing
import pytest
from conftest import Feedback
from qgis.core import QgsProcessingException, QgsProject


def test_defaults(run, image, tmp_path):
    file = str(tmp_path / "tiles.gpkg")
    result, request = run("screen_tiles", IMAGE=str(image), TILES_FILE=file)
    assert request == {
        "image": str(image),
        "dem": None,
        "source": {},
        "extent": None,
        "model": "screen",
        "crs": None,
        "device": "auto",
        "precision": "auto",
        "output": file,
        "classes": "",
        "grid_m": None,
        "overwrite": False,
    }
    assert result["TILES_FILE"] == file and result["TILES"] == f"{file}|layername=tiles"
    assert result["N_TILES"] == 1 and result["RANKED_BY"] == "large blocks, glacier"
    assert result["MESSAGE"] == "One tile." and result["SECONDS"] == 0.5


def test_the_layer_is_loaded_with_its_style(run, image, tmp_path):
    run("screen_tiles", IMAGE=str(image), TILES_FILE=str(tmp_path / "tiles.gpkg"))
    groups = QgsProject.instance().layerTreeRoot().children()
    assert [[node.name() for node in group.children()] for group in groups] == [
        ["Tiles: large blocks, glacier"]
    ]
    layer = next(iter(QgsProject.instance().mapLayers().values()))
    assert layer.featureCount() == 1 and layer.renderer().type() != "invalidRenderer"


def test_everything_chosen(run, image, tmp_path):
    _, request = run(
        "screen_tiles",
        IMAGE=str(image),
        MODEL=str(image),  # any file will do for the fake backend
        CLASSES="water, 3",
        GRID=300,
        CRS="EPSG:2056",
        DEVICE="cpu",
        PRECISION="fp32",
        OVERWRITE=True,
        LOAD_LAYERS=False,
        TILES_FILE=str(tmp_path / "tiles.gpkg"),
    )
    assert request["model"] == str(image) and request["classes"] == "water, 3"
    assert (request["grid_m"], request["crs"], request["overwrite"]) == (300.0, "EPSG:2056", True)
    assert (request["device"], request["precision"]) == ("cpu", "fp32")
    assert not QgsProject.instance().mapLayers()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"TILES_FILE": "tiles.shp"}, "is not a GeoPackage"),
        ({"MODEL": "absent.safetensors"}, "is not a file"),
        ({"SOURCES": "nonsense"}, "nonsense"),
    ],
)
def test_what_cannot_be_is_refused_before_the_backend(
    provider, fake_backend, context, image, tmp_path, parameters, says
):
    feedback = Feedback()
    given = {"IMAGE": str(image), "TILES_FILE": str(tmp_path / "t.gpkg"), **parameters}
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("mce:screen_tiles", given, context=context, feedback=feedback)
    assert says in "\n".join([*feedback.errors, str(caught.value)])
    assert not (tmp_path / "requests.jsonl").exists()


def test_predict_takes_the_first_tiles(run, image, tmp_path):
    tiles = str(tmp_path / "tiles.gpkg")
    run("screen_tiles", IMAGE=str(image), TILES_FILE=tiles)
    _, request = run(
        "predict", IMAGE=str(image), OUTPUT_DIR=str(tmp_path / "o"), TILES=tiles, TILES_FIRST=0.1
    )
    assert (request["tiles"], request["tiles_first"]) == (tiles, 0.1)
