"""What is done to a map for its candidates, by whose word, and what each of them changed. The map is read and
written in `apply.py`.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from ..mapping.record import RunRecord
from ..model.classes import NODATA_CLASS, LandCoverClass
from .fusion import accept, refuse
from .review import Review

INTERPRETER, CLASSIFIER = "interpreter", "classifier"
#: Columns of the log of changes.
_LOG = (
    *("uuid", "rank", "x", "y", "from_class_id", "from_class", "to_class_id", "to_class", "n_pixels"),
    *("area_m2", "decided_by", "decision", "score", "user", "time", "comment", "kind"),
)
#: Class ids `[h, w]` to those that stand in for them.
Instead = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
#: The paper's p >= 0.5.
_DEFAULT_PRICE = 1.0


#: Stands for the class that each pixel would have instead, in place of a class id.
INSTEAD = NODATA_CLASS
#: Stands for every class that a map has at a place.
ANY = NODATA_CLASS


class Note(NamedTuple):
    """Who decided, when, and what he wrote."""

    user: str = ""
    time: str = ""
    comment: str = ""


@dataclass(frozen=True)
class AppliedDecision:
    """What is done to the map for a candidate, and who said so.

    Attributes:
        class_id: the class that the pixels take, or INSTEAD.
        fallback_id: of pixels that nothing else is known of.
        only_id: the class of the pixels that are changed, or ANY.
        original: within the outline that was flagged, not the one that the reviewer drew?
    """

    uuid: str
    class_id: int
    decided_by: str
    decision: str
    fallback_id: int
    only_id: int = ANY
    original: bool = False
    note: Note = field(default_factory=Note)


@dataclass(frozen=True)
class Prices:
    """At which the classifier decides: false alarms accepted per missed place found (None takes those of the
    flagging, else 1), and false places kept rather than lose a true one.
    """

    accepted_per_find: float | None = None
    kept_per_loss: float = 20.0


def decide(
    review: Review,
    classes: Sequence[LandCoverClass],
    decide_by: Literal["review", "classifier", "both"],
    prices: Prices = Prices(),
) -> list[AppliedDecision]:
    """Return what is to be done, in order of rank, what puts a class before what takes one away.

    An interpreter's word stands before the classifier's: what he rejected or is unsure of is never decided by
    it.

    Args:
        review: candidates and decisions.
        classes: of the map.
        decide_by: "review", "classifier" or "both".
        prices: of the classifier.

    Raises:
        InputError: if nobody has decided, there are no scores, or a class is none of the map's.
    """
    if decide_by not in ("review", "classifier", "both"):
        raise InputError(f"Nobody called {decide_by!r} can decide; choose review, classifier or both.")
    if decide_by == "review" and not review.decided.any():
        raise InputError(
            f"{review.path} has no decisions, so there is nothing to apply; accept or reject candidates "
            "first, or let the classifier decide."
        )
    by_score = np.zeros(len(review), np.bool_)
    if decide_by != "review":
        by_score = _changed_by_score(review, prices)
    known = {c.id for c in classes}
    found = []
    for row in range(len(review)):
        for decision in _decisions(review, row, decide_by, bool(by_score[row])):
            if decision.class_id not in known and decision.class_id != INSTEAD:
                raise InputError(
                    f"A candidate of {review.path} is given the class {decision.class_id}, which the map "
                    "does not have; decide it anew."
                )
            found.append(decision)
    return sorted(found, key=lambda decision: decision.class_id == INSTEAD)


def _changed_by_score(review: Review, prices: Prices) -> NDArray[np.bool_]:
    if len(review) and np.isnan(review.scores).any():
        raise InputError(
            f"The candidates {review.path} have no scores, so the classifier cannot decide; flag the run "
            "with a meta classifier."
        )
    price = prices.accepted_per_find
    if price is None:
        said = review.run.get("accepted_per_find")
        price = _DEFAULT_PRICE if said is None else float(said)
    taken_out = refuse(review.scores, prices.kept_per_loss)
    return np.where(review.doubtful, taken_out, accept(review.scores, price))


def _decisions(review: Review, row: int, decide_by: str, by_score: bool) -> Iterator[AppliedDecision]:
    """Yield what is done with one candidate."""
    uuid, state = str(review.columns["uuid"][row]), str(review.states[row])
    class_id = int(review.columns["class_id"][row])
    doubtful = bool(review.doubtful[row])
    instead = int(review.columns["instead_class_id"][row])
    if decide_by == "classifier" or not review.decided[row]:
        if by_score and doubtful:
            yield AppliedDecision(uuid, INSTEAD, CLASSIFIER, "reject", instead, class_id, original=True)
        elif by_score:
            yield AppliedDecision(uuid, class_id, CLASSIFIER, "accept", class_id)
        return
    note = Note(*(str(review.log[name][row] or "") for name in Note._fields))
    final = int(review.final_class_ids[row])
    put = AppliedDecision(uuid, final, INTERPRETER, state, final, note=note)
    take_out = AppliedDecision(uuid, INSTEAD, INTERPRETER, state, instead, class_id, note=note)
    if not doubtful:
        if state in ("accept", "reclassify"):
            yield put
    elif review.drawn[row] and state in ("accept", "reclassify"):
        # The class is where he drew it; where it only was said to be, it is not.
        yield put
        yield replace(take_out, original=True)
    elif state == "reclassify":
        yield replace(put, only_id=class_id)
    elif state == "reject":
        yield take_out


class Changes:
    """Finds and counts which classes each decision replaces, block by block; they are numbered from 1."""

    def __init__(self, decisions: Sequence[AppliedDecision]):
        self.decisions = decisions
        self._counts: dict[int, Counter[tuple[int, int]]] = {}
        self._new = np.array([0, *(d.class_id for d in decisions)], np.uint8)
        self._only = np.array([ANY, *(d.only_id for d in decisions)], np.uint8)
        self._fallback = np.array([0, *(d.fallback_id for d in decisions)], np.uint8)

    def changed(
        self, numbers: NDArray[np.int32], old: NDArray[np.uint8], instead: Instead
    ) -> NDArray[np.uint8]:
        """Return a block of the map with its changes, and count them.

        Args:
            numbers: of the decision at each pixel `[h, w]`, 0 for none.
            old: the map's classes.
            instead: gives the class ids that stand in for some of the map's, NODATA_CLASS where unknown; both
                `[h, w]`, NODATA_CLASS where there is nothing to replace.
        """
        only = self._only[numbers]
        concerned = (numbers > 0) & (old != NODATA_CLASS) & ((only == ANY) | (only == old))
        new = np.where(concerned, self._new[numbers], old)
        by_pixel = concerned & (new == INSTEAD)
        if by_pixel.any():
            found = instead(np.where(by_pixel, old, np.uint8(NODATA_CLASS)))
            found = np.where(found == NODATA_CLASS, self._fallback[numbers], found)
            new = np.where(by_pixel, found, new)
        differs = new != old
        keys = (numbers[differs].astype(np.int64) * 256 + old[differs]) * 256 + new[differs]
        for key, count in zip(*np.unique(keys, return_counts=True), strict=True):
            number, pair = divmod(int(key), 256 * 256)
            self._counts.setdefault(number, Counter())[divmod(pair, 256)] += int(count)
        return new.astype(np.uint8)

    @property
    def n_pixels(self) -> int:
        """All pixels that have another class now."""
        return sum(sum(counts.values()) for counts in self._counts.values())

    def rows(self) -> Iterator[tuple[AppliedDecision, dict[tuple[int, int], int]]]:
        """Yield each decision and its changed pixels by the class they had and have; there may be none."""
        for number, decision in enumerate(self.decisions, start=1):
            yield decision, dict(sorted(self._counts.get(number, {}).items()))


def change_log(changes: Changes, review: Review, record: RunRecord) -> str:
    """Return a CSV table: one row per decision that is applied and pair of classes, pixels and square metres.

    One that changed nothing, because the map said so already, has one row with 0 pixels.
    """
    names = {c.id: c.name for c in record.classes}
    place = {uuid: row for row, uuid in enumerate(review.columns["uuid"].tolist())}
    text = io.StringIO()
    writer = csv.DictWriter(text, _LOG, lineterminator="\n")
    writer.writeheader()
    for decision, replaced in changes.rows():
        row = place[decision.uuid]
        score = review.scores[row]
        same = {
            "uuid": decision.uuid,
            **{name: review.columns[name][row] for name in ("rank", "x", "y", "kind")},
            "decided_by": decision.decided_by,
            "decision": decision.decision,
            "score": "" if np.isnan(score) else score,
            **decision.note._asdict(),
        }
        final = decision.fallback_id if decision.class_id == INSTEAD else decision.class_id
        for (old, new), n_pixels in (replaced or {(-1, final): 0}).items():
            area = {"n_pixels": n_pixels, "area_m2": n_pixels * record.grid.gsd**2}
            before = {"from_class_id": "" if old < 0 else old, "from_class": names.get(old, "")}
            after = {"to_class_id": new, "to_class": names[new]}
            writer.writerow({**same, **before, **after, **area})
    return text.getvalue()
