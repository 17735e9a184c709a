"""Draws a stratified random sample of the pixels of a class raster of any size. The layer of points, written
and read, lives in `sample_layer.py`, what it says of the map in `map_accuracy.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..base.errors import InputError
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult, as_plain
from ..geodata.class_raster import ClassRaster, count_strips, open_class_raster
from ..geodata.class_table import named
from ..geodata.grid import require_metric
from ..mapping.record import classes_of, map_file, record_of
from .requests import SampleRequest
from .sample_layer import Points, require_free, write_sample


@dataclass(frozen=True)
class SampleResult(JobResult):
    """The layer that was written, and points and mapped pixels per class name."""

    output: Path
    points: dict[str, int]
    pixels: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the layer, how many points there are, and how many of each class."""
        named = {"sample": self.output, "n": sum(self.points.values()), "per_class": self.points}
        return as_plain({**named, "pixels": self.pixels})


def draw_sample(request: SampleRequest, reporter: Reporter | None = None) -> SampleResult:
    """Draw points at random, without replacement, class by class, and write them in random order.

    The raster is read twice in strips, the second time only where points fall. The layer's field `reference`
    is empty: the interpreter writes the true class there, as id or name, without looking at `map_class`.

    Raises:
        InputError: if the raster cannot be used, is not in metres, or has too many classes for the size.
        OutputError: if the layer is not to be replaced, or cannot be written.
    """
    report = reporter or SILENT
    record = record_of(request.raster)
    raster_path = map_file(request.raster)
    require_free(request.output, overwrite=request.overwrite)
    rng = np.random.default_rng(request.seed)
    with open_class_raster(raster_path) as raster:
        require_metric(raster.crs, f"The map {raster_path}")
        counts = count_strips(raster, report)  # (strips, 255)
        pixels = counts.sum(axis=0)
        ids = np.flatnonzero(pixels)
        if not len(ids):
            raise InputError(f"{raster_path} has no mapped pixel, so there is nothing to sample.")
        known = classes_of(record, request.classes)
        classes = named(ids.tolist(), known, str(raster_path))
        sizes = allocate(pixels[ids], request.size, request.minimum)
        rows, cols, drawn = _draw(raster, counts, ids, sizes, rng)
        order = rng.permutation(len(rows))
        t = raster.transform
        points = Points(
            t.c + t.a * (cols[order] + 0.5),
            t.f + t.e * (rows[order] + 0.5),
            drawn[order],
            pixels,
            abs(t.a * t.e),
        )
        write_sample(points, classes, raster.crs, request.output, known)
    report.log(f"Drew {len(rows):,} points of {len(ids)} classes into {request.output}.")
    return SampleResult(
        request.output,
        {c.name: int(n) for c, n in zip(classes, sizes, strict=True)},
        {c.name: int(pixels[c.id]) for c in classes},
    )


def allocate(pixels: Sequence[int] | NDArray[np.int64], size: int, minimum: int) -> NDArray[np.int64]:
    """Return how many points each class gets, `[C]`: its share of `size`, but at least `minimum`.

    Classes below the minimum get it, the others share what is left in proportion to their pixels; no class
    gets more points than it has pixels.

    Raises:
        InputError: if the minima alone are more than the size.
    """
    available = np.asarray(pixels, np.int64)
    least = np.minimum(available, minimum)
    if minimum < 2 or least.sum() > size:
        raise InputError(
            f"{size} points are too few for {len(available)} classes of at least {minimum} points each (2 or "
            "more); draw more points or lower the minimum."
        )
    points = least.copy()
    raised = np.zeros(len(available), bool)  # classes that stay at their minimum
    while not raised.all():
        left, weight = size - points[raised].sum(), available * ~raised
        share = left * weight / weight.sum()
        low = ~raised & (share < least)
        if not low.any():
            points = np.where(raised, points, _rounded(share, left))
            break
        raised |= low
    return np.minimum(points, available)


def _rounded(share: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Round down, and give the rest to the largest remainders; the sum is `total`."""
    whole = np.floor(share).astype(np.int64)
    rest = np.argsort(whole - share, kind="stable")[: int(total - whole.sum())]
    whole[rest] += 1
    return whole


def _draw(
    raster: ClassRaster,
    counts: NDArray[np.int64],
    ids: NDArray[np.int64],
    sizes: NDArray[np.int64],
    rng: Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows, columns and class ids of the points, in reading order.

    A point is the n-th pixel of its class in that order; strips hold whole rows, so it does not depend on how
    they are cut.
    """
    ranks = [
        np.sort(rng.choice(counts[:, i].sum(), n, replace=False)) for i, n in zip(ids, sizes, strict=True)
    ]
    first = np.cumsum(counts, axis=0) - counts  # (strips, 255) rank of a strip's first pixel of a class
    rows, cols, drawn = [], [], []
    for s, strip in enumerate(raster.strips()):
        here = [
            r[(r >= first[s, i]) & (r < first[s, i] + counts[s, i])] for i, r in zip(ids, ranks, strict=True)
        ]
        if not any(len(r) for r in here):
            continue
        values = raster.read(strip)
        for i, r in zip(ids, here, strict=True):
            if len(r):
                row, col = np.divmod(np.flatnonzero(values == i)[r - first[s, i]], values.shape[1])
                rows.append(row + strip.row_off)
                cols.append(col)
                drawn.append(np.full(len(r), i))
    row, col, id_ = (np.concatenate(parts) for parts in (rows, cols, drawn))
    order = np.lexsort((col, row))
    return row[order], col[order], id_[order]
