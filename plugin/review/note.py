"""The field for a note. Whatever is typed into it is text: no key of the review or of QGIS works there."""

from __future__ import annotations

from qgis.PyQt.QtCore import QEvent, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QPlainTextEdit, QWidget

from ..i18n import tr
from .widgets import described

_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier


class NoteField(QPlainTextEdit):
    """A few lines of text; Escape or Ctrl+Enter ends writing and keeps the text."""

    finished = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tip = tr("Kept with your next decision on this candidate. Escape goes back to the map.")
        described(self, tr("Note"), tip)
        self.setPlaceholderText(tr("Note"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(3 * self.fontMetrics().lineSpacing())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # every key is text here, before it is anybody's shortcut
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers() & _MODIFIERS
        if enter or event.key() == Qt.Key.Key_Escape:
            self.finished.emit()
            return
        super().keyPressEvent(event)
