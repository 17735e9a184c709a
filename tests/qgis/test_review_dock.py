"""The review dock as a whole: what is shown, what is kept, and what happens when something is wrong."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mce_landcover.plugin.help import help_html
from mce_landcover.plugin.paths import RESOURCES
from mce_landcover.plugin.review.keys import commands, reclassify
from mce_landcover.plugin.review.order import Filter, Order
from mce_landcover.plugin.review.records import UNDECIDED, Verdict
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsGeometry, QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QInputDialog,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QTextBrowser,
)
from review_files import change, make_file, name_of, rows_of


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg", said={"experts": ["all", "body and tail", "tail"]})


@pytest.fixture
def reviewer(window, path):
    reviewer = window.review(path)
    yield reviewer
    reviewer.close()


def do(reviewer, *names):
    for name in names:
        action = reviewer.keys.action(name)
        assert action.isEnabled(), name
        action.trigger()


def log_of(path):
    return rows_of(path, "SELECT decision, class_id, candidate FROM decisions ORDER BY id")


def centre_of(canvas):
    return canvas.extent().center()


def test_the_candidate_is_shown_in_words(reviewer):
    panel = reviewer.dock.candidate
    candidate = reviewer.session.current
    assert panel.question.text() == f"Was {candidate.class_name} overlooked here?"
    assert panel.flagged.text() == f"{candidate.class_name}: perhaps missed"
    assert panel.other.text() == "in place of bedrock"
    assert reviewer.dock.buttons.effects.text() == f"A: becomes {candidate.class_name}   R: stays bedrock"
    assert panel.place.text() == "1 of 12"
    assert panel.status.text() == "Undecided"
    assert f"{candidate.score:.0%}" in panel.score.text()
    assert f"{1 - candidate.variation:.0%}" in panel.evidence.text()
    squares = panel.strip.squares
    assert [square.accessibleName() for square in squares] == [
        f"Expert all does not see {candidate.class_name} here.",
        f"Expert body and tail does not see {candidate.class_name} here.",
        f"Expert tail sees {candidate.class_name} here.",
    ]


def test_deciding_goes_on_and_the_map_follows(reviewer, window, path):
    for rank in (1, 2, 3):
        candidate = reviewer.session.current
        assert candidate.rank == rank
        assert centre_of(window.canvas).distance(candidate.x, candidate.y) < 0.01
        do(reviewer, "accept")
    assert [row[0] for row in log_of(path)] == ["accept"] * 3
    assert reviewer.dock.progress.total.bar.value() == 3


def test_undo_and_redo_go_back_to_the_candidate_and_its_note(reviewer, path):
    note = reviewer.dock.candidate.note
    note.setPlainText("a boulder")
    note.document().setModified(True)
    do(reviewer, "accept")
    assert note.toPlainText() == ""
    do(reviewer, "undo")
    assert reviewer.session.current.rank == 1
    assert reviewer.dock.candidate.status.text() == UNDECIDED.capitalize()
    assert note.toPlainText() == "a boulder"
    assert not reviewer.keys.action("undo").isEnabled()
    do(reviewer, "redo")
    assert [row[0] for row in log_of(path)] == ["accept", "undo", "accept"]
    assert rows_of(path, "SELECT comment FROM decisions ORDER BY id") == [
        ("a boulder",),
        (None,),
        ("a boulder",),
    ]


def test_reclassifying_takes_the_class_of_the_digit(reviewer, path):
    do(reviewer, reclassify(1), reclassify(4))
    assert [row[:2] for row in log_of(path)] == [("reclassify", 1), ("reclassify", 7)]
    do(reviewer, "previous")
    assert reviewer.dock.candidate.status.text().startswith("Reclassified to water by me, ")
    assert not reviewer.keys.action(reclassify(5)).isEnabled(), "the map has four classes"


def test_a_note_that_was_begun_waits_for_its_candidate(reviewer, path):
    note = reviewer.dock.candidate.note
    note.setPlainText("look again")
    note.document().setModified(True)
    do(reviewer, "skip")
    assert note.toPlainText() == ""
    do(reviewer, "previous")
    assert note.toPlainText() == "look again"
    do(reviewer, "unsure", "previous")
    assert note.toPlainText() == "look again", "the comment of the decision that counts"
    assert rows_of(path, "SELECT comment FROM decisions") == [("look again",)]


def test_a_review_goes_on_where_it_stopped(window, path):
    reviewer = window.review(path)
    do(reviewer, "accept", "reject", reclassify(4))
    reviewer.close()
    again = window.review(path)
    assert again.session.current.rank == 4
    assert again.dock.progress.total.bar.value() == 3
    do(again, "undo")
    assert again.session.current.rank == 3
    again.close()
    assert [row[0] for row in log_of(path)] == ["accept", "reject", "reclassify", "undo"]


def test_a_read_only_file_can_be_looked_at(window, path, qtbot, monkeypatch):
    monkeypatch.setattr("mce_landcover.plugin.review.database._can_write", lambda database: False)
    reviewer = window.review(path)
    assert any("can only be read" in text for text in window.said())
    for name in ("accept", "reject", "unsure", reclassify(1), "undo", "draw", "class_menu"):
        assert not reviewer.keys.action(name).isEnabled()
    do(reviewer, "skip", "previous", "next_undecided")
    reviewer.decide(Verdict.ACCEPT)
    assert any("work on a copy" in text for text in window.said())
    reviewer.close()
    assert log_of(path) == []


def test_candidates_in_another_crs_than_the_project(window, path):
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    reviewer = window.review(path)
    candidate = reviewer.session.current
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:2056"),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsProject.instance(),
    )
    there = transform.transform(candidate.x, candidate.y)
    assert centre_of(window.canvas).distance(there) < 1e-6
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
    assert centre_of(window.canvas).distance(candidate.x, candidate.y) < 0.01, "it follows the project's CRS"
    outline = reviewer.map_views.view._lines[0].asGeometry()
    assert outline.boundingBox().center().distance(candidate.x, candidate.y) < 0.01
    reviewer.close()


def test_a_place_that_the_projects_crs_does_not_know_is_said(window, path):
    local = QgsCoordinateReferenceSystem()
    local.createFromProj(
        "+proj=gnom +lat_0=-47 +lon_0=-172.5 +ellps=WGS84"
    )  # shows the other half of the Earth
    window.canvas.setDestinationCrs(local)
    reviewer = window.review(path)
    assert any("no place in the project's CRS" in text for text in window.said())
    reviewer.close()


def test_a_locked_file_loses_nothing_and_is_said(reviewer, window, path):
    other = sqlite3.connect(path, isolation_level=None)
    reviewer.store._database.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN EXCLUSIVE")
    note = reviewer.dock.candidate.note
    note.setPlainText("kept")
    reviewer.decide(Verdict.ACCEPT)
    assert any("in use by another program" in text for text in window.said())
    assert reviewer.session.current.rank == 1 and note.toPlainText() == "kept"
    other.execute("ROLLBACK")
    other.close()
    reviewer.decide(Verdict.ACCEPT)
    assert rows_of(path, "SELECT comment FROM decisions") == [("kept",)]


def test_a_candidate_that_was_deleted_is_not_shown(reviewer, window, path):
    change(path, "DELETE FROM candidates WHERE uuid = ?", name_of(1))
    do(reviewer, "accept")
    assert any("has no candidate" in text for text in (*window.said(), reviewer.dock.candidate.place.text()))
    assert reviewer.dock.candidate.flagged.text() == ""
    do(reviewer, "accept")
    assert len(log_of(path)) == 1, "nothing is decided on what is not there"
    do(reviewer, "skip")
    assert reviewer.dock.candidate.flagged.text()


def test_all_decided_is_said(reviewer, window):
    do(reviewer, *["accept"] * 12)
    do(reviewer, "next_undecided")
    assert "All candidates in the queue are decided." in window.said()
    assert reviewer.dock.progress.total.bar.value() == 12


def test_order_and_filter(reviewer, window):
    queue = reviewer.dock.queue
    queue.order.setCurrentIndex(queue.order.findData(Order.AREA.value))
    queue.order.activated.emit(queue.order.currentIndex())
    assert reviewer.session.queue.order is Order.AREA
    queue.statuses.setCheckedItems(["Accepted"])
    assert reviewer.session.queue.filter == Filter(statuses=frozenset({"accept"}))
    assert reviewer.session.current is None
    assert "No candidate" in reviewer.dock.candidate.place.text()
    assert not reviewer.keys.action("accept").isEnabled()
    queue.reset.click()
    assert len(reviewer.session.queue) == 12 and reviewer.session.current is not None
    queue.in_view.setChecked(True)
    inside = reviewer.session.queue
    assert 1 <= len(inside) < 12
    west, south, east, north = inside.filter.extent
    assert west < reviewer.session.current.x < east and south < reviewer.session.current.y < north


def test_the_scale_can_be_kept(reviewer, window):
    window.canvas.zoomScale(5000)
    width = window.canvas.extent().width()
    do(reviewer, "keep_scale", "skip")
    candidate = reviewer.session.current
    assert window.canvas.extent().width() == pytest.approx(width)
    assert centre_of(window.canvas).distance(candidate.x, candidate.y) < 0.01
    do(reviewer, "keep_scale", "skip")
    assert window.canvas.extent().width() < width


def test_a_drawn_outline_is_part_of_the_decision(reviewer, window, path):
    before = window.active
    do(reviewer, "draw")
    assert window.vertex_uses == 1
    layer = window.active
    assert layer.isEditable() and layer.crs().authid() == "EPSG:2056"
    assert not reviewer.keys.action("reject").isEnabled() and not reviewer.keys.action("undo").isEnabled()
    feature = next(layer.getFeatures())
    drawn = QgsGeometry(feature.geometry()).buffer(3, 8)
    drawn.convertToMultiType()
    layer.changeGeometry(feature.id(), drawn)
    first = reviewer.session.current
    do(reviewer, "accept")
    assert not reviewer.editor.active and window.active is before
    assert not QgsProject.instance().mapLayers()
    assert reviewer.store.geometry(first.uuid).equals(drawn)
    do(reviewer, "previous")
    outline = reviewer.map_views.view._lines[0].asGeometry()
    assert outline.boundingBox().width() == pytest.approx(drawn.boundingBox().width())
    do(reviewer, reclassify(4))
    assert reviewer.store.geometry(first.uuid).equals(drawn), "another class keeps what was drawn"
    do(reviewer, "undo", "undo")
    assert reviewer.store.geometry(first.uuid).area() < drawn.area()


def test_drawing_can_be_given_up_or_go_wrong(reviewer, window, path):
    do(reviewer, "draw", "draw")
    assert not reviewer.editor.active and not QgsProject.instance().mapLayers()
    do(reviewer, "draw")
    layer = window.active
    layer.deleteFeature(next(layer.getFeatures()).id())
    do(reviewer, "accept")
    assert any("no outline left" in text for text in window.said())
    assert log_of(path) == [] and reviewer.editor.active
    QgsProject.instance().removeMapLayer(layer.id())
    assert reviewer.keys.action("reject").isEnabled(), "the layer was taken away: nobody draws any more"
    do(reviewer, "accept")
    assert rows_of(path, "SELECT outline FROM decisions") == [(None,)]


def test_every_widget_says_what_it_is(reviewer):
    reviewer.map_views.toggle_second()
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QLabel, QProgressBar, QPlainTextEdit, QgsMapCanvas)
    silent = []
    for dock in (reviewer.dock, reviewer.map_views.second):
        for widget in dock.widget().findChildren(kinds):
            inner = widget.objectName().startswith("qt_") or isinstance(
                widget.parent(), (QComboBox, QAbstractSpinBox)
            )
            if not inner and not (widget.accessibleName() and widget.toolTip()):
                silent.append((type(widget).__name__, widget.objectName(), widget.parent().objectName()))
    assert silent == []


def test_statistics_and_help_are_pages(window, path, qtbot):
    opened = []
    reviewer = window.review(path, opened)
    do(reviewer, "accept", "reject", "accept")
    reviewer.dock.finish.statistics_wanted.emit()
    reviewer.dock.key_list.help_wanted.emit()
    statistics, help_page = window.window.findChildren(QDialog)
    text = statistics.findChild(QTextBrowser).toPlainText()
    assert "66.7" in text, "two of three flags were right"
    save = next(b for b in statistics.findChildren(QAbstractButton) if b.text() == "Save the report…")
    save.click()
    assert opened == [("review_report", {"CANDIDATES": f"{path}|layername=candidates"})]
    assert "From a run to a verified map" in help_page.findChild(QTextBrowser).toPlainText()
    reviewer.close()


def test_the_help_has_pictures_and_all_first_keys():
    text = help_html("review")
    pictures = re.findall(r'src="([^"]+)"', text)
    assert len(pictures) == 4 and "![" not in text and "*" not in text
    for picture in pictures:
        assert 1000 < (RESOURCES / "help" / picture).stat().st_size < 150_000
    for command in commands():
        numbered = command.name.startswith(("reclassify_", "expert_"))
        assert numbered or f"<b>{command.key}</b>" in text, command.name


def test_a_second_look_hides_what_others_decided(window, path, monkeypatch):
    with closing(ReviewStore.open(path, "you")) as store:
        for candidate in store.candidates[:5]:
            store.decide(candidate.uuid, Verdict.REJECT, comment="hidden")
    reviewer = window.review(path)
    asked = []
    monkeypatch.setattr(QInputDialog, "getInt", lambda *arguments: (asked.append(arguments) or 40, True))
    reviewer.dock.finish.second_look_wanted.emit()
    assert len(reviewer.session.queue) == 2 and len(asked) == 1
    assert reviewer.dock.candidate.status.text() == "Undecided"
    assert reviewer.dock.candidate.note.toPlainText() == ""
    do(reviewer, "accept")
    reviewer.dock.finish.second_look_wanted.emit()
    assert len(reviewer.session.queue) == 12 and len(asked) == 1
    reviewer.close()


def test_a_second_look_needs_somebody_else(reviewer, window, monkeypatch):
    monkeypatch.setattr(QInputDialog, "getInt", lambda *arguments: (10, True))
    reviewer.dock.finish.second_look_wanted.emit()
    assert any("Nobody but you" in text for text in window.said())


def test_the_algorithms_are_filled_in(window, path):
    opened = []
    reviewer = window.review(path, opened)
    reviewer.dock.finish.apply_wanted.emit()
    reviewer.dock.finish.fit_wanted.emit()
    reviewer.dock.finish.export_wanted.emit()
    reviewer.close()
    layer = f"{path}|layername=candidates"
    assert opened == [
        ("apply_review", {"RUN": str(Path(path).parent), "CANDIDATES": layer, "DECIDE_BY": "review"}),
        ("fit_meta_classifier", {"REVIEWED": [layer]}),
        ("export_review", {"CANDIDATES": layer}),
    ]


def test_no_seconds_count_in_another_program(reviewer, path, monkeypatch):
    from qgis.PyQt.QtCore import Qt

    ticks = iter(range(0, 1000, 10))
    monkeypatch.setattr(reviewer.session._watch, "_clock", lambda: float(next(ticks)))
    reviewer.session.resume()
    reviewer._follow_attention(Qt.ApplicationState.ApplicationInactive)
    before = reviewer.session._watch.seconds(reviewer.session.current.uuid)
    assert reviewer.session._watch.seconds(reviewer.session.current.uuid) == before
    reviewer._follow_attention(Qt.ApplicationState.ApplicationActive)
    assert reviewer.session._watch.seconds(reviewer.session.current.uuid) > before


def test_closing_leaves_the_window_as_it_was(window, path):
    n_items = len(window.canvas.scene().items())
    reviewer = window.review(path)
    reviewer.map_views.toggle_second()
    do(reviewer, "draw")
    reviewer.close()
    reviewer.close()
    assert len(window.canvas.scene().items()) == n_items
    assert not QgsProject.instance().mapLayers()
    store = reviewer.store
    with pytest.raises(sqlite3.ProgrammingError):
        store._database.execute("SELECT 1")
