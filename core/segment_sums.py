"""What adds up over the pixels of segments: counts, coordinates, heat, layers, adjacency pairs. Summing a
block lives in segment_block, what is made of the sums in segment_table.
"""

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
