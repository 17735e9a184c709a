"""A review made with the plugin's store in QGIS's Python, as the backend reads and applies it; and its
algorithms through `qgis_process`, where there is no backend.
"""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from executables import QGIS_PYTHON, ROOT, Environment, clean_environment, qgis_process, results_of

sys.path.insert(0, str(ROOT / "tests/unit"))
from mce_landcover.core.flagging.apply import ApplyRequest, apply_review
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
from mce_landcover.core.flagging.review import Review, read_outlines, read_review
from support.flag import small_run

#: Decides, undoes and redoes at random, draws an outline, and prints what the store says in the end.
DECIDE = """
import json, os, random, sys
from pathlib import Path
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
from mce_landcover.plugin.review.records import Verdict
from mce_landcover.plugin.review.session import ReviewSession
from mce_landcover.plugin.review.store import ReviewStore
dice = random.Random(5)
session = ReviewSession(ReviewStore.open(Path(sys.argv[1]), sys.argv[2]))
store = session.store
for step in range(22):
    act = dice.choice([*Verdict, Verdict.ACCEPT, "undo", "redo"])
    if act == "undo":
        session.undo()
    elif act == "redo":
        session.redo()
    else:
        others = [c.id for c in store.classes if c.id != session.current.class_id]
        wide = session.queue.geometry(session.current.uuid).buffer(1.0, 2) if dice.random() < 0.4 else None
        class_id = dice.choice(others) if act is Verdict.RECLASSIFY else None
        session.decide(act, class_id=class_id, comment=f"step {step}", outline=wide)
said = {
    c.uuid: [
        store.state(c.uuid).status,
        store.state(c.uuid).final_class_id,
        d.user if d else None,
        d.comment if d else None,
        store.geometry(c.uuid).area(),
    ]
    for c in store.candidates
    for d in [store.state(c.uuid).decision]
}
print(json.dumps({"states": said, "crs": store.crs.authid()}))
sys.stdout.flush()
os._exit(0)
"""


def decide(path: Path, user: str) -> dict[str, dict]:
    with TemporaryDirectory() as packages:  # a clone may be called anything
        (Path(packages) / "mce_landcover").symlink_to(ROOT)
        done = subprocess.run(
            [QGIS_PYTHON, "-c", DECIDE, str(path), user],
            env=clean_environment(
                QT_QPA_PLATFORM="offscreen", QGIS_CUSTOM_CONFIG_PATH=str(path.parent), PYTHONPATH=packages
            ),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    said: dict[str, dict] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run with its flagged candidates."""
    if not shutil.which("qgis_process"):
        pytest.skip("QGIS is not installed: make system installs it")
    folder = small_run(tmp_path_factory.mktemp("review")).folder
    assert flag_candidates(FlagRequest(run=folder, output=folder / "candidates.gpkg")).n > 10
    yield folder


@pytest.fixture(scope="module")
def said(run: Path) -> dict[str, dict]:
    return decide(run / "candidates.gpkg", "Ursula")


@pytest.fixture(scope="module")
def review(run: Path, said: dict[str, dict]) -> Review:
    return read_review(run / "candidates.gpkg")


def test_the_backend_sees_what_the_store_says(run, said, review) -> None:
    assert said["crs"] == "EPSG:2056"
    outlines = read_outlines(run / "candidates.gpkg")
    assert list(said["states"]) == review.columns["uuid"].tolist()
    for row, (uuid, (status, final, user, comment, area)) in enumerate(said["states"].items()):
        assert review.states[row] == status
        assert review.final_class_ids[row] == (-1 if final is None else final)
        assert (review.log["user"][row], review.log["comment"][row]) == (user, comment)
        assert outlines[uuid].area == pytest.approx(area)
    assert {"accept", "reject", "reclassify", "unsure", "undecided"} == set(review.states.tolist())
    drawn = [
        uuid
        for row, uuid in enumerate(said["states"])
        if review.columns["area_m2"][row] < outlines[uuid].area
    ]
    assert drawn


def test_what_was_accepted_is_applied(run, said, tmp_path) -> None:
    done = apply_review(
        ApplyRequest(run=run, candidates=run / "candidates.gpkg", output=tmp_path / "reviewed.tif")
    )
    with closing(sqlite3.connect(run / "candidates.gpkg")) as database:
        kinds = dict(database.execute("SELECT uuid, kind FROM candidates").fetchall())
    put = {
        uuid: final
        for uuid, (state, final, *_) in said["states"].items()
        if final is not None and (kinds[uuid] == "missed" or state == "reclassify")
    }
    taken_out = {
        uuid for uuid, (state, *_) in said["states"].items() if (kinds[uuid], state) == ("doubtful", "reject")
    }
    rows = list(csv.DictReader(done.change_log.read_text(encoding="utf-8").splitlines()))
    assert done.n_applied == len(put) + len(taken_out) > 2
    assert {r["uuid"]: int(r["to_class_id"]) for r in rows if r["uuid"] not in taken_out} == put
    assert {row["uuid"] for row in rows} == {*put, *taken_out}
    assert {row["user"] for row in rows} == {"Ursula"}


def test_flagging_again_keeps_what_was_decided(run, said, tmp_path) -> None:
    path = Path(shutil.copy(run / "candidates.gpkg", tmp_path))
    flag_candidates(FlagRequest(run=run, output=path, overwrite=True))
    again = read_review(path)
    kept = dict(zip(again.columns["uuid"].tolist(), again.states.tolist(), strict=True))
    assert kept == {uuid: status for uuid, (status, *_) in said["states"].items()}


@pytest.fixture
def bare(environment: Environment) -> Environment:
    """QGIS without any backend."""
    return {**environment, "MCE_LANDCOVER_PYTHON": os.devnull}


def test_merging_and_reporting_without_a_backend(run, said, bare, tmp_path) -> None:
    mine = Path(shutil.copy(run / "candidates.gpkg", tmp_path / "mine.gpkg"))
    theirs = Path(shutil.copy(run / "candidates.gpkg", tmp_path / "theirs.gpkg"))
    decide(theirs, "Beat")
    merged, page = tmp_path / "merged.gpkg", tmp_path / "report.html"
    done = qgis_process(
        bare,
        "--json",
        "run",
        "mce:merge_reviews",
        f"COPIES={mine}",
        f"COPIES={theirs}",
        f"MERGED_FILE={merged}",
    )
    results = results_of(done)
    with closing(sqlite3.connect(merged)) as database:
        assert database.execute("SELECT count(*) FROM decisions").fetchone() == (results["N_DECISIONS"],)
    assert read_review(merged).states.tolist() == read_review(theirs).states.tolist()
    done = qgis_process(bare, "--json", "run", "mce:review_report", f"CANDIDATES={merged}", f"REPORT={page}")
    results = results_of(done)
    assert results["N_DECIDED"] == int(read_review(merged).decided.sum())
    assert page.read_text(encoding="utf-8").endswith("</html>\n")
    done = qgis_process(
        bare,
        "--json",
        "run",
        "mce:export_review",
        f"CANDIDATES={merged}",
        f"ACCEPTED={tmp_path / 'tlm.gpkg'}",
    )
    assert results_of(done)["N_ACCEPTED"] == int((read_review(merged).final_class_ids >= 0).sum())


def test_a_file_that_is_no_review_fails_with_one_sentence(bare, tmp_path, run) -> None:
    broken = Path(shutil.copy(run / "candidates.gpkg", tmp_path / "broken.gpkg"))
    with closing(sqlite3.connect(broken)) as database, database:
        database.execute("UPDATE run SET value = '9' WHERE key = 'schema_version'")
    done = qgis_process(
        bare, "run", "mce:review_report", f"CANDIDATES={broken}", f"REPORT={tmp_path / 'x.html'}"
    )
    assert done.returncode != 0
    assert "was made by another version" in done.stdout + done.stderr
    assert not (tmp_path / "x.html").exists()
