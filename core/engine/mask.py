"""The part of a region that is mapped where not all of it is: tiles that someone chose. Pixels outside are
written as nodata, but windows at a tile's edge still see what lies beyond: the map of a tile is that of the
whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..errors import InputError
from ..grid import Bounds, Region, WorldGrid, name_of


@dataclass(frozen=True, eq=False)
class TileMask:
    """Rectangles of pixels `[N, 4]`: row0, row1, col0, col1."""

    edges: NDArray[np.int64]

    def wanted(self, region: Region) -> NDArray[np.bool_]:
        """Return which pixels of a region lie in a tile, `[rows, cols]`."""
        mask = np.zeros(region.shape, np.bool_)
        for row0, row1, col0, col1 in self._near(region).tolist():
            both = region.intersect(Region(row0, row1, col0, col1))
            mask[
                both.row0 - region.row0 : both.row1 - region.row0,
                both.col0 - region.col0 : both.col1 - region.col0,
            ] = True
        return mask

    def touches(self, region: Region) -> bool:
        """Tell whether a region has a pixel of a tile."""
        return len(self._near(region)) > 0

    def bounding(self) -> Region:
        """Return the smallest region that holds all tiles."""
        row0, _, col0, _ = self.edges.min(axis=0).tolist()
        _, row1, _, col1 = self.edges.max(axis=0).tolist()
        return Region(row0, row1, col0, col1)

    def digest(self) -> str:
        """Return a hash of the tiles."""
        return sha256(np.ascontiguousarray(self.edges).tobytes()).hexdigest()

    def _near(self, region: Region) -> NDArray[np.int64]:
        row0, row1, col0, col1 = self.edges.T
        rows = (row0 < region.row1) & (row1 > region.row0)
        cols = (col0 < region.col1) & (col1 > region.col0)
        return self.edges[rows & cols]


def tile_mask(bounds: Sequence[Bounds], crs: CRS, grid: WorldGrid) -> TileMask:
    """Return the mask of tiles given by left, bottom, right and top.

    Raises:
        InputError: if there is none, or their CRS is not the grid's.
    """
    if crs != grid.crs:
        raise InputError(
            f"The tiles are in {name_of(crs)} and the map is in {name_of(grid.crs)}; choose that CRS for the "
            "map, or screen again in the map's."
        )
    if not len(bounds):
        raise InputError("No tile is chosen; take a larger share of them.")
    regions = [grid.covering(b) for b in bounds]
    return TileMask(np.array([(r.row0, r.row1, r.col0, r.col1) for r in regions], np.int64))
