"""Which pixels are explained, and the sources on the grid around them: a candidate's, an extent's or a
point's."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize

from ..base.errors import InputError
from ..flagging.geopackage import open_candidates
from ..flagging.review import read_outlines
from ..geodata.cells import GridSource
from ..geodata.grid import CRS_AFTER, Region, WorldGrid, name_of, parse_extent
from ..geodata.sources import open_sources
from ..mapping.plan import choose_grid, common_region
from ..mapping.windows import Lattice
from ..model.card import ModelCard, TileCard

#: Largest side of a place in pixels: memory holds it and the windows around it.
MAX_SIDE = 4096
_POINT = re.compile(rf"^\s*([^,\[\]\s]+)\s*,\s*([^,\[\]\s]+)\s*{CRS_AFTER}")


@dataclass(frozen=True, eq=False)
class Place:
    """Pixels of the world grid: those of `region` where `mask` `[h, w]` is true."""

    region: Region
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One row of a candidates GeoPackage: class, outline in `crs`, and what the file says of its run."""

    uuid: str
    class_id: int
    outline: shapely.Geometry
    crs: CRS
    run: dict[str, Any]


def read_candidate(path: Path, uuid: str) -> Candidate:
    """Return a candidate; its outline is the reviewer's where he drew one.

    Raises:
        InputError: if the file is no GeoPackage of candidates, or has no such candidate.
    """
    with open_candidates(path) as database:
        row = database.execute("SELECT class_id FROM candidates WHERE uuid = ?", (uuid,)).fetchone()
        run = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM run")}
    if row is None:
        raise InputError(f"{path} has no candidate {uuid!r}; copy the uuid from its table.")
    outline = read_outlines(path, [uuid])[uuid]
    return Candidate(uuid, int(row[0]), outline, CRS.from_user_input(run["grid"]["crs_wkt"]), run)


def place_of_outline(outline: shapely.Geometry, grid: WorldGrid) -> Place:
    """Return the pixels whose centres an outline in the grid's CRS holds: those that it was made of."""
    region = grid.covering(outline.bounds)
    _require_bounded(region)
    mask = rasterize([outline], region.shape, transform=grid.transform(region), dtype=np.uint8) > 0
    return Place(region, mask)


def place_of_extent(extent: str, grid: WorldGrid, covered: Region) -> Place:
    """Return the pixels of an extent (see `grid.parse_extent`) that the rasters cover.

    Raises:
        InputError: if the extent cannot be read, lies outside the rasters, or is too large.
    """
    region = parse_extent(extent, grid).intersect(covered)
    if region.size == 0:
        raise _outside(f"The extent {extent!r}", grid, covered)
    _require_bounded(region)
    return Place(region, np.ones(region.shape, np.bool_))


def place_of_point(point: str, grid: WorldGrid, covered: Region) -> Place:
    """Return the pixel under a point `x,y [EPSG:n]` (without a CRS, in the grid's).

    Raises:
        InputError: if the point cannot be read or lies outside the rasters.
    """
    match = _POINT.match(point)
    try:
        x, y = (float(value) for value in match.groups()[:2]) if match else (np.nan, np.nan)
    except ValueError:
        x = y = np.nan
    if match is None or not np.isfinite([x, y]).all():
        raise InputError(
            f"The point {point!r} cannot be read; write x,y, if need be followed by [EPSG:2056]."
        )
    # As an extent of nearly no size, whose lower left corner decides: a point on an edge has one pixel.
    tiny = 1e-9 * max(1.0, abs(x), abs(y))
    region = parse_extent(f"{x!r},{x + tiny!r},{y!r},{y + tiny!r}{match['crs'] or ''}", grid)
    region = Region(region.row0, region.row0 + 1, region.col0, region.col0 + 1)
    if region.intersect(covered).size == 0:
        raise _outside(f"The point {point!r}", grid, covered)
    return Place(region, np.ones((1, 1), np.bool_))


def _require_bounded(region: Region) -> None:
    if max(region.shape) > MAX_SIDE:
        rows, cols = region.shape
        raise InputError(
            f"The place has {cols} x {rows} pixels, and heat maps are made of at most {MAX_SIDE} x "
            f"{MAX_SIDE}; give an extent that is a part of it."
        )


def _outside(what: str, grid: WorldGrid, covered: Region) -> InputError:
    left, bottom, right, top = grid.bounds(covered)
    return InputError(
        f"{what} lies outside the rasters; in {name_of(grid.crs)} they cover "
        f"{left:.2f},{right:.2f},{bottom:.2f},{top:.2f}."
    )


@dataclass(frozen=True)
class Ground:
    """Sources in the order of the card, the lattice, and the region that all rasters cover."""

    sources: Sequence[GridSource]
    grid: WorldGrid
    lattice: Lattice
    region: Region

    def close(self) -> None:
        """Close the rasters."""
        for source in self.sources:
            source.close()


def open_ground(
    card: ModelCard | TileCard, given: Mapping[str, Sequence[Path]], crs: str | None = None
) -> Ground:
    """Open the rasters; a mapping model's windows overlap, the tiles of a screening model do not.

    Raises:
        InputError: if a raster is missing or cannot be used, or they have no place in common.
    """
    rasters = open_sources(card, given)
    grid = choose_grid(card.gsd_m, rasters, crs)
    sources = [GridSource(rasters[spec.role], spec, grid) for spec in card.sources]
    stride = card.stride if isinstance(card, ModelCard) else card.window
    region = common_region(sources, rasters, grid, None)
    return Ground(sources, grid, Lattice(card.window, stride), region)
