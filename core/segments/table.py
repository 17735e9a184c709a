"""What adds up over the pixels of segments (counts, coordinates, heat, layers, adjacency pairs), and the
table of metrics made of it (docs/science/methods.md section 2). Summing a block lives in `block.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SegmentSums:
    """Sums over n segments or parts of segments; those of a whole are the sums of its parts."""

    classes: NDArray[np.uint8]  # [n]
    first: Ints  # [n] row * width + col of the first pixel in raster order
    bounds: Ints  # [n, 4] row0, row1, col0, col1, half-open
    counts: Ints  # [n, 2] interior and boundary pixels
    centre: Ints  # [n, 2] sums of the rows and of the columns
    heat: Floats  # [n, 2, 3] sums of E, M, V over interior and boundary
    squares: NDArray[np.int64] | Floats  # [n, 2, 3] of their squares; whole numbers for whole-number heat
    layers: Floats  # [n, F]
    pairs: (
        Ints  # [n, C + 1] pairs of a boundary pixel and a neighbour by the neighbour's class; last: ignored
    )

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: Bools | Ints | slice) -> Self:
        """Return the rows of a mask, of indices or of a slice."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return all rows of all parts, of which there must be one at least."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def merge(self, groups: NDArray[np.integer], n_groups: int) -> Self:
        """Return one row per group 0..n_groups-1, none of them empty: the sums of its members."""
        members = self.take(np.argsort(groups, kind="stable"))
        starts = np.searchsorted(np.sort(groups), np.arange(n_groups))
        low, high = (ufunc.reduceat(members.bounds, starts) for ufunc in (np.minimum, np.maximum))
        bounds = np.stack([low[:, 0], high[:, 1], low[:, 2], high[:, 3]], axis=1)
        additive = ("counts", "centre", "heat", "squares", "layers", "pairs")
        return type(self)(
            members.classes[starts],
            np.minimum.reduceat(members.first, starts),
            bounds,
            *(np.add.reduceat(getattr(members, name), starts) for name in additive),
        )


HEAT_MAPS = ("E", "M", "V")
_HEAT_PARTS = ("", "_in", "_bd", "_rel", "_rel_in", "_var", "_var_in", "_var_bd", "_var_rel", "_var_rel_in")
_SIZES = ("S", "S_in", "S_bd", "S_rel", "S_rel_in")


def metric_names(n_classes: int) -> tuple[str, ...]:
    """Return the columns of `segment_metrics` in their order."""
    heat = [name + part for name in HEAT_MAPS for part in _HEAT_PARTS]
    neighbours = [f"neighbour_{index}" for index in range(n_classes)]
    return ("class", *heat, *_SIZES, "row", "col", *neighbours)


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """n segments, one row each.

    `metrics` are those of `segment_metrics`; `means` `[n, F]` the mean of each layer over all pixels of the
    segment (NaN if one of them is); `first` `[n]` row * width + col of its first pixel in raster order, which
    is unique; `bounds` `[n, 4]` row0, row1, col0, col1, half-open; `n_pixels` and `n_interior` `[n]`.
    """

    metrics: dict[str, Floats]
    means: Floats
    first: NDArray[np.int64]
    bounds: NDArray[np.int64]
    n_pixels: NDArray[np.int64]
    n_interior: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the rows of a mask or of indices."""
        metrics = {name: column[rows] for name, column in self.metrics.items()}
        others = (getattr(self, field.name)[rows] for field in fields(self)[1:])
        return type(self)(metrics, *others)

    def in_raster_order(self) -> Self:
        """Return the rows sorted by `first`."""
        return self.take(np.argsort(self.first))

    @classmethod
    def join(cls, tables: Iterable[Self]) -> Self:
        """Return all rows of all tables, of which there must be one at least."""
        parts = list(tables)
        metrics = {name: np.concatenate([part.metrics[name] for part in parts]) for name in parts[0].metrics}
        others = (np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)[1:])
        return cls(metrics, *others)

    @classmethod
    def empty(cls, n_classes: int, n_layers: int = 0) -> Self:
        """Return a table without rows."""
        none = np.zeros(0, np.int64)
        metrics = {name: np.zeros(0) for name in metric_names(n_classes)}
        return cls(metrics, np.zeros((0, n_layers)), none, np.zeros((0, 4), np.int64), none, none)


def make_table(sums: SegmentSums, heat_scale: float = 1.0) -> SegmentTable:
    """Make the metrics of whole segments' sums.

    Variances are those of the population. What would be an average over no pixels is 0, and `S_rel` of a
    segment without boundary, which fills the raster, is taken as if it had one boundary pixel.

    Args:
        sums: of n whole segments.
        heat_scale: what a heat of 1 is in the sums.
    """
    inner, bd = sums.counts.T.astype(np.float64)
    size = inner + bd
    rel, rel_in = size / np.maximum(bd, 1), inner / np.maximum(bd, 1)
    metrics: dict[str, Floats] = {"class": sums.classes.astype(np.float64)}
    for index, name in enumerate(HEAT_MAPS):
        heat, squares = sums.heat[:, :, index], sums.squares[:, :, index]
        mean, var = _moments(heat[:, 0] + heat[:, 1], squares[:, 0] + squares[:, 1], size, heat_scale)
        mean_in, var_in = _moments(heat[:, 0], squares[:, 0], inner, heat_scale)
        mean_bd, var_bd = _moments(heat[:, 1], squares[:, 1], bd, heat_scale)
        of_mean = mean, mean_in, mean_bd, mean * rel, mean_in * rel_in
        of_var = var, var_in, var_bd, var * rel, var_in * rel_in
        metrics |= {name + part: column for part, column in zip(_HEAT_PARTS, of_mean + of_var, strict=True)}
    metrics |= dict(zip(_SIZES, (size, inner, bd, rel, rel_in), strict=True))
    metrics["row"], metrics["col"] = (sums.centre / size[:, None]).T.copy()
    n_pairs = np.maximum(sums.pairs.sum(axis=1), 1)
    for index in range(sums.pairs.shape[1] - 1):
        metrics[f"neighbour_{index}"] = sums.pairs[:, index] / n_pairs
    means = sums.layers / size[:, None]
    counts = sums.counts
    return SegmentTable(metrics, means, sums.first, sums.bounds, counts.sum(axis=1), counts[:, 0].copy())


def _moments(
    total: Floats, squares: NDArray[np.int64] | Floats, n: Floats, scale: float
) -> tuple[Floats, Floats]:
    """Return mean and population variance from sums over n pixels; 0 where n is 0."""
    n = np.maximum(n, 1)
    mean = total / (n * scale)
    return mean, np.maximum(squares / (n * scale**2) - mean * mean, 0)
