"""Which candidates are applied to a map, by whose word, and what each of them changed. Pixels are changed in
`apply.py`.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from ..mapping.record import RunRecord
from ..model.classes import LandCoverClass
from .fusion import accept
from .review import Review

INTERPRETER, CLASSIFIER = "interpreter", "classifier"
#: Columns of the log of changes.
_LOG = (
    *("uuid", "rank", "x", "y", "from_class_id", "from_class", "to_class_id", "to_class", "n_pixels"),
    *("area_m2", "decided_by", "decision", "score", "user", "time", "comment"),
)
#: The paper's p >= 0.5.
_DEFAULT_PRICE = 1.0


@dataclass(frozen=True)
class AppliedDecision:
    """A candidate that is applied: the class it takes, and who said so."""

    uuid: str
    class_id: int
    decided_by: str
    decision: str
    user: str = ""
    time: str = ""
    comment: str = ""


def decide(
    review: Review,
    classes: Sequence[LandCoverClass],
    decide_by: Literal["review", "classifier", "both"],
    accepted_per_find: float | None = None,
) -> list[AppliedDecision]:
    """Return the candidates to apply, in order of rank.

    An interpreter's word stands before the classifier's: what he rejected or is unsure of is never applied.

    Args:
        review: candidates and decisions.
        classes: of the map.
        decide_by: "review", "classifier" or "both".
        accepted_per_find: the classifier's price; None takes that of the flagging, else 1.

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
        by_score = _accepted(review, accepted_per_find)
    known = {c.id for c in classes}
    verdicts = []
    for row in range(len(review)):
        verdict = _verdict(review, row, decide_by, bool(by_score[row]))
        if verdict is None:
            continue
        if verdict.class_id not in known:
            raise InputError(
                f"A candidate of {review.path} is given the class {verdict.class_id}, which the map does not "
                "have; decide it anew."
            )
        verdicts.append(verdict)
    return verdicts


def _accepted(review: Review, price: float | None) -> NDArray[np.bool_]:
    if len(review) and np.isnan(review.scores).any():
        raise InputError(
            f"The candidates {review.path} have no scores, so the classifier cannot decide; flag the run "
            "with a meta classifier."
        )
    if price is None:
        said = review.run.get("accepted_per_find")
        price = _DEFAULT_PRICE if said is None else float(said)
    return accept(review.scores, price)


def _verdict(review: Review, row: int, decide_by: str, by_score: bool) -> AppliedDecision | None:
    """Return what is done with one candidate, None if nothing."""
    uuid = str(review.columns["uuid"][row])
    state = str(review.states[row])
    if decide_by != "classifier" and review.decided[row]:
        if state not in ("accept", "reclassify"):
            return None
        told = (str(review.log[name][row] or "") for name in ("user", "time", "comment"))
        return AppliedDecision(uuid, int(review.final_class_ids[row]), INTERPRETER, state, *told)
    if by_score:
        return AppliedDecision(uuid, int(review.columns["class_id"][row]), CLASSIFIER, "accept")
    return None


class Changes:
    """Counts which classes each verdict replaces, block by block; verdicts are numbered from 1."""

    def __init__(self, verdicts: Sequence[AppliedDecision]):
        self._verdicts = verdicts
        self._counts: dict[int, Counter[int]] = {}
        #: Class of each number; 0 is none.
        self.new_ids = np.array([0, *(verdict.class_id for verdict in verdicts)], np.uint8)

    def count(self, numbers: NDArray[np.int32], old: NDArray[np.uint8]) -> None:
        """Add a block: the number of the verdict at each pixel, 0 for none, and the map's class, `[h, w]`."""
        changed = (numbers > 0) & (self.new_ids[numbers] != old)
        keys = numbers[changed].astype(np.int64) * 256 + old[changed]
        for key, count in zip(*np.unique(keys, return_counts=True), strict=True):
            number, class_id = divmod(int(key), 256)
            self._counts.setdefault(number, Counter())[class_id] += int(count)

    @property
    def n_pixels(self) -> int:
        """All pixels that have another class now."""
        return sum(sum(counts.values()) for counts in self._counts.values())

    def rows(self) -> Iterator[tuple[AppliedDecision, dict[int, int]]]:
        """Yield each verdict and its changed pixels by the class they had, which may be none."""
        for number, verdict in enumerate(self._verdicts, start=1):
            yield verdict, dict(sorted(self._counts.get(number, {}).items()))


def change_log(changes: Changes, review: Review, record: RunRecord) -> str:
    """Return a CSV table: one row per applied candidate and class that it replaced, pixels and square metres.

    A candidate that changed nothing, because the map said so already, has one row with 0 pixels.
    """
    names = {c.id: c.name for c in record.classes}
    place = {uuid: row for row, uuid in enumerate(review.columns["uuid"].tolist())}
    text = io.StringIO()
    writer = csv.DictWriter(text, _LOG, lineterminator="\n")
    writer.writeheader()
    for verdict, replaced in changes.rows():
        row = place[verdict.uuid]
        score = review.scores[row]
        same = {
            "uuid": verdict.uuid,
            **{name: review.columns[name][row] for name in ("rank", "x", "y")},
            "to_class_id": verdict.class_id,
            "to_class": names[verdict.class_id],
            "decided_by": verdict.decided_by,
            "decision": verdict.decision,
            "score": "" if np.isnan(score) else score,
            "user": verdict.user,
            "time": verdict.time,
            "comment": verdict.comment,
        }
        for old, n_pixels in (replaced or {-1: 0}).items():
            area = {"n_pixels": n_pixels, "area_m2": n_pixels * record.grid.gsd**2}
            replaced_class = {"from_class_id": "" if old < 0 else old, "from_class": names.get(old, "")}
            writer.writerow({**same, **replaced_class, **area})
    return text.getvalue()
