"""The candidates GeoPackage: whole or not at all, by the book, its log append-only, its view a replay."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.core.flagging import geopackage
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.geopackage import COLUMNS, CandidateFile, open_candidates, write_candidates
from mce_landcover.core.flagging.review import UNDECIDED, read_outlines, read_review
from mce_landcover.core.model.classes import LandCoverClass
from rasterio.crs import CRS
from support.disks import mounted
from support.flag import CLASSES

FLAGGED = tuple(
    LandCoverClass(id=id_, name=name, color="#d7301f", group=group)
    for id_, name, group, _ in CLASSES
    if group == "tail"
)
LV95 = CRS.from_epsg(2056)


def content(n: int = 6, seed: int = 0) -> CandidateFile:
    random = np.random.default_rng(seed)
    columns = {}
    for name, kind in COLUMNS.items():
        if kind is object:
            columns[name] = np.array([f"{name} {i} é'\"" for i in range(n)], object)
        elif np.issubdtype(kind, np.integer):
            columns[name] = random.integers(0, 10**4, n).astype(kind)
        else:
            columns[name] = random.random(n)
    columns["uuid"] = np.array([f"candidate-{i}" for i in range(n)], object)
    columns["rank"] = np.arange(1, n + 1, dtype=np.int32)
    columns["class_id"] = random.choice([7, 9], n).astype(np.int32)
    columns["score"][::2] = np.nan
    corners = 2_600_000 + 0.5 * random.integers(0, 100, (n, 2))
    outlines = [
        shapely.MultiPolygon([shapely.box(x, y, x + 5, y + 4) - shapely.box(x + 1, y + 1, x + 2, y + 2)])
        for x, y in corners.tolist()
    ]
    values = random.normal(size=(n, 3))
    values[: n // 2, 1] = np.nan
    features = FeatureTable(("E", "S_in", "mce_support"), values)
    said = {"model_sha256": "ab", "grid": {"crs_wkt": LV95.to_wkt()}, "feature_names": list(features.names)}
    return CandidateFile(columns, outlines, features, LV95, FLAGGED, said)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "candidates.gpkg"
    assert write_candidates(path, content()) == 0
    return path


def connect(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def decide(path: Path, uuid: str, candidate: str, decision: str, **more) -> None:
    decide_all(path, [{"uuid": uuid, "candidate": candidate, "decision": decision, **more}])


def decide_all(path: Path, rows: list[dict]) -> None:
    with connect(path) as database:
        database.execute("BEGIN")
        for row in rows:
            whole = {"user": "me", "time": "2026-01-01T00:00:00.000Z", **row}
            marks = ", ".join("?" * len(whole))
            names = ", ".join(whole)
            database.execute(f"INSERT INTO decisions ({names}) VALUES ({marks})", list(whole.values()))
        database.execute("COMMIT")


def test_gdal_reads_back_what_was_written(file):
    given = content()
    meta, _, wkb, columns = pyogrio.raw.read(file, layer="candidates")
    assert meta["crs"] == "EPSG:2056"
    assert meta["geometry_type"] == "MultiPolygon"
    assert meta["fields"].tolist() == list(COLUMNS)
    for name, values in zip(meta["fields"], columns, strict=True):
        assert values.dtype.kind == np.dtype(COLUMNS[name]).kind
        np.testing.assert_array_equal(values, given.columns[name])
    for one, other in zip(shapely.from_wkb(wkb), given.outlines, strict=True):
        assert one.equals_exact(other, 0.0)
    layers = dict(pyogrio.list_layers(file))
    assert set(layers) == {"candidates", "review", "decisions", "features", "run", "layer_styles"}
    assert layers["review"] == "MultiPolygon"
    assert pyogrio.read_info(file, layer="review")["crs"] == "EPSG:2056"


def test_the_review_reads_back_what_was_written(file):
    given, review = content(), read_review(file)
    assert len(review) == 6
    for name in COLUMNS:
        np.testing.assert_array_equal(review.columns[name], given.columns[name])
    np.testing.assert_array_equal(review.features.values[:, :-1], given.features.values)
    assert review.features.names == (*given.features.names, "mce_doubtful")
    assert (review.features.values[:, -1] == review.doubtful).all() and not review.drawn.any()
    assert (review.states == UNDECIDED).all()
    assert not review.decided.any()
    assert (review.final_class_ids == -1).all()
    assert review.run["model_sha256"] == "ab"
    assert review.crs == LV95
    outlines = read_outlines(file)
    for uuid, outline in zip(given.columns["uuid"], given.outlines, strict=True):
        assert outlines[uuid].equals_exact(outline, 0.0)


def test_no_candidates_are_an_empty_layer(tmp_path):
    path = tmp_path / "empty.gpkg"
    write_candidates(path, content(0))
    info = pyogrio.read_info(path, layer="candidates")
    assert (info["features"], info["crs"], info["geometry_type"]) == (0, "EPSG:2056", "MultiPolygon")
    review = read_review(path)
    assert len(review) == 0
    assert review.features.values.shape == (0, 4)
    assert read_outlines(path) == {}


def test_a_crs_without_a_code_is_kept(tmp_path):
    crs = CRS.from_proj4("+proj=tmerc +lat_0=46.5 +lon_0=7.3 +k=1 +x_0=0 +y_0=0 +ellps=bessel +units=m")
    path = tmp_path / "own.gpkg"
    write_candidates(path, replace(content(), crs=crs))
    assert CRS.from_user_input(pyogrio.read_info(path, layer="candidates")["crs"]) == crs


_ROW = "(id, uuid, candidate, decision, user, time)"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET decision = 'reject'",
        "UPDATE OR REPLACE decisions SET uuid = 'x'",
        "DELETE FROM decisions",
        "DELETE FROM decisions WHERE id = 1",
        f"INSERT OR REPLACE INTO decisions {_ROW} VALUES (8, 'd1', 'c', 'reject', 'm', 't')",
        f"REPLACE INTO decisions {_ROW} VALUES (1, 'd9', 'c', 'reject', 'm', 't')",
        f"INSERT INTO decisions {_ROW} VALUES (8, 'd1', 'c', 'reject', 'm', 't')",
    ],
)
def test_what_was_decided_stays(file, statement):
    decide(file, "d1", "candidate-0", "accept")
    with connect(file) as database:
        before = database.execute("SELECT * FROM decisions").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)
        assert database.execute("SELECT * FROM decisions").fetchall() == before


@pytest.mark.parametrize(
    "row",
    [
        {"decision": "perhaps"},
        {"decision": "reclassify"},
        {"decision": "accept", "class_id": 3},
        {"decision": "undo"},
        {"decision": "accept", "undoes": "d0"},
        {"decision": "accept", "user": None},
    ],
)
def test_decisions_that_say_nothing_are_refused(file, row):
    with pytest.raises(sqlite3.IntegrityError):
        decide(file, "d1", "candidate-0", **row)


ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 3),  # candidate
        st.sampled_from(["accept", "reject", "reclassify", "unsure", "undo"]),
        st.integers(1, 9),  # class, or how far back an undo reaches
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "candidates.gpkg"
    write_candidates(path, content(4))
    return path


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_the_view_is_a_replay_of_the_log(four, actions):
    """Each candidate is in the state of its last decision that was not undone."""
    path = Path(shutil.copy(four, four.with_name("copy.gpkg")))
    made: list[dict] = []
    for number, (candidate, decision, value) in enumerate(actions):
        row = {"uuid": f"d{number}", "candidate": f"candidate-{candidate}", "decision": decision}
        if decision == "reclassify":
            row["class_id"] = value
        if decision == "undo":
            standing = [r for r in made if r["candidate"] == row["candidate"] and r["decision"] != "undo"]
            if not standing:
                continue
            row["undoes"] = standing[-min(value, len(standing))]["uuid"]
        made.append(row)
    decide_all(path, made)
    undone = {row.get("undoes") for row in made}
    review = read_review(path)
    class_ids = dict(zip(review.columns["uuid"], review.columns["class_id"], strict=True))
    for uuid, state, final in zip(review.columns["uuid"], review.states, review.final_class_ids, strict=True):
        valid = [
            r for r in made if r["candidate"] == uuid and r["decision"] != "undo" and r["uuid"] not in undone
        ]
        expected = valid[-1] if valid else {"decision": UNDECIDED}
        assert state == expected["decision"]
        assert final == {"accept": class_ids[uuid], "reclassify": expected.get("class_id")}.get(state, -1)


def test_an_outline_that_the_reviewer_drew_counts(file):
    with connect(file) as database:
        (blob,) = database.execute("SELECT geometry FROM candidates WHERE uuid = 'candidate-3'").fetchone()
    decide(file, "d1", "candidate-2", "accept", outline=blob)
    outlines = read_outlines(file)
    assert outlines["candidate-2"].equals_exact(content().outlines[3], 0.0)
    decide(file, "d2", "candidate-2", "undo", undoes="d1")
    assert read_outlines(file)["candidate-2"].equals_exact(content().outlines[2], 0.0)
    decide(file, "d3", "candidate-2", "accept", outline=b"nonsense")
    with pytest.raises(InputError, match="broken outline"):
        read_outlines(file)


def dump(path: Path) -> list[str]:
    """All of the content but for times."""
    with connect(path) as database:
        database.execute("UPDATE gpkg_contents SET last_change = ''")
        database.execute("UPDATE layer_styles SET update_time = ''")
        return [line for line in database.iterdump() if "rtree_" not in line]


def test_equal_content_gives_an_equal_file(tmp_path):
    for name in ("one", "two"):
        write_candidates(tmp_path / f"{name}.gpkg", content())
    assert dump(tmp_path / "one.gpkg") == dump(tmp_path / "two.gpkg")


def test_replacing_keeps_the_log(file):
    decide(file, "d1", "candidate-0", "accept", seconds=2.5, comment="clear é")
    decide(file, "d2", "candidate-5", "reclassify", class_id=3)
    decide(file, "d3", "candidate-0", "undo", undoes="d1")
    with connect(file) as database:
        before = database.execute("SELECT * FROM decisions").fetchall()
    assert write_candidates(file, content(3, seed=1), overwrite=True) == 3
    with connect(file) as database:
        assert database.execute("SELECT * FROM decisions").fetchall() == before
    assert len(read_review(file)) == 3
    assert [path.name for path in file.parent.iterdir()] == ["candidates.gpkg"]


def test_only_a_file_of_ours_is_replaced_and_only_when_asked(file, tmp_path):
    with pytest.raises(InputError, match="already there"):
        write_candidates(file, content())
    other = tmp_path / "parcels.gpkg"
    point = shapely.to_wkb(np.array([shapely.Point(0, 0)], object))
    pyogrio.raw.write(other, point, [], [], geometry_type="Point", crs="EPSG:2056", driver="GPKG")
    notes = tmp_path / "notes.gpkg"
    notes.write_text("not a database, but worth keeping")
    for path in (other, notes):
        before = path.read_bytes()
        with pytest.raises(InputError, match="no GeoPackage of candidates"):
            write_candidates(path, content(), overwrite=True)
        assert path.read_bytes() == before
    with pytest.raises(InputError, match=r"end in \.gpkg"):
        write_candidates(tmp_path / "candidates.shp", content())
    (tmp_path / "folder.gpkg").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_candidates(tmp_path / "folder.gpkg", content(), overwrite=True)


def test_a_file_of_another_version_is_left_alone(file):
    with connect(file) as database:
        database.execute("UPDATE run SET value = '99' WHERE key = 'schema_version'")
    for action in (
        read_review,
        read_outlines,
        lambda path: write_candidates(path, content(), overwrite=True),
    ):
        with pytest.raises(InputError, match=r"another version.*99"):
            action(file)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_is_in_use_is_not_replaced(file, mode, monkeypatch):
    decide(file, "d1", "candidate-0", "accept")
    with connect(file) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("BEGIN IMMEDIATE" if mode == "delete" else "BEGIN")
        other.execute("SELECT count(*) FROM decisions").fetchall()
        with pytest.raises(InputError, match="in use"):
            write_candidates(file, content(), overwrite=True)
        other.execute("COMMIT")
    assert read_review(file).states.tolist().count("accept") == 1
    assert not list(file.parent.glob(".*"))
    assert write_candidates(file, content(), overwrite=True) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that anybody has open")
def test_nobody_decides_between_the_copy_of_the_log_and_the_new_file(file, monkeypatch):
    """What he decided would be shown as made, and be gone with the old file."""
    check, said = geopackage._check_whole, []

    def late(part: Path, n: int) -> None:
        check(part, n)
        with closing(sqlite3.connect(file, timeout=0)) as reviewer:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                reviewer.execute("BEGIN IMMEDIATE")
            said.append("locked")

    monkeypatch.setattr(geopackage, "_check_whole", late)
    decide(file, "d", "candidate-1", "accept")
    assert write_candidates(file, content(), overwrite=True) == 1
    assert said == ["locked"]
    decide(file, "e", "candidate-1", "reject")


@pytest.mark.parametrize("step", ["_write_layer", "_write_features", "_write_styles", "_copy_decisions"])
def test_what_fails_half_way_leaves_what_was(file, monkeypatch, step):
    decide(file, "d1", "candidate-0", "accept")
    before = file.read_bytes()

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(geopackage, step, full)
    with pytest.raises(OutputError, match="full"):
        write_candidates(file, content(2), overwrite=True)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_folders_that_take_nothing_are_said(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        write_candidates(blocked / "candidates.gpkg", content())
    with (
        mounted(tmp_path / "disk", "size=1m,ro") as disk,
        pytest.raises(OutputError, match="cannot be written to"),
    ):
        write_candidates(disk / "candidates.gpkg", content())


@pytest.mark.parametrize("size", ["4k", "40k", "96k", "120k", "160k"])
def test_a_full_disk_is_said_and_left_empty(tmp_path, size):
    with mounted(tmp_path / "disk", f"size={size}") as disk:
        with pytest.raises(OutputError, match=str(disk)):
            write_candidates(disk / "candidates.gpkg", content(200))
        assert list(disk.iterdir()) == []


def test_a_folder_is_made_and_a_stale_part_goes(tmp_path):
    path = tmp_path / "a" / "b" / "candidates.gpkg"
    path.parent.mkdir(parents=True)
    (path.parent / ".candidates.part.gpkg").write_bytes(b"of a killed run")
    write_candidates(path, content())
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    write_candidates(tmp_path / "c" / "candidates.gpkg", content())


def test_readers_refuse_what_is_no_candidates_file(tmp_path):
    with pytest.raises(InputError, match="do not exist"):
        read_review(tmp_path / "gone.gpkg")
    for name, data in (("empty.gpkg", b""), ("text.gpkg", b"hello" * 100)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="no GeoPackage of candidates"):
            read_review(tmp_path / name)


@pytest.mark.parametrize("size", [5000, 60_000, 90_000])
def test_a_truncated_file_is_refused(file, size):
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(InputError, match="no GeoPackage of candidates"):
        read_review(file)


def test_values_of_the_run_are_json(file):
    with open_candidates(file) as database:
        said = dict(database.execute("SELECT key, value FROM run").fetchall())
    assert json.loads(said["feature_names"]) == ["E", "S_in", "mce_support"]
    assert said["schema_version"] == "2"
