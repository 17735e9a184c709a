"""`predict`: how its parameters become the job's request, and the job's result its outputs."""

import re
from pathlib import Path

import processing
import pytest
from conftest import Feedback, write_raster
from qgis.core import (
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
)


@pytest.fixture
def predict(provider, fake_backend, image, tmp_path):
    """Runs `predict` on the small image and returns its outputs and the request's parameters."""

    def predict(feedback=None, **parameters):
        given = {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out"), **parameters}
        result = processing.run("mce:predict", given, feedback=feedback or Feedback())
        return result, fake_backend()[-1]["parameters"]

    return predict


def refusal(predict, **parameters) -> str:
    """Return what the user reads: the exception, or what QGIS reported before it."""
    feedback = Feedback()
    with pytest.raises(QgsProcessingException) as caught:
        predict(feedback, **parameters)
    sentence = "\n".join([*feedback.errors, str(caught.value)])
    assert "Traceback" not in sentence
    return sentence


def test_defaults(predict, image, tmp_path):
    result, request = predict()
    assert request == {
        "image": str(image),
        "dem": None,
        "source": {},
        "model": "demo",
        "output": str(tmp_path / "out"),
        "extent": None,
        "crs": None,
        "destinations": {},
        "aggregation": None,
        "alpha": 0.95,
        "device": "auto",
        "precision": "auto",
        "engine": "auto",
        "overlap": None,
        "batch_size": 0,
        "logits": False,
        "tiles": None,
        "tiles_first": 0.2,
        "overwrite": False,
    }
    assert result == {
        "OUTPUT_DIR": str(tmp_path / "out"),
        "MAP": str(tmp_path / "out" / "land_cover.tif"),
        "EVIDENCE": str(tmp_path / "out" / "evidence.tif"),
        "EXPERT_1": str(tmp_path / "out" / "expert_1.tif"),
        "EXPERT_2": str(tmp_path / "out" / "expert_2.tif"),
        "RUN_FILE": str(tmp_path / "out" / "run.json"),
        "N_EXPERTS": 2,
        "WINDOWS": 4,
        "SECONDS": 1.5,
        "DEVICE_USED": "cpu",
        "PRECISION_USED": "fp32",
    }


def test_everything_given(predict, dem, tmp_path):
    bundle = tmp_path / "own.safetensors"
    bundle.touch()
    ndsm, nir = write_raster(tmp_path / "n dsm.tif"), write_raster(tmp_path / "nir.tif")
    result, request = predict(
        DEM=str(dem),
        SOURCES=f"ndsm={ndsm}; nir = {nir}\nndsm={nir}",
        MODEL=str(bundle),
        EXTENT="2600000,2600005,1199995,1200000 [EPSG:2056]",
        AGGREGATION="max",
        ALPHA=0.9,
        DEVICE="cpu",
        PRECISION="bf16",
        ENGINE="torch",
        CRS="EPSG:32632",
        LOGITS=True,
        OVERLAP=0.5,
        BATCH_SIZE=16,
        OVERWRITE=True,
        MAP=str(tmp_path / "own_map.tif"),
        EXPERT_2="TEMPORARY_OUTPUT",
    )
    assert request["dem"] == str(dem)
    assert request["source"] == {"ndsm": [str(ndsm), str(nir)], "nir": [str(nir)]}
    assert request["model"] == str(bundle)
    assert request["extent"] == "2600000.0,2600005.0,1199995.0,1200000.0 [EPSG:2056]"
    settings = ("aggregation", "alpha", "device", "precision", "overlap", "batch_size", "overwrite")
    assert [request[name] for name in settings] == ["max", 0.9, "cpu", "bf16", 0.5, 16, True]
    assert [request[name] for name in ("engine", "crs", "logits")] == ["torch", "EPSG:32632", True]
    assert request["destinations"].keys() == {"land_cover", "expert_2"}
    assert result["MAP"] == request["destinations"]["land_cover"] == str(tmp_path / "own_map.tif")
    assert result["EXPERT_2"] == request["destinations"]["expert_2"]
    assert Path(result["EXPERT_2"]).is_file()
    assert result["EXPERT_1"] == str(tmp_path / "out" / "expert_1.tif")


def test_overlap_of_zero_is_not_the_default(predict):
    assert predict(OVERLAP=0)[1]["overlap"] == 0.0


def test_layers_of_the_project_by_name(predict, dem, qgis_new_project):
    layer = QgsRasterLayer(str(dem), "my heights")
    QgsProject.instance().addMapLayer(layer)
    _, request = predict(DEM=layer, SOURCES="ndsm=my heights")
    assert request["dem"] == str(dem)
    assert request["source"] == {"ndsm": [str(dem)]}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"IMAGE": "/nowhere/image.tif"}, "IMAGE"),
        ({"DEM": "/nowhere/dem.tif"}, "DEM: /nowhere/dem.tif not found"),
        ({"SOURCES": "ndsm=/nowhere/a.tif"}, "SOURCES ndsm is not a raster"),
        ({"SOURCES": "/nowhere/a.tif"}, "write role=path"),
        ({"SOURCES": "image=/nowhere/a.tif"}, "give that raster as IMAGE"),
        ({"MODEL": "/nowhere/a.safetensors"}, "is not a file"),
        ({"AGGREGATION": "oracle"}, "AGGREGATION"),
        ({"ALPHA": 1.5}, "ALPHA"),
        ({"OVERLAP": 0.95}, "OVERLAP"),
        ({"MAP": "/tmp/map.xyz"}, "ends in .tif"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(predict, parameters, words, tmp_path):
    assert words in refusal(predict, **parameters)
    assert not (tmp_path / "requests.jsonl").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["fail", "crash", "killed"])
def test_failures_of_the_backend_come_through(predict, monkeypatch, mode):
    monkeypatch.setenv("FAKE_BACKEND_MODE", mode)
    sentence = refusal(predict)
    assert re.search("no CRS|torch|SIGKILL", sentence)


def test_cancel_fails_the_run(provider, fake_backend, image, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "hang")
    parameters = {"IMAGE": str(image), "OUTPUT_DIR": str(tmp_path / "out")}
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        processing.run("mce:predict", parameters, feedback=Feedback(cancel_after=3))
