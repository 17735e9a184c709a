"""`prepare_tiles`, `train`, `import_weights` and the box for training: what they ask for and give back."""

from pathlib import Path

import processing
import pytest
from conftest import write_raster
from mce_landcover.plugin import backend
from mce_landcover.plugin.algorithms import setup_backend
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)


@pytest.fixture
def run(provider, fake_backend, context, feedback):
    """Runs an algorithm; returns its outputs and the request's parameters."""

    def run(name, **parameters):
        result = processing.run(f"mce:{name}", parameters, context=context, feedback=feedback)
        request = fake_backend()[-1]
        assert request["job"] == name
        return result, request["parameters"]

    return run


@pytest.fixture
def drawn(qgis_new_project) -> QgsVectorLayer:
    """A memory layer with one polygon of class `glacier`."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056&field=kind:string", "drawn", "memory")
    feature = QgsFeature(layer.fields())
    feature.setAttributes(["glacier"])
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0,1 0,1 1,0 0))"))
    layer.dataProvider().addFeatures([feature])
    return QgsProject.instance().addMapLayer(layer)


PREPARED = {
    "source": {},
    "extent": None,
    "label_field": "class",
    "classes": None,
    "label_codes": "ids",
    "ignored": "",
    "name": "land cover",
    "crs": None,
    "gsd_m": None,
    "tile": 200,
    "min_labelled": 0.0,
    "split": "blocked_iterative",
    "val_share": 0.15,
    "test_share": 0.15,
    "block_m": None,
    "seed": 0,
    "overwrite": False,
}


def test_tiles_with_defaults(run, image, dem, feedback, tmp_path):
    labels, folder = write_raster(tmp_path / "labels.tif"), tmp_path / "tiles"
    given = {"IMAGE": str(image), "DEM": str(dem), "LABELS": str(labels), "OUTPUT_DIR": str(folder)}
    result, request = run("prepare_tiles", **given)
    files = {"image": str(image), "dem": str(dem), "labels": str(labels), "output": str(folder)}
    assert request == PREPARED | files
    assert result == {
        "OUTPUT_DIR": str(folder),
        "CONFIG": str(folder / "train.yaml"),
        "REPORT_HTML": str(folder / "report.html"),
        "N_TILES": 13,
        "N_TRAIN": 8,
        "N_VAL": 3,
        "N_TEST": 2,
        "N_CLASSES": 2,
        "LABELLED_PIXELS": 5200,
        "NEIGHBOURS_PARTED": 6,
        "MESSAGE": "6 of 20 pairs were parted.",
    }
    assert "blocks: train 1.00, val 1.00, test 1.00" in feedback.said
    assert "6 of 20 pairs were parted." in feedback.said


def test_tiles_of_drawn_polygons_with_everything_given(run, image, dem, drawn, tmp_path):
    given = {"LABEL_FIELD": "kind", "CLASSES": "swisstlm3d", "LABEL_CODES": "source", "IGNORED": "edge, 99"}
    given |= {"GSD": 0.5, "TILE": 64, "SPLIT": "dominant", "VAL_SHARE": 0.2, "TEST_SHARE": 0, "BLOCK": 100}
    given |= {"SEED": 4, "MIN_LABELLED": 0.5, "OVERWRITE": True, "NAME": "rare", "CRS": "EPSG:2056"}
    given |= {"SOURCES": f"ndsm={dem}", "EXTENT": "2600000,2600005,1199995,1200000 [EPSG:2056]"}
    _, request = run("prepare_tiles", IMAGE=str(image), LABELS=drawn, OUTPUT_DIR=str(tmp_path / "t"), **given)
    exported = QgsVectorLayer(request.pop("labels"))
    assert [f["kind"] for f in exported.getFeatures()] == ["glacier"]
    assert request == {
        "image": str(image),
        "dem": None,
        "source": {"ndsm": [str(dem)]},
        "extent": "2600000.0,2600005.0,1199995.0,1200000.0 [EPSG:2056]",
        "output": str(tmp_path / "t"),
        "label_field": "kind",
        "classes": "swisstlm3d",
        "label_codes": "source",
        "ignored": "edge, 99",
        "name": "rare",
        "crs": "EPSG:2056",
        "gsd_m": 0.5,
        "tile": 64,
        "min_labelled": 0.5,
        "split": "dominant",
        "val_share": 0.2,
        "test_share": 0.0,
        "block_m": 100.0,
        "seed": 4,
        "overwrite": True,
    }


@pytest.fixture
def tiles(tmp_path) -> Path:
    folder = tmp_path / "tiles"
    folder.mkdir()
    (folder / "train.yaml").write_text("output: model.safetensors")
    return folder


CONFIGURED = {
    "output": None,
    "epochs": None,
    "experts": None,
    "loss": None,
    "encoder": None,
    "pretrained": False,
    "device": None,
    "learning_rate": None,
    "change": [],
    "resume": True,
}


def test_a_training_as_configured(run, tiles):
    config = tiles / "train.yaml"
    result, request = run("train", CONFIG=str(config))
    assert request == {"config": str(config), **CONFIGURED}
    assert result == {
        "MODEL": str(tiles / "model.safetensors"),
        "RUN_DIR": str(tiles / "model.run"),
        "MEAN_ACCURACY": 0.5,
        "OVERALL_ACCURACY": 0.75,
        "MEAN_IOU": 0.25,
        "HEAD_ACCURACY": 0.75,
        "BODY_ACCURACY": 0.5,
        "TAIL_ACCURACY": None,
        "SCORED_ON": "test",
        "BEST_EPOCH": 3,
        "SECONDS": 12,
        "DEVICE_USED": "cpu",
    }


def test_a_training_with_everything_given_on_a_folder(run, tiles, tmp_path):
    model = str(tmp_path / "mine.safetensors")
    given = {"EPOCHS": 2, "EXPERTS": "1", "LOSS": "wce", "ENCODER": "resnet50", "PRETRAINED": True}
    given |= {"DEVICE": "cuda", "LEARNING_RATE": 0.001, "RESUME": False, "MODEL": model}
    result, request = run("train", CONFIG=str(tiles), SET="load.batch_size=4\n\n seed=3 ", **given)
    assert request == {
        "config": str(tiles),
        "output": model,
        "epochs": 2,
        "experts": 1,
        "loss": "wce",
        "encoder": "resnet50",
        "pretrained": True,
        "device": "cuda",
        "learning_rate": 0.001,
        "change": ["load.batch_size=4", "seed=3"],
        "resume": False,
    }
    assert result["MODEL"] == model


def test_weights_are_imported(run, tmp_path):
    checkpoint, model = tmp_path / "net.pth", str(tmp_path / "net.safetensors")
    checkpoint.touch()
    result, request = run("import_weights", CHECKPOINT=str(checkpoint), MODEL=model, OVERWRITE=True)
    assert request == {"checkpoint": str(checkpoint), "output": model, "overwrite": True}
    assert result == {"MODEL": model}


@pytest.mark.parametrize(("chosen", "asked"), [({}, None), ({"REFERENCE": "mean", "SPLIT": "test"}, "mean")])
def test_a_combination_is_learnt(run, tiles, tmp_path, chosen, asked):
    model = str(tmp_path / "joined.safetensors")
    result, request = run("fit_aggregation", CONFIG=str(tiles), OUTPUT=model, OVERWRITE=True, **chosen)
    assert request == {
        "model": "demo",
        "config": str(tiles),
        "output": model,
        "split": chosen.get("SPLIT", "val"),
        "reference": asked,
        "overwrite": True,
    }
    assert result == {
        "OUTPUT": model,
        "MEAN_ACCURACY": 0.75,
        "OVERALL_ACCURACY": 0.8,
        "MEAN_IOU": 0.5,
        "TAIL_ACCURACY": None,
        "MEAN_ACCURACY_BEFORE": 0.5,
        "OVERALL_ACCURACY_BEFORE": 0.7,
        "MEAN_IOU_BEFORE": 0.25,
        "TAIL_ACCURACY_BEFORE": 0.125,
        "REPLACES": asked or "mean_responsible",
        "SCORED_ON": "test",
    }


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("prepare_tiles", {"SOURCES": "dem=x.tif"}, "give that raster as DEM"),
        ("prepare_tiles", {"LABELS": "/nowhere/l.gpkg"}, "LABELS"),
        ("prepare_tiles", {"TILE": 4}, "TILE"),
        ("prepare_tiles", {"SPLIT": "fairly"}, "SPLIT"),
        ("train", {"CONFIG": "/nowhere/train.yaml"}, "neither a folder of tiles nor a file"),
        ("train", {"MODEL": "/tmp/m.pth"}, "ends in .safetensors"),
        ("train", {"EPOCHS": 0}, "EPOCHS"),
        ("train", {"LEARNING_RATE": 0}, "nothing is learnt"),
        ("train", {"SET": "faster"}, 'SET has "faster"'),
        ("train", {"SET": "trainer.devices=2"}, "from the command line"),
        ("train", {"LOSS": "mse"}, "LOSS"),
        ("fit_aggregation", {"CONFIG": "/nowhere/train.yaml"}, "neither a folder of tiles nor a file"),
        ("fit_aggregation", {"MODEL": "/nowhere/m.safetensors"}, "is not a file"),
        ("fit_aggregation", {"OUTPUT": "/tmp/m.pth"}, 'OUTPUT "/tmp/m.pth": choose a name that ends in'),
        ("fit_aggregation", {"REFERENCE": "composed"}, "REFERENCE"),
        ("import_weights", {"CHECKPOINT": "/nowhere/n.pth"}, "CHECKPOINT"),
        ("import_weights", {"MODEL": "/tmp/m.pth"}, "ends in .safetensors"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(refusal, image, tiles, tmp_path, name, parameters, words):
    model = str(tmp_path / "m.safetensors")
    (tmp_path / "n.pth").touch()
    folder = str(tmp_path / "out")
    required = {
        "prepare_tiles": {"IMAGE": str(image), "LABELS": str(image), "OUTPUT_DIR": folder},
        "train": {"CONFIG": str(tiles)},
        "fit_aggregation": {"CONFIG": str(tiles), "OUTPUT": model},
        "import_weights": {"CHECKPOINT": str(tmp_path / "n.pth"), "MODEL": model},
    }
    assert words in refusal(name, **(required[name] | parameters))


@pytest.fixture
def bare_environment(tmp_path, monkeypatch) -> Path:
    """An environment of its own without Lightning that the variable names; returns its packages."""
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to("/usr/bin/python3")
    monkeypatch.setenv(backend.VARIABLE, str(tmp_path / "env"))
    return packages


def test_a_backend_that_cannot_train_is_told_in_one_sentence(provider, bare_environment):
    algorithms = {
        name: QgsApplication.processingRegistry().createAlgorithmById(f"mce:{name}")
        for name in ("train", "prepare_tiles", "import_weights")
    }
    ok, sentence = algorithms["train"].canExecute()
    assert not ok and "Set up the backend" in sentence and "\n" not in sentence
    assert algorithms["prepare_tiles"].canExecute()[0] and algorithms["import_weights"].canExecute()[0]
    (bare_environment / "lightning").mkdir()
    assert algorithms["train"].canExecute()[0]


def test_the_box_for_training_adds_what_lacks_once(provider, fake_backend, monkeypatch):
    added = []

    def install(python, feedback):
        added.append(python)
        return {"python": "3.11", "versions": {"lightning": "2.6"}, "devices": []}

    monkeypatch.setattr(setup_backend, "install_training", install)
    assert "lightning" not in processing.run("mce:setup_backend", {})["INFO"] and not added
    assert "lightning 2.6" in processing.run("mce:setup_backend", {"TRAINING": True})["INFO"]
    assert added == [backend.find_backend().python]
    monkeypatch.setenv("FAKE_BACKEND_TRAINS", "1")
    assert "lightning 2.6.6" in processing.run("mce:setup_backend", {"TRAINING": True})["INFO"]
    assert len(added) == 1
