"""The list of keys in the dock, as the user has set them."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from ..i18n import tr
from .commands import Topic, topic_title
from .keys import Keys
from .widgets import described


class KeyList(QWidget):
    """Shows every command with its key, and follows when the user changes one."""

    change_wanted = pyqtSignal()
    help_wanted = pyqtSignal()

    def __init__(self, keys: Keys, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
                tip = tr("Key for: {}").format(command.text)
                key = described(QLabel(), tip, tip)
                text = described(QLabel(command.text), command.text, command.text)
                text.setWordWrap(True)
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
