"""`plugin/review/keys.py` and `note.py`: keys work on map and dock, nowhere else, and never from text."""

import pytest
from mce_landcover.plugin.review.keys import SECTION, Topic, commands, topic_title
from qgis.gui import QgsGui
from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QApplication, QComboBox, QPushButton
from review_files import make_file, rows_of

NONE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
CTRL_SHIFT = CTRL | SHIFT


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg")


@pytest.fixture
def reviewer(window, path):
    reviewer = window.review(path)
    yield reviewer
    reviewer.close()


def log_of(path):
    return [row[0] for row in rows_of(path, "SELECT decision FROM decisions ORDER BY id")]


def press(qtbot, widget, key, modifiers=NONE):
    """Press a key as the window system does: it is offered as a shortcut first."""
    widget.setFocus()
    assert QApplication.focusWidget() is widget
    QTest.keyClick(widget.window().windowHandle(), key, modifiers)


def type_text(widget, text):
    """Type a text into what has the focus in a widget's window."""
    for sign in text:
        QTest.keyClick(widget.window().windowHandle(), sign)


def test_every_command_has_a_key_of_its_own():
    all_commands = commands()
    keys = [QKeySequence(command.key).toString() for command in all_commands]
    assert all(keys) and len(set(keys)) == len(keys)
    assert len({command.name for command in all_commands}) == len(all_commands)
    assert all(topic_title(topic) for topic in Topic)


def test_keys_decide_when_the_map_has_the_focus(qtbot, window, reviewer, path):
    for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_U, Qt.Key.Key_4):
        press(qtbot, window.canvas, key)
    assert log_of(path) == ["accept", "reject", "unsure", "reclassify"]
    assert rows_of(path, "SELECT class_id FROM decisions WHERE class_id IS NOT NULL") == [(7,)]
    press(qtbot, window.canvas, Qt.Key.Key_Z, CTRL)
    press(qtbot, window.canvas, Qt.Key.Key_Z, CTRL_SHIFT)
    assert log_of(path)[4:] == ["undo", "reclassify"]


def test_keys_decide_when_the_dock_has_the_focus(qtbot, reviewer, path):
    dock = reviewer.dock
    press(qtbot, dock.widget().widget(), Qt.Key.Key_A)
    dock.keys_group.setCollapsed(False)
    for control in (*dock.key_list.findChildren(QPushButton), dock.queue.order):
        dock.queue.parentWidget().setCollapsed(False)
        QApplication.processEvents()
        press(qtbot, control, Qt.Key.Key_R)
    assert log_of(path) == ["accept", "reject", "reject", "reject"]


def test_a_control_keeps_its_own_keys(qtbot, reviewer, path):
    reviewer.keys.action("accept").setShortcut(QKeySequence("Space"))
    group = reviewer.dock.keys_group
    group.setCollapsed(False)
    QApplication.processEvents()
    button, _help = reviewer.dock.key_list.findChildren(QPushButton)
    clicked = []
    button.clicked.connect(clicked.append)
    press(qtbot, button, Qt.Key.Key_Space)
    assert clicked and log_of(path) == []


def test_keys_do_nothing_elsewhere_in_the_window(qtbot, window, reviewer, path):
    press(qtbot, window.elsewhere, Qt.Key.Key_A)
    assert window.elsewhere.text() == "a"
    other = QPushButton("other", window.window)
    other.show()
    press(qtbot, other, Qt.Key.Key_A)
    assert log_of(path) == []


@pytest.mark.parametrize("text", ["arus 1234567890 n p k", "AR?!.,;:"])
def test_typing_a_note_never_decides(qtbot, window, reviewer, path, text):
    note = reviewer.dock.candidate.note
    press(qtbot, window.canvas, Qt.Key.Key_T)
    assert QApplication.focusWidget() is note
    type_text(window.canvas, text)
    for key, modifiers in ((Qt.Key.Key_Z, CTRL), (Qt.Key.Key_Z, CTRL_SHIFT), (Qt.Key.Key_1, CTRL)):
        press(qtbot, note, key, modifiers)
    assert log_of(path) == []
    assert note.toPlainText() == text
    press(qtbot, note, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is window.canvas
    press(qtbot, window.canvas, Qt.Key.Key_A)
    assert rows_of(path, "SELECT decision, comment FROM decisions") == [("accept", text)]
    assert note.toPlainText() == ""


def test_numbers_typed_into_a_filter_never_decide(qtbot, reviewer, path):
    box = reviewer.dock.queue.lowest
    reviewer.dock.queue.parentWidget().setCollapsed(False)
    QApplication.processEvents()
    box.setFocus()
    box.selectAll()
    type_text(box, "0.5")
    assert log_of(path) == []
    press(qtbot, box, Qt.Key.Key_Return)
    assert len(reviewer.session.queue) == 6


def test_a_key_that_is_held_down_decides_once(qtbot, window, reviewer, path):
    press(qtbot, window.canvas, Qt.Key.Key_A)
    for _ in range(5):
        held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, NONE, "a", True)
        QApplication.sendEvent(window.canvas, held)
    assert log_of(path) == ["accept"]


def test_a_key_of_qgis_is_ours_on_the_map_and_its_own_elsewhere(qtbot, window, reviewer, path):
    """QGIS has S for snapping in the whole window: Qt alone would call that ambiguous and do nothing."""
    snapping = QAction(window.window)
    snapping.setShortcut(QKeySequence("S"))
    snapped = []
    snapping.triggered.connect(lambda: snapped.append(1))
    window.window.addAction(snapping)
    before = reviewer.session.current
    press(qtbot, window.canvas, Qt.Key.Key_S)
    assert reviewer.session.current.rank == before.rank + 1 and not snapped
    box = QComboBox(window.window)
    box.show()
    press(qtbot, box, Qt.Key.Key_S)
    assert snapped == [1]


def test_keys_are_changed_in_qgis_and_kept(qtbot, window, path):
    manager = QgsGui.shortcutsManager()
    reviewer = window.review(path)
    accept = manager.actionByName("mce_review_accept")
    assert accept is reviewer.keys.action("accept") and SECTION in manager.objectSettingKey(accept)
    manager.setKeySequence(accept, "J")
    try:
        press(qtbot, window.canvas, Qt.Key.Key_A)
        assert log_of(path) == []
        press(qtbot, window.canvas, Qt.Key.Key_J)
        assert log_of(path) == ["accept"]
        assert reviewer.dock.key_list._shown["accept"].text() == "J"
        reviewer.close()
        reviewer = window.review(path)
        assert reviewer.keys.key_of("accept") == "J"
    finally:
        manager.setKeySequence(manager.actionByName("mce_review_accept"), "A")
        reviewer.close()
    assert manager.actionByName("mce_review_accept") is None


def test_digits_need_no_shift_on_keyboards_that_have_them_there(qtbot, window, reviewer, path):
    press(qtbot, window.canvas, Qt.Key.Key_4, SHIFT)
    press(qtbot, window.canvas, Qt.Key.Key_4, Qt.KeyboardModifier.KeypadModifier)
    assert log_of(path) == ["reclassify", "reclassify"]


def test_no_key_works_after_closing(qtbot, window, path):
    reviewer = window.review(path)
    reviewer.close()
    press(qtbot, window.canvas, Qt.Key.Key_A)
    assert log_of(path) == []


def test_classes_beyond_the_keys_are_in_the_list(qtbot, window, reviewer, path):
    press(qtbot, window.canvas, Qt.Key.Key_C)
    menu = QApplication.activePopupWidget()
    assert [action.text() for action in menu.actions()] == [c.name for c in reviewer.store.classes]
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert rows_of(path, "SELECT decision, class_id FROM decisions")[0][0] in ("accept", "reclassify")


def test_advanced_digitising_has_the_keys_while_somebody_draws_with_it(qtbot, window, reviewer, path):
    window.cad_enabled = True
    press(qtbot, window.canvas, Qt.Key.Key_D)
    assert reviewer.editor.active
    press(qtbot, window.canvas, Qt.Key.Key_A)
    press(qtbot, window.canvas, Qt.Key.Key_D)
    assert log_of(path) == [] and reviewer.editor.active
    window.cad_enabled = False
    press(qtbot, window.canvas, Qt.Key.Key_A)
    assert log_of(path) == ["accept"]
