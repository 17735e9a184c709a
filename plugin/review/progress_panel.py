"""How far the review is: a bar for all and one per class, the speed, and the time left."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QProgressBar, QWidget

from ..i18n import tr
from .words import speed_words
from .progress import Progress
from .records import ReviewClass
from .widgets import Swatch, described, text_label


class Bar:
    """A bar and its numbers beside it: written into the bar they cannot be read in every theme."""

    def __init__(self, name: str, tip: str) -> None:
        self.bar = described(QProgressBar(), name, tip)
        self.bar.setTextVisible(False)
        self.numbers = described(QLabel(), name, tip)

    def fill(self, value: int, n: int) -> None:
        """Show `value` of `n`."""
        self.bar.setRange(0, max(n, 1))  # 0 of 0 would run to and fro
        self.bar.setValue(value)
        self.numbers.setText(tr("{} of {}").format(value, n))


class ProgressPanel(QWidget):
    """Shows a `Progress`; `classes` gives the colour and name of each class by id."""

    def __init__(self, classes: Mapping[int, ReviewClass], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes = classes
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        self.bars: dict[int, Bar] = {}
        self.speed = text_label(tr("Speed"), tr("Your last decisions per minute, and what that means"))
        self.total = Bar(tr("All candidates"), tr("Decided candidates of all in the queue"))
        self._grid.addWidget(self.total.bar, 0, 0, 1, 3)
        self._grid.addWidget(self.total.numbers, 0, 3)
        self._grid.addWidget(self.speed, 1, 0, 1, 4)

    def show_progress(self, progress: Progress) -> None:
        """Show how far one is."""
        self.total.fill(progress.n_decided, progress.n)
        self.speed.setText(speed_words(progress))
        for id_, part in progress.classes.items():
            (self.bars.get(id_) or self._add(id_)).fill(part.n_decided, part.n)
        for id_, bar in self.bars.items():
            if id_ not in progress.classes:
                bar.fill(0, 0)

    def _add(self, id_: int) -> Bar:
        class_ = self._classes.get(id_)
        name = class_.name if class_ else str(id_)
        tip = tr("Decided candidates of {}").format(name)
        swatch, label = described(Swatch(), tr("{}: colour").format(name), tip), text_label(name, tip)
        swatch.set(class_.color if class_ else "")
        label.setText(name)
        bar = Bar(tr("Progress of {}").format(name), tip)
        row = len(self.bars) + 2
        for column, widget in enumerate((swatch, label, bar.bar, bar.numbers)):
            self._grid.addWidget(widget, row, column)
        self.bars[id_] = bar
        return bar
