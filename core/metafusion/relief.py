"""Altitude and slope on the world grid, from the elevation model that a run was made with."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..card import Normalisation, SourceSpec
from ..cells import GridSource
from ..errors import InputError
from ..grid import Region, WorldGrid
from ..sources import open_source

Floats = NDArray[np.float32]
#: Cells kept in memory; a block of pixels and its halo touch 16 at most.
_CELLS_KEPT = 32


def open_relief(files: Sequence[Path], grid: WorldGrid) -> "Relief | None":
    """Open an elevation model in metres, one file or a mosaic; None if it can no longer be read."""
    spec = SourceSpec(
        role="dem",
        bands=("height",),
        gsd_m=grid.gsd,
        unit="m",
        normalisation=Normalisation(mean=(0.0,), std=(1.0,)),
    )
    try:
        return Relief(GridSource(open_source(spec, files), spec, grid), grid.gsd)
    except InputError:
        return None


class Relief:
    """Altitude and slope of any region; a pixel has the same values whichever region it is read with."""

    def __init__(self, source: GridSource, gsd_m: float):
        self._source = source
        self._gsd = gsd_m
        self._cells: OrderedDict[tuple[int, int], Floats | None] = OrderedDict()

    def read(self, region: Region) -> tuple[Floats, Floats]:
        """Return altitude in metres and slope in degrees `[h, w]` of a region of the world grid, NaN where
        there is none.

        Raises:
            InputError: if a file breaks while being read.
        """
        halo = Region(region.row0 - 1, region.row1 + 1, region.col0 - 1, region.col1 + 1)
        altitude = self._altitude(halo)
        return altitude[1:-1, 1:-1], slope_deg(altitude, self._gsd)

    def close(self) -> None:
        """Close the files."""
        self._source.close()

    def _altitude(self, region: Region) -> Floats:
        side = self._source.cell
        values = np.full(region.shape, np.nan, np.float32)
        for row in range(region.row0 // side, (region.row1 - 1) // side + 1):
            for col in range(region.col0 // side, (region.col1 - 1) // side + 1):
                cell = self._cell(row, col)
                if cell is None:
                    continue
                place = Region(row * side, (row + 1) * side, col * side, (col + 1) * side)
                part = place.intersect(region)
                values[_within(part, region)] = cell[_within(part, place)]
        return values

    def _cell(self, row: int, col: int) -> Floats | None:
        if (row, col) not in self._cells:
            found = self._source.read_cell(row, col)
            self._cells[row, col] = None if found is None else found[0]
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


def slope_deg(altitude: Floats, gsd_m: float) -> Floats:
    """Return the slope in degrees of the inner pixels `[h, w]` of altitudes `[h + 2, w + 2]`.

    Central differences; where a neighbour is missing, the difference to the other one; flat where both are.
    """
    squares = np.zeros((altitude.shape[0] - 2, altitude.shape[1] - 2))
    here = altitude[1:-1, 1:-1].astype(np.float64)
    for before, after in (
        (altitude[1:-1, :-2], altitude[1:-1, 2:]),
        (altitude[:-2, 1:-1], altitude[2:, 1:-1]),
    ):
        lost_before, lost_after = np.isnan(before), np.isnan(after)
        rise = np.where(lost_after, here, after) - np.where(lost_before, here, before)
        squares += (rise / (gsd_m * np.maximum(2 - lost_before - lost_after.astype(np.int64), 1))) ** 2
    return np.degrees(np.arctan(np.sqrt(squares))).astype(np.float32)
