"""`plugin/review/ranking.py` and `rank_candidates`: ranked anew in the background, decisions stay."""

from pathlib import Path

import pytest
from mce_landcover.plugin import worker
from mce_landcover.plugin.review import ranking
from mce_landcover.plugin.review.order import Order
from qgis.core import QgsApplication
from review_files import make_file, name_of, rows_of


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg", scored=False, doubtful=2)


@pytest.fixture
def reviewer(window, path):
    reviewer = window.review(path)
    yield reviewer
    reviewer.close()


def ranked(reviewer, qtbot, wanted=None):
    """Rank by a button and wait for the end."""
    (wanted or reviewer.dock.finish.rank_wanted).emit()
    qtbot.waitUntil(lambda: not reviewer.choosing.ranking.running, timeout=20_000)


def test_the_rest_is_ranked_by_what_is_decided(reviewer, window, path, qtbot, fake_backend):
    for name in ("accept", "reject"):
        reviewer.keys.action(name).trigger()
    note = reviewer.dock.candidate.note
    note.setPlainText("begun")
    note.document().setModified(True)
    current = reviewer.session.current
    assert not reviewer.dock.queue.lowest.isEnabled()
    ranked(reviewer, qtbot)
    meta = str(path.with_name("candidates_ranking.json"))
    assert [(r["job"], r["parameters"]) for r in fake_backend()] == [
        ("fit_meta_classifier", {"reviewed": [str(path)], "output": meta, "overwrite": True}),
        ("rank_candidates", {"candidates": str(path), "meta": meta}),
    ]
    assert reviewer.session.current.uuid == current.uuid
    assert (current.rank, reviewer.session.current.rank) == (3, 10)
    assert reviewer.session.current.score == pytest.approx(1 - 9.5 / 12)
    assert "Rank 10." in reviewer.dock.candidate.score.text()
    assert note.toPlainText() == "begun"
    assert reviewer.dock.queue.lowest.isEnabled()
    at = reviewer.dock.queue.order.findData(Order.SCORE.value)
    assert reviewer.dock.queue.order.itemText(at) == "Highest score first"
    assert rows_of(path, "SELECT candidate, decision FROM decisions ORDER BY id") == [
        (name_of(0), "accept"),
        (name_of(1), "reject"),
    ]
    assert any("12 candidates are ranked anew." in text for text in window.said())
    reviewer.keys.action("undo").trigger()
    assert reviewer.session.current.uuid == name_of(1) and reviewer.session.current.rank == 11


def test_deciding_goes_on_meanwhile(reviewer, path, qtbot, fake_backend):
    reviewer.dock.finish.rank_wanted.emit()
    assert reviewer.choosing.ranking.running
    reviewer.dock.finish.rank_wanted.emit()
    reviewer.keys.action("accept").trigger()
    qtbot.waitUntil(lambda: not reviewer.choosing.ranking.running, timeout=20_000)
    assert len(fake_backend()) == 2, "once is enough"
    assert reviewer.session.queue.progress().n_decided == 1
    assert len(rows_of(path, "SELECT * FROM decisions")) == 1


def test_a_drawing_and_the_view_outlast_new_ranks(reviewer, window, qtbot, fake_backend):
    reviewer.keys.action("draw").trigger()
    window.canvas.zoomScale(5000)
    extent = window.canvas.extent()
    ranked(reviewer, qtbot)
    assert reviewer.editor.active and window.canvas.extent() == extent
    assert "Rank 12." in reviewer.dock.candidate.score.text()
    reviewer.keys.action("accept").trigger()
    assert reviewer.store.state(name_of(0)).decision.outline is not None


def test_too_few_decisions_are_said_and_nothing_changes(
    reviewer, window, path, qtbot, fake_backend, monkeypatch
):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "fail")
    reviewer.keys.action("accept").trigger()
    before = list(reviewer.store.candidates)
    current = reviewer.session.current
    ranked(reviewer, qtbot)
    assert "The image has no CRS: set it." in window.said(), "the sentence of the backend"
    assert reviewer.store.candidates == before and reviewer.session.current == current
    assert rows_of(path, "SELECT rank FROM candidates ORDER BY fid") == [(i,) for i in range(1, 13)]


def test_without_a_backend_it_is_said_how_to_get_one(reviewer, window):
    reviewer.dock.finish.rank_wanted.emit()
    assert not reviewer.choosing.ranking.running
    assert any("Set up the backend" in text for text in window.said())


def test_a_file_that_can_only_be_read_is_not_ranked(window, path, fake_backend, monkeypatch):
    monkeypatch.setattr("mce_landcover.plugin.review.database._can_write", lambda database: False)
    reviewer = window.review(path)
    reviewer.dock.finish.rank_wanted.emit()
    assert not reviewer.choosing.ranking.running
    assert any("work on a copy to rank it anew" in text for text in window.said())
    reviewer.close()


def test_closing_the_review_stops_the_ranking(window, path, tmp_path, qtbot, fake_backend, monkeypatch):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "hang")
    monkeypatch.setattr(worker, "GRACE_S", 0.2)
    reviewer = window.review(path)
    reviewer.dock.finish.rank_wanted.emit()
    qtbot.waitUntil((tmp_path / "requests.jsonl").exists, timeout=20_000)
    reviewer.close()
    manager = QgsApplication.taskManager()
    qtbot.waitUntil(lambda: not manager.activeTasks(), timeout=20_000)
    assert window.said() == [text for text in window.said() if "background" in text]
    assert rows_of(path, "SELECT rank FROM candidates ORDER BY fid") == [(i,) for i in range(1, 13)]


def test_the_end_of_a_first_look_offers_it(reviewer, qtbot, fake_backend):
    dock = reviewer.dock
    dock.queue.first_look.click()
    reviewer.keys.action("accept").trigger()
    ranked(reviewer, qtbot, dock.first_look.rank_wanted)
    assert not dock.queue.first_look.isChecked()
    assert len(reviewer.session.queue) == 12
    assert [c.rank for c in reviewer.store.candidates] == list(range(1, 13))
    assert [c.uuid for c in reviewer.store.candidates] == [name_of(i) for i in range(11, -1, -1)]


def test_the_algorithm(run, tmp_path):
    path, meta = make_file(tmp_path / "candidates.gpkg"), tmp_path / "m.skops"
    meta.touch()
    result, request = run("rank_candidates", CANDIDATES=f"{path}|layername=candidates", META=str(meta))
    assert request == {"candidates": str(path), "meta": str(meta)}
    assert result == {
        "CANDIDATES_FILE": str(path),
        "N_CANDIDATES": 12,
        "MESSAGE": "12 candidates are ranked anew.",
    }


def test_the_algorithm_refuses_a_classifier_that_is_not_there(refusal, tmp_path):
    path = make_file(tmp_path / "candidates.gpkg")
    said = refusal("rank_candidates", CANDIDATES=str(path), META=str(tmp_path / "none.skops"))
    assert "is not a file" in said


def test_the_classifier_lies_beside_the_candidates():
    assert ranking.classifier_beside(Path("run/mine.gpkg")) == Path("run/mine_ranking.json")
