"""`plugin/review/merge.py` and `opinions.py`: the union of logs, and where people differ."""

import csv
import io
import itertools
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mce_landcover.plugin.review.log import DecisionLog
from mce_landcover.plugin.review.merge import merge_copies, union
from mce_landcover.plugin.review.records import ReviewError, Verdict
from mce_landcover.plugin.review.statistics import disagreements
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsVectorLayer
from review_files import change, make_file, name_of, rows_of, states_in

START = datetime(2026, 5, 31, 8, 0, 0, tzinfo=UTC)


class Wall:
    """A clock that goes on one minute with every look at it."""

    def __init__(self, start=START):
        self.now = start

    def __call__(self):
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "first.gpkg")


def copy(path, name):
    return Path(shutil.copy(path, path.with_name(name)))


def decide(path, user, *moves, clock=None):
    """Let a user decide: (candidate number, verdict[, class])."""
    with closing(ReviewStore.open(path, user, clock=clock or Wall())) as store:
        return [store.decide(name_of(i), verdict, class_id=k) for i, verdict, k in (*moves,)]


def accept(i):
    return i, Verdict.ACCEPT, None


def reject(i):
    return i, Verdict.REJECT, None


def log_in(path):
    with closing(ReviewStore.open(path, "", read_only=True)) as store:
        return store.log


def test_the_union_of_two_people_s_work(path, tmp_path):
    other = copy(path, "other.gpkg")
    decide(path, "Ursula", accept(0), reject(1), accept(2), clock=Wall(START))
    decide(other, "Beat", accept(0), accept(1), reject(5), clock=Wall(START + timedelta(seconds=30)))
    done = merge_copies([path, other], tmp_path / "merged.gpkg")
    assert (done.n_decisions, done.n_added, done.n_elsewhere) == (6, 3, 0)
    log = log_in(done.path)
    assert {row.uuid for row in log.rows} == {r.uuid for r in (*log_in(path).rows, *log_in(other).rows)}
    assert [row.time for row in log.rows] == sorted(row.time for row in log.rows)
    assert [row.id for row in log.rows] == [1, 2, 3, 4, 5, 6]
    (found,) = done.disagreements
    assert found.candidate.uuid == name_of(1)
    assert [(row.user, row.decision) for row in found.decisions] == [("Ursula", "reject"), ("Beat", "accept")]
    assert found.counts.user == "Beat"
    assert states_in(done.path)[name_of(1)][0] == "accept"
    rows = list(csv.DictReader(io.StringIO(done.disagreements_csv.read_text(encoding="utf-8"))))
    assert [(r["rank"], r["user"], r["decision"], r["to_class_id"], r["counts"]) for r in rows] == [
        ("2", "Ursula", "reject", "", "0"),
        ("2", "Beat", "accept", str(found.candidate.class_id), "1"),
    ]


def test_the_copies_stay_as_they_were_and_the_new_file_is_one_by_the_book(path, tmp_path):
    other = copy(path, "other.gpkg")
    decide(other, "Beat", accept(0))
    before = path.read_bytes(), other.read_bytes()
    done = merge_copies([path, other], tmp_path / "new" / "merged.gpkg")
    assert (path.read_bytes(), other.read_bytes()) == before
    assert sorted(f.name for f in done.path.parent.iterdir()) == ["merged.gpkg", "merged_disagreements.csv"]
    layer = QgsVectorLayer(f"{done.path}|layername=review", "review", "ogr")
    assert layer.isValid() and layer.featureCount() == 12
    decide(done.path, "Ursula", reject(3))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        change(done.path, "DELETE FROM decisions")


def tangled(path, seed, n_copies=3):
    """Copies of copies in which several people decide, undo, and merge now and then."""
    dice = random.Random(seed)
    files = [path] + [copy(path, f"copy{i}.gpkg") for i in range(1, n_copies)]
    for step in range(25):
        file = dice.choice(files)
        skew = timedelta(minutes=dice.randrange(-60, 60))
        with closing(ReviewStore.open(file, dice.choice("ABC"), clock=Wall(START + skew))) as store:
            standing = [r for c in store.candidates for r in store.log.standing(c.uuid)]
            if standing and dice.random() < 0.3:
                store.take_back(dice.choice(standing).uuid)
            else:
                store.decide(name_of(dice.randrange(4)), dice.choice([Verdict.ACCEPT, Verdict.REJECT]))
        if step % 10 == 9:
            shutil.copy(file, dice.choice([f for f in files if f != file]))
    return files


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_the_copies_gives_the_same_and_again_nothing_more(path, tmp_path, seed):
    logs = [log_in(file) for file in tangled(path, seed)]
    whole = union(logs)
    for order in itertools.permutations(logs):
        assert union(order) == whole
    assert union([DecisionLog(whole), *logs]) == whole
    assert union([DecisionLog(union(logs[:2])), logs[2]]) == union([logs[0], DecisionLog(union(logs[1:]))])
    place = {row.uuid: row.id for row in whole}
    for log in logs:
        assert [place[row.uuid] for row in log.rows] == sorted(place[row.uuid] for row in log.rows)


@pytest.mark.parametrize("seed", range(2))
def test_the_merged_file_replays_to_its_view(path, tmp_path, seed):
    done = merge_copies(tangled(path, seed), tmp_path / "merged.gpkg")
    with closing(ReviewStore.open(done.path, "me")) as store:
        states = states_in(done.path)
        for candidate in store.candidates:
            state = store.state(candidate.uuid)
            decided = state.decision and state.decision.uuid
            assert [state.status, state.final_class_id, decided] == states[candidate.uuid]


def test_a_clock_that_goes_back_does_not_turn_decisions_round(path):
    other = copy(path, "other.gpkg")
    decide(path, "A", accept(0), clock=Wall(START))
    decide(path, "A", reject(0), clock=Wall(START - timedelta(days=1)))
    decide(other, "B", accept(1), clock=Wall(START))
    log = DecisionLog(union([log_in(other), log_in(path)]))
    assert log.counting(name_of(0)).decision == "reject"


def differing(log, path, copies=()):
    with closing(ReviewStore.open(path, "", read_only=True)) as store:
        return [d.candidate.uuid for d in disagreements(log, store.candidates, copies)]


def test_who_corrects_himself_does_not_disagree(path):
    decide(path, "A", accept(0), reject(0))
    assert differing(log_in(path), path) == []
    decide(path, "B", accept(0))
    assert differing(log_in(path), path) == [name_of(0)]
    decide(path, "B", reject(0))
    assert differing(log_in(path), path) == []


def test_classes_differ_too(path):
    decide(path, "A", (0, Verdict.RECLASSIFY, 7))
    decide(path, "B", (0, Verdict.RECLASSIFY, 1))
    assert differing(log_in(path), path) == [name_of(0)]


def test_one_user_on_two_copies_disagrees_only_unaware(path):
    decide(path, "A", accept(0), accept(1))
    later = copy(path, "later.gpkg")
    decide(later, "A", reject(0))
    aside = copy(path, "aside.gpkg")
    decide(aside, "A", reject(1), clock=Wall(START + timedelta(hours=1)))
    decide(path, "A", (1, Verdict.UNSURE, None), clock=Wall(START + timedelta(hours=2)))
    logs = [log_in(file) for file in (path, later, aside)]
    assert differing(DecisionLog(union(logs)), path, logs) == [name_of(1)]


def test_what_was_taken_back_is_no_opinion(path):
    decide(path, "A", accept(0))
    (made,) = decide(path, "B", reject(0))
    with closing(ReviewStore.open(path, "B")) as store:
        store.take_back(made.uuid)
    assert differing(log_in(path), path) == []


def test_overwriting_keeps_what_was_decided_in_the_old_file(path, tmp_path):
    other, target = copy(path, "other.gpkg"), tmp_path / "merged.gpkg"
    decide(other, "B", accept(1))
    merge_copies([path, other], target)
    (made,) = decide(target, "C", accept(2))
    with pytest.raises(ReviewError, match="there already"):
        merge_copies([path, other], target)
    done = merge_copies([path, other], target, overwrite=True)
    assert done.n_decisions == 2
    assert made.uuid in {row.uuid for row in log_in(target).rows}


def test_a_file_that_somebody_writes_to_is_not_replaced(path, tmp_path, monkeypatch):
    other, target = copy(path, "other.gpkg"), copy(path, "merged.gpkg")
    monkeypatch.setattr("mce_landcover.plugin.review.database._BUSY_S", 0.05)
    with closing(sqlite3.connect(target, isolation_level=None)) as reviewer:
        reviewer.execute("BEGIN IMMEDIATE")
        with pytest.raises(ReviewError, match="in use"):
            merge_copies([path, other], target, overwrite=True)
        reviewer.execute("ROLLBACK")

    def late(_) -> None:
        with pytest.raises(ReviewError, match="in use"):
            decide(target, "C", accept(2))

    merge_copies([path, other], target, overwrite=True, on_copy=late)
    assert len(log_in(target)) == 0


def test_a_copy_that_qgis_edits_is_merged_all_the_same(path, tmp_path):
    other = copy(path, "other.gpkg")
    with closing(sqlite3.connect(other)) as editor:
        editor.execute("PRAGMA journal_mode = WAL")
        decide(other, "B", accept(1))
        for copies in ([path, other], [other, path]):
            done = merge_copies(copies, tmp_path / "merged.gpkg", overwrite=True)
            assert done.n_decisions == 1
    assert rows_of(done.path, "PRAGMA journal_mode") == [("delete",)]


def test_what_cannot_be_merged_is_said_and_nothing_written(path, tmp_path):
    other, target = copy(path, "other.gpkg"), tmp_path / "merged.gpkg"
    decide(path, "A", accept(0))

    def said(copies, target=target, **options):
        with pytest.raises(ReviewError) as caught:
            merge_copies(copies, target, **options)
        return str(caught.value)

    assert "two or more different" in said([path])
    assert "two or more different" in said([path, path.parent / "." / path.name])
    assert "ends in .gpkg" in said([path, other], tmp_path / "x.shp")
    assert "one of the copies" in said([path, other], other, overwrite=True)
    strange = tmp_path / "strange.gpkg"
    strange.write_text("x" * 2000)
    assert "no GeoPackage of candidates" in said([path, strange])
    assert "no GeoPackage of candidates" in said([path, other], strange, overwrite=True)
    run = make_file(tmp_path / "run.gpkg", said={"model_sha256": "cd" * 32})
    assert "no candidates in common" in said([path, run])
    with closing(sqlite3.connect(other)) as forger:
        (row,) = log_in(path).rows
        marks = ", ".join("?" * len(row))
        forger.execute(f"INSERT INTO decisions VALUES ({marks})", row._replace(user="forged"))
        forger.commit()
    assert "changed by hand" in said([path, other])
    with pytest.raises(ReviewError, match="cannot be written"):
        merge_copies([path, copy(path, "third.gpkg")], strange / "merged.gpkg")
    assert not list(tmp_path.glob("*merged*")) and not list(tmp_path.glob(".*"))


def test_decisions_on_candidates_that_the_first_copy_lacks_are_kept(path, tmp_path):
    other = copy(path, "other.gpkg")
    decide(other, "B", accept(3))
    change(path, "DELETE FROM candidates WHERE uuid = ?", name_of(3))
    done = merge_copies([path, other], tmp_path / "merged.gpkg")
    assert (done.n_elsewhere, done.n_decisions) == (1, 1)


@pytest.mark.parametrize("old_first", [True, False])
def test_an_old_copy_and_a_new_one_are_merged_into_a_new_one(tmp_path, qgis_app, old_first):
    """The new file has doubtful places beside the missed ones that the old one has, too."""
    old = make_file(tmp_path / "old.gpkg", 6, old=True)
    new = make_file(tmp_path / "new.gpkg", 12, doubtful=6)
    decide(old, "A", accept(0), reject(1))
    decide(new, "B", accept(1), reject(11), clock=Wall(START + timedelta(hours=1)))
    done = merge_copies([old, new] if old_first else [new, old], tmp_path / "merged.gpkg")
    assert (done.n_decisions, done.n_added, done.n_elsewhere) == (4, 2, 0)
    assert [d.candidate.uuid for d in done.disagreements] == [name_of(1)]
    with closing(ReviewStore.open(done.path, "me")) as store:
        assert len(store) == 12 and store.candidate(name_of(11)).is_doubtful
        assert store.state(name_of(0)).verdict is Verdict.ACCEPT
        assert store.state(name_of(11)).verdict is Verdict.REJECT
        for candidate in store.candidates:
            assert store.state(candidate.uuid).status == states_in(done.path)[candidate.uuid][0]


def test_two_old_copies_are_merged_into_an_old_one(tmp_path, qgis_app):
    path = make_file(tmp_path / "old.gpkg", old=True)
    other = copy(path, "other.gpkg")
    decide(other, "B", accept(3))
    done = merge_copies([path, other], tmp_path / "merged.gpkg")
    assert rows_of(done.path, "SELECT value FROM run WHERE key = 'schema_version'") == [("1",)]
    with closing(ReviewStore.open(done.path, "me")) as store:
        assert store.state(name_of(3)).verdict is Verdict.ACCEPT
