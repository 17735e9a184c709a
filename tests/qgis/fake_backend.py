"""Stands in for the backend: speaks the protocol with the standard library only, and behaves as it is told.

The environment variable FAKE_BACKEND_MODE says how: `work` (the default) answers every job with a result of
the promised form and writes the tiny rasters that it names. Started with `-I`, like the real one.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path

MODE = os.environ.get("FAKE_BACKEND_MODE", "work")


def say(**message):
    print(json.dumps(message), flush=True)


def work(line):
    request = json.loads(line)
    parameters = request["parameters"]
    with Path(os.environ["FAKE_BACKEND_REQUESTS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(request) + "\n")
    if request["job"] != "backend_info":
        say(type="progress", percent=0.0, message="0 of 4 windows")
        say(type="progress", percent=4.0, message="1 of 4 windows")
        say(type="log", message="Mapping")
        say(type="progress", percent=100.0, message="4 of 4 windows")
    say(type="result", value=globals()[request["job"]](parameters))


def predict(parameters):
    output = Path(parameters["output"])
    output.mkdir(parents=True, exist_ok=True)
    products = {}
    for product in ("land_cover", "expert_1", "expert_2", "evidence"):
        target = Path(parameters["destinations"].get(product, output / f"{product}.tif"))
        shutil.copy(parameters["image"], target)
        target.with_suffix(".qml").write_text(QML, encoding="utf-8")
        products[product] = str(target)
    (output / "run.json").write_text(json.dumps({"products": products}))
    return {
        "output_dir": str(output),
        "products": products,
        "run_file": str(output / "run.json"),
        "windows": 4,
        "seconds": 1.5,
        "device": "cpu",
        "precision": "fp32",
        "model": "demo",
        "classes": [{"id": 1, "name": "bedrock", "color": "#808080", "group": "head"}],
    }


def write_layer(file, name, field):
    """Write a GeoPackage of one triangle with its style."""
    from osgeo import ogr, osr

    ogr.UseExceptions()
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(2056)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(file)
    layer = dataset.CreateLayer(name, crs, ogr.wkbMultiPolygon)
    layer.CreateField(ogr.FieldDefn(field))
    layer.CreateField(ogr.FieldDefn("uuid"))
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetField(field, "glacier")
    feature.SetField("uuid", "uuid-1")
    square = "MULTIPOLYGON(((2600002 1199992,2600004 1199992,2600004 1199994,2600002 1199992)))"
    feature.SetGeometry(ogr.CreateGeometryFromWkt(square))
    layer.CreateFeature(feature)
    dataset.ExecuteSQL(STYLES)
    values = f"'', '', '{name}', 'geom', 'by class', '{{}}', 1".format(STYLE.replace("'", "''"))
    columns = (
        "f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, useAsDefault"
    )
    dataset.ExecuteSQL(f"INSERT INTO layer_styles ({columns}) VALUES ({values})")
    dataset.ExecuteSQL(f"INSERT INTO layer_styles ({columns}) VALUES ({values})")


def flag_candidates(parameters):
    run = Path(parameters["run"])
    mapped = predict({"destinations": {}, **parameters, "output": run}) if parameters.get("image") else None
    file = parameters["output"] or str(run / "candidates.gpkg")
    write_layer(file, "candidates", "class_name")
    return {
        "run": str(run),
        "prediction": mapped,
        "candidates": file,
        "n": 1,
        "per_class": {"glacier": 1, "forest": 0},
        "n_doubtful": 0,
        "ranked_by": "margin",
        "message": "One candidate.",
    }


def screen_tiles(parameters):
    write_layer(parameters["output"], "tiles", "probability")
    return {
        "tiles": parameters["output"],
        "n": 1,
        "ranked_by": ["large blocks", "glacier"],
        "hectares": 1.0,
        "seconds": 0.5,
        "device": "cpu",
        "precision": "fp32",
        "message": "One tile.",
    }


def fit_meta_classifier(parameters):
    meta = Path(parameters["output"])
    meta.write_text("classifier")
    return {
        "meta": str(meta),
        "report_html": str(meta.with_suffix(".html")),
        "report_json": str(meta.with_suffix(".json")),
        "auc": 0.75,
        "auc_std": 0.05,
        "n_candidates": 40,
        "n_true": 8,
        "auc_doubtful": 0.9,
        "n_doubtful": 20,
        "n_false": 15,
        "learnt": True,
        "message": "Fitted.",
    }


def rank_candidates(parameters):
    """Turn the ranks round, and score the candidates by them."""
    with contextlib.closing(sqlite3.connect(parameters["candidates"])) as database, database:
        (n,) = database.execute("SELECT count(*) FROM candidates").fetchone()
        database.execute("UPDATE candidates SET rank = ? - rank", (n + 1,))
        database.execute("UPDATE candidates SET score = 1 - (rank - 0.5) / ?", (n,))
    return {"candidates": parameters["candidates"], "n": n, "message": f"{n} candidates are ranked anew."}


def apply_review(parameters):
    products = json.loads((Path(parameters["run"]) / "run.json").read_text())["products"]
    target = Path(parameters["output"] or Path(parameters["run"]) / "land_cover_reviewed.tif")
    shutil.copy(products["land_cover"], target)
    target.with_suffix(".qml").write_text(QML, encoding="utf-8")
    return {
        "land_cover": str(target),
        "change_log": str(target.with_name(f"{target.stem}_changes.csv")),
        "n_applied": 1,
        "n_pixels": 8,
        "message": "One applied.",
    }


def evaluate(parameters):
    output = Path(parameters["output"])
    names = {"page": "evaluation.html", "evaluation": "evaluation.json", "classes": "classes.csv"}
    return {
        "output": str(output),
        "files": {name: str(output / file) for name, file in names.items()},
        "overall": 0.875,
        "mean_recall": 0.75,
        "mean_iou": None,
        "groups": {"head": 0.9, "tail": 0.5},
        "rows": [],
        "n_pixels": 400,
        "n_points": 0,
        "sample_overall": None,
        "sample_overall_ci95": None,
        "message": "Fine.",
    }


def draw_sample(parameters):
    from osgeo import ogr, osr

    ogr.UseExceptions()
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(2056)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(parameters["output"])
    layer = dataset.CreateLayer("sample", crs, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("reference"))
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(ogr.CreateGeometryFromWkt("POINT(2600002 1199992)"))
    layer.CreateFeature(feature)
    return {
        "sample": parameters["output"],
        "n": 1,
        "per_class": {"glacier": 1, "forest": 0},
        "pixels": {"glacier": 9, "forest": 8},
    }


def prepare_tiles(parameters):
    folder = Path(parameters["output"])
    folder.mkdir()
    (folder / "train.yaml").write_text("output: model.safetensors")
    shares = {"rock": 99.0, "blocks": 1.0}
    return {
        "folder": str(folder),
        "config": str(folder / "train.yaml"),
        "report": str(folder / "report.html"),
        "tiles": {"train": 8, "val": 3, "test": 2},
        "classes": ["rock", "blocks"],
        "pixels": 5200,
        "shares": dict.fromkeys(("train", "val", "test"), shares),
        "neighbours": 20,
        "neighbours_parted": 6,
        "message": "6 of 20 pairs were parted.",
    }


def train(parameters):
    model = parameters["output"] or str(Path(parameters["config"]).with_name("model.safetensors"))
    Path(model).write_text("weights")
    return {
        "model": model,
        "run": str(Path(model).with_suffix(".run")),
        "best_epoch": 3,
        "scored_on": "test",
        "mean_accuracy": 0.5,
        "overall_accuracy": 0.75,
        "mean_iou": 0.25,
        "head": 0.75,
        "body": 0.5,
        "tail": None,
        "device": "cpu",
        "seconds": 12,
    }


def fit_aggregation(parameters):
    Path(parameters["output"]).write_text("weights")
    scores = ("mean_accuracy", "overall_accuracy", "mean_iou", "tail")
    return {
        "model": parameters["output"],
        "reference": parameters["reference"] or "mean_responsible",
        "scored_on": "test",
        "before": dict(zip(scores, (0.5, 0.7, 0.25, 0.125), strict=True)),
        "after": dict(zip(scores, (0.75, 0.8, 0.5, None), strict=True)),
    }


def import_weights(parameters):
    Path(parameters["output"]).write_text("weights")
    return {"model": parameters["output"]}


def explain(parameters):
    target = Path(parameters["output"])
    shutil.copy(parameters["image"] or Path(parameters["candidates"]).with_name("land_cover.tif"), target)
    target.with_suffix(".qml").write_text(QML, encoding="utf-8")
    return {
        "heat_map": str(target),
        "class_name": "large blocks",
        "expert": "tail",
        "against": None,
        "logit": 2.25,
        "shares": {"image": 0.75, "dem": 0.25},
        "inside": 0.3,
        "n_windows": 4,
        "message": "Seen.",
    }


def model_info(parameters):
    card = {
        "name": "demo",
        "classes": [{}] * 9,
        "experts": [{}] * 3,
        "sources": [{"role": "image"}, {"role": "dem"}],
    }
    return {"card": card, "sha256": "ab" * 32, "path": "demo.safetensors", "text": "Model demo\n9 classes"}


def make_scene(parameters):
    output = Path(parameters["output"])
    output.mkdir(parents=True, exist_ok=True)
    return {name: str(output / f"{name}.tif") for name in ("image", "dem", "labels")}


def backend_info(parameters):
    return {
        "python": "3.11.2",
        "versions": {
            "torch": "2.13.0",
            "openvino": None,
            "lightning": "2.6.6" if os.environ.get("FAKE_BACKEND_TRAINS") else None,
        },
        "devices": ["cpu (2 threads)"],
    }


QML = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.40" styleCategories="AllStyleCategories"><pipe>
<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
<colorPalette><paletteEntry value="1" color="#808080" alpha="255" label="bedrock"/></colorPalette>
</rasterrenderer></pipe></qgis>
"""


#: The table in which QGIS keeps styles in a GeoPackage, and one with an outline that is easily told.
STYLES = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT,
f_table_schema TEXT, f_table_name TEXT, f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT,
useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT, update_time DATETIME)"""
STYLE = """<qgis version="3.40" styleCategories="Symbology"><renderer-v2 type="singleSymbol"><symbols>
<symbol type="fill" name="0"><layer class="SimpleFill"><Option type="Map">
<Option type="QString" name="color" value="1,2,3,255"/></Option></layer></symbol></symbols>
</renderer-v2></qgis>"""


def echo(line):
    seen = {k: v for k, v in os.environ.items() if k.startswith(("PYTHON", "GDAL", "PROJ", "FAKE"))}
    value = {"request": json.loads(line), "environment": seen, "flags": sys.flags.isolated}
    say(type="result", value=value)


def fail(line):
    print("Traceback: the details", file=sys.stderr)
    say(type="error", kind="InputError", message="The image has no CRS: set it.", exit_code=2)
    sys.exit(2)


def fault(line):
    print("Traceback: the details", file=sys.stderr)
    say(type="error", kind="InternalError", message="Please report this.", exit_code=1)
    sys.exit(1)


def crash(line):
    raise ModuleNotFoundError("No module named 'torch'")


def silent_exit(line):
    sys.exit(7)


def killed(line):
    os.kill(os.getpid(), signal.SIGKILL)


def garbage(line):
    print('library chatter\n{"type": "nonsense"}\n[1, 2]', flush=True)
    say(type="result", value={"fine": True})


def linger(line):
    say(type="result", value={"fine": True})
    time.sleep(600)


def hang(line):
    Path(os.environ["FAKE_BACKEND_REQUESTS"]).write_text(str(os.getpid()))
    time.sleep(600)


def careful(line):
    """Puts things in order when it is cancelled, which takes longer than most jobs may."""

    def stop(_number, _frame):
        time.sleep(0.6)
        say(type="error", kind="Cancelled", message="Cancelled; the best so far is kept.", exit_code=130)
        os._exit(130)

    signal.signal(signal.SIGTERM, stop)
    hang(line)


def stubborn(line):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(line)


def noisy(line):
    for number in range(3000):
        print(f"line {number}", file=sys.stderr)
    sys.stderr.write("x" * 100_000 + "\nlast words\n")
    sys.exit(1)


if __name__ == "__main__":
    globals()[MODE](sys.stdin.readline())
