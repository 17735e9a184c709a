"""Joins the segments of neighbouring blocks: what stays open of a block, what meets at the seams of a strip
of blocks, and what the next strip may continue. Reading blocks lives in segment_stream.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .grid import Region
from .segment_block import IGNORED, Codes, Labels
from .segment_sums import Bools, Ints, SegmentSums


@dataclass(frozen=True, eq=False)
class Line:
    """Pixels along a seam: their classes, and the rows of the open segments they are part of, or -1."""

    codes: Codes
    ids: Ints

    def moved(self, offset: int) -> "Line":
        """Return the line with its ids counted from another start."""
        return Line(self.codes, np.where(self.ids < 0, -1, self.ids + offset))


@dataclass(frozen=True, eq=False)
class Part:
    """What is left of a block: its open segments and its four edges."""

    open: SegmentSums
    top: Line
    bottom: Line
    left: Line
    right: Line


@dataclass(frozen=True, eq=False)
class Frontier:
    """What is left of all strips so far: the open segments, all in the last row, and that row."""

    open: SegmentSums
    bottom: Line


def make_part(classes: Codes, labels: Labels, core: Region, sums: SegmentSums) -> tuple[Part, Ints]:
    """Return what stays open of a block, and which rows of its sums are finished.

    Args:
        classes: `[hh, ww]` of the block with its halo.
        labels: `[h, w]` its segments.
        core: the rows and columns of `classes` that are the block.
        sums: of its segments.
    """
    continued = _continued(classes, labels, core, len(sums))
    ids = np.append(np.where(continued, np.cumsum(continued) - 1, -1), -1)  # label 0 finds the last
    codes = classes[core.row0 : core.row1, core.col0 : core.col1]
    edges = [(0,), (-1,), (slice(None), 0), (slice(None), -1)]
    lines = [Line(codes[edge].copy(), ids[labels[edge].astype(np.int64) - 1]) for edge in edges]
    return Part(sums.take(continued), *lines), np.flatnonzero(~continued)


def join_strip(above: Frontier | None, parts: list[Part]) -> tuple[SegmentSums, Frontier]:
    """Join the open segments of a strip, blocks from left to right, with each other and those from above.

    Returns:
        The sums of those that end here, and those that may go on.
    """
    sums = [part.open for part in parts]
    starts = np.cumsum([0] + [len(part) for part in sums])
    placed = list(zip(parts, starts.tolist(), strict=False))
    top = _chain([part.top.moved(start) for part, start in placed])
    bottom = _chain([part.bottom.moved(start) for part, start in placed])
    rights = [part.right.moved(start) for part, start in placed[:-1]]
    lefts = [part.left.moved(start) for part, start in placed[1:]]
    seams = list(zip(rights, lefts, strict=True))
    if above is not None:
        sums.append(above.open)
        seams.append((above.bottom.moved(int(starts[-1])), top))
    parts_of = SegmentSums.join(sums)
    n, groups = _connect([_edges(one, other) for one, other in seams], len(parts_of))
    merged = parts_of.merge(groups, n) if n else parts_of
    goes_on = np.zeros(n, np.bool_)
    goes_on[groups[bottom.ids[bottom.ids >= 0]]] = True
    ids = np.append((np.cumsum(goes_on) - 1)[groups], -1)  # index -1, of no open segment, finds the last
    return merged.take(~goes_on), Frontier(merged.take(goes_on), Line(bottom.codes, ids[bottom.ids]))


def _chain(lines: list[Line]) -> Line:
    return Line(np.concatenate([line.codes for line in lines]), np.concatenate([line.ids for line in lines]))


def _continued(classes: Codes, labels: Labels, core: Region, n: int) -> Bools:
    """Return which of a block's n segments have a pixel of their class beyond the block, in the halo."""
    continued = np.zeros(n + 1, np.bool_)
    h, w = classes.shape
    rows, cols = slice(core.row0, core.row1), slice(core.col0, core.col1)
    sides = []
    if core.row0 > 0:
        sides.append((classes[0], classes[core.row0, cols], labels[0], core.col0))
    if core.row1 < h:
        sides.append((classes[-1], classes[core.row1 - 1, cols], labels[-1], core.col0))
    if core.col0 > 0:
        sides.append((classes[:, 0], classes[rows, core.col0], labels[:, 0], core.row0))
    if core.col1 < w:
        sides.append((classes[:, -1], classes[rows, core.col1 - 1], labels[:, -1], core.row0))
    for beyond, edge, edge_labels, offset in sides:
        for mine, theirs in _touching(len(edge), len(beyond), offset):
            continued[edge_labels[mine][edge[mine] == beyond[theirs]]] = True
    return continued[1:]


def _touching(n: int, n_beyond: int, offset: int) -> Iterator[tuple[slice, slice]]:
    """Yield, per direction, the pixels of a line of n and those of the line beside it that they touch.

    Pixel i of the one lies beside pixel i + offset of the other.
    """
    for shift in (offset - 1, offset, offset + 1):
        first, last = max(0, -shift), min(n, n_beyond - shift)
        if first < last:
            yield slice(first, last), slice(first + shift, last + shift)


def _edges(one: Line, other: Line) -> Ints:
    """Return the pairs `[2, m]` of open segments that touch across a seam and have the same class."""
    pairs = []
    for mine, theirs in _touching(len(one.codes), len(other.codes), 0):
        same = (one.codes[mine] == other.codes[theirs]) & (one.codes[mine] != IGNORED)
        pairs.append(np.stack([one.ids[mine][same], other.ids[theirs][same]]))
    return np.concatenate(pairs, axis=1)


def _connect(edges: list[Ints], n: int) -> tuple[int, Ints]:
    """Return the number of groups of n nodes that edges connect, and each node's group."""
    ends = np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)
    graph = coo_array((np.ones(ends.shape[1], np.bool_), (ends[0], ends[1])), shape=(n, n))
    n_groups, groups = connected_components(graph, directed=False) if n else (0, np.zeros(0))
    return int(n_groups), groups.astype(np.int64)
