"""Finds the candidates of a run. Missed places: the ML rule sees a rare class and the map does not. Doubtful
places: the map itself says the class, which may be false. Their outlines live in `outlines.py`, their file in
`geopackage.py`.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..base.progress import SILENT, Reporter
from ..geodata.cells import ReadAhead, halo_regions
from ..geodata.grid import Region
from ..geodata.labels import RunLabels
from ..model.classes import NODATA_CLASS
from ..model.decision import EVIDENCE_STEPS
from ..segments.stream import PixelBlock, stream_segments
from ..segments.table import SegmentTable
from .alternatives import Alternatives, allowed_instead
from .features import FeatureTable, make_features
from .kinds import DOUBTFUL, MISSED, Kind
from .overlap import place_iou
from .pixels import RunPixels

#: Side of the blocks that a run is read in.
BLOCK = 512
Read = Callable[[Region], PixelBlock]


@dataclass(frozen=True, eq=False)
class Candidates:
    """n candidates, those of a kind together and in raster order of their first pixels.

    Attributes:
        table: their segments.
        features: what is known of each.
        kinds: `[n]` MISSED or DOUBTFUL.
        class_ids: `[n]` the flagged class.
        bayes_ids: `[n]` what the map says in it, mostly.
        instead_ids: `[n]` what the map says, mostly, once the candidate has changed it: the flagged class of
            a missed place, the best class outside of the rare group of a doubtful one.
        agreeing: `[n, K]` does the expert say the flagged class in most of it?
        support: `[n]` mean over its pixels of the ML class's probability over that of the map's class.
        x, y: `[n]` centre in the CRS; it may lie outside of the candidate.
        target: `[n]` is at least one pixel labelled as the flagged class? None without labels.
        labelled: `[n]` has at least one pixel any label? None without labels.
        iou: `[n]` of a doubtful place with the true ones that it meets (`overlap.py`), NaN of a missed one;
            None without labels.
    """

    table: SegmentTable
    features: FeatureTable
    kinds: NDArray[np.str_]
    class_ids: NDArray[np.int64]
    bayes_ids: NDArray[np.int64]
    instead_ids: NDArray[np.int64]
    agreeing: NDArray[np.bool_]
    support: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    target: NDArray[np.bool_] | None = None
    labelled: NDArray[np.bool_] | None = None
    iou: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.class_ids)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the rows of a mask or of indices."""
        tables = (self.table.take(rows), self.features.take(rows))
        arrays: list[Any] = [getattr(self, field.name) for field in fields(self)[2:]]
        parts: list[Any] = [None if array is None else array[rows] for array in arrays]
        return type(self)(*tables, *parts)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of all parts, of which there must be one at least, all with labels or none."""
        tables = (
            SegmentTable.join([part.table for part in parts]),
            FeatureTable.join([part.features for part in parts]),
        )
        columns = [[getattr(part, field.name) for part in parts] for field in fields(cls)[2:]]
        arrays: list[Any] = [None if column[0] is None else np.concatenate(column) for column in columns]
        return cls(*tables, *arrays)


def find_candidates(
    pixels: RunPixels,
    class_ids: Sequence[int],
    *,
    kinds: Sequence[Kind] = (MISSED,),
    min_area_m2: float = 0.0,
    labels: RunLabels | None = None,
    block: int = BLOCK,
    reporter: Reporter = SILENT,
) -> Candidates:
    """Return the candidates of the classes that have an interior pixel (docs/science/methods.md section 2).

    Missed places are segments of the ML rule that share no pixel with the map's of their class. Doubtful ones
    are the map's own segments. Asked for together, a missed place that touches a doubtful one of its class is
    part of it and left out, so that a place comes once.

    The same for any size of the blocks; memory holds one block and the candidates.

    Args:
        pixels: of the run.
        class_ids: the classes to flag.
        kinds: what to look for.
        min_area_m2: smaller candidates are left out.
        labels: what is known to be there, for `target` and `iou`.
        block: side of the blocks in pixels.
        reporter: told after each block; it may stop the work.

    Raises:
        InputError: if a file breaks.
        Cancelled: if the reporter says so.
    """
    rare = np.isin(np.arange(256), list(class_ids))
    search = _Search(pixels, rare, min_area_m2, labels, block, reporter)
    parts = []
    if MISSED in kinds:
        parts.append(search.missed(apart=DOUBTFUL in kinds))
    if DOUBTFUL in kinds:
        parts.append(search.doubtful())
    return Candidates.join(parts)


@dataclass(frozen=True, eq=False)
class _Search:
    """What `find_candidates` was asked for; `rare` `[256]` by class id."""

    pixels: RunPixels
    rare: NDArray[np.bool_]
    min_area_m2: float
    labels: RunLabels | None
    block: int
    reporter: Reporter

    def missed(self, *, apart: bool) -> Candidates:
        """Return the missed places, `apart` from the doubtful ones."""
        names = [*self._names, *(["touched"] if apart else [])]
        own_share = np.array([names.index(f"bayes_{id_}") for id_ in self.pixels.class_ids])

        def is_missed(table: SegmentTable) -> NDArray[np.bool_]:
            none = table.means[np.arange(len(table)), own_share[_channels(table)]] == 0
            return none & (table.means[:, names.index("touched")] == 0) if apart else none

        read = self._with_touch if apart else self.pixels.read
        table = self._segments(read, names, is_missed)
        return self._describe(table, names, MISSED)

    def doubtful(self) -> Candidates:
        """Return the doubtful places."""
        ids = self.pixels.class_ids
        names = [*self._names, *(f"instead_{id_}" for id_ in ids)]
        with closing(Alternatives(self.pixels.record)) as alternatives:

            def read(region: Region) -> PixelBlock:
                pixels = self.pixels.read(region, of_map=True)
                said = _ids_of(pixels, ids)
                wanted = np.full(said.shape, NODATA_CLASS, np.uint8)
                core = _without_halo(region, self.block)  # whose neighbours would be read for nothing
                wanted[core] = np.where(self.rare[said[core]], said[core], NODATA_CLASS)
                instead = alternatives.read(region, wanted)
                return _with_layers(pixels, [instead == id_ for id_ in ids])

            table = self._segments(read, names, lambda table: np.ones(len(table), np.bool_))
        return self._describe(table, names, DOUBTFUL)

    @property
    def _names(self) -> list[str]:
        return [layer.name for layer in self.pixels.layers]

    def _with_touch(self, region: Region) -> PixelBlock:
        """Add the layer: does the map say the ML rule's class at one of the 8 neighbours?"""
        block, mapped = self.pixels.read(region), self.pixels.mapped(region)
        ml = np.append(self.pixels.class_ids, NODATA_CLASS)[
            np.minimum(block.classes, len(self.pixels.class_ids))
        ]
        padded = np.pad(mapped, 1, constant_values=NODATA_CLASS)
        rows, cols = region.shape
        touched = np.zeros(region.shape, np.bool_)
        for row in range(3):
            for col in range(3):
                touched |= padded[row : row + rows, col : col + cols] == ml
        return _with_layers(block, [touched & self.rare[ml]])

    def _segments(
        self, read: Read, names: Sequence[str], is_one: Callable[[SegmentTable], NDArray[np.bool_]]
    ) -> SegmentTable:
        """Return the segments of the flagged classes that are candidates, in raster order."""
        pixels, n_classes = self.pixels, len(self.pixels.class_ids)

        def keep(table: SegmentTable) -> NDArray[np.bool_]:
            flagged = self.rare[pixels.class_ids][_channels(table)]
            large = table.n_pixels * pixels.grid.gsd**2 >= self.min_area_m2
            return flagged & is_one(table) & (table.n_interior > 0) & large

        nothing = SegmentTable.empty(n_classes, len(names) + 2 * (self.labels is not None))
        reading = read if self.labels is None else _with_labels(read, pixels.class_ids, self.labels)
        with ReadAhead(reading, halo_regions(pixels.shape, self.block)) as ahead:
            reported = _reporting(ahead, pixels.shape, self.block, self.reporter)
            found = stream_segments(
                pixels.shape, n_classes, reported, heat_scale=EVIDENCE_STEPS, block=self.block, keep=keep
            )
            return SegmentTable.join([nothing, *found]).in_raster_order()

    def _describe(self, table: SegmentTable, names: Sequence[str], kind: Kind) -> Candidates:
        """Name what the segments' means say."""
        pixels, n_experts = self.pixels, len(self.pixels.record.experts)
        ids = pixels.class_ids
        class_ids = ids[_channels(table)]
        means = dict(zip(names, table.means.T, strict=False))
        shares = np.stack([means[f"bayes_{id_}"] for id_ in ids], axis=1)
        voices = np.stack([means[f"expert_{k}"] for k in range(1, n_experts + 1)], axis=1)
        features = make_features(table, len(ids), class_ids, pixels.layers).of_kind(doubtful=kind == DOUBTFUL)
        x, y = _centres(table, pixels)
        truth: tuple[Any, ...] = (None, None, None)
        if self.labels is not None:
            truth = (table.means[:, -2] > 0, table.means[:, -1] > 0, self._iou(table, kind))
        return Candidates(
            replace(table, means=table.means[:, : len(pixels.layers)]),
            features,
            np.full(len(table), kind),
            class_ids,
            ids[shares.argmax(axis=1)],
            class_ids if kind == MISSED else _instead(table, means, pixels),
            voices > 0.5,
            features.select(["mce_support"]).values[:, 0],
            x,
            y,
            *truth,
        )

    def _iou(self, table: SegmentTable, kind: Kind) -> NDArray[np.float64]:
        if kind == MISSED or self.labels is None:
            return np.full(len(table), np.nan)
        inside = np.rint(table.means[:, -2] * table.n_pixels).astype(np.int64)
        return place_iou(self.pixels, table, inside, self.labels, self.rare)


def _without_halo(region: Region, block: int) -> tuple[slice, slice]:
    """Return the rows and columns of a region of `halo_regions` that belong to its block."""
    parts = []
    for low, high in ((region.row0, region.row1), (region.col0, region.col1)):
        before = int(low % block != 0)
        parts.append(slice(before, min(high - low, before + block)))
    return parts[0], parts[1]


def _channels(table: SegmentTable) -> NDArray[np.int64]:
    return table.metrics["class"].astype(np.int64)


def _instead(
    table: SegmentTable, means: dict[str, NDArray[np.float64]], pixels: RunPixels
) -> NDArray[np.int64]:
    """Return what most pixels of each segment would be instead; where nothing is known of any, the class
    outside of the group that it has most neighbours of, or else the most frequent one of the training.
    """
    allowed = allowed_instead(pixels.record.classes)[_channels(table)]
    n_classes = len(pixels.class_ids)
    votes = np.stack([means[f"instead_{id_}"] for id_ in pixels.class_ids], axis=1)
    beside = np.stack([table.metrics[f"neighbour_{c}"] for c in range(n_classes)], axis=1)
    counts = np.asarray(pixels.record.pixel_counts, np.float64)
    share = counts / max(1.0, counts.sum())
    known = votes.any(axis=1, keepdims=True)
    near = (beside * allowed).any(axis=1, keepdims=True)
    weights = np.where(known, votes, np.where(near, beside, share + 1e-9)) * allowed
    return pixels.class_ids[weights.argmax(axis=1)]


def _centres(table: SegmentTable, pixels: RunPixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centres in the CRS, from the whole sums of rows and columns on the world grid, so that they
    are the same in every raster that holds the segment.
    """
    n, extent, gsd = table.n_pixels, pixels.extent, pixels.grid.gsd
    rows, cols = (np.rint(table.metrics[name] * n).astype(np.int64) for name in ("row", "col"))
    x = ((cols + n * extent.col0) / n + 0.5) * gsd
    y = -((rows + n * extent.row0) / n + 0.5) * gsd
    return x, y


def _with_labels(read: Read, class_ids: NDArray[np.int64], labels: RunLabels) -> Read:
    """Add two layers: is the label the class of the segment, and is there a label?"""

    def with_labels(region: Region) -> PixelBlock:
        block, truth = read(region), labels.read(region)
        known = truth != NODATA_CLASS
        return _with_layers(block, [(truth == _ids_of(block, class_ids)) & known, known])

    return with_labels


def _ids_of(block: PixelBlock, class_ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the class ids `[h, w]` of a block, NODATA_CLASS where it has none."""
    ids = np.append(class_ids, NODATA_CLASS).astype(np.uint8)
    return ids[np.minimum(block.classes, len(class_ids))]


def _with_layers(block: PixelBlock, layers: Sequence[NDArray[np.bool_]]) -> PixelBlock:
    added = np.concatenate([block.layers, np.stack(layers).astype(block.layers.dtype)])
    return PixelBlock(block.classes, block.heat, added)


def _reporting(read: Read, shape: tuple[int, int], block: int, reporter: Reporter) -> Read:
    total = ceil(shape[0] / block) * ceil(shape[1] / block)
    done = 0

    def counted(region: Region) -> PixelBlock:
        nonlocal done
        reporter.progress(done, total, "blocks")
        done += 1
        return read(region)

    return counted
