"""The list of keys in the dock, as the user has set them."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from ..i18n import tr
from .commands import Command, Topic, expert, reclassify, topic_title
from .keys import Keys
from .widgets import described, text_label


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
