"""Any region of a raster on the world grid, from the fixed cells that `core/cells.py` reads."""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from ..cells import GridSource
from ..grid import Region

#: Cells kept in memory; a block of pixels and its halo touch 16 at most.
_CELLS_KEPT = 32
Floats = NDArray[np.float32]


class RegionReader:
    """Regions of a source; a pixel has the same values whichever region it is read with."""

    def __init__(self, source: GridSource, n_bands: int):
        self._source = source
        self._n_bands = n_bands
        self._cells: OrderedDict[tuple[int, int], Floats | None] = OrderedDict()

    def read(self, region: Region) -> Floats:
        """Return float32 `[bands, h, w]` of a region of the world grid, NaN where there is nothing.

        Raises:
            InputError: if a file breaks while being read.
        """
        side = self._source.cell
        values = np.full((self._n_bands, *region.shape), np.nan, np.float32)
        for row in range(region.row0 // side, (region.row1 - 1) // side + 1):
            for col in range(region.col0 // side, (region.col1 - 1) // side + 1):
                cell = self._cell(row, col)
                if cell is None:
                    continue
                place = Region(row * side, (row + 1) * side, col * side, (col + 1) * side)
                part = place.intersect(region)
                values[:, *_within(part, region)] = cell[:, *_within(part, place)]
        return values

    def close(self) -> None:
        """Close the files."""
        self._source.close()

    def _cell(self, row: int, col: int) -> Floats | None:
        if (row, col) not in self._cells:
            self._cells[row, col] = self._source.read_cell(row, col)
            while len(self._cells) > _CELLS_KEPT:
                self._cells.popitem(last=False)
        self._cells.move_to_end((row, col))
        return self._cells[row, col]


def moved(region: Region, extent: Region) -> Region:
    """Return a region of a raster as one of the world grid, where the raster is `extent`."""
    return Region(
        region.row0 + extent.row0,
        region.row1 + extent.row0,
        region.col0 + extent.col0,
        region.col1 + extent.col0,
    )


def _within(part: Region, whole: Region) -> tuple[slice, slice]:
    return (
        slice(part.row0 - whole.row0, part.row1 - whole.row0),
        slice(part.col0 - whole.col0, part.col1 - whole.col0),
    )
