"""The shipped Processing model: an algorithm like the others, whose steps hand on what they should."""

import subprocess
import sys

import processing
import pytest
from conftest import Feedback
from mce_landcover.plugin.algorithms.map_and_flag import MapAndFlag, titles
from mce_landcover.plugin.help import markdown_to_html
from mce_landcover.plugin.parameters import default_of
from mce_landcover.plugin.paths import RESOURCES, ROOT
from processing.gui.Postprocessing import handleAlgorithmResults
from qgis.core import (
    QgsApplication,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
)


@pytest.fixture
def model(provider):
    return QgsApplication.processingRegistry().createAlgorithmById("mce:map_and_flag")


@pytest.fixture
def run(provider, fake_backend, context, image, tmp_path):
    """Runs the model and returns its results and the jobs that it asked for."""

    def run(**parameters):
        given = {"IMAGE": str(image), "folder": str(tmp_path / "out"), **parameters}
        result = processing.run("mce:map_and_flag", given, context=context, feedback=Feedback())
        return result, fake_backend()

    return run


def test_it_is_in_the_toolbox_with_texts_of_its_own(model, fake_backend):
    registered = QgsApplication.processingRegistry().algorithmById("mce:map_and_flag")
    for algorithm in (registered, model):
        shown = {p.name(): p.description() for p in algorithm.parameterDefinitions()}
        assert shown == titles()
        assert algorithm.displayName() and algorithm.shortDescription() and algorithm.tags()
        assert algorithm.group() == "" and not algorithm.icon().isNull()
    assert {o.name() for o in model.outputDefinitions()} == {"folder", "reviewed_map"}
    text = (RESOURCES / "help" / "map_and_flag.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {model.displayName()}\n")
    assert model.shortHelpString() == markdown_to_html(text)
    assert model.validate() == (True, [])
    assert model.canExecute() == (True, "")


def test_alpha_is_by_default_that_of_the_jobs(model):
    predict = QgsApplication.processingRegistry().createAlgorithmById("mce:predict")
    for algorithm in (predict, model):
        assert algorithm.parameterDefinition("ALPHA").defaultValue() == default_of("predict", "alpha")


def test_missing_backend_is_said(model):
    ok, sentence = model.canExecute()
    assert not ok and "Set up the backend" in sentence


def test_shipped_file_is_what_the_script_builds(tmp_path):
    script, file = ROOT / "scripts" / "build_model.py", tmp_path / "built.model3"
    subprocess.run([sys.executable, str(script), str(file)], check=True, capture_output=True)
    assert file.read_bytes() == MapAndFlag.FILE.read_bytes()


def test_without_a_classifier_it_maps_and_flags(run, dem, tmp_path):
    result, (mapping, flagging) = run(DEM=str(dem), CLASSES="glacier", MIN_AREA=4)
    assert (mapping["job"], flagging["job"]) == ("predict", "flag_candidates")
    assert mapping["parameters"]["dem"] == str(dem)
    assert mapping["parameters"]["output"] == flagging["parameters"]["run"] == str(tmp_path / "out")
    wanted = ("classes", "min_area_m2", "meta", "accepted_per_find", "overwrite")
    assert [flagging["parameters"][name] for name in wanted] == ["glacier", 4.0, None, None, False]
    assert result["folder"] == str(tmp_path / "out")
    assert "reviewed_map" not in result


def test_with_a_classifier_it_applies_what_that_accepts(run, context, tmp_path):
    meta, target = tmp_path / "m.skops", tmp_path / "map.tif"
    meta.touch()
    given = {"META": str(meta), "ACCEPTED_PER_FIND": 2, "OVERWRITE": True, "reviewed_map": str(target)}
    result, (mapping, flagging, applying) = run(**given)
    assert mapping["parameters"]["overwrite"] is flagging["parameters"]["overwrite"] is True
    assert flagging["parameters"]["meta"] == str(meta)
    assert applying["job"] == "apply_review"
    assert applying["parameters"] == {
        "run": str(tmp_path / "out"),
        "candidates": str(tmp_path / "out" / "candidates.gpkg"),
        "output": str(target),
        "decide_by": "classifier",
        "accepted_per_find": 2.0,
        "kept_per_loss": 20.0,
        "overwrite": True,
    }
    assert result["reviewed_map"] == str(target)


@pytest.mark.parametrize("as_output", [True, False])
def test_its_layers_stand_in_one_group(run, model, context, tmp_path, as_output):
    (tmp_path / "m.skops").touch()
    given = {"META": str(tmp_path / "m.skops")}
    if as_output:
        target = str(tmp_path / "map.tif")
        given["reviewed_map"] = QgsProcessingOutputLayerDefinition(target, QgsProject.instance())
    run(**given)
    assert handleAlgorithmResults(model, context, Feedback(), {})
    (group,) = QgsProject.instance().layerTreeRoot().children()
    layers = ["Candidates", "Land cover, reviewed", "Land cover", "Expert 1", "Expert 2", "Evidence"]
    assert [node.name() for node in group.children()] == layers


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"META": "/nowhere/m.skops"}, "META"), ({"MODEL": "/nowhere/m.safetensors"}, "is not a file")],
)
def test_bad_input_is_refused_before_the_first_step(run, tmp_path, parameters, words):
    with pytest.raises(QgsProcessingException, match=words):
        run(**parameters)
    assert not (tmp_path / "requests.jsonl").exists()
