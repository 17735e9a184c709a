"""From a landscape to the report on its map through both doors: what one gives the other gives, too."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from executables import Environment, Scene, qgis_process, results_of, run_command, sentence_of
from rasterio.features import shapes

SIZE, MINIMUM = 90, 6


def algorithm(environment: Environment, name: str, *parameters: str) -> dict[str, Any]:
    """Run an algorithm through `qgis_process` and return its outputs."""
    return results_of(qgis_process(environment, "--json", "run", f"mce:{name}", "--", *parameters))


def columns_of(sample: Path) -> dict[str, list[Any]]:
    meta, _, wkb, columns = pyogrio.raw.read(sample, layer="sample")
    return {"places": wkb.tolist()} | dict(
        zip(meta["fields"].tolist(), (c.tolist() for c in columns), strict=True)
    )


def answered(sample: Path, labels: Path, target: Path) -> Path:
    """Copy a sample with the true classes in it; the scene's labels are the interpreter."""
    meta, _, wkb, columns = pyogrio.raw.read(sample, layer="sample")
    fields = meta["fields"].tolist()
    with rasterio.open(labels) as raster:
        true = [str(v[0]) for v in raster.sample(shapely.get_coordinates(shapely.from_wkb(wkb)))]
    columns[fields.index("reference")] = np.array(true, object)
    settings = {"driver": "GPKG", "geometry_type": "Point", "crs": meta["crs"], "layer": "sample"}
    pyogrio.raw.write(target, wkb, columns, fields, **settings)
    return target


def traced(labels: Path, target: Path) -> Path:
    """Write the true classes as polygons with the field `cover`."""
    with rasterio.open(labels) as raster:
        ids, crs = raster.read(1), raster.crs
        found = [(shapely.geometry.shape(g), v) for g, v in shapes(ids, transform=raster.transform)]
    wkb = shapely.to_wkb(np.array([polygon for polygon, _ in found], object))
    values = np.array([str(int(v)) for _, v in found], object)
    settings = {"driver": "GPKG", "geometry_type": "Polygon", "crs": crs.to_wkt(), "layer": "truth"}
    pyogrio.raw.write(target, wkb, [values], ["cover"], **settings)
    return target


@pytest.fixture(scope="module")
def sample(scene: Scene, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of the run's map, drawn by the command line and answered."""
    folder = tmp_path_factory.mktemp("sample")
    done = run_command(
        "draw-sample",
        finished,
        "--output",
        folder / "drawn.gpkg",
        "--size",
        str(SIZE),
        "--minimum",
        str(MINIMUM),
    )
    assert done.returncode == 0, done.stderr
    return answered(folder / "drawn.gpkg", scene.labels, folder / "answered.gpkg")


def test_the_chain_gives_the_same_through_both_doors(
    scene: Scene, finished: Path, sample: Path, environment: Environment, tmp_path: Path
) -> None:
    made = algorithm(environment, "make_scene", "SIZE=120", "SEED=7", f"OUTPUT_DIR={tmp_path / 'scene'}")
    run = algorithm(
        environment,
        "predict",
        f"IMAGE={made['IMAGE']}",
        f"DEM={made['DEM']}",
        f"OUTPUT_DIR={tmp_path / 'run'}",
    )
    assert Path(run["MAP"]).read_bytes() == (finished / "land_cover.tif").read_bytes()
    given = (f"MAP={run['MAP']}", f"SIZE={SIZE}", f"MINIMUM={MINIMUM}", f"SAMPLE={tmp_path / 's.gpkg'}")
    drawn = algorithm(environment, "draw_sample", *given)
    theirs, ours = columns_of(Path(drawn["SAMPLE"])), columns_of(sample.with_name("drawn.gpkg"))
    assert theirs == ours
    assert drawn["N_POINTS"] == len(theirs["point"]) == SIZE
    told = dict(part.split(": ") for part in drawn["PER_CLASS"].split(", "))
    assert told == {name: str(theirs["map_name"].count(name)) for name in set(theirs["map_name"])}

    here, there = tmp_path / "here", tmp_path / "there"
    inputs = ("--reference", scene.labels, "--sample", sample)
    done = run_command("evaluate", finished, *inputs, "--output", here)
    assert done.returncode == 0, done.stderr
    filled = answered(Path(drawn["SAMPLE"]), Path(made["LABELS"]), tmp_path / "filled.gpkg")
    given = (f"MAP={run['MAP']}", f"REFERENCE={made['LABELS']}", f"SAMPLE={filled}", f"OUTPUT_DIR={there}")
    results = algorithm(environment, "evaluate", *given)
    places = ("prediction", "reference", "sample")
    ours, theirs = (json.loads((f / "evaluation.json").read_text()) for f in (here, there))
    assert {k: v for k, v in ours.items() if k not in places} == {
        k: v for k, v in theirs.items() if k not in places
    }
    tables = {path.name: path.read_bytes() for path in here.glob("*.csv")}
    assert len(tables) == 6
    assert tables == {path.name: path.read_bytes() for path in there.glob("*.csv")}
    check_outputs(results, theirs, there)
    assert results["MESSAGE"] in done.stderr.replace("\n", " ")


def check_outputs(results: dict[str, Any], told: dict[str, Any], folder: Path) -> None:
    """The outputs of the algorithm say what the files say."""
    score = told["scores"]["map"]
    for name, number in {"OA": "overall", "MACC": "mean_recall", "MIOU": "mean_iou"}.items():
        assert results[name] == pytest.approx(score[number], abs=5e-5)
    for name in ("head", "body", "tail"):
        expected = score["groups"][name]
        assert results[f"ACC_{name.upper()}"] == (expected and pytest.approx(expected, abs=5e-5))
    assert [results["OA_SAMPLE"], results["OA_SAMPLE_CI"]] == pytest.approx(
        told["accuracy"]["overall"], abs=5e-5
    )
    assert (results["N_PIXELS"], results["N_POINTS"]) == (
        told["pixels"]["compared"],
        told["accuracy"]["points"],
    )
    files = ("CLASSES_CSV", "CONFUSION_CSV", "EXPERTS_CSV", "PLACES_CSV", "AREAS_CSV", "POINTS_CSV")
    assert {Path(results[name]) for name in files} == set(folder.glob("*.csv"))
    page = Path(results["REPORT_HTML"]).read_text(encoding="utf-8")
    assert page.count("<svg") == 4 and not re.search(r'(src|href)="[^#]', page), "it needs no other file"
    with Path(results["EXPERTS_CSV"]).open(newline="", encoding="utf-8") as file:
        assert [row["row"] for row in csv.DictReader(file)][::4] == ["map", "oracle"]


def test_polygons_say_what_the_raster_that_they_were_traced_from_says(
    scene: Scene, finished: Path, environment: Environment, tmp_path: Path
) -> None:
    run_command("evaluate", finished, "--reference", scene.labels, "--output", tmp_path / "raster")
    polygons = traced(scene.labels, tmp_path / "truth.gpkg")
    results = algorithm(
        environment,
        "evaluate",
        f"MAP={finished / 'land_cover.tif'}",
        f"POLYGONS={polygons}",
        "FIELD=cover",
        f"OUTPUT_DIR={tmp_path / 'polygons'}",
    )
    expected = (tmp_path / "raster" / "confusion.csv").read_bytes()
    assert Path(results["CONFUSION_CSV"]).read_bytes() == expected
    assert results["OA_SAMPLE"] is None and results["AREAS_CSV"] is None


def test_a_refusal_is_the_same_sentence_and_a_failed_exit_at_both_doors(
    finished: Path, sample: Path, environment: Environment, tmp_path: Path
) -> None:
    """A sample that nobody has interpreted yet."""
    drawn, target = sample.with_name("drawn.gpkg"), tmp_path / "out"
    here = run_command("evaluate", finished, "--sample", f"{drawn}|layername=sample", "--output", target)
    given = (f"MAP={finished / 'land_cover.tif'}", f"SAMPLE={drawn}", f"OUTPUT_DIR={target}")
    there = qgis_process(environment, "run", "mce:evaluate", "--", *given)
    assert here.returncode == 2 and there.returncode != 0
    assert "interpreted yet" in sentence_of(here)
    assert sentence_of(here) in there.stdout + there.stderr
    assert not target.exists()
