"""Kill -9 at random moments of reviewing, and three at once: what was shown as decided is in the file, and
the log replays to the same state.
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mce_landcover.plugin.review.store import ReviewStore
from review_files import make_file, rows_of, states_in

VICTIM = Path(__file__).parent / "review_victim.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 and fork are of Unix")


@pytest.fixture
def path(qgis_app, tmp_path):
    return make_file(tmp_path / "candidates.gpkg")


def told_by_children(path: Path, n_kills: int) -> list[list[str]]:
    """Per child the uuids of the rows that it told of, see `review_victim.py`."""
    command = [sys.executable, str(VICTIM), str(path), str(n_kills), "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def log_that_replays(path: Path) -> list[str]:
    """The uuids in the file, which is whole, and whose states are the view's."""
    with closing(ReviewStore.open(path, "me")) as store:
        states = states_in(path)
        for candidate in store.candidates:
            state = store.state(candidate.uuid)
            decided = state.decision and state.decision.uuid
            assert [state.status, state.final_class_id, decided] == states[candidate.uuid]
        assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
        return [row.uuid for row in store.log.rows]


@pytest.mark.parametrize(("mode", "n_kills"), [("delete", 50), ("wal", 15)])
def test_no_decision_is_lost(path, mode, n_kills):
    keeper = sqlite3.connect(path)  # as QGIS does while it edits a layer of the file
    keeper.execute(f"PRAGMA journal_mode = {mode}")
    told = [uuid for child in told_by_children(path, n_kills) for uuid in child]
    keeper.close()
    assert len(told) > 2 * n_kills
    kept = log_that_replays(path)
    assert [uuid for uuid in kept if uuid in set(told)] == told
    # A row may be on the disk that the child had no time to tell of: at most one each.
    assert len(kept) - len(told) <= n_kills
    assert [file.name for file in path.parent.iterdir()] == ["candidates.gpkg"]


def test_three_decide_at_once(path):
    children = told_by_children(path, 0)
    assert [len(child) for child in children] == [12, 12, 12]
    kept = log_that_replays(path)
    assert sorted(kept) == sorted(uuid for child in children for uuid in child)
    for child in children:
        assert [uuid for uuid in kept if uuid in set(child)] == child
