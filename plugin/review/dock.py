"""The review dock: the panels from top to bottom, the buttons, and the list of keys as the user has set
them. It shows and asks; what happens is in `reviewer.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from .candidate_panel import CandidatePanel
from .facts import effect_sentences, effect_words
from .keys import N_CLASS_KEYS, N_EXPERT_KEYS, Command, Keys, Topic, expert, reclassify, topic_title
from .panels import FinishPanel, FirstLookPanel, ProgressPanel, QueuePanel
from .records import Candidate, ReviewClass
from .store import ReviewStore
from .widgets import Column, CommandButton, color_icon, described, folding_group, text_label


class ButtonPanel(QWidget):
    """Buttons to decide and to move; `class_chosen` carries the id of a class from the list of all."""

    class_chosen = pyqtSignal(int)

    def __init__(self, keys: Keys, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self._classes = QGridLayout()
        _same_width(self._classes)
        self._class_buttons: list[QWidget] = []
        self._menu = described(QMenu(self), tr("Classes"), tr("What is really there"))
        self._more = CommandButton(keys, "class_menu", tr("Another…"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        verdicts = {"accept": tr("Accept"), "reject": tr("Reject"), "unsure": tr("Unsure")}
        moves = {"previous": tr("Previous"), "skip": tr("Skip"), "next_undecided": tr("Next")}
        steps = {"undo": tr("Undo"), "redo": tr("Redo"), "draw": tr("Draw")}
        self._verdicts = {name: CommandButton(keys, name, text) for name, text in verdicts.items()}
        self.effects = text_label(tr("What the keys do"), tr("What to accept and to reject does to the map"))
        self._effect_texts = ("", "")
        for name in ("accept", "reject"):
            keys.action(name).changed.connect(self._say_effects)
        layout.addLayout(_row(self._verdicts.values()))
        layout.addWidget(self.effects)
        layout.addLayout(self._classes)
        for texts in (moves, steps):
            layout.addLayout(_row(CommandButton(keys, name, text) for name, text in texts.items()))

    def show_effects(self, candidate: Candidate) -> None:
        """Say beside the keys what to accept and to reject does to the map at a candidate."""
        for name, sentence in zip(("accept", "reject"), effect_sentences(candidate)):
            self._verdicts[name].set_tip(sentence)
        self._effect_texts = effect_words(candidate)
        self._say_effects()

    def set_classes(self, classes: Sequence[ReviewClass]) -> None:
        """Show a button for each class that has a key, and all of them in the list."""
        for button in self._class_buttons:
            button.deleteLater()
        self._class_buttons = []
        self._menu.clear()
        ratio = self.devicePixelRatioF()
        for number, class_ in enumerate(classes, 1):
            icon = color_icon(class_.color, self.palette(), ratio=ratio)
            entry = self._menu.addAction(icon, class_.name)
            entry.triggered.connect(lambda _checked=False, id_=class_.id: self.class_chosen.emit(id_))
            if number <= N_CLASS_KEYS:
                button = CommandButton(self._keys, reclassify(number), class_.name, key_first=True)
                button.setIcon(icon)
                button.set_tip(tr("It is {}").format(class_.name))
                self._add_class_button(button)
        self._add_class_button(self._more)
        self._class_buttons.remove(self._more)

    def open_class_menu(self) -> None:
        """Open the list of classes; a letter or the arrows choose in it."""
        self._menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))
        if self._menu.actions():
            self._menu.setActiveAction(self._menu.actions()[0])

    def _add_class_button(self, button: QWidget) -> None:
        place = len(self._class_buttons)
        self._classes.addWidget(button, place // 2, place % 2)
        self._class_buttons.append(button)

    def _say_effects(self) -> None:
        """Put the keys, as the user has them, before what they do."""
        names = {"accept": tr("Accept"), "reject": tr("Reject")}
        parts = [
            f"{self._keys.key_of(name) or names[name]}: {text}"
            for name, text in zip(names, self._effect_texts)
            if text
        ]
        self.effects.setText("   ".join(parts))


def _row(buttons: Iterable[QWidget]) -> QHBoxLayout:
    row = QHBoxLayout()
    for button in buttons:
        row.addWidget(button, 1)
    return row


class LayerBar(QWidget):
    """A button per layer that can be shown; the one on top is pressed.

    `layer_wanted` asks which layer of the project has a role; it carries the role.
    """

    layer_wanted = pyqtSignal(str)

    def __init__(self, keys: Keys, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        _same_width(self._grid)
        self._buttons: dict[str, QToolButton] = {}

    def set_roles(self, titles: Mapping[str, str]) -> None:
        """Show a button for each role by its title."""
        for button in self._buttons.values():
            button.deleteLater()
        self._buttons = {}
        for place, (role, title) in enumerate(titles.items()):
            button = self._button(role, title)
            self._grid.addWidget(button, place // 2, place % 2)
            self._buttons[role] = button

    def set_shown(self, role: str) -> None:
        """Press the button of the role on top."""
        for other, button in self._buttons.items():
            button.setChecked(other == role)

    def _button(self, role: str, title: str) -> QToolButton:
        with_key = {"orthophoto", "map", "evidence", "hillshade", *map(expert, range(1, N_EXPERT_KEYS + 1))}
        button = CommandButton(self._keys, role if role in with_key else "next_expert", title)
        button.set_tip(tr("{}. Right-click to say which layer it is.").format(title))
        button.setCheckable(True)
        button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        button.customContextMenuRequested.connect(lambda _point, role=role: self.layer_wanted.emit(role))
        return button


def _same_width(grid: QGridLayout) -> None:
    """Let two columns share the room, whatever is in them."""
    for column in range(2):
        grid.setColumnStretch(column, 1)
        grid.setColumnMinimumWidth(column, 1)


class KeyList(QWidget):
    """Shows every command with its key, and follows when the user changes one."""

    change_wanted = pyqtSignal()
    help_wanted = pyqtSignal()

    def __init__(self, keys: Keys, classes: Sequence[str], experts: Sequence[str]) -> None:
        """Take the names of the map's classes and of the experts; keys of no class or expert are left out."""
        super().__init__()
        self._keys = keys
        self._shown: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        row = 0
        for topic in Topic:
            heading = described(
                QLabel(f"<b>{topic_title(topic)}</b>"), topic_title(topic), topic_title(topic)
            )
            grid.addWidget(heading, row, 0, 1, 2)
            row += 1
            for command in (c for c in keys.commands.values() if c.topic is topic):
                said = _said(command, classes, experts)
                if not said:
                    continue
                key, text = described(QLabel(), *[tr("Key for: {}").format(said)] * 2), text_label(said, said)
                text.setText(said)
                grid.addWidget(key, row, 0, Qt.AlignmentFlag.AlignTop)
                grid.addWidget(text, row, 1)
                self._shown[command.name] = key
                keys.action(command.name).changed.connect(self.refresh)
                row += 1
        change = described(
            QPushButton(tr("Change the keys…")),
            tr("Change the keys"),
            tr('Opens QGIS\'s own list of shortcuts; ours stand under "MCE Land Cover"'),
        )
        change.clicked.connect(lambda _checked=False: self.change_wanted.emit())
        grid.addWidget(change, row, 0, 1, 2)
        help_ = described(QPushButton(tr("Help…")), tr("Help"), tr("How a review is done, with pictures"))
        help_.clicked.connect(lambda _checked=False: self.help_wanted.emit())
        grid.addWidget(help_, row + 1, 0, 1, 2)
        self.refresh()

    def refresh(self) -> None:
        """Show the keys as they are now."""
        for name, label in self._shown.items():
            label.setText(self._keys.key_of(name))


def _said(command: Command, classes: Sequence[str], experts: Sequence[str]) -> str:
    """Return what a command does in this map, empty where it does nothing."""
    of_classes = {reclassify(n): tr("It is {}").format(name) for n, name in enumerate(classes, 1)}
    of_experts = {expert(n): tr("Expert {}: {}").format(n, name) for n, name in enumerate(experts, 1)}
    numbered = command.name.startswith((reclassify(0)[:-1], expert(0)[:-1]))
    return {**of_classes, **of_experts}.get(command.name, "" if numbered else command.text)


class ReviewDock(QgsDockWidget):
    """Holds the panels; made for one open store."""

    def __init__(self, keys: Keys, store: ReviewStore, parent: QWidget | None = None) -> None:
        super().__init__(tr("Review candidates"), parent)
        self.setObjectName("mce_review")
        described(self, tr("Review candidates"), tr("Verify the places where the map may be wrong"))
        classes = {c.id: c for c in store.classes}
        self.candidate = CandidatePanel()
        self.buttons = ButtonPanel(keys)
        self.buttons.set_classes(store.classes)
        self.layers = LayerBar(keys)
        self.progress = ProgressPanel(classes)
        self.queue = QueuePanel(store.flagged, {candidate.kind for candidate in store.candidates})
        self.queue.set_scored(store.has_scores)
        self.first_look = FirstLookPanel()
        self.finish = FinishPanel()
        self.key_list = KeyList(keys, [c.name for c in store.classes], store.run.get("experts", []))
        self.keys_group = folding_group(tr("Keys"), tr("What each key does"), "keys", folded=True)
        groups = (
            (folding_group(tr("Layers"), tr("What the map shows"), "layers", folded=False), self.layers),
            (folding_group(tr("Progress"), tr("How far you are"), "progress", folded=False), self.progress),
            (
                folding_group(tr("Queue"), tr("Which candidates come, and when"), "queue", folded=True),
                self.queue,
            ),
            (
                folding_group(tr("Finish"), tr("What comes after the decisions"), "finish", folded=True),
                self.finish,
            ),
            (self.keys_group, self.key_list),
        )
        body = QWidget()
        # Takes the focus that leaves the note, so that the keys work again.
        body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        layout = QVBoxLayout(body)
        layout.addWidget(self.candidate)
        layout.addWidget(self.buttons)
        layout.addWidget(self.first_look)
        for group, panel in groups:
            inner = QVBoxLayout(group)
            inner.addWidget(panel)
            layout.addSpacing(4)
            layout.addWidget(group)
        layout.addStretch(1)
        scroll = described(Column(), tr("Review candidates"), tr("Panels of the review"))
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        self.setWidget(scroll)

    def toggle_key_list(self) -> None:
        """Unfold the list of keys, or fold it again."""
        self.keys_group.setCollapsed(not self.keys_group.isCollapsed())
        if not self.keys_group.isCollapsed():
            self.widget().ensureWidgetVisible(self.key_list)
