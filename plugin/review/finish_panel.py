"""Buttons for what comes after the decisions: statistics, export, the verified map, a better classifier."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ..i18n import tr
from .widgets import described


class FinishPanel(QWidget):
    """One signal per button."""

    statistics_wanted = pyqtSignal()
    export_wanted = pyqtSignal()
    apply_wanted = pyqtSignal()
    fit_wanted = pyqtSignal()
    second_look_wanted = pyqtSignal()
    load_wanted = pyqtSignal()
    user_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for text, tip, signal in (
            (
                tr("Statistics…"),
                tr("How often the flags were right, and how fast you are"),
                self.statistics_wanted,
            ),
            (tr("Export the accepted…"), tr("Writes the accepted outlines to a layer"), self.export_wanted),
            (
                tr("Apply the review to the map…"),
                tr("Opens the tool that writes a copy of the map with the accepted candidates in it"),
                self.apply_wanted,
            ),
            (
                tr("Fit a meta classifier…"),
                tr("Opens the tool that learns from your decisions, so that the next list is better"),
                self.fit_wanted,
            ),
            (
                tr("Second look…"),
                tr("Shows some decided candidates again, as if nobody had decided, to see whether you agree"),
                self.second_look_wanted,
            ),
            (
                tr("Load the layers of the run"),
                tr("Adds what the project lacks: orthophoto, map, experts, evidence, hillshade"),
                self.load_wanted,
            ),
            (tr("Reviewer…"), tr("Says who reviews; it stands beside every decision"), self.user_wanted),
        ):
            button = described(QPushButton(text), text.rstrip("…"), tip)
            button.clicked.connect(lambda _checked=False, signal=signal: signal.emit())
            layout.addWidget(button)
