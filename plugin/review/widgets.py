"""Small widgets that the panels of the dock are made of: swatches, buttons for commands, folding groups,
the field for a note, and a window that shows a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen, QPixmap
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionToolButton,
    QStylePainter,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from .keys import Keys

_Widget = TypeVar("_Widget", bound=QWidget)


def described(widget: _Widget, name: str, tip: str) -> _Widget:
    """Give a widget what screen readers say, and its tooltip; return it."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(tip)
    widget.setToolTip(tip)
    return widget


def text_label(name: str, tip: str) -> QLabel:
    """Return an empty label whose lines wrap."""
    label = described(QLabel(), name, tip)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def label_for(widget: QWidget, text: str) -> QLabel:
    """Return a label that stands beside a described control and says the same."""
    label = described(QLabel(text), text, widget.toolTip())
    label.setBuddy(widget)
    return label


class Swatch(QWidget):
    """A square in a class's colour, as high as the text and hollow without one; a sign stands in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color: QColor | None = None
        self._sign = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set(self, color: str, sign: str = "") -> None:
        """Fill it with a colour as "#rrggbb", or leave it hollow without one."""
        self._color = QColor(color) if color else None
        self._sign = sign
        self.update()

    def sizeHint(self) -> QSize:
        side = int(1.35 * self.fontMetrics().height())
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_swatch(painter, QRectF(self.rect()), self._color, self.palette())
        if self._sign:
            text = self.palette().color(QPalette.ColorRole.WindowText)
            painter.setPen(text if self._color is None else readable_on(self._color))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._sign)


def paint_swatch(painter: QPainter, box: QRectF, color: QColor | None, palette: QPalette) -> None:
    """Paint a square with a thin border that is seen in light and dark themes alike."""
    pen = QPen(palette.color(QPalette.ColorRole.WindowText))
    pen.setWidthF(1.0)
    if color is None:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(color if color is not None else Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(1, 1, -1, -1))


def readable_on(color: QColor) -> QColor:
    """Return black or white, whichever stands out more (relative luminance of WCAG 2)."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(v) for v in (color.redF(), color.greenF(), color.blueF()))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor(Qt.GlobalColor.black if luminance > 0.179 else Qt.GlobalColor.white)


def color_icon(color: str, palette: QPalette, side: int = 16, ratio: float = 1.0) -> QIcon:
    """Return a class's colour as an icon of `side` pixels; `ratio` is that of the screen."""
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_swatch(painter, QRectF(0, 0, side, side), QColor(color), palette)
    painter.end()
    return QIcon(pixmap)


class CommandButton(QToolButton):
    """Does the same as a key, and says which; a click leaves the focus where it is."""

    def __init__(self, keys: Keys, command: str, text: str, *, key_first: bool = False) -> None:
        super().__init__()
        self._keys, self._command, self._key_first = keys, command, key_first
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._label = text
        self._tip = keys.commands[command].text
        self._action = keys.action(command)
        self._action.changed.connect(self._follow)
        self.clicked.connect(lambda _checked=False: self._action.trigger())
        self._follow()

    def set_tip(self, text: str) -> None:
        """Say something else than the command's own text; the key is added."""
        self._tip = text
        self._follow()

    def minimumSizeHint(self) -> QSize:
        """Let it be narrower than its text: the dock is, where a class has a long name."""
        hint = self.sizeHint()
        return QSize(
            min(hint.width(), self.iconSize().width() + 8 * self.fontMetrics().averageCharWidth()),
            hint.height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        taken = 0 if self.icon().isNull() else option.iconSize.width() + 4
        room = self.width() - taken - 2 * self.fontMetrics().averageCharWidth()
        metrics = self.fontMetrics()
        if metrics.horizontalAdvance(option.text) > room:
            text = option.text if self._key_first else self._label
            option.text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        QStylePainter(self).drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)

    def _follow(self) -> None:
        self.setEnabled(self._action.isEnabled())
        key = self._keys.key_of(self._command)
        with_key = f"{key} {self._label}" if self._key_first else f"{self._label} ({key})"
        self.setText(with_key if key else self._label)
        described(self, self._tip, f"{self._tip} ({key})" if key else self._tip)


class Column(QScrollArea):
    """Panels one below the other, never cut at the side."""

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        if self.widget() is not None:
            bar = self.verticalScrollBar().sizeHint().width()
            hint.setWidth(self.widget().minimumSizeHint().width() + bar)
        return hint


def folding_group(title: str, tip: str, name: str, *, folded: bool) -> QgsCollapsibleGroupBox:
    """Return a group that remembers whether it is folded, under `name`."""
    group = described(QgsCollapsibleGroupBox(title), title, tip)
    group.setSettingGroup("mce_review")
    group.setObjectName(name)
    for button in group.findChildren(QToolButton):
        described(button, title, tip)
    group.setCollapsed(folded)
    return group


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


class PageDialog(QDialog):
    """Shows HTML beside the map: one can go on working. `folder` is where its pictures lie."""

    def __init__(
        self, title: str, html: str, folder: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.page = described(QTextBrowser(), title, title)
        self.page.setOpenExternalLinks(True)
        if folder is not None:
            self.page.setSearchPaths([str(folder)])
        self.page.setHtml(html)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        described(
            self.buttons.button(QDialogButtonBox.StandardButton.Close), tr("Close"), tr("Close this page")
        )
        self.buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.page)
        layout.addWidget(self.buttons)
        self.resize(52 * self.fontMetrics().averageCharWidth() * 2, 40 * self.fontMetrics().height())

    def add_button(self, text: str, tip: str) -> QPushButton:
        """Add a button on the left of "Close"."""
        button = described(QPushButton(text), text.rstrip("…"), tip)
        self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        return button
