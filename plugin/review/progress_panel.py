"""How far the review is: a bar for all and one per class, the speed, and the time left."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.PyQt.QtWidgets import QGridLayout, QProgressBar, QWidget

from ..i18n import tr
from . import words
from .progress import Progress
from .records import ReviewClass
from .widgets import Swatch, described, text_label


class ProgressPanel(QWidget):
    """Shows a `Progress`; `classes` gives the colour and name of each class by id."""

    def __init__(self, classes: Mapping[int, ReviewClass], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes = classes
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        self.bars: dict[int, QProgressBar] = {}
        self.speed = text_label(tr("Speed"), tr("Your last decisions per minute, and what that means"))
        self.total = described(
            QProgressBar(), tr("All candidates"), tr("Decided candidates of all in the queue")
        )
        self.total.setFormat(tr("%v of %m"))
        self._grid.addWidget(self.total, 0, 0, 1, 3)
        self._grid.addWidget(self.speed, 1, 0, 1, 3)

    def show_progress(self, progress: Progress) -> None:
        """Show how far one is."""
        _fill(self.total, progress.n_decided, progress.n)
        self.speed.setText(words.speed_words(progress))
        for id_, part in progress.classes.items():
            _fill(self.bars.get(id_) or self._add(id_), part.n_decided, part.n)
        for id_, bar in self.bars.items():
            if id_ not in progress.classes:
                _fill(bar, 0, 0)

    def _add(self, id_: int) -> QProgressBar:
        row = len(self.bars) + 2
        class_ = self._classes.get(id_)
        name = class_.name if class_ else str(id_)
        tip = tr("Decided candidates of {}").format(name)
        swatch, label = described(Swatch(), tr("{}: colour").format(name), tip), text_label(name, tip)
        swatch.set(class_.color if class_ else "")
        label.setText(name)
        bar = described(QProgressBar(), tr("Progress of {}").format(name), tip)
        bar.setFormat(tr("%v of %m"))
        for column, widget in enumerate((swatch, label, bar)):
            self._grid.addWidget(widget, row, column)
        self.bars[id_] = bar
        return bar


def _fill(bar: QProgressBar, value: int, n: int) -> None:
    bar.setRange(0, max(n, 1))  # 0 of 0 would run to and fro
    bar.setValue(value)
