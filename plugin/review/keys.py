"""The keys of a review: what each does, its name and first key; and listening for them where they may be
pressed, on the maps and in the dock, never elsewhere.

Qt's own shortcuts would not do: a key that QGIS has already (S, Ctrl+Z) is then ambiguous and does nothing,
and one that works in the whole window decides while the user types elsewhere. So the actions stand in QGIS's
shortcut manager, where the user changes their keys, but the keys are taken here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from qgis.gui import QgsGui
from qgis.PyQt.QtCore import QEvent, QObject, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QAction,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from ..i18n import tr

#: So many classes have a key of their own; the list of classes holds the others.
N_CLASS_KEYS = 10
#: So many experts have a key of their own; another key steps through them all.
N_EXPERT_KEYS = 9


class Topic(Enum):
    """Part of the work that a command belongs to, in the order of the list of keys."""

    DECIDE = "decide"
    MOVE = "move"
    LOOK = "look"
    MORE = "more"


@dataclass(frozen=True)
class Command:
    """`name` is what the user's own key is stored under; `key` the first one, as Qt writes it."""

    name: str
    text: str
    key: str
    topic: Topic


def reclassify(number: int) -> str:
    """Return the name of the command that puts the class with this number (1 is the first) there."""
    return f"reclassify_{number}"


def expert(number: int) -> str:
    """Return the name of the command that shows this expert; 1 is the first."""
    return f"expert_{number}"


def commands() -> tuple[Command, ...]:
    """Return all commands, in the user's language."""
    return (*_deciding(), *_moving(), *_comparing(), *_more())


def topic_title(topic: Topic) -> str:
    """Return the heading of a topic in the list of keys."""
    return {
        Topic.DECIDE: tr("Decide"),
        Topic.MOVE: tr("Move"),
        Topic.LOOK: tr("Look"),
        Topic.MORE: tr("More"),
    }[topic]


def allowed_commands(
    *, there: bool, drawing: bool, may_write: bool, n_classes: int, can_undo: bool, can_redo: bool
) -> dict[str, bool]:
    """Return which commands make sense now, for those that do not always.

    Args:
        there: there is a candidate.
        drawing: its outline is being drawn: undo belongs to the drawing then, and what would lose it waits.
        may_write: the file can be written.
        n_classes: of the map.
        can_undo: there is a decision to take back.
        can_redo: there is one to make again.
    """
    writes, at_rest = there and may_write, not drawing
    return {
        **dict.fromkeys(("accept", "class_menu", "draw"), writes),
        **dict.fromkeys(("reject", "unsure"), writes and at_rest),
        **{reclassify(n): writes and n <= n_classes for n in range(1, N_CLASS_KEYS + 1)},
        **dict.fromkeys(("skip", "next_undecided", "previous"), there and at_rest),
        "undo": may_write and at_rest and can_undo,
        "redo": may_write and at_rest and can_redo,
    }


def _deciding() -> list[Command]:
    topic = Topic.DECIDE
    classes = [
        Command(reclassify(n), tr("It is class {}").format(n), str(n % 10), topic)
        for n in range(1, N_CLASS_KEYS + 1)
    ]
    return [
        Command("accept", tr("Accept: its class is there"), "A", topic),
        Command("reject", tr("Reject: its class is not there"), "R", topic),
        Command("unsure", tr("Unsure"), "U", topic),
        *classes,
        Command("class_menu", tr("Another class…"), "C", topic),
        Command("undo", tr("Undo"), "Ctrl+Z", topic),
        Command("redo", tr("Redo"), "Ctrl+Shift+Z", topic),
    ]


def _moving() -> list[Command]:
    topic = Topic.MOVE
    return [
        Command("skip", tr("Skip for now"), "S", topic),
        Command("next_undecided", tr("Next undecided"), "N", topic),
        Command("previous", tr("Previous"), "P", topic),
    ]


def _comparing() -> list[Command]:
    topic = Topic.LOOK
    experts = [
        Command(expert(n), tr("Expert {}").format(n), f"Ctrl+{n}", topic) for n in range(1, N_EXPERT_KEYS + 1)
    ]
    return [
        Command("orthophoto", tr("Orthophoto"), "O", topic),
        Command("map", tr("Map"), "M", topic),
        *experts,
        Command("next_expert", tr("Next expert"), "X", topic),
        Command("evidence", tr("Evidence"), "E", topic),
        Command("hillshade", tr("Hillshade"), "H", topic),
        Command("flicker", tr("Change between the last two layers"), "F", topic),
        Command("blink", tr("Change between them by itself, on and off"), "Shift+F", topic),
        Command("highlight", tr("Outline on and off"), "L", topic),
        Command("recentre", tr("Back to the candidate"), "Z", topic),
        Command("keep_scale", tr("Keep the scale, on and off"), "Shift+Z", topic),
        Command("second_map", tr("Second map, on and off"), "W", topic),
    ]


def _more() -> list[Command]:
    topic = Topic.MORE
    return [
        Command("note", tr("Write a note"), "T", topic),
        Command("draw", tr("Draw the outline, and stop drawing"), "D", topic),
        Command("key_list", tr("List of keys"), "K", topic),
    ]


#: Section of QGIS's list of shortcuts.
SECTION = "MCE Land Cover"
_TEXT_FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox)
_CONTROLS = (QAbstractButton, QAbstractItemView, QComboBox)
#: Belong to the control that has the focus, so that it can be used without a mouse.
_CONTROL_KEYS = (
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
    Qt.Key.Key_Space,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
)


class Keys(QObject):
    """One action per command, triggered by the key that the user gave it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.commands: dict[str, Command] = {command.name: command for command in commands()}
        self._actions: dict[str, QAction] = {}
        #: While this is true all keys are somebody else's.
        self.give_way: Callable[[], bool] = lambda: False
        manager = QgsGui.shortcutsManager()
        for command in self.commands.values():
            action = QAction(command.text, self)
            action.setObjectName(f"mce_review_{command.name}")
            # On a button the action must not listen for its key in the whole window.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            manager.registerAction(action, command.key, SECTION)
            self._actions[command.name] = action

    def action(self, name: str) -> QAction:
        """Return the action of a command; KeyError if there is none of that name."""
        return self._actions[name]

    def key_of(self, name: str) -> str:
        """Return the key of a command as the user reads it, empty where he took it away."""
        return self._actions[name].shortcut().toString(QKeySequence.SequenceFormat.NativeText)

    def listen(self, widget: QWidget) -> None:
        """Take the keys when the focus is in this widget or in a part of it that takes no text."""
        for part in (widget, *widget.findChildren(QWidget)):
            if not is_text_field(part):
                part.installEventFilter(self)

    def unregister(self) -> None:
        """Take the actions out of QGIS's list of shortcuts."""
        for action in self._actions.values():
            QgsGui.shortcutsManager().unregisterAction(action)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        action = self._match(event, watched)
        if action is None:
            return False
        event.accept()  # an override that is accepted comes back as a key press, and is nobody else's
        # A key that is held down must not decide on candidates that nobody has looked at.
        if kind == QEvent.Type.KeyPress and not event.isAutoRepeat():
            action.trigger()
        return True

    def _match(self, event: QKeyEvent, watched: QObject) -> QAction | None:
        """Return the enabled action that the key stands for, None while a text field has the focus."""
        focused = QApplication.focusWidget()
        if is_text_field(focused) or is_text_field(watched):
            return None
        if isinstance(focused, _CONTROLS) and event.key() in _CONTROL_KEYS:
            return None
        pressed = pressed_keys(event)
        found = (a for a in self._actions.values() if a.isEnabled() and a.shortcut() in pressed)
        action = next(found, None)
        return None if action is None or self.give_way() else action


def is_text_field(widget: QObject | None) -> bool:
    """Would this widget take a letter as text?"""
    if isinstance(widget, QComboBox):
        return bool(widget.isEditable())
    return isinstance(widget, _TEXT_FIELDS)


def pressed_keys(event: QKeyEvent) -> list[QKeySequence]:
    """Return what was pressed as key sequences: with Shift and, but for letters, also without."""
    key = event.key()
    if key in (0, Qt.Key.Key_unknown, Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
        return []
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    sequences = [_sequence(modifiers, key)]
    letter = Qt.Key.Key_A <= key <= Qt.Key.Key_Z
    if modifiers & Qt.KeyboardModifier.ShiftModifier and not letter:
        sequences.append(_sequence(modifiers & ~Qt.KeyboardModifier.ShiftModifier, key))
    return sequences


def _sequence(modifiers: Qt.KeyboardModifiers, key: int) -> QKeySequence:
    """Return the sequence of one key, in Qt 5 and in Qt 6."""
    bits = getattr(modifiers, "value", None)
    return QKeySequence((int(modifiers) if bits is None else bits) | int(key))
