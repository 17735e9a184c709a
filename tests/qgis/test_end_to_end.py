"""The whole way: QGIS, worker process, real backend, layers. Needs the backend's environment."""

import os
import subprocess
from pathlib import Path

import numpy as np
import processing
import pytest
from conftest import Feedback
from mce_landcover.plugin import backend, paths
from osgeo import gdal
from processing.gui.Postprocessing import handleAlgorithmResults
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingException, QgsProject
from test_layers import two_step_model

#: Looked up before the other tests' fixtures hide it.
BACKEND = backend.python_of(Path(os.environ.get(backend.VARIABLE) or paths.ROOT / ".venv"))
pytestmark = pytest.mark.skipif(BACKEND is None, reason="no backend: set MCE_LANDCOVER_PYTHON or build .venv")


@pytest.fixture(autouse=True)
def real_backend(monkeypatch, clean_way_to_backend):
    monkeypatch.setenv(backend.VARIABLE, str(BACKEND))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a tiny model in it."""
    folder = tmp_path_factory.mktemp("end_to_end")
    script = Path(__file__).parent / "tiny_model.py"
    command = [str(BACKEND), "-I", str(script), str(paths.ROOT), str(folder / "tiny.safetensors")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def scene(provider, folder) -> dict[str, str]:
    """IMAGE, DEM and MODEL of a small synthetic scene."""
    if not (folder / "scene").exists():
        processing.run("mce:make_scene", {"SIZE": 120, "SEED": 3, "OUTPUT_DIR": str(folder / "scene")})
    scene = {name: str(folder / "scene" / f"{name.lower()}.tif") for name in ("IMAGE", "DEM")}
    return {**scene, "MODEL": str(folder / "tiny.safetensors"), "PRECISION": "fp32", "DEVICE": "cpu"}


def predict(parameters, feedback=None):
    """Run `predict` and hand back its outputs, and the context with the layers to load."""
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("mce:predict")
    result = processing.run("mce:predict", parameters, feedback=feedback or Feedback(), context=context)
    return result, context, algorithm


def pixels(file: str) -> np.ndarray:
    return gdal.Open(file).ReadAsArray()


@pytest.fixture
def whole(scene, folder) -> str:
    """The map of the whole scene."""
    file = folder / "whole" / "land_cover.tif"
    if not file.exists():
        predict({**scene, "OUTPUT_DIR": str(file.parent)})
    return str(file)


def test_map_experts_and_evidence_are_loaded_with_their_names(scene, folder, qgis_new_project):
    feedback = Feedback()
    result, context, algorithm = predict({**scene, "OUTPUT_DIR": str(folder / "loaded")}, feedback)
    assert result["N_EXPERTS"] == 2
    assert result["WINDOWS"] > 0 and result["SECONDS"] > 0
    assert (result["DEVICE_USED"], result["PRECISION_USED"]) == ("cpu", "fp32")
    assert feedback.percents[-1] == 100.0 and feedback.percents == sorted(feedback.percents)
    assert Path(result["RUN_FILE"]).is_file()
    assert set(np.unique(pixels(result["MAP"]))) <= {*range(1, 10), 255}
    assert handleAlgorithmResults(algorithm, context, feedback, {})
    (group,) = QgsProject.instance().layerTreeRoot().children()
    nodes = group.children()
    assert [n.name() for n in nodes] == ["Land cover", "Expert 1", "Expert 2", "Evidence"]
    for node in nodes[:3]:
        labels = [entry.label for entry in node.layer().renderer().classes()]
        assert labels[0] == "bedrock" and labels[-1] == "glacier" and len(labels) == 9
    assert nodes[3].layer().renderer().type() == "singlebandpseudocolor"


def test_part_of_the_map_is_the_map_of_the_part(scene, whole, folder):
    dataset = gdal.Open(whole)
    left, _, _, top, _, _ = dataset.GetGeoTransform()
    # 61 x 42 m, on whole pixels of 0.5 m: columns 40 to 162, rows 31 to 115.
    extent = f"{left + 20},{left + 81},{top - 57.5},{top - 15.5} [EPSG:2056]"
    result, _, _ = predict({**scene, "EXTENT": extent, "OUTPUT_DIR": str(folder / "part")})
    part = gdal.Open(result["MAP"])
    assert part.GetGeoTransform()[0] == left + 20 and part.GetGeoTransform()[3] == top - 15.5
    assert (part.ReadAsArray() == dataset.ReadAsArray()[31:115, 40:162]).all()


def test_exported_layers_give_the_same_map(scene, whole, folder):
    through_qgis = {**scene, "IMAGE": f"{scene['IMAGE']}|option:NUM_THREADS=1"}
    result, _, _ = predict({**through_qgis, "OUTPUT_DIR": str(folder / "exported")})
    assert (pixels(result["MAP"]) == pixels(whole)).all()


def test_model_chains_the_same_map(scene, whole, folder):
    """A destination of its own and a second step change no pixel."""
    target = folder / "copied.tif"
    model = two_step_model(**{name: scene[name] for name in ("DEM", "MODEL", "PRECISION", "DEVICE")})
    feedback, context = Feedback(), QgsProcessingContext()
    _, ok = model.run({"image": scene["IMAGE"], "copy:copied": str(target)}, context, feedback)
    assert ok, feedback.errors
    assert (pixels(str(target)) == pixels(whole)).all()


def test_cancel_leaves_nothing_that_looks_finished(scene, folder):
    class CancelAtFirstProgress(Feedback):
        def setProgressText(self, text):
            self.cancel()

    output = folder / "cancelled"
    feedback = CancelAtFirstProgress()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        predict({**scene, "OVERLAP": 0.9, "OUTPUT_DIR": str(output)}, feedback)
    assert not list(output.glob("*.tif")) and not list(output.glob("run.json"))


def test_pickle_is_no_model(scene, folder):
    pickle = folder / "model.pt"
    pickle.write_bytes(b"\x80\x04N.")
    with pytest.raises(QgsProcessingException) as caught:
        predict({**scene, "MODEL": str(pickle), "OUTPUT_DIR": str(folder / "nothing")})
    assert "model.pt" in str(caught.value) and "Traceback" not in str(caught.value)
    assert not (folder / "nothing").exists()


def test_setup_reports_the_real_backend(provider):
    info = processing.run("mce:setup_backend", {"PYTHON": str(BACKEND)})["INFO"]
    assert "torch" in info and "gdal" in info and "cpu" in info
