"""A window that shows a page: the help of the review, or its statistics."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from ..i18n import tr
from .widgets import described


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
