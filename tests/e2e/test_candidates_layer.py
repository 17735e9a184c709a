"""The candidates GeoPackage in the real QGIS: layer, review view, styles, CRS, and decisions made there."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from executables import ROOT, clean_environment

QGIS_PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
#: Makes a run with candidates and flags it, with the tests' own support, in this environment.
MAKE = """
import sys
from pathlib import Path
from support.flag import small_run
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
folder = Path(sys.argv[1])
request = FlagRequest(run=small_run(folder).folder, output=folder / "candidates.gpkg")
print(flag_candidates(request).n)
"""
#: What QGIS sees, as JSON; it decides once in between, as the plugin will.
LOOK = """
import json, os, sqlite3, sys
from qgis.core import QgsApplication, QgsVectorLayer, QgsWkbTypes

app = QgsApplication([], False)
app.initQgis()
path = sys.argv[1]


def look(name):
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    features = list(layer.getFeatures())
    renderer = layer.renderer() if layer.isSpatial() else None
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "geometry": QgsWkbTypes.displayString(layer.wkbType()),
        "n": len(features),
        "ids": len({feature.id() for feature in features}),
        "geometries": all(f.geometry().isGeosValid() and f.geometry().area() > 0 for f in features)
        if layer.isSpatial()
        else None,
        "areas": [[f.geometry().area(), f["area_m2"]] for f in features] if layer.isSpatial() else None,
        "style": renderer.classAttribute() if renderer else None,
        "categories": [str(c.value()) for c in renderer.categories()] if renderer else None,
        "fields": [field.name() for field in layer.fields()],
        "states": [f["state"] for f in features] if "state" in layer.fields().names() else None,
    }


seen = {name: look(name) for name in ("candidates", "review", "decisions", "features", "run")}
database = sqlite3.connect(path)
first = database.execute("SELECT uuid FROM candidates WHERE rank = 1").fetchone()[0]
row = ("d", first, "accept", "me", "2026-01-01T00:00:00.000Z")
database.execute("INSERT INTO decisions (uuid, candidate, decision, user, time) VALUES (?, ?, ?, ?, ?)", row)
database.commit()
database.close()
layer = QgsVectorLayer(f"{path}|layername=decisions", "decisions", "ogr")
layer.startEditing()
for feature in layer.getFeatures():
    layer.deleteFeature(feature.id())
seen["deleted"] = layer.commitChanges()
seen["after"] = look("review")
print(json.dumps(seen))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    if not shutil.which("qgis_process"):
        pytest.skip("QGIS is not installed: make system installs it")
    folder = tmp_path_factory.mktemp("candidates")
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    made = subprocess.run(
        [sys.executable, "-c", MAKE, str(folder)],
        env=clean_environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [QGIS_PYTHON, "-c", LOOK, str(folder / "candidates.gpkg")],
        env=clean_environment(QT_QPA_PLATFORM="offscreen", QGIS_CUSTOM_CONFIG_PATH=str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "partially supported" not in done.stderr
    found: dict[str, dict] = json.loads(done.stdout.splitlines()[-1])
    return {"n": int(made.stdout), **found}  # type: ignore[dict-item]


@pytest.mark.parametrize(("name", "attribute"), [("candidates", "class_id"), ("review", "state")])
def test_layer_and_view_load_with_style_and_crs(seen, name: str, attribute: str) -> None:
    layer = seen[name]
    assert layer["valid"]
    assert (layer["crs"], layer["geometry"]) == ("EPSG:2056", "MultiPolygon")
    assert layer["n"] == layer["ids"] == seen["n"] > 10
    assert layer["geometries"]
    assert all(found == told for found, told in layer["areas"])
    assert layer["style"] == attribute
    assert "geometry" not in layer["fields"]


def test_categories_are_the_flagged_classes_and_the_states(seen) -> None:
    assert seen["candidates"]["categories"] == ["7", "9"]
    assert seen["review"]["categories"] == ["undecided", "accept", "reject", "reclassify", "unsure"]


def test_tables_without_geometry_load_too(seen) -> None:
    for name, n in (("decisions", 0), ("features", seen["n"])):
        assert seen[name]["valid"]
        assert seen[name]["n"] == n
    assert "mce_support" in seen["features"]["fields"]
    assert seen["run"]["n"] > 10


def test_a_decision_shows_in_the_view_and_qgis_cannot_delete_it(seen) -> None:
    assert set(seen["review"]["states"]) == {"undecided"}
    assert seen["deleted"] is False
    assert sorted(set(seen["after"]["states"])) == ["accept", "undecided"]
    assert seen["after"]["states"].count("accept") == 1
