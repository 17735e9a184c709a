"""What a review is about and what was decided, as plain data. Reading and writing it lives in
`store.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class ReviewError(Exception):
    """Something went wrong that the reviewer can act on: one sentence for people."""


class TextEnum(str, Enum):
    """Names that are texts, also in sentences. Python has its own from 3.11 on; QGIS brings 3.9 on macOS."""

    def __str__(self) -> str:
        return str(self.value)


class Verdict(TextEnum):
    """What a reviewer can say of a candidate; the texts are those of the log."""

    ACCEPT = "accept"
    REJECT = "reject"
    RECLASSIFY = "reclassify"
    UNSURE = "unsure"


#: `decision` of a row of the log that takes back an earlier one.
UNDO = "undo"
#: Status of a candidate without a decision that counts, as the view `review` has it.
UNDECIDED = "undecided"


class Kind(TextEnum):
    """What is asked of a candidate: did the map miss its class there, or is its class false in the map?"""

    MISSED = "missed"
    DOUBTFUL = "doubtful"


class Candidate(NamedTuple):
    """One row of the layer `candidates` without its outline: a tuple, because there may be 100,000.

    `score` is the probability that the map is wrong there, None without a meta classifier; `rank` 1 is to be
    looked at first; `bayes_class_*` is what the map says there, mostly; `entropy`, `margin` and `variation`
    are means over the candidate; `experts` are the names of the `n_experts` that say the flagged class in
    most of it; `x` and `y` are its centre in the store's CRS; `kind` is the text of a `Kind`;
    `instead_class_*` is what the map says, mostly, once the candidate has changed it; `expected_iou` is how
    well a doubtful place agrees with the true one, None where unknown.
    """

    fid: int
    uuid: str
    class_id: int
    class_name: str
    area_m2: float
    score: float | None
    rank: int
    bayes_class_id: int
    bayes_class_name: str
    entropy: float
    margin: float
    variation: float
    n_experts: int
    experts: str
    support: float
    x: float
    y: float
    row_first: int
    col_first: int
    run: str
    kind: str
    instead_class_id: int
    instead_class_name: str
    expected_iou: float | None

    @property
    def is_doubtful(self) -> bool:
        """Does the map itself say the flagged class here?"""
        return self.kind == Kind.DOUBTFUL


class Decision(NamedTuple):
    """One row of the log, see `resources/schema/review.sql`. `decision` is a verdict's text, or UNDO."""

    id: int
    uuid: str
    candidate: str
    decision: str
    class_id: int | None
    undoes: str | None
    user: str
    time: str
    seconds: float | None
    comment: str | None
    outline: bytes | None
    model_sha256: str | None
    run: str | None


@dataclass(frozen=True)
class ReviewClass:
    """A class of the map; `color` as "#rrggbb", `group` is head, body or tail."""

    id: int
    name: str
    color: str
    group: str


@dataclass(frozen=True)
class State:
    """What the log amounts to for one candidate; all None while it is undecided.

    `final_class_id` is the class that the reviewer put there: None after reject and unsure.
    """

    verdict: Verdict | None = None
    final_class_id: int | None = None
    decision: Decision | None = None

    @property
    def status(self) -> str:
        """The text of the verdict, or UNDECIDED."""
        return self.verdict.value if self.verdict else UNDECIDED


NOTHING_DECIDED = State()
