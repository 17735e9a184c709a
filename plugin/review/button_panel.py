"""The buttons of the dock: decisions, classes, moves and layers. Each does what its key does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from ..i18n import tr
from .commands import N_CLASS_KEYS, N_EXPERT_KEYS, expert, reclassify
from .keys import Keys
from .records import ReviewClass
from .widgets import CommandButton, color_icon, described


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
        layout.addLayout(self._row(verdicts))
        layout.addLayout(self._classes)
        layout.addLayout(self._row(moves))
        layout.addLayout(self._row(steps))

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

    def _row(self, commands: Mapping[str, str]) -> QHBoxLayout:
        row = QHBoxLayout()
        for command, text in commands.items():
            row.addWidget(CommandButton(self._keys, command, text), 1)
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
