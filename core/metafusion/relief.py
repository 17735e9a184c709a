"""Altitude and slope on the world grid, from the elevation model that a run was made with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..card import Normalisation, SourceSpec
from ..cells import GridSource
from ..errors import InputError
from ..grid import Region, WorldGrid
from ..sources import open_source
from .regions import Floats, RegionReader


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
        self._reader = RegionReader(source, 1)
        self._gsd = gsd_m

    def read(self, region: Region) -> tuple[Floats, Floats]:
        """Return altitude in metres and slope in degrees `[h, w]` of a region of the world grid, NaN where
        there is none.

        Raises:
            InputError: if a file breaks while being read.
        """
        halo = Region(region.row0 - 1, region.row1 + 1, region.col0 - 1, region.col1 + 1)
        altitude = self._reader.read(halo)[0]
        return altitude[1:-1, 1:-1], slope_deg(altitude, self._gsd)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


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
