"""Which candidates are looked at, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .records import UNDECIDED, Candidate, Decision, TextEnum

#: Side of a tile of `Order.TILE`.
TILE_M = 1000.0
#: Cells of the curve on a side, as a power of two: 65,536.
_BITS = 16


class Order(TextEnum):
    """How candidates follow each other."""

    SCORE = "score"
    GAIN = "gain"
    GAIN_AREA = "gain_area"
    CLASS = "class"
    AREA = "area"
    DISTANCE = "distance"
    TILE = "tile"


def arrange(candidates: Sequence[Candidate], order: Order, *, tile_m: float = TILE_M) -> list[int]:
    """Return the places of the candidates in an order; of equals the better rank comes first.

    SCORE is the rank that flagging gave; GAIN begins where a look changes the map most probably, and
    GAIN_AREA where it changes most of it by expectation, see `expected_gains`; CLASS goes class by class, as
    they first appear in the rank; AREA begins with the largest; DISTANCE is a walk without long jumps; TILE
    ends one tile of the map after the other, row by row, to and fro.

    Args:
        candidates: in order of rank.
        order: the order.
        tile_m: side of a tile in units of the CRS, counted from its origin.
    """
    places = list(range(len(candidates)))
    if order is Order.CLASS:
        first = {c: i for i, c in enumerate(dict.fromkeys(c.class_id for c in candidates))}
        places.sort(key=lambda i: first[candidates[i].class_id])
    elif order is Order.GAIN:
        gains = expected_gains(candidates)
        places.sort(key=lambda i: -gains[i])
    elif order is Order.GAIN_AREA:
        gains = expected_gains(candidates)
        places.sort(key=lambda i: -gains[i] * candidates[i].area_m2)
    elif order is Order.AREA:
        places.sort(key=lambda i: -candidates[i].area_m2)
    elif order is Order.DISTANCE:
        steps = curve_steps([(c.x, c.y) for c in candidates])
        places.sort(key=steps.__getitem__)
    elif order is Order.TILE:
        keys = [_tile(c.x, c.y, tile_m) for c in candidates]
        places.sort(key=keys.__getitem__)
    return places


def expected_gains(candidates: Sequence[Candidate]) -> list[float]:
    """Return how likely it is that the map changes at each candidate: its score.

    Where no candidate has one the place in the rank stands for it, from 1 for the first down to 0; where some
    have one it is 0 of the others.
    """
    scores = [c.score for c in candidates]
    if any(score is not None for score in scores):
        return [score or 0.0 for score in scores]
    return [1 - place / len(candidates) for place in range(len(candidates))]


def _tile(x: float, y: float, side: float) -> tuple[int, int]:
    """Return row from the north and column of a point's tile; columns run back in every other row."""
    row, col = math.floor(-y / side), math.floor(x / side)
    return row, -col if row % 2 else col


def curve_steps(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return how far along a Hilbert curve through their extent each point lies.

    Points that follow each other on the curve are neighbours in the plane (Hilbert 1891), so a walk along it
    has no long jumps but over empty ground, and is about a third longer than the shortest.
    """
    if not points:
        return []
    west, south = min(x for x, _ in points), min(y for _, y in points)
    side = max(max(x for x, _ in points) - west, max(y for _, y in points) - south) or 1.0
    scale = ((1 << _BITS) - 1) / side
    return [_step(int((x - west) * scale), int((y - south) * scale)) for x, y in points]


def _quarters() -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return for each of the curve's four turns, and quarter 2 x + y: its number on the curve, and its turn.

    Turns are swapped axes (1) and mirrored ones (2) of the curve that begins below left and ends below right.
    """
    table = []
    for turn in range(4):
        row = []
        for quarter in range(4):
            x, y = quarter >> 1, quarter & 1
            if turn & 2:
                x, y = 1 - x, 1 - y
            if turn & 1:
                x, y = y, x
            number = (3 * x) ^ y
            inner = turn ^ 1 if y == 0 else turn
            if y == 0 and x == 1:
                inner ^= 2
            row.append((number, inner))
        table.append(tuple(row))
    return tuple(table)


_QUARTERS = _quarters()


def _step(x: int, y: int) -> int:
    """Return the number of a cell on the curve."""
    step = turn = 0
    for bit in range(_BITS - 1, -1, -1):
        number, turn = _QUARTERS[turn][(x >> bit & 1) << 1 | (y >> bit & 1)]
        step = step << 2 | number
    return step


@dataclass(frozen=True)
class Filter:
    """Every condition that is not None holds.

    Attributes:
        classes: ids of flagged classes.
        score: least and greatest score; candidates without one are left out.
        statuses: verdicts as text, and "undecided".
        extent: west, south, east, north of the centre, in the store's CRS.
        uuids: these candidates alone, for example those of a first look.
        kinds: texts of kinds.
    """

    classes: frozenset[int] | None = None
    score: tuple[float, float] | None = None
    statuses: frozenset[str] | None = None
    extent: tuple[float, float, float, float] | None = None
    uuids: frozenset[str] | None = None
    kinds: frozenset[str] | None = None

    def select(
        self, candidates: Sequence[Candidate], places: Iterable[int], counting: Mapping[str, Decision]
    ) -> list[int]:
        """Return those `places` in `candidates` that pass, in their order; `counting` are the decisions that
        count, by candidate.
        """
        chosen = list(places)
        if self.classes is not None:
            chosen = [i for i in chosen if candidates[i].class_id in self.classes]
        if self.kinds is not None:
            chosen = [i for i in chosen if candidates[i].kind in self.kinds]
        if self.score is not None:
            low, high = self.score
            scores = ((i, candidates[i].score) for i in chosen)
            chosen = [i for i, score in scores if score is not None and low <= score <= high]
        if self.extent is not None:
            west, south, east, north = self.extent
            centres = ((i, candidates[i].x, candidates[i].y) for i in chosen)
            chosen = [i for i, x, y in centres if west <= x <= east and south <= y <= north]
        if self.uuids is not None:
            chosen = [i for i in chosen if candidates[i].uuid in self.uuids]
        if self.statuses is not None:
            decisions = ((i, counting.get(candidates[i].uuid)) for i in chosen)
            chosen = [i for i, d in decisions if (UNDECIDED if d is None else d.decision) in self.statuses]
        return chosen
