"""Counts the segments of a class that a map invents, misses and finds (docs/science/methods.md section 2,
"Counting"), in memory or streamed over rasters of any size, and what follows from the counts.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geodata.grid import Region
from ..model.classes import NODATA_CLASS
from .stream import IGNORED, PixelBlock, stream_segments
from .table import SegmentTable

_EIGHT = np.ones((3, 3), np.bool_)
#: Region -> map and labels of it, class ids `[h, w]` each.
ReadPair = Callable[[Region], tuple[NDArray[Any], NDArray[Any]]]


class Errors(NamedTuple):
    """Segments of one class: `fp` invented, `fn` missed, `tp` found."""

    fp: int = 0
    fn: int = 0
    tp: int = 0

    def plus(self, other: "Errors") -> "Errors":
        """Return the counts of two separate rasters together."""
        return Errors(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def f1(self) -> float:
        """`2 TP / (2 TP + FP + FN)`, NaN where there is nothing (the paper's formula is misprinted)."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else float("nan")


def delta(errors: Errors, bayes: Errors) -> float:
    """Return how many more invented segments than Bayes's pay for each one missed less (eq. 17).

    NaN where none less is missed.
    """
    gained = bayes.fn - errors.fn
    return (errors.fp - bayes.fp) / gained if gained else float("nan")


def count_errors(
    predicted: NDArray[Any], labels: NDArray[Any], class_id: int, *, nodata: int = NODATA_CLASS
) -> Errors:
    """Count the errors of a map in memory.

    Segments are 8-connected components of the class. FP are those of the map that have an interior pixel (all
    of its 8 neighbours inside the raster are of the class) and hold no label of the class; FN are those of
    the labels in which the map never says the class, TP the others. A pixel that is `nodata` in the map or
    the labels is in no segment: nobody knows whether the map is right there.

    Args:
        predicted, labels: class ids `[H, W]`.
    """
    known = (predicted != nodata) & (labels != nodata)
    mapped, true = (predicted == class_id) & known, (labels == class_id) & known
    mapped_parts, n_mapped = ndimage.label(mapped, structure=_EIGHT)
    true_parts, n_true = ndimage.label(true, structure=_EIGHT)
    has_interior = np.bincount(mapped_parts[_eroded(mapped)], minlength=n_mapped + 1)[1:] > 0
    is_right = np.bincount(mapped_parts[true], minlength=n_mapped + 1)[1:] > 0
    found = np.bincount(true_parts[mapped], minlength=n_true + 1)[1:] > 0
    tp = int(found.sum())
    return Errors(int((has_interior & ~is_right).sum()), n_true - tp, tp)


def stream_errors(
    shape: tuple[int, int],
    read: ReadPair,
    class_ids: Sequence[int],
    *,
    block: int = 1024,
    nodata: int = NODATA_CLASS,
) -> dict[int, Errors]:
    """Do the same as `count_errors` for several classes and a raster of any size, in bounded memory.

    Args:
        shape: rows and columns.
        read: gives map and labels of any region.
        class_ids: what to count.
        block: side of the blocks; the counts do not depend on it.
    """
    channels = _channels(class_ids)

    def of_map(region: Region) -> PixelBlock:
        predicted, labels = read(region)
        return _block(predicted, labels, channels, nodata)

    def of_labels(region: Region) -> PixelBlock:
        predicted, labels = read(region)
        return _block(labels, predicted, channels, nodata)

    counts = {id_: [0, 0, 0] for id_ in class_ids}

    def add(which: NDArray[np.bool_], table: SegmentTable, place: int) -> None:
        channel = table.metrics["class"][which].astype(np.int64)
        for index, id_ in enumerate(class_ids):
            counts[id_][place] += int((channel == index).sum())

    n = len(class_ids) + 1
    for table in stream_segments(shape, n, of_map, block=block, keep=_is_counted(n)):
        add((table.n_interior > 0) & (table.means[:, 0] == 0), table, 0)
    for table in stream_segments(shape, n, of_labels, block=block, keep=_is_counted(n)):
        add(table.means[:, 0] == 0, table, 1)
        add(table.means[:, 0] > 0, table, 2)
    return {id_: Errors(*found) for id_, found in counts.items()}


def _channels(class_ids: Sequence[int]) -> NDArray[np.uint8]:
    """Return the place of each value 0..255 among the classes, behind them all for every other."""
    channels = np.full(256, len(class_ids), np.uint8)
    channels[list(class_ids)] = np.arange(len(class_ids))
    return channels


def _is_counted(n: int) -> Callable[[SegmentTable], NDArray[np.bool_]]:
    return lambda table: np.asarray(table.metrics["class"] < n - 1)


def _block(own: NDArray[Any], other: NDArray[Any], channels: NDArray[np.uint8], nodata: int) -> PixelBlock:
    """Return one of two class maps, with the layer "the other one says the same"."""
    classes = np.where((own != nodata) & (other != nodata), channels[own], IGNORED).astype(np.uint8)
    heat = np.zeros((3, *classes.shape), np.uint8)
    return PixelBlock(classes, heat, (own == other)[None].astype(np.uint8))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels whose 8 neighbours inside the raster are in the mask, too."""
    return np.asarray(ndimage.binary_erosion(mask, structure=_EIGHT, border_value=1))
