import sqlite3
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.archive import load_meta
from mce_landcover.core.flagging.fit import FitRequest, fit_meta_classifier
from mce_landcover.core.flagging.rank import rank_candidates
from mce_landcover.core.flagging.requests import RankRequest
from mce_landcover.core.flagging.review import read_outlines, read_review
from support.fit import candidates_of, flagged, labelled_run, review_some
from support.flag import make_run, smooth_logits


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> tuple[Path, Path]:
    """A run, and a classifier of both kinds that was learnt from it and others."""
    folder = tmp_path_factory.mktemp("rank")
    made = [labelled_run(folder, seed, false_places=True, keep_logits=False) for seed in (21, 22)]
    runs, labels = zip(*made, strict=True)
    request = FitRequest(output=folder / "meta.json", runs=runs, labels=labels, tile_m=20)
    return runs[0], fit_meta_classifier(request).meta


def test_scores_and_ranks_are_those_of_flagging_with_the_classifier(fitted, tmp_path):
    run, meta = fitted
    file = flagged(run, tmp_path / "c.gpkg", kind="both")
    expected = read_review(flagged(run, tmp_path / "expected.gpkg", kind="both", meta=meta))
    uuid = candidates_of(file)[0][0]
    review_some(file, {uuid: ("accept", None)})
    before = read_outlines(file)
    result = rank_candidates(RankRequest(candidates=file, meta=meta))
    found = read_review(file)
    assert result.n == len(found) == len(expected) > 20
    assert (found.columns["uuid"] == expected.columns["uuid"]).all()
    for name in ("score", "rank", "expected_iou"):
        np.testing.assert_array_equal(found.columns[name], expected.columns[name])
    assert found.states[found.columns["uuid"] == uuid] == ["accept"] and found.decided.sum() == 1
    assert (found.run["ranked_by"], found.run["meta"]) == ("classifier", str(meta))
    assert found.run["scored_by"] == {"missed": "own", "doubtful": "own"} == expected.run["scored_by"]
    after = read_outlines(file)
    assert all(after[one].equals_exact(before[one], 0) for one in before)
    x, y = found.columns["x"][0], found.columns["y"][0]
    box = (x - 5, y - 5, x + 5, y + 5)
    assert len(pyogrio.raw.read(file, layer="candidates", bbox=box)[2]) > 0, "the spatial index still works"


def test_files_of_the_first_version_are_ranked_too(fitted, tmp_path):
    run, meta = fitted
    file = flagged(run, tmp_path / "c.gpkg")
    with sqlite3.connect(file) as database:
        for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            database.create_function(name, 1, lambda _: 0)
        database.execute("DROP VIEW review")
        for name in ("kind", "instead_class_id", "instead_class_name", "expected_iou"):
            database.execute(f"ALTER TABLE candidates DROP COLUMN {name}")
        database.execute("ALTER TABLE features DROP COLUMN mce_doubtful")
        database.execute("UPDATE run SET value = '1' WHERE key = 'schema_version'")
        database.execute(
            "CREATE VIEW review AS SELECT c.*, 'undecided' AS state, NULL AS final_class_id, NULL AS "
            "decision_uuid, NULL AS user, NULL AS time, NULL AS comment FROM candidates AS c"
        )
    database.close()
    rank_candidates(RankRequest(candidates=file, meta=meta))
    found = read_review(file)
    assert set(found.columns["kind"]) == {"missed"} and not found.doubtful.any()
    assert found.scores == pytest.approx(load_meta(meta).score(found.features))
    assert (np.diff(found.scores) <= 0).all()


def test_a_classifier_for_something_else_changes_nothing(fitted, tmp_path):
    other = make_run(tmp_path / "other", smooth_logits(60, 60), sha256="cd" * 32, keep_logits=False)
    file = flagged(other, tmp_path / "c.gpkg")
    content = file.read_bytes()
    with pytest.raises(InputError, match="another model"):
        rank_candidates(RankRequest(candidates=file, meta=fitted[1]))
    assert file.read_bytes() == content


def test_a_file_in_use_is_left_as_it_is(fitted, tmp_path):
    file = flagged(fitted[0], tmp_path / "c.gpkg")
    before = read_review(file).scores
    with sqlite3.connect(file, isolation_level=None) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="in use by another program"):
            rank_candidates(RankRequest(candidates=file, meta=fitted[1]))
    database.close()
    np.testing.assert_array_equal(read_review(file).scores, before)
