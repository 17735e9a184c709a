"""The one pixel grid of a run, anchored at the CRS origin, and rectangles on it. Reading rasters lives in
sources.

Pixels have absolute integer addresses: column `c` starts at `x = c * gsd`, row `r` at `y = -r * gsd`. Two
runs with the same CRS and ground sampling distance therefore share their pixels, whatever their extents.
"""

import math
import re
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform_bounds

from ..base.errors import InputError

#: Share of a pixel by which real rasters miss their nominal grid (0.19999999999963 m pixels, rounded
#: corners).
SNAP = 1e-3
Bounds = tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True)
class Region:
    """The rectangle of pixels with `row0 <= row < row1` and `col0 <= col < col1`; empty if there is none."""

    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return max(0, self.row1 - self.row0), max(0, self.col1 - self.col0)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    def intersect(self, other: "Region") -> "Region":
        """Return what both hold; its size is 0 if they are apart."""
        return Region(
            max(self.row0, other.row0),
            min(self.row1, other.row1),
            max(self.col0, other.col0),
            min(self.col1, other.col1),
        )

    def slices_in(self, whole: "Region") -> tuple[slice, slice]:
        """Return the rows and columns of this region in an array `[rows, cols]` of a larger one."""
        return (
            slice(self.row0 - whole.row0, self.row1 - whole.row0),
            slice(self.col0 - whole.col0, self.col1 - whole.col0),
        )


@dataclass(frozen=True)
class WorldGrid:
    """A metric CRS and the side of a pixel in metres."""

    crs: CRS
    gsd: float

    def transform(self, region: Region) -> Affine:
        """Return the affine transform of a raster that holds the region."""
        return Affine(self.gsd, 0.0, region.col0 * self.gsd, 0.0, -self.gsd, -region.row0 * self.gsd)

    def bounds(self, region: Region) -> Bounds:
        """Return left, bottom, right, top in the CRS."""
        return (
            region.col0 * self.gsd,
            -region.row1 * self.gsd,
            region.col1 * self.gsd,
            -region.row0 * self.gsd,
        )

    def covering(self, bounds: Bounds) -> Region:
        """Return the smallest region that covers the bounds, but for a thousandth of a pixel."""
        left, bottom, right, top = bounds
        return Region(
            math.floor(-top / self.gsd + SNAP),
            math.ceil(-bottom / self.gsd - SNAP),
            math.floor(left / self.gsd + SNAP),
            math.ceil(right / self.gsd - SNAP),
        )


def parse_crs(text: str) -> CRS:
    """Return the CRS of a user's words (`EPSG:2056`, WKT, PROJ).

    Raises:
        InputError: if it is none, or not a projected one in metres.
    """
    try:
        crs = CRS.from_user_input(text)
    except (CRSError, ValueError) as error:
        raise InputError(
            f"{text!r} is not a coordinate reference system; write for example EPSG:2056."
        ) from error
    require_metric(crs, f"The coordinate reference system {text}")
    return crs


def require_metric(crs: CRS, what: str) -> None:
    """Raise InputError unless the CRS is projected and counts in metres."""
    if not crs.is_projected:
        raise InputError(
            f"{what} is not projected, but maps are made in metres; give a metric one as crs, for "
            "example EPSG:2056."
        )
    unit, factor = crs.linear_units_factor
    if abs(factor - 1.0) > 1e-9:
        raise InputError(
            f"{what} counts in {unit}, but maps are made in metres; give a metric one as crs, for "
            "example EPSG:2056."
        )


_NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
#: How the CRS may follow coordinates: in QGIS's brackets or without.
CRS_AFTER = r"(?P<crs>\[[^\]]+\]|\w+:\w+)?\s*$"
_EXTENT = re.compile(rf"^{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}{CRS_AFTER}")


def parse_extent(text: str, grid: WorldGrid) -> Region:
    """Return the pixels of `xmin,xmax,ymin,ymax [EPSG:n]` (QGIS's notation; the brackets may be left out, and
    without a CRS it is the grid's).

    Raises:
        InputError: if it is not such a text, is empty, or cannot be brought to the grid's CRS.
    """
    match = _EXTENT.match(text)
    if match is None:
        raise InputError(
            f"The extent {text!r} cannot be read; write xmin,xmax,ymin,ymax, if need be followed by "
            "[EPSG:2056]."
        )
    xmin, xmax, ymin, ymax = (float(value) for value in match.groups()[:4])
    if not (xmin < xmax and ymin < ymax):
        raise InputError(f"The extent {text!r} is empty; the order is xmin,xmax,ymin,ymax.")
    bounds = (xmin, ymin, xmax, ymax)
    if match["crs"] is None:
        return grid.covering(bounds)
    try:
        crs = CRS.from_user_input(match["crs"].strip("[] "))
        return grid.covering(bounds if crs == grid.crs else transform_bounds(crs, grid.crs, *bounds))
    except (CRSError, ValueError, OverflowError) as error:
        raise InputError(
            f"The extent {text!r} cannot be brought to {name_of(grid.crs)}; check its coordinates and "
            "its CRS."
        ) from error


def name_of(crs: CRS) -> str:
    """Return `EPSG:n` where the CRS has a code, else the beginning of its WKT."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else f"{crs.to_wkt()[:60]}..."


def horizontal(crs: CRS) -> CRS:
    """Return the CRS without the vertical half that elevation models often carry."""
    wkt: str = crs.to_wkt()
    if not wkt.startswith("COMPD_CS["):
        return crs
    start = wkt.index(",") + 1
    depth = 0
    for position in range(start, len(wkt)):
        depth += {"[": 1, "]": -1}.get(wkt[position], 0)
        if depth == 0 and wkt[position] == "]":
            return CRS.from_wkt(wkt[start : position + 1])
    return crs
