"""Controls of the queue: the order in which candidates come, and which of them."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.gui import QgsCheckableComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from ..i18n import tr
from .words import short_status
from .filter import Filter
from .order import Order
from .records import UNDECIDED, ReviewClass, Verdict
from .widgets import described, label_for


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
            self.statuses.addItemWithCheckState(
                short_status(verdict), Qt.CheckState.Unchecked, str(status)
            )
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
