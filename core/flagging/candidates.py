"""Finds the candidates of a run: places where the ML rule sees a rare class and the map does not. Their
outlines live in `outlines.py`, their file in `geopackage.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
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
from .features import FeatureTable, make_features
from .pixels import RunPixels

#: Side of the blocks that a run is read in.
BLOCK = 512
Read = Callable[[Region], PixelBlock]


@dataclass(frozen=True, eq=False)
class Candidates:
    """n candidates in raster order of their first pixels.

    Attributes:
        table: their segments.
        features: what is known of each.
        class_ids: `[n]` the flagged class.
        bayes_ids: `[n]` the map's class that it would replace: the most frequent one in it.
        agreeing: `[n, K]` does the expert say the flagged class in most of it?
        support: `[n]` mean over its pixels of the ML class's probability over that of the map's class.
        x, y: `[n]` centre in the CRS; it may lie outside of the candidate.
        target: `[n]` is at least one pixel labelled as the flagged class? None without labels.
        labelled: `[n]` has at least one pixel any label? None without labels.
    """

    table: SegmentTable
    features: FeatureTable
    class_ids: NDArray[np.int64]
    bayes_ids: NDArray[np.int64]
    agreeing: NDArray[np.bool_]
    support: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    target: NDArray[np.bool_] | None = None
    labelled: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.class_ids)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the rows of a mask or of indices."""
        tables = (self.table.take(rows), self.features.take(rows))
        arrays: list[Any] = [getattr(self, field.name) for field in fields(self)[2:]]
        parts: list[Any] = [None if array is None else array[rows] for array in arrays]
        return type(self)(*tables, *parts)


def find_candidates(
    pixels: RunPixels,
    class_ids: Sequence[int],
    *,
    min_area_m2: float = 0.0,
    labels: RunLabels | None = None,
    block: int = BLOCK,
    reporter: Reporter = SILENT,
) -> Candidates:
    """Return the candidates of the classes (docs/science/methods.md section 2): segments of the ML rule of
    such a class that share no pixel with the map's and have an interior pixel.

    The same for any size of the blocks; memory holds one block and the candidates.

    Args:
        pixels: of the run.
        class_ids: the classes to flag.
        min_area_m2: smaller candidates are left out.
        labels: what is known to be there, for `target`.
        block: side of the blocks in pixels.
        reporter: told after each block; it may stop the work.

    Raises:
        InputError: if a file breaks.
        Cancelled: if the reporter says so.
    """
    names = [layer.name for layer in pixels.layers]
    flagged = np.isin(pixels.class_ids, list(class_ids))
    own_share = np.array([names.index(f"bayes_{id_}") for id_ in pixels.class_ids])

    def keep(table: SegmentTable) -> NDArray[np.bool_]:
        channels = table.metrics["class"].astype(np.int64)
        missed = table.means[np.arange(len(table)), own_share[channels]] == 0
        large = table.n_pixels * pixels.grid.gsd**2 >= min_area_m2
        return flagged[channels] & missed & (table.n_interior > 0) & large

    n_classes = len(pixels.class_ids)
    nothing = SegmentTable.empty(n_classes, len(names) + 2 * (labels is not None))
    read = pixels.read if labels is None else _with_labels(pixels, labels)
    with ReadAhead(read, halo_regions(pixels.shape, block)) as ahead:
        reading = _reporting(ahead, pixels.shape, block, reporter)
        found = stream_segments(
            pixels.shape, n_classes, reading, heat_scale=EVIDENCE_STEPS, block=block, keep=keep
        )
        table = SegmentTable.join([nothing, *found]).in_raster_order()
    return _describe(table, pixels, names, labelled=labels is not None)


def _describe(table: SegmentTable, pixels: RunPixels, names: Sequence[str], *, labelled: bool) -> Candidates:
    """Name what the segments' means say."""
    n_experts = len(pixels.record.experts)
    ids = pixels.class_ids
    class_ids = ids[table.metrics["class"].astype(np.int64)]
    means = dict(zip(names, table.means.T, strict=False))
    shares = np.stack([means[f"bayes_{id_}"] for id_ in ids], axis=1)
    voices = np.stack([means[f"expert_{k}"] for k in range(1, n_experts + 1)], axis=1)
    features = make_features(table, len(ids), class_ids, pixels.layers)
    x, y = _centres(table, pixels)
    support = features.select(["mce_support"]).values[:, 0]
    truth = (table.means[:, -2] > 0, table.means[:, -1] > 0) if labelled else (None, None)
    bayes_ids = ids[shares.argmax(axis=1)]
    return Candidates(table, features, class_ids, bayes_ids, voices > 0.5, support, x, y, *truth)


def _centres(table: SegmentTable, pixels: RunPixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centres in the CRS, from the whole sums of rows and columns on the world grid, so that they
    are the same in every raster that holds the segment.
    """
    n, extent, gsd = table.n_pixels, pixels.extent, pixels.grid.gsd
    rows, cols = (np.rint(table.metrics[name] * n).astype(np.int64) for name in ("row", "col"))
    x = ((cols + n * extent.col0) / n + 0.5) * gsd
    y = -((rows + n * extent.row0) / n + 0.5) * gsd
    return x, y


def _with_labels(pixels: RunPixels, labels: RunLabels) -> Read:
    """Add two layers: is the label the ML class, and is there a label?"""
    ids = np.full(256, NODATA_CLASS, np.uint8)
    ids[: len(pixels.class_ids)] = pixels.class_ids

    def read(region: Region) -> PixelBlock:
        block, truth = pixels.read(region), labels.read(region)
        known = truth != NODATA_CLASS
        layers = [(truth == ids[block.classes]) & known, known]
        added = np.concatenate([block.layers, np.stack(layers).astype(block.layers.dtype)])
        return PixelBlock(block.classes, block.heat, added)

    return read


def _reporting(read: Read, shape: tuple[int, int], block: int, reporter: Reporter) -> Read:
    total = ceil(shape[0] / block) * ceil(shape[1] / block)
    done = 0

    def counted(region: Region) -> PixelBlock:
        nonlocal done
        reporter.progress(done, total, "blocks")
        done += 1
        return read(region)

    return counted
