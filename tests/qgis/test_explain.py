"""`explain`: which place it asks for, what it gives back, and how the heat map stands in the project."""

from pathlib import Path

import processing
import pytest
from conftest import Feedback
from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
)


@pytest.fixture
def flagged(run, image, tmp_path):
    """The layer of the candidates of a run that is in the project."""
    run("predict", IMAGE=str(image), OUTPUT_DIR=str(tmp_path / "out"))
    run("flag_candidates", RUN=str(tmp_path / "out"))
    (layer,) = QgsProject.instance().mapLayersByName("Candidates")
    return layer


def test_a_candidate_by_its_uuid(run, flagged, tmp_path):
    target = str(tmp_path / "heat.tif")
    result, request = run("explain", CANDIDATES=flagged, UUID="uuid-1", HEAT_MAP=target)
    assert request == {
        "image": None,
        "dem": None,
        "source": {},
        "candidates": str(tmp_path / "out" / "candidates.gpkg"),
        "uuid": "uuid-1",
        "extent": None,
        "point": None,
        "output": target,
        "model": None,
        "class_name": None,
        "expert": None,
        "against": None,
        "crs": None,
        "device": "auto",
        "overwrite": False,
    }
    assert result == {
        "HEAT_MAP": target,
        "CLASS_NAME": "large blocks",
        "EXPERT_NAME": "tail",
        "LOGIT": 2.25,
        "INSIDE": 0.3,
        "SHARES": "image: 75%, dem: 25%",
        "MESSAGE": "Seen.",
    }


def test_the_selected_candidate(run, flagged, tmp_path):
    flagged.selectAll()
    _, request = run("explain", CANDIDATES=flagged, HEAT_MAP=str(tmp_path / "heat.tif"))
    assert request["uuid"] == "uuid-1"


def test_the_heat_map_stands_in_its_run_between_outlines_and_maps(run, flagged, tmp_path):
    wish = QgsProcessingOutputLayerDefinition(str(tmp_path / "heat.tif"), QgsProject.instance())
    run("explain", CANDIDATES=flagged, UUID="uuid-1", HEAT_MAP=wish)
    (group,) = QgsProject.instance().layerTreeRoot().children()
    names = [node.name() for node in group.children()]
    assert names[:3] == ["Candidates", "Seen as large blocks", "Land cover"]
    (layer,) = QgsProject.instance().mapLayersByName("Seen as large blocks")
    assert layer.renderer().type() == "paletted"  # as the style of the fake backend says


def test_a_point(run, image, dem, tmp_path):
    given = {"CLASS": "forest", "EXPERT": "2", "AGAINST": "glacier", "DEM": str(dem), "OVERWRITE": True}
    wish = QgsProcessingOutputLayerDefinition(str(tmp_path / "heat.tif"), QgsProject.instance())
    point = "2600002.5,1199995.25 [EPSG:2056]"
    _, request = run("explain", POINT=point, IMAGE=str(image), HEAT_MAP=wish, **given)
    assert (request["point"], request["extent"], request["candidates"]) == (point, None, None)
    settings = ("class_name", "expert", "against", "image", "dem", "overwrite")
    assert [request[name] for name in settings] == ["forest", "2", "glacier", str(image), str(dem), True]
    assert [node.name() for node in QgsProject.instance().layerTreeRoot().children()] == [
        "Seen as large blocks"
    ]


def test_an_extent(run, image, tmp_path):
    box = "2600001,2600004,1199993,1199997 [EPSG:2056]"
    target = str(tmp_path / "heat.tif")
    _, request = run("explain", EXTENT=box, CLASS="3", IMAGE=str(image), HEAT_MAP=target, CRS="EPSG:2056")
    assert (request["point"], request["crs"]) == (None, "EPSG:2056")
    assert request["extent"] == "2600001.0,2600004.0,1199993.0,1199997.0 [EPSG:2056]"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "One place is explained at a time"),
        ({"POINT": "1,1", "EXTENT": "0,1,0,1"}, "One place is explained at a time"),
        ({"POINT": "1,1", "CLASS": "3"}, "IMAGE is needed"),
        ({"POINT": "1,1", "IMAGE": "{image}"}, "CLASS is needed"),
        ({"POINT": "1,1", "IMAGE": "{image}", "CLASS": "3", "MODEL": "/no"}, "not a file"),
        ({"POINT": "1,1", "IMAGE": "{image}", "CLASS": "3", "SOURCES": "ndsm"}, "SOURCES has"),
        ({"POINT": "1,1", "IMAGE": "{image}", "CLASS": "3", "HEAT_MAP": "/tmp/h.png"}, "ends in .tif"),
        ({"CANDIDATES": "{candidates}"}, "not just one candidate is selected"),
        ({"CANDIDATES": "{candidates}", "CRS": "EPSG:2056"}, "CRS is that of the candidate's run"),
        ({"CANDIDATES": "{image}", "UUID": "1"}, "CANDIDATES"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    run, flagged, fake_backend, context, image, parameters, words
):
    known = {"{image}": str(image), "{candidates}": flagged}
    parameters = {name: known.get(value, value) for name, value in parameters.items()}
    target = str(Path(flagged.source().partition("|")[0]).with_name("heat.tif"))
    before, feedback = len(fake_backend()), Feedback()
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("mce:explain", {"HEAT_MAP": target, **parameters}, context=context, feedback=feedback)
    assert words in "\n".join([*feedback.errors, str(caught.value)])
    assert len(fake_backend()) == before
