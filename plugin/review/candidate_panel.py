"""The panel of the current candidate: the question, what map, metrics and experts say, and a note."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from ..i18n import tr
from .facts import (
    Facts,
    Opinion,
    area_words,
    change_words,
    evidence_words,
    expert_words,
    flag_words,
    question_words,
    score_words,
)
from .widgets import NoteField, Swatch, described, text_label


class CandidatePanel(QWidget):
    """Shows one candidate at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = text_label(tr("Place in the queue"), tr("Which of the candidates in the queue this is"))
        self.status = text_label(tr("Status"), tr("What was decided on this candidate, by whom and when"))
        self.question = text_label(tr("Question"), tr("What is asked of this place"))
        bold = self.question.font()
        bold.setBold(True)
        self.question.setFont(bold)
        self.flagged, self.flagged_swatch = _named_swatch(
            tr("Flagged class"), tr("The rare class in question, and whether the map says it here")
        )
        self.other, self.other_swatch = _named_swatch(
            tr("Other class"),
            tr("Of a missed place: what the map says. Of a doubtful one: what the map would say instead"),
        )
        self.score_bar = described(
            QProgressBar(), tr("Score"), tr("Probability that the map is wrong here, by the meta classifier")
        )
        self.score_bar.setRange(0, 100)
        self.score = text_label(tr("Score in words"), tr("How likely the map is wrong here"))
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
        self.question.setText(question_words(candidate))
        self.flagged.setText(flag_words(candidate))
        self.flagged_swatch.set(facts.flagged.color)
        self.other.setText(change_words(candidate))
        self.other_swatch.set(facts.other.color if facts.other else "")
        self.score_bar.setVisible(candidate.score is not None)
        self.score_bar.setValue(round(100 * (candidate.score or 0)))
        self.score.setText(score_words(candidate))
        self.area.setText(area_words(candidate.area_m2))
        self.strip.show_opinions(facts.opinions, candidate.class_name)
        self.evidence.setText("\n".join(evidence_words(candidate)))
        self.setEnabled(True)

    def show_nothing(self, reason: str) -> None:
        """Say why there is no candidate."""
        labels = (self.status, self.question, self.flagged, self.other, self.score, self.area, self.evidence)
        for label in labels:
            label.clear()
        for swatch in (self.flagged_swatch, self.other_swatch):
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
            ((self.flagged_swatch, self.flagged), (self.other_swatch, self.other))
        ):
            classes.addWidget(swatch, row, 0)
            classes.addWidget(label, row, 1)
        classes.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.question)
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
