"""Kill -9 at random moments of reviewing: what was shown as decided is in the file, and the log replays."""

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 and fork are of Unix")
@pytest.mark.parametrize(("mode", "rounds"), [("delete", 50), ("wal", 15)])
def test_no_decision_is_lost(qgis_app, tmp_path, mode, rounds):
    path = make_file(tmp_path / "candidates.gpkg")
    keeper = sqlite3.connect(path)  # as QGIS does while it edits a layer of the file
    keeper.execute(f"PRAGMA journal_mode = {mode}")
    done = subprocess.run(
        [sys.executable, str(VICTIM), str(path), str(rounds), "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [uuid for child in json.loads(done.stdout) for uuid in child]
    keeper.close()
    assert len(told) > 2 * rounds
    with closing(ReviewStore.open(path, "me")) as store:
        kept = [row.uuid for row in store.log.rows]
        assert [uuid for uuid in kept if uuid in set(told)] == told
        # A row may be on the disk that the child had no time to tell of: at most one each.
        assert len(kept) - len(told) <= rounds
        states = states_in(path)
        for candidate in store.candidates:
            state = store.state(candidate.uuid)
            decided = state.decision and state.decision.uuid
            assert [state.status, state.final_class_id, decided] == states[candidate.uuid]
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
    assert [file.name for file in tmp_path.iterdir()] == ["candidates.gpkg"]
