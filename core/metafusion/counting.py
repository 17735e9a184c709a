"""Counts the segments of a class that a map invents, misses and finds (METHODS.md section 2, "Counting"), in
memory or streamed over rasters of any size, and what follows from the counts.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..catalogue import NODATA_CLASS
from ..grid import Region
from ..segment_stream import PixelBlock, stream_segments

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
    import cc3d

    known = (predicted != nodata) & (labels != nodata)
    mapped = np.ascontiguousarray((predicted == class_id) & known)
    true = np.ascontiguousarray((labels == class_id) & known)
    inside: NDArray[Any] = np.zeros(0, np.int64)
    mapped_parts: NDArray[Any] = np.zeros(mapped.shape, np.uint32)
    n_mapped = 0
    if mapped.any():
        mapped_parts, n_mapped = cc3d.connected_components(mapped, connectivity=8, return_N=True)
        inside = mapped_parts[_eroded(mapped)]
    has_interior = np.bincount(inside, minlength=n_mapped + 1)[1:] > 0
    is_right = np.bincount(mapped_parts[true], minlength=n_mapped + 1)[1:] > 0
    n_true, found = 0, np.zeros(0, np.bool_)
    if true.any():
        true_parts, n_true = cc3d.connected_components(true, connectivity=8, return_N=True)
        found = np.bincount(true_parts[mapped], minlength=n_true + 1)[1:] > 0
    tp = int(found.sum())
    return Errors(int((has_interior & ~is_right).sum()), n_true - tp, tp)


def stream_errors(
    shape: tuple[int, int],
    read: ReadPair,
    class_id: int,
    *,
    block: int = 1024,
    nodata: int = NODATA_CLASS,
) -> Errors:
    """Do the same as `count_errors` for a raster of any size, block by block in bounded memory.

    Args:
        shape: rows and columns.
        read: gives map and labels of any region.
        block: side of the blocks; the counts do not depend on it.
    """

    def of_map(region: Region) -> PixelBlock:
        predicted, labels = read(region)
        known = (predicted != nodata) & (labels != nodata)
        return _mask_block(predicted == class_id, labels == class_id, known)

    def of_labels(region: Region) -> PixelBlock:
        predicted, labels = read(region)
        known = (predicted != nodata) & (labels != nodata)
        return _mask_block(labels == class_id, predicted == class_id, known)

    fp = fn = tp = 0
    for table in stream_segments(shape, 2, of_map, block=block, keep=_of_class):
        fp += int(((table.n_interior > 0) & (table.means[:, 0] == 0)).sum())
    for table in stream_segments(shape, 2, of_labels, block=block, keep=_of_class):
        found = table.means[:, 0] > 0
        tp += int(found.sum())
        fn += int((~found).sum())
    return Errors(fp, fn, tp)


def _of_class(table: Any) -> NDArray[np.bool_]:
    return np.asarray(table.metrics["class"] == 1)


def _mask_block(mask: NDArray[np.bool_], other: NDArray[np.bool_], known: NDArray[np.bool_]) -> PixelBlock:
    """Return a map of two classes, in or out of the mask, with the other mask as its layer."""
    classes = np.where(known, mask, NODATA_CLASS).astype(np.uint8)
    heat = np.zeros((3, *mask.shape), np.uint8)
    return PixelBlock(classes, heat, (other & known)[None].astype(np.uint8))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels whose 8 neighbours inside the raster are in the mask, too."""
    padded = np.pad(mask, 1, constant_values=True)
    rows, cols = mask.shape
    result = mask.copy()
    for down in range(3):
        for right in range(3):
            result &= padded[down : down + rows, right : right + cols]
    return result
