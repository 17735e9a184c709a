"""How well the outline of a place that the map says agrees with what is really there: the segment-wise IoU
that MetaSeg regresses (docs/science/methods.md section 2).
"""

from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geodata.grid import Region
from ..geodata.labels import RunLabels
from ..model.classes import NODATA_CLASS
from ..segments.stream import PixelBlock, stream_segments
from ..segments.table import SegmentTable
from .outlines import cut_outlines
from .pixels import RunPixels

_BLOCK = 1024
Ints = NDArray[np.int64]


def place_iou(
    pixels: RunPixels, places: SegmentTable, inside: Ints, labels: RunLabels, rare: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the IoU of n places with the union of the true segments of their class that they share a pixel
    with, `[n]`; 0 where there is none.

    Args:
        pixels: of the run.
        places: segments of the map.
        inside: `[n]` how many of its pixels are labelled with its class.
        labels: what is really there.
        rare: the flagged classes by id `[256]`.
    """
    size = np.zeros(len(places), np.int64)
    class_ids = pixels.class_ids[places.metrics["class"].astype(np.int64)]
    met = np.flatnonzero(inside > 0)
    if len(met):
        true = _true_segments(pixels, labels, rare)
        found = places.take(met)
        read = partial(pixels.classes, of_map=True)
        shown = cut_outlines(found.bounds, found.first, pixels.shape[1], read)
        polygons = {met[index]: polygon for index, polygon in shown}
        outlines = dict(cut_outlines(true.bounds, true.first, pixels.shape[1], labels.read))
        tree = shapely.STRtree([outlines[index] for index in range(len(true))])
        true_ids = np.flatnonzero(rare)[true.metrics["class"].astype(np.int64)]
        for place, polygon in polygons.items():
            near = tree.query(polygon, predicate="intersects")
            near = near[true_ids[near] == class_ids[place]]
            shared = shapely.area(shapely.intersection(tree.geometries[near], polygon)) > 0.5
            size[place] = true.n_pixels[near[shared]].sum()
    return inside / np.maximum(places.n_pixels + size - inside, 1)


def _true_segments(pixels: RunPixels, labels: RunLabels, rare: NDArray[np.bool_]) -> SegmentTable:
    """Return the labelled segments of the flagged classes, which are numbered by rising id."""
    n = int(rare.sum())
    channels = np.full(256, n, np.uint8)
    channels[rare] = np.arange(n)

    def read(region: Region) -> PixelBlock:
        truth = labels.read(region)
        classes = np.where(truth == NODATA_CLASS, n, channels[truth]).astype(np.uint8)
        return PixelBlock(
            classes, np.zeros((3, *region.shape), np.uint8), np.zeros((0, *region.shape), np.uint8)
        )

    tables = stream_segments(
        pixels.shape, n + 1, read, block=_BLOCK, keep=lambda table: np.asarray(table.metrics["class"] < n)
    )
    return SegmentTable.join([SegmentTable.empty(n + 1), *tables]).in_raster_order()
