"""The panels of the dock beside that of the current candidate: the queue's order and filter, the end of a
first look, how far the review is, and what comes after the decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from qgis.gui import QgsCheckableComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from .facts import kind_name, short_status, speed_words, verdict_words
from .first_look import N_EACH
from .order import Filter, Order
from .queue import Group, Progress
from .records import UNDECIDED, Kind, ReviewClass, Verdict
from .widgets import Swatch, described, label_for, text_label


class QueuePanel(QWidget):
    """Tells which order and filter the user wants; the extent of a filter is added by who knows the map."""

    order_wanted = pyqtSignal(object)
    #: A `Filter` without what is not known here: the present view, and which candidates a first look shows.
    filter_wanted = pyqtSignal(object)

    def __init__(
        self, classes: Sequence[ReviewClass], kinds: Collection[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.order = described(QComboBox(), tr("Order"), tr("In which order candidates come"))
        for order in Order:
            self.order.addItem("", order.value)
        self.kind = described(QComboBox(), tr("Kind"), tr("Missed places, doubtful ones of the map, or both"))
        self.kind.addItem(tr("Both"), "")
        for kind in Kind:
            self.kind.addItem(kind_name(kind), kind.value)
        self.kind.setEnabled(len(kinds) > 1)
        self.classes = described(
            QgsCheckableComboBox(), tr("Classes"), tr("Only candidates of these classes; none ticked: of all")
        )
        for class_ in classes:
            self.classes.addItemWithCheckState(class_.name, Qt.CheckState.Unchecked, class_.id)
        self.statuses = described(
            QgsCheckableComboBox(), tr("Status"), tr("Only candidates with this status; none ticked: all")
        )
        for status in (UNDECIDED, *Verdict):
            verdict = None if status == UNDECIDED else Verdict(status)
            self.statuses.addItemWithCheckState(short_status(verdict), Qt.CheckState.Unchecked, str(status))
        self.lowest = _share_box(
            tr("Lowest score"), tr("Only candidates with this score or a higher one"), 0.0
        )
        self.highest = _share_box(
            tr("Highest score"), tr("Only candidates with this score or a lower one"), 1.0
        )
        self.in_view = described(
            QCheckBox(tr("Only in the present view")),
            tr("Only in the present view"),
            tr("Only candidates whose centre the map shows at the moment of ticking"),
        )
        self.first_look = described(
            QCheckBox(tr("First look: {} of each class and kind").format(N_EACH)),
            tr("First look"),
            tr("Only a few of each, from the best score to the worst, to see early how bad it is"),
        )
        self.reset = described(QPushButton(tr("All")), tr("All candidates"), tr("Take every condition away"))
        self._lay_out()
        self._connect()

    def set_scored(self, has_scores: bool) -> None:
        """Say whether the candidates have scores."""
        for at, order in enumerate(Order):
            self.order.setItemText(at, _order_title(order, has_scores))
        for widget in (self.lowest, self.highest):
            widget.setEnabled(has_scores)

    def filter(self) -> Filter:
        """Return what is chosen, but for extent and first look."""
        classes = frozenset(int(id_) for id_ in self.classes.checkedItemsData())
        statuses = frozenset(str(status) for status in self.statuses.checkedItemsData())
        low, high = self.lowest.value(), self.highest.value()
        everything = not self.lowest.isEnabled() or (low, high) == (0.0, 1.0)
        kind = str(self.kind.currentData())
        return Filter(
            classes=classes or None,
            score=None if everything else (low, high),
            statuses=statuses or None,
            kinds=frozenset({kind}) if kind else None,
        )

    def clear(self) -> None:
        """Take every condition away."""
        for widget in self._conditions():
            widget.blockSignals(True)
        self.classes.deselectAllOptions()
        self.statuses.deselectAllOptions()
        self.lowest.setValue(0.0)
        self.highest.setValue(1.0)
        self.in_view.setChecked(False)
        self.first_look.setChecked(False)
        self.kind.setCurrentIndex(0)
        for widget in self._conditions():
            widget.blockSignals(False)
        self._tell()

    def _conditions(self) -> tuple[QWidget, ...]:
        boxes = (self.in_view, self.first_look)
        return self.kind, self.classes, self.statuses, self.lowest, self.highest, *boxes

    def _lay_out(self) -> None:
        scores = QHBoxLayout()
        scores.addWidget(self.lowest)
        scores.addWidget(self.highest)
        last = QHBoxLayout()
        last.addWidget(self.in_view, 1)
        last.addWidget(self.reset)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow(label_for(self.order, tr("Order")), self.order)
        layout.addRow(label_for(self.kind, tr("Kind")), self.kind)
        layout.addRow(label_for(self.classes, tr("Classes")), self.classes)
        layout.addRow(label_for(self.statuses, tr("Status")), self.statuses)
        layout.addRow(label_for(self.lowest, tr("Score")), scores)
        layout.addRow(self.first_look)
        layout.addRow(last)

    def _connect(self) -> None:
        self.order.activated.connect(lambda _index: self.order_wanted.emit(Order(self.order.currentData())))
        self.kind.activated.connect(lambda _index: self._tell())
        self.classes.checkedItemsChanged.connect(lambda _items: self._tell())
        self.statuses.checkedItemsChanged.connect(lambda _items: self._tell())
        for box in (self.lowest, self.highest):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(lambda _value: self._tell())
        for box in (self.in_view, self.first_look):
            box.toggled.connect(lambda _on: self._tell())
        self.reset.clicked.connect(lambda _checked=False: self.clear())

    def _tell(self) -> None:
        self.filter_wanted.emit(self.filter())


def _order_title(order: Order, has_scores: bool) -> str:
    return {
        Order.SCORE: tr("Highest score first") if has_scores else tr("Best rank first"),
        Order.GAIN: tr("Highest expected gain first"),
        Order.GAIN_AREA: tr("Highest expected gain by area first"),
        Order.CLASS: tr("Class by class"),
        Order.AREA: tr("Largest first"),
        Order.DISTANCE: tr("A short walk"),
        Order.TILE: tr("Tile by tile"),
    }[order]


def _share_box(name: str, tip: str, value: float) -> QDoubleSpinBox:
    box = described(QDoubleSpinBox(), name, tip)
    box.setRange(0.0, 1.0)
    box.setSingleStep(0.05)
    box.setValue(value)
    return box


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
        self._grid.setColumnStretch(1, 2)
        self._grid.setColumnStretch(2, 1)
        self.bars: dict[Group, Bar] = {}
        self.labels: dict[Group, QLabel] = {}
        self.speed = text_label(tr("Speed"), tr("Your last decisions per minute, and what that means"))
        self.total = Bar(tr("All candidates"), tr("Decided candidates of all in the queue"))
        self._grid.addWidget(self.total.bar, 0, 0, 1, 3)
        self._grid.addWidget(self.total.numbers, 0, 3)
        self._grid.addWidget(self.speed, 1, 0, 1, 4)

    def show_progress(self, progress: Progress) -> None:
        """Show how far one is."""
        self.total.fill(progress.n_decided, progress.n)
        self.speed.setText(speed_words(progress))
        for group, part in progress.groups.items():
            (self.bars.get(group) or self._add(group)).fill(part.n_decided, part.n)
            self.labels[group].setText(f"{self._name(group)}\n{verdict_words(group.kind, part)}")
        for group, bar in self.bars.items():
            if group not in progress.groups:
                bar.fill(0, 0)
                self.labels[group].setText(self._name(group))

    def _name(self, group: Group) -> str:
        class_ = self._classes.get(group.class_id)
        return class_.name if class_ else str(group.class_id)

    def _add(self, group: Group) -> Bar:
        class_, name = self._classes.get(group.class_id), self._name(group)
        tip = tr("Decided candidates of {}: {}").format(name, kind_name(group.kind))
        swatch, label = described(Swatch(), tr("{}: colour").format(name), tip), text_label(name, tip)
        swatch.set(class_.color if class_ else "")
        bar = Bar(tr("Progress of {}").format(name), tip)
        row = len(self.bars) + 2
        for column, widget in enumerate((swatch, label, bar.bar, bar.numbers)):
            self._grid.addWidget(widget, row, column)
        self.bars[group], self.labels[group] = bar, label
        return bar


class FirstLookPanel(QWidget):
    """Says at the end of a first look how many were right; hidden before."""

    rank_wanted = pyqtSignal()
    #: Go on with all candidates as they are.
    go_on_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.results = text_label(tr("First look"), tr("How many were right, by class and kind"))
        rank = described(QPushButton(rank_text()), rank_text(), rank_tip())
        rank.clicked.connect(lambda _checked=False: self.rank_wanted.emit())
        go_on = described(
            QPushButton(tr("Go on with all")), tr("Go on with all"), tr("Ends the first look, ranks stay")
        )
        go_on.clicked.connect(lambda _checked=False: self.go_on_wanted.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.results, rank, go_on):
            layout.addWidget(widget)
        self.hide()

    def show_results(self, sentences: Sequence[str]) -> None:
        """Show the results, a sentence for each class and kind; hide the panel without any."""
        self.results.setText("\n".join((tr("The first look is done."), *sentences)))
        self.setVisible(bool(sentences))


def rank_text() -> str:
    """Return what the buttons that rank anew say."""
    return tr("Rank the rest by what is decided so far")


def rank_tip() -> str:
    """Return what they do."""
    return tr("Learns from the decisions in the background and ranks all candidates anew; you can go on")


class FinishPanel(QWidget):
    """One signal per button."""

    statistics_wanted = pyqtSignal()
    export_wanted = pyqtSignal()
    apply_wanted = pyqtSignal()
    fit_wanted = pyqtSignal()
    second_look_wanted = pyqtSignal()
    rank_wanted = pyqtSignal()
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
            (rank_text(), rank_tip(), self.rank_wanted),
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
