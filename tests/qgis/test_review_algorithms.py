"""`merge_reviews`, `review_report`, `export_review`: in QGIS alone, without a backend."""

import csv
import json
import shutil
from contextlib import closing
from pathlib import Path

import processing
import pytest
from mce_landcover.plugin.review.records import Verdict
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsGeometry, QgsProcessingException, QgsVectorLayer
from review_files import make_file, name_of


@pytest.fixture
def path(tmp_path, provider) -> Path:
    path = make_file(tmp_path / "first.gpkg")
    with closing(ReviewStore.open(path, "Ursula")) as store:
        drawn = QgsGeometry.fromWkt(
            "Polygon((2600000 1200000, 2600008 1200000, 2600000 1200008, 2600000 1200000))"
        )
        store.decide(name_of(0), Verdict.ACCEPT, seconds=3, comment="clear, sharp")
        store.decide(name_of(1), Verdict.REJECT, seconds=5)
        store.decide(name_of(2), Verdict.RECLASSIFY, class_id=7, seconds=4, outline=drawn)
        store.decide(name_of(3), Verdict.UNSURE)
    return path


@pytest.fixture
def other(path) -> Path:
    other = Path(shutil.copy(path, path.with_name("other.gpkg")))
    with closing(ReviewStore.open(other, "Beat")) as store:
        store.decide(name_of(0), Verdict.REJECT)
        store.decide(name_of(2), Verdict.RECLASSIFY, class_id=7)
        store.decide(name_of(5), Verdict.ACCEPT)
    return other


def run(name, context, feedback, **parameters):
    return processing.run(f"mce:{name}", parameters, context=context, feedback=feedback)


def test_merging(path, other, context, feedback, tmp_path):
    target = tmp_path / "merged.gpkg"
    result = run(
        "merge_reviews",
        context,
        feedback,
        COPIES=[str(path), f"{other}|layername=candidates"],
        MERGED_FILE=str(target),
    )
    assert (result["N_DECISIONS"], result["N_DISAGREEMENTS"]) == (7, 1)
    assert result["MERGED_FILE"] == str(target)
    assert result["CANDIDATES"] == f"{target}|layername=candidates"
    rows = list(csv.DictReader(Path(result["DISAGREEMENTS"]).read_text(encoding="utf-8").splitlines()))
    assert [(row["candidate"], row["user"]) for row in rows] == [(name_of(0), "Ursula"), (name_of(0), "Beat")]
    assert result["MESSAGE"] in feedback.said and "merged_disagreements.csv" in result["MESSAGE"]
    loaded = context.layersToLoadOnCompletion()
    assert [details.name for details in loaded.values()] == ["Candidates"]


def test_merging_what_does_not_fit_fails(path, context, feedback, tmp_path):
    target = tmp_path / "merged.gpkg"
    stranger = make_file(tmp_path / "stranger.gpkg", said={"model_sha256": "cd" * 32})
    with pytest.raises(QgsProcessingException, match="no candidates in common"):
        run("merge_reviews", context, feedback, COPIES=[str(path), str(stranger)], MERGED_FILE=str(target))
    with pytest.raises(QgsProcessingException):
        run("merge_reviews", context, feedback, COPIES=[str(path)], MERGED_FILE=str(target))
    assert not target.exists()


def test_the_report(path, other, context, feedback, tmp_path):
    files = {"REPORT": str(tmp_path / "page.html"), "TABLE": str(tmp_path / "table.csv")}
    result = run("review_report", context, feedback, CANDIDATES=str(other), **files)
    assert {key: result[key] for key in files} == files
    assert (result["N_CANDIDATES"], result["N_DECIDED"], result["N_ACCEPTED"]) == (12, 5, 1)
    assert result["PRECISION"] == pytest.approx(1 / 4)
    assert result["AGREEMENT"] == pytest.approx(1 / 2)
    page = Path(files["REPORT"]).read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page and "25.0\u00a0%" in page
    rows = list(csv.DictReader(Path(files["TABLE"]).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 12
    assert rows[0]["status"] == "reject" and rows[0]["disagreement"] == "1" and rows[0]["n_people"] == "2"
    assert rows[2]["final_class"] == "water"
    assert rows[11]["status"] == "undecided" and rows[11]["user"] == ""


@pytest.fixture
def both(tmp_path, provider) -> Path:
    """Missed and doubtful places in turn; the first six are decided."""
    path = make_file(tmp_path / "both.gpkg", doubtful=2)
    with closing(ReviewStore.open(path, "Ursula")) as store:
        for i, verdict in enumerate([Verdict.ACCEPT, Verdict.REJECT, Verdict.REJECT, Verdict.ACCEPT]):
            store.decide(name_of(i), verdict)
        store.decide(name_of(4), Verdict.RECLASSIFY, class_id=7)
        store.decide(name_of(5), Verdict.RECLASSIFY, class_id=7)
    return path


def test_the_report_counts_kinds_apart(both, context, feedback, tmp_path):
    files = {"REPORT": str(tmp_path / "page.html"), "TABLE": str(tmp_path / "table.csv")}
    result = run("review_report", context, feedback, CANDIDATES=str(both), **files)
    assert (result["N_CANDIDATES"], result["N_DECIDED"], result["N_ACCEPTED"]) == (12, 6, 2)
    assert (result["N_FOUND"], result["N_THROWN_OUT"]) == (1, 2)
    assert result["PRECISION"] == pytest.approx(1 / 3)
    assert result["SHARE_FALSE"] == pytest.approx(2 / 3)
    assert result["MESSAGE"] == (
        "3 of 6 missed places are decided: 1 accepted, 1 rejected, 1 of another class, 0 unsure. "
        "3 of 6 doubtful places are decided: 1 kept, 1 thrown out, 1 of another class, 0 unsure."
    )
    page = Path(files["REPORT"]).read_text(encoding="utf-8")
    for said in ("Missed places found", "False places thrown out", "33.3\u00a0%", "66.7\u00a0%"):
        assert said in page
    assert "How many doubtful places of the map were false" in page
    rows = list(csv.DictReader(Path(files["TABLE"]).read_text(encoding="utf-8").splitlines()))
    assert [row["kind"] for row in rows] == ["missed", "doubtful"] * 6
    assert (rows[1]["instead_class"], rows[1]["expected_iou"]) == ("bedrock", "0.35")
    assert (rows[0]["instead_class"], rows[0]["expected_iou"]) == (rows[0]["class_name"], "")


def test_an_old_file_is_reported_as_missed_places_alone(tmp_path, provider, context, feedback):
    path = make_file(tmp_path / "old.gpkg", old=True)
    with closing(ReviewStore.open(path, "me")) as store:
        store.decide(name_of(0), Verdict.ACCEPT)
    result = run("review_report", context, feedback, CANDIDATES=str(path), REPORT=str(tmp_path / "page.html"))
    assert (result["N_FOUND"], result["N_THROWN_OUT"], result["SHARE_FALSE"]) == (1, 0, None)
    assert result["PRECISION"] == 1.0
    assert "doubtful" not in Path(result["REPORT"]).read_text(encoding="utf-8")


def test_the_report_alone_of_a_file_that_nobody_reviewed(tmp_path, provider, context, feedback):
    path = make_file(tmp_path / "new.gpkg", scored=False)
    result = run("review_report", context, feedback, CANDIDATES=str(path), REPORT=str(tmp_path / "page.html"))
    assert result["TABLE"] is None and result["PRECISION"] is None and result["AGREEMENT"] is None
    assert result["N_DECIDED"] == 0
    assert "no scores" in Path(result["REPORT"]).read_text(encoding="utf-8")


def test_the_page_takes_no_html_from_the_file(tmp_path, provider, context, feedback):
    path = make_file(tmp_path / "new.gpkg", said={"model": "<b>model</b>"})
    with closing(ReviewStore.open(path, "<i>me</i>")) as store:
        store.decide(name_of(0), Verdict.ACCEPT)
    result = run("review_report", context, feedback, CANDIDATES=str(path), REPORT=str(tmp_path / "page.html"))
    page = Path(result["REPORT"]).read_text(encoding="utf-8")
    assert "<i>me" not in page and "&lt;i&gt;me&lt;/i&gt;" in page and "<b>" not in page


def test_exporting(path, context, feedback, tmp_path):
    result = run(
        "export_review", context, feedback, CANDIDATES=str(path), ACCEPTED=str(tmp_path / "accepted.gpkg")
    )
    assert result["N_ACCEPTED"] == 2
    layer = QgsVectorLayer(result["ACCEPTED"], "accepted", "ogr")
    assert layer.crs().authid() == "EPSG:2056"
    first, second = sorted(layer.getFeatures(), key=lambda feature: feature["DECISION"])
    assert first["UUID"] == name_of(0) and first["COMMENT"] == "clear, sharp" and first["USER"] == "Ursula"
    code = {"large blocks": 3, "large blocks with grass": 4}[first["CLASS"]]
    assert (first["OBJEKTART"], first["ART_CODES"]) == (code, str(code))
    assert first.geometry().area() == pytest.approx(first["AREA_M2"])
    assert (second["CLASS"], second["MAP_CLASS"], second["CLASS_ID"]) == ("water", "bedrock", 7)
    assert (second["OBJEKTART"] or None, second["ART_CODES"]) == (None, "5, 10")
    assert second["AREA_M2"] == second.geometry().area() == 32
    assert (second["MODEL"], second["MODEL_SHA"], second["RUN"]) == ("demo", "ab" * 32, "run")
    assert feedback.warnings == ['No single OBJEKTART for "water" (candidates: 1): set it by hand (5, 10).']


def test_exporting_tells_kinds_apart(both, context, feedback, tmp_path):
    result = run(
        "export_review", context, feedback, CANDIDATES=str(both), ACCEPTED=str(tmp_path / "accepted.gpkg")
    )
    assert (result["N_ACCEPTED"], result["N_FOUND"], result["N_THROWN_OUT"]) == (4, 1, 2)
    layer = QgsVectorLayer(result["ACCEPTED"], "accepted", "ogr")
    found = {f["UUID"]: (f["KIND"], f["DECISION"], f["CLASS"]) for f in layer.getFeatures()}
    blocks = {name: name.startswith("large blocks") for _, _, name in found.values()}
    assert found.keys() == {name_of(i) for i in (0, 3, 4, 5)}
    assert found[name_of(0)][:2] == ("missed", "accept") and blocks[found[name_of(0)][2]]
    assert found[name_of(3)][:2] == ("doubtful", "accept") and blocks[found[name_of(3)][2]]
    assert found[name_of(5)] == ("doubtful", "reclassify", "water")
    (said,) = (text for text in feedback.said if "were written" in text)
    assert "missed places found 1, doubtful places kept 1, given another class 2." in said
    assert said.endswith("Doubtful places thrown out: 2.")


def test_a_shapefile_keeps_all_fields(path, context, feedback, tmp_path):
    result = run(
        "export_review", context, feedback, CANDIDATES=str(path), ACCEPTED=str(tmp_path / "accepted.shp")
    )
    fields = QgsVectorLayer(result["ACCEPTED"], "accepted", "ogr").fields().names()
    assert fields[:4] == ["OBJEKTART", "ART_CODES", "CLASS_ID", "CLASS"]
    assert "MODEL_SHA" in fields and fields[-1] == "KIND"


def test_codes_of_another_catalogue(path, context, feedback, tmp_path):
    catalogue = tmp_path / "own.json"
    catalogue.write_text(json.dumps({"classes": [{"name": "Water", "codes": [42]}]}))
    names = {"CANDIDATES": str(path), "ACCEPTED": str(tmp_path / "accepted.gpkg")}
    result = run("export_review", context, feedback, CATALOGUE=str(catalogue), **names)
    codes = {f["CLASS"]: f["OBJEKTART"] or None for f in QgsVectorLayer(result["ACCEPTED"]).getFeatures()}
    assert codes["water"] == 42 and set(codes.values()) == {42, None}
    catalogue.write_text("[]")
    with pytest.raises(QgsProcessingException, match="no class catalogue"):
        run("export_review", context, feedback, CATALOGUE=str(catalogue), **names)
    with pytest.raises(QgsProcessingException, match="not a file"):
        run("export_review", context, feedback, CATALOGUE=str(tmp_path / "none.json"), **names)


@pytest.mark.parametrize("name", ["review_report", "export_review"])
def test_another_layer_is_refused(provider, context, feedback, tmp_path, name):
    stranger = tmp_path / "stranger.geojson"
    stranger.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {},
                        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
                    }
                ],
            }
        )
    )
    with pytest.raises(QgsProcessingException):
        run(
            name,
            context,
            feedback,
            CANDIDATES=str(stranger),
            REPORT="TEMPORARY_OUTPUT",
            ACCEPTED="TEMPORARY_OUTPUT",
        )
    assert any("is not a GeoPackage of candidates" in error for error in feedback.errors)
