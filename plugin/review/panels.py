"""The panels of the dock: the current candidate, the queue's order and filter, how far the review is, and
what comes after the decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from .facts import (
    Facts,
    Opinion,
    area_words,
    evidence_words,
    expert_words,
    score_words,
    short_status,
    speed_words,
)
from .order import Filter, Order
from .queue import Progress
from .records import UNDECIDED, ReviewClass, Verdict
from .widgets import NoteField, Swatch, described, label_for, text_label


class CandidatePanel(QWidget):
    """Shows one candidate at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = text_label(tr("Place in the queue"), tr("Which of the candidates in the queue this is"))
        self.status = text_label(tr("Status"), tr("What was decided on this candidate, by whom and when"))
        self.flagged, self.flagged_swatch = _named_swatch(
            tr("Class that the map may have missed"), tr("The rare class that was flagged here")
        )
        bold = self.flagged.font()
        bold.setBold(True)
        self.flagged.setFont(bold)
        self.mapped, self.mapped_swatch = _named_swatch(
            tr("Class of the map"), tr("What the map says here, and what would be replaced")
        )
        self.score_bar = described(
            QProgressBar(), tr("Score"), tr("Probability that the map missed it, by the meta classifier")
        )
        self.score_bar.setRange(0, 100)
        self.score = text_label(tr("Score in words"), tr("How likely the map missed it"))
        self.area = text_label(tr("Area"), tr("Area of the candidate"))
        self.strip = ExpertStrip()
        self.evidence = text_label(tr("Evidence"), tr("What the metrics of the candidate say"))
        self.note = NoteField()
        self._lay_out()

    def show_facts(self, facts: Facts) -> None:
        """Show a candidate."""
        candidate = facts.candidate
        self.place.setText(tr("{} of {}").format(facts.place + 1, facts.n))
        self.status.setText(facts.status)
        self.flagged.setText(candidate.class_name)
        self.flagged_swatch.set(facts.flagged.color)
        self.mapped.setText(tr("in place of {}").format(candidate.bayes_class_name))
        self.mapped_swatch.set(facts.mapped.color if facts.mapped else "")
        self.score_bar.setVisible(candidate.score is not None)
        self.score_bar.setValue(round(100 * (candidate.score or 0)))
        self.score.setText(score_words(candidate))
        self.area.setText(area_words(candidate.area_m2))
        self.strip.show_opinions(facts.opinions, candidate.class_name)
        self.evidence.setText("\n".join(evidence_words(candidate)))
        self.setEnabled(True)

    def show_nothing(self, reason: str) -> None:
        """Say why there is no candidate."""
        for label in (self.status, self.flagged, self.mapped, self.score, self.area, self.evidence):
            label.clear()
        for swatch in (self.flagged_swatch, self.mapped_swatch):
            swatch.set("")
        self.score_bar.hide()
        self.strip.show_opinions([], "")
        self.place.setText(reason)
        self.setEnabled(False)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.place, 0)
        top.addWidget(self.status, 1)
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight)
        classes = QGridLayout()
        for row, (swatch, label) in enumerate(
            ((self.flagged_swatch, self.flagged), (self.mapped_swatch, self.mapped))
        ):
            classes.addWidget(swatch, row, 0)
            classes.addWidget(label, row, 1)
        classes.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addLayout(classes)
        for widget in (self.area, self.score_bar, self.score, self.strip, self.evidence, self.note):
            layout.addWidget(widget)


class ExpertStrip(QWidget):
    """A square per expert in the colour of the class that it sees, ticked where that is the flagged one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        described(self, tr("Experts"), tr("Which experts see the flagged class: a square for each, in order"))
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._summary = text_label(tr("Experts that agree"), tr("How many experts see the flagged class"))
        self._layout.addWidget(self._summary, 1)
        self.squares: list[Swatch] = []

    def show_opinions(self, opinions: Sequence[Opinion], class_name: str) -> None:
        """Show what each expert says."""
        while len(self.squares) < len(opinions):
            self.squares.append(Swatch(self))
            self._layout.insertWidget(len(self.squares) - 1, self.squares[-1])
        for square in self.squares[len(opinions) :]:
            square.hide()
        for square, opinion in zip(self.squares, opinions):
            text = expert_words(opinion.expert, opinion.agrees, class_name)
            if opinion.says is not None and not opinion.agrees:
                text = tr("{} It sees {}.").format(text, opinion.says.name)
            square.set(opinion.says.color if opinion.says else "", "✓" if opinion.agrees else "")
            described(square, text, text)
            square.show()
        agreeing = sum(opinion.agrees for opinion in opinions)
        self._summary.setText(
            tr("{} of {} experts agree").format(agreeing, len(opinions)) if opinions else ""
        )


def _named_swatch(name: str, tip: str) -> tuple[QLabel, Swatch]:
    """Return a label for a class and the square of its colour."""
    return text_label(name, tip), described(Swatch(), tr("{}: colour").format(name), tip)


class QueuePanel(QWidget):
    """Tells which order and filter the user wants; the extent of a filter is added by who knows the map."""

    order_wanted = pyqtSignal(object)
    #: A `Filter`, and whether only what the map shows now is wanted.
    filter_wanted = pyqtSignal(object, bool)

    def __init__(
        self, classes: Sequence[ReviewClass], has_scores: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.order = described(QComboBox(), tr("Order"), tr("In which order candidates come"))
        for order in Order:
            self.order.addItem(_order_title(order, has_scores), order.value)
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
        self.reset = described(QPushButton(tr("All")), tr("All candidates"), tr("Take every condition away"))
        for widget in (self.lowest, self.highest):
            widget.setEnabled(has_scores)
        self._lay_out()
        self._connect()

    def filter(self) -> Filter:
        """Return what is chosen, without the extent."""
        classes = frozenset(int(id_) for id_ in self.classes.checkedItemsData())
        statuses = frozenset(str(status) for status in self.statuses.checkedItemsData())
        low, high = self.lowest.value(), self.highest.value()
        everything = not self.lowest.isEnabled() or (low, high) == (0.0, 1.0)
        return Filter(
            classes=classes or None, score=None if everything else (low, high), statuses=statuses or None
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
        for widget in self._conditions():
            widget.blockSignals(False)
        self._tell()

    def _conditions(self) -> tuple[QWidget, ...]:
        return self.classes, self.statuses, self.lowest, self.highest, self.in_view

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
        layout.addRow(label_for(self.classes, tr("Classes")), self.classes)
        layout.addRow(label_for(self.statuses, tr("Status")), self.statuses)
        layout.addRow(label_for(self.lowest, tr("Score")), scores)
        layout.addRow(last)

    def _connect(self) -> None:
        self.order.activated.connect(lambda _index: self.order_wanted.emit(Order(self.order.currentData())))
        self.classes.checkedItemsChanged.connect(lambda _items: self._tell())
        self.statuses.checkedItemsChanged.connect(lambda _items: self._tell())
        for box in (self.lowest, self.highest):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(lambda _value: self._tell())
        self.in_view.toggled.connect(lambda _on: self._tell())
        self.reset.clicked.connect(lambda _checked=False: self.clear())

    def _tell(self) -> None:
        self.filter_wanted.emit(self.filter(), self.in_view.isChecked())


def _order_title(order: Order, has_scores: bool) -> str:
    return {
        Order.SCORE: tr("Highest score first") if has_scores else tr("Best rank first"),
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
