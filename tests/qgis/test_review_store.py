"""`plugin/review/store.py`: what is decided is in the file, and what is wrong with a file is said."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mce_landcover.plugin.review.records import NOTHING_DECIDED, ReviewError, Verdict
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsVectorLayer
from review_files import change, make_file, name_of, rows_of, square, states_in
from support.disks import mounted

NOON = datetime(2026, 5, 31, 12, 0, 0, 123456, UTC)


@pytest.fixture
def path(tmp_path, qgis_app) -> Path:
    return make_file(tmp_path / "candidates.gpkg")


@pytest.fixture
def store(path):
    store = ReviewStore.open(path, "Ursula", clock=lambda: NOON)
    yield store
    store.close()


def sentence(path: Path, **options) -> str:
    with pytest.raises(ReviewError) as caught:
        ReviewStore.open(path, "me", **options)
    message = str(caught.value)
    assert message.endswith(".") and message.count(". ") == 0 and "\n" not in message
    assert str(path) in message
    return message


def test_candidates_come_in_order_of_rank_with_all_that_is_known(store, path):
    assert [c.rank for c in store.candidates] == list(range(1, 13))
    query = f"SELECT {', '.join(store.candidates[0]._fields)} FROM candidates ORDER BY rank"
    assert [tuple(c) for c in store.candidates] == rows_of(path, query)
    assert store.crs.authid() == "EPSG:2056"
    assert [c.id for c in store.classes] == [1, 3, 4, 7]
    assert store.classes[1].color == "#d7301f"
    assert [c.id for c in store.flagged] == [3, 4]
    assert not store.read_only
    assert store.notes == ()
    assert len(store) == 12


def test_a_decision_is_in_the_file_when_it_is_made(store, path):
    made = store.decide(name_of(2), Verdict.ACCEPT, comment=" clear ", seconds=2.5)
    (row,) = rows_of(path, "SELECT * FROM decisions")
    assert row == tuple(made)
    assert made.time == "2026-05-31T12:00:00.123Z"
    assert (made.user, made.comment, made.seconds) == ("Ursula", "clear", 2.5)
    assert (made.model_sha256, made.run) == ("ab" * 32, "run")
    assert made.candidate == name_of(2)


def test_states_are_those_of_the_view(store, path):
    store.decide(name_of(0), Verdict.ACCEPT)
    store.decide(name_of(1), Verdict.REJECT)
    store.decide(name_of(2), Verdict.RECLASSIFY, class_id=7)
    store.decide(name_of(3), Verdict.UNSURE)
    store.decide(name_of(1), Verdict.UNSURE)
    undone = store.decide(name_of(1), Verdict.ACCEPT)
    store.take_back(undone.uuid)
    store.take_back(store.decide(name_of(4), Verdict.REJECT).uuid)
    for uuid, (status, final, decision) in states_in(path).items():
        state = store.state(uuid)
        assert (state.status, state.final_class_id) == (status, final)
        assert (state.decision and state.decision.uuid) == decision
    assert store.state(name_of(1)).verdict is Verdict.UNSURE
    assert store.state(name_of(2)).final_class_id == 7
    assert store.state(name_of(4)) == NOTHING_DECIDED


def test_a_new_store_replays_the_log(store, path):
    store.decide(name_of(0), Verdict.ACCEPT, outline=store.geometry(name_of(1)))
    store.take_back(store.decide(name_of(0), Verdict.REJECT).uuid)
    again = ReviewStore.open(path, "another")
    assert again.log.rows == store.log.rows
    assert all(again.state(c.uuid) == store.state(c.uuid) for c in store.candidates)
    again.close()


def test_to_reclassify_to_the_flagged_class_is_to_accept(store):
    candidate = store.candidates[0]
    made = store.decide(candidate.uuid, Verdict.RECLASSIFY, class_id=candidate.class_id)
    assert (made.decision, made.class_id) == ("accept", None)
    assert store.state(candidate.uuid).final_class_id == candidate.class_id


@pytest.mark.parametrize(
    ("verdict", "class_id", "said"),
    [
        (Verdict.RECLASSIFY, None, "A class goes with"),
        (Verdict.ACCEPT, 7, "A class goes with"),
        (Verdict.RECLASSIFY, 99, "no class 99"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_written(store, path, verdict, class_id, said):
    with pytest.raises(ReviewError, match=said):
        store.decide(name_of(0), verdict, class_id=class_id)
    assert rows_of(path, "SELECT * FROM decisions") == []


def test_only_a_decision_that_stands_is_taken_back(store):
    made = store.decide(name_of(0), Verdict.ACCEPT)
    undo = store.take_back(made.uuid)
    assert (undo.decision, undo.undoes, undo.candidate) == ("undo", made.uuid, name_of(0))
    for uuid in (made.uuid, undo.uuid, "nobody"):
        with pytest.raises(ReviewError):
            store.take_back(uuid)
    assert len(store.log) == 2


def test_seconds_that_are_none_are_not_kept(store):
    assert store.decide(name_of(0), Verdict.ACCEPT, seconds=float("nan")).seconds is None
    assert store.decide(name_of(0), Verdict.ACCEPT, seconds=-1.0).seconds == 0.0


def test_a_user_must_have_a_name(path):
    with pytest.raises(ReviewError, match="who reviews"):
        ReviewStore.open(path, "  ")


def test_geometry_is_read_from_the_file(store):
    for candidate in store.candidates:
        outline = store.geometry(candidate.uuid)
        assert outline.area() == pytest.approx(candidate.area_m2)
        centre = outline.centroid().asPoint()
        assert (centre.x(), centre.y()) == pytest.approx((candidate.x, candidate.y))
    with pytest.raises(ReviewError, match="no candidate"):
        store.geometry("nobody")


def test_a_drawn_outline_goes_with_its_decision(store, path):
    drawn = QgsGeometry.fromWkt(
        "PolygonZ((2600000 1200000 5, 2600008 1200000 5, 2600000 1200008 5, 2600000 1200000 5))"
    )
    made = store.decide(name_of(0), Verdict.ACCEPT, outline=drawn)
    assert store.geometry(name_of(0)).area() == 32
    assert store.geometry(name_of(0), user="another").area() != 32
    layer = QgsVectorLayer(f"{path}|layername=decisions", "log", "ogr")
    assert layer.featureCount() == 1
    store.take_back(made.uuid)
    assert store.geometry(name_of(0)).area() == pytest.approx(store.candidates[0].area_m2)


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        ("LineString(0 0, 1 1)", "no polygon"),
        ("Polygon EMPTY", "no polygon"),
        ("Polygon((0 0, 2 2, 2 0, 0 2, 0 0))", "crosses itself"),
    ],
)
def test_an_outline_that_is_none_is_refused(store, path, wkt, said):
    with pytest.raises(ReviewError, match=said):
        store.decide(name_of(0), Verdict.ACCEPT, outline=QgsGeometry.fromWkt(wkt))
    assert rows_of(path, "SELECT * FROM decisions") == []


def test_a_broken_outline_in_the_file_is_said(store, path):
    change(path, "UPDATE candidates SET geometry = x'00ff' WHERE rank = 1")
    with pytest.raises(ReviewError, match="broken"):
        store.geometry(name_of(0))


def test_two_at_once_see_each_other(store, path):
    other = ReviewStore.open(path, "Beat")
    mine = store.decide(name_of(0), Verdict.ACCEPT)
    assert other.refresh() == [mine]
    assert other.refresh() == []
    theirs = other.decide(name_of(0), Verdict.REJECT)
    last = store.decide(name_of(1), Verdict.UNSURE)
    assert store.log.rows == [mine, theirs, last]
    assert store.state(name_of(0)).verdict is Verdict.REJECT
    assert store.state(name_of(0), user="Ursula").verdict is Verdict.ACCEPT
    other.refresh()
    assert other.log.rows == store.log.rows
    assert rows_of(path, "SELECT uuid FROM decisions ORDER BY id") == [(r.uuid,) for r in store.log.rows]
    other.close()


def test_qgis_may_have_the_layer_open(store, path):
    layer = QgsVectorLayer(f"{path}|layername=review", "review", "ogr")
    features = layer.getFeatures()
    assert features.nextFeature(next(iter(layer.getFeatures())))
    store.decide(name_of(0), Verdict.ACCEPT)
    assert {f["uuid"]: f["state"] for f in layer.getFeatures()}[name_of(0)] == "accept"
    features.close()


def test_qgis_may_even_edit_the_layer(store, path):
    layer = QgsVectorLayer(f"{path}|layername=candidates", "candidates", "ogr")
    assert layer.startEditing()
    made = store.decide(name_of(0), Verdict.ACCEPT)
    second = ReviewStore.open(path, "Beat")
    assert not second.read_only
    theirs = second.decide(name_of(1), Verdict.REJECT)
    second.close()
    assert layer.rollBack()
    del layer
    assert rows_of(path, "SELECT uuid FROM decisions ORDER BY id") == [(made.uuid,), (theirs.uuid,)]
    store.refresh()
    assert store.state(name_of(1)).verdict is Verdict.REJECT


def test_a_locked_file_is_said_at_once_and_nothing_is_half_written(store, path, monkeypatch):
    monkeypatch.setattr("mce_landcover.plugin.review.database._BUSY_S", 0.05)
    store._database.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "in use by another program" in sentence(path)
        with pytest.raises(ReviewError, match="in use"):
            store.decide(name_of(0), Verdict.ACCEPT)
        other.execute("ROLLBACK")
    assert len(store.log) == 0
    store.decide(name_of(0), Verdict.ACCEPT)
    assert len(rows_of(path, "SELECT * FROM decisions")) == 1


def test_a_reader_in_the_way_of_the_commit_is_said(store, path):
    store._database.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM run").fetchone()
        with pytest.raises(ReviewError, match="in use"):
            store.decide(name_of(0), Verdict.ACCEPT)
        other.execute("COMMIT")
    assert rows_of(path, "SELECT * FROM decisions") == []
    store.decide(name_of(0), Verdict.ACCEPT)


def test_a_deleted_candidate_keeps_its_decisions_in_the_log(store, path):
    store.decide(name_of(3), Verdict.ACCEPT)
    change(path, "DELETE FROM candidates WHERE uuid = ?", name_of(3))
    with pytest.raises(ReviewError, match="deleted"):
        store.decide(name_of(3), Verdict.REJECT)
    again = ReviewStore.open(path, "me")
    assert len(again) == 11
    assert len(again.log) == 1
    assert name_of(3) not in again
    (note,) = again.notes
    assert "no longer in the file: 1;" in note
    with pytest.raises(ReviewError, match="was it deleted"):
        again.state(name_of(3))
    again.take_back(again.log.rows[0].uuid)
    again.close()


def test_an_outline_drawn_into_the_layer_by_hand_is_left_out(path):
    change(path, "INSERT INTO candidates (geometry) VALUES (?)", square(2_600_000, 1_200_000, 5))
    store = ReviewStore.open(path, "me")
    assert len(store) == 12
    assert "left out: 1." in store.notes[0]
    store.close()


def test_what_is_no_file_of_candidates_is_said(tmp_path, path):
    assert "is not there" in sentence(tmp_path / "none.gpkg")
    assert "is not there" in sentence(tmp_path)
    text = tmp_path / "text.gpkg"
    text.write_text("no database at all, but long enough to be looked at" * 10)
    assert "no GeoPackage of candidates" in sentence(text)
    empty = tmp_path / "empty.gpkg"
    empty.touch()
    assert "no GeoPackage of candidates" in sentence(empty)
    change(path, "DROP VIEW review")
    assert "no GeoPackage of candidates" in sentence(path)


def test_a_cut_file_is_said(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "no GeoPackage of candidates" in sentence(path)


@pytest.mark.parametrize("version", ["3", "0", '"x"'])
def test_another_version_is_said(path, version):
    change(path, "UPDATE run SET value = ? WHERE key = 'schema_version'", version)
    assert f"version {version}, not 2" in sentence(path)


def test_a_file_from_before_doubtful_places_is_one_of_missed_places(tmp_path, qgis_app):
    path = make_file(tmp_path / "old.gpkg", old=True)
    change(
        path,
        "INSERT INTO decisions (uuid, candidate, decision, user, time) VALUES ('d', ?, 'accept', 'me', '')",
        name_of(0),
    )
    with closing(ReviewStore.open(path, "me")) as store:
        assert not store.read_only and store.notes == ()
        assert {c.kind for c in store.candidates} == {"missed"}
        assert all(c.instead_class_id == c.class_id for c in store.candidates)
        assert all(c.instead_class_name == c.class_name for c in store.candidates)
        assert {c.expected_iou for c in store.candidates} == {None}
        assert store.state(name_of(0)).verdict is Verdict.ACCEPT
        store.decide(name_of(1), Verdict.REJECT)
        for uuid, (status, final, _decision) in states_in(path).items():
            state = store.state(uuid)
            assert (state.status, state.final_class_id) == (status, final)


def test_kinds_are_read_and_decided_as_the_view_has_it(tmp_path, qgis_app):
    path = make_file(tmp_path / "both.gpkg", doubtful=2)
    with closing(ReviewStore.open(path, "me")) as store:
        assert [c.is_doubtful for c in store.candidates] == [False, True] * 6
        doubtful = store.candidates[1]
        assert (doubtful.instead_class_id, doubtful.instead_class_name) == (1, "bedrock")
        assert doubtful.expected_iou == 0.35
        store.decide(name_of(1), Verdict.ACCEPT)
        store.decide(name_of(3), Verdict.REJECT)
        store.decide(name_of(5), Verdict.RECLASSIFY, class_id=7)
        for uuid, (status, final, _decision) in states_in(path).items():
            state = store.state(uuid)
            assert (state.status, state.final_class_id) == (status, final)
        assert store.state(name_of(1)).final_class_id == doubtful.class_id
        assert store.state(name_of(3)).final_class_id is None


def test_a_kind_that_is_not_known_is_left_out(path):
    change(path, "UPDATE candidates SET kind = 'change' WHERE rank = 3")
    with closing(ReviewStore.open(path, "me")) as store:
        assert len(store) == 11 and "left out: 1." in store.notes[0]


@pytest.mark.parametrize("value", ["[]", '[{"id": 3}]', '{"a": 1}', "null", "[3]", "{"])
def test_a_class_table_of_another_form_is_said(path, value):
    change(path, "UPDATE run SET value = ? WHERE key = 'map_classes'", value)
    assert "no GeoPackage of candidates" in sentence(path)


@pytest.mark.parametrize("grid", ["null", "{}", '{"crs": "nowhere", "crs_wkt": ""}', "[1]"])
def test_a_file_without_crs_is_said(path, grid):
    change(path, "UPDATE run SET value = ? WHERE key = 'grid'", grid)
    assert "which CRS" in sentence(path)


def test_a_crs_without_a_code_is_read(path):
    own = QgsCoordinateReferenceSystem.fromProj(
        "+proj=lcc +lat_1=46 +lat_2=47 +lon_0=8 +ellps=bessel +units=m"
    )
    grid = json.dumps({"crs": "a local one", "crs_wkt": own.toWkt()})
    change(path, "UPDATE run SET value = ? WHERE key = 'grid'", grid)
    with closing(ReviewStore.open(path, "me")) as store:
        assert "+lat_1=46 +lat_2=47" in store.crs.toProj()


def test_opened_to_look_nothing_can_be_decided(path):
    before = path.read_bytes()
    store = ReviewStore.open(path, "me", read_only=True)
    assert store.read_only and store.notes == ()
    assert store.geometry(name_of(0)).area() > 0
    with pytest.raises(ReviewError, match="only be read"):
        store.decide(name_of(0), Verdict.ACCEPT)
    store.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_disk_that_cannot_be_written_is_looked_at(path, tmp_path, mode):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
    change(
        path,
        "INSERT INTO decisions (uuid, candidate, decision, user, time) VALUES ('d', ?, 'accept', 'me', '')",
        name_of(0),
    )
    with mounted(tmp_path / "disk", "size=4m") as disk:
        shutil.copy(path, disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        store = ReviewStore.open(disk / path.name, "me")
        assert store.read_only and "only be read" in store.notes[0]
        assert store.state(name_of(0)).verdict is Verdict.ACCEPT
        store.close()


def test_a_full_disk_is_said_and_what_was_decided_stays(path, tmp_path):
    with mounted(tmp_path / "disk", f"size={path.stat().st_size + 100_000}") as disk:
        shutil.copy(path, disk)
        store = ReviewStore.open(disk / path.name, "me")
        with pytest.raises(ReviewError, match="full"):
            while len(store.log) < 10_000:
                store.decide(name_of(0), Verdict.ACCEPT, comment="x" * 5000)
        n = len(store.log)
        assert n > 2
        store.close()
        shutil.copy(disk / path.name, tmp_path / "rescued.gpkg")
    again = ReviewStore.open(tmp_path / "rescued.gpkg", "me")
    assert len(again.log) == n
    again.close()


def test_a_file_put_in_the_place_of_ours_is_noticed(store, path, tmp_path):
    store.decide(name_of(0), Verdict.ACCEPT)
    make_file(tmp_path / "new.gpkg", seed=1).replace(path)
    with pytest.raises(ReviewError, match="replaced or moved"):
        store.decide(name_of(1), Verdict.ACCEPT)
    assert rows_of(path, "SELECT * FROM decisions") == []


def test_the_log_is_append_only_in_the_file(store, path):
    store.decide(name_of(0), Verdict.ACCEPT)
    for statement in ("DELETE FROM decisions", "UPDATE decisions SET user = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            change(path, statement)
