"""The review dock: the panels from top to bottom. It shows and asks; what happens is in `reviewer.py`."""

from __future__ import annotations

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QFrame, QVBoxLayout, QWidget

from ..i18n import tr
from .button_panel import ButtonPanel, LayerBar
from .candidate_panel import CandidatePanel
from .finish_panel import FinishPanel
from .key_list import KeyList
from .keys import Keys
from .progress_panel import ProgressPanel
from .queue_panel import QueuePanel
from .store import ReviewStore
from .widgets import Column, described, folding_group


class ReviewDock(QgsDockWidget):
    """Holds the panels; made for one open store."""

    def __init__(self, keys: Keys, store: ReviewStore, parent: QWidget | None = None) -> None:
        super().__init__(tr("Review candidates"), parent)
        self.setObjectName("mce_review")
        described(self, tr("Review candidates"), tr("Verify the places that the map may have missed"))
        classes = {c.id: c for c in store.classes}
        has_scores = any(candidate.score is not None for candidate in store.candidates)
        self.candidate = CandidatePanel()
        self.buttons = ButtonPanel(keys)
        self.buttons.set_classes(store.classes)
        self.layers = LayerBar(keys)
        self.progress = ProgressPanel(classes)
        self.queue = QueuePanel(store.flagged, has_scores)
        self.finish = FinishPanel()
        self.key_list = KeyList(keys, [c.name for c in store.classes], store.run.get("experts", []))
        self.keys_group = folding_group(tr("Keys"), tr("What each key does"), "keys", folded=True)
        groups = (
            (folding_group(tr("Layers"), tr("What the map shows"), "layers", folded=False), self.layers),
            (folding_group(tr("Progress"), tr("How far you are"), "progress", folded=False), self.progress),
            (
                folding_group(tr("Queue"), tr("Which candidates come, and when"), "queue", folded=True),
                self.queue,
            ),
            (
                folding_group(tr("Finish"), tr("What comes after the decisions"), "finish", folded=True),
                self.finish,
            ),
            (self.keys_group, self.key_list),
        )
        body = QWidget()
        # Takes the focus that leaves the note, so that the keys work again.
        body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        layout = QVBoxLayout(body)
        layout.addWidget(self.candidate)
        layout.addWidget(self.buttons)
        for group, panel in groups:
            inner = QVBoxLayout(group)
            inner.addWidget(panel)
            layout.addSpacing(4)
            layout.addWidget(group)
        layout.addStretch(1)
        scroll = described(Column(), tr("Review candidates"), tr("Panels of the review"))
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        self.setWidget(scroll)

    def toggle_key_list(self) -> None:
        """Unfold the list of keys, or fold it again."""
        self.keys_group.setCollapsed(not self.keys_group.isCollapsed())
        if not self.keys_group.isCollapsed():
            self.widget().ensureWidgetVisible(self.key_list)
