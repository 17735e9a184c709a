"""What a run will do, worked out and checked at the door: how the map is cut into bands of columns and
chunks of rows (the unit of resuming), and which tiles of it are mapped where someone chose some. No pixel
is read here.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..base.errors import InputError
from ..geodata.cells import GridSource
from ..geodata.grid import Bounds, Region, WorldGrid, name_of, parse_crs, parse_extent, require_metric
from ..geodata.sources import Raster, open_sources
from ..geodata.tile_layer import read_chosen
from ..model.card import AggregationName, ModelCard
from ..model.decision import DecisionRule, log_priors
from .windows import Lattice, stride_of


@dataclass(frozen=True)
class Chunk:
    """A piece of the map that is written at once; `key` names it in the work folder."""

    band: int
    index: int
    region: Region

    @property
    def key(self) -> str:
        """Name of its files in the work folder."""
        return f"b{self.band:04d}_c{self.index:05d}"


@dataclass(frozen=True)
class Layout:
    """The bands and chunks of a region; `band_px` bounds the memory for sums, `chunk_rows` what a kill can
    cost.
    """

    region: Region
    lattice: Lattice
    band_px: int
    chunk_rows: int

    def bands(self) -> list[tuple[int, int]]:
        """Return the first and last + 1 column of each band.

        All but the last are as wide as allowed, so that a run's memory does not depend on the region's width,
        and are cut on lattice lines, where the fewest windows have to be run twice.
        """
        start, stop = self.region.col0, self.region.col1
        stride = self.lattice.stride
        edges = [start]
        while edges[-1] + self.band_px < stop:
            cut = (edges[-1] + self.band_px) // stride * stride
            edges.append(cut if cut > edges[-1] else edges[-1] + self.band_px)
        return list(pairwise([*edges, stop]))

    def chunks(self) -> list[Chunk]:
        """Return all chunks, in the order in which they are made."""
        tops = range(self.region.row0, self.region.row1, self.chunk_rows)
        return [
            Chunk(band, index, Region(top, min(top + self.chunk_rows, self.region.row1), left, right))
            for band, (left, right) in enumerate(self.bands())
            for index, top in enumerate(tops)
        ]

    def missing(self, done: Container[str]) -> Iterator[list[Chunk]]:
        """Yield runs of neighbouring chunks of one band that are not done."""
        run: list[Chunk] = []
        for chunk in self.chunks():
            if run and (chunk.key in done or chunk.band != run[-1].band):
                yield run
                run = []
            if chunk.key not in done:
                run.append(chunk)
        if run:
            yield run

    def n_windows_in_all(self) -> int:
        """Return how many windows all bands take; those that straddle two bands count twice."""
        return sum(self.n_windows(spanned(chunks)) for chunks in self.missing(()))

    def n_windows(self, part: Region) -> int:
        """Return how many windows touch a part of the region."""
        rows = self.lattice.touching(part.row0, part.row1)
        cols = self.lattice.touching(part.col0, part.col1)
        return len(rows) * len(cols)


def spanned(chunks: list[Chunk]) -> Region:
    """Return the region of neighbouring chunks of one band."""
    first, last = chunks[0].region, chunks[-1].region
    return Region(first.row0, last.row1, first.col0, first.col1)


@dataclass(frozen=True, eq=False)
class TileMask:
    """Rectangles of pixels `[N, 4]`: row0, row1, col0, col1."""

    edges: NDArray[np.int64]

    def wanted(self, region: Region) -> NDArray[np.bool_]:
        """Return which pixels of a region lie in a tile, `[rows, cols]`."""
        mask = np.zeros(region.shape, np.bool_)
        for row0, row1, col0, col1 in self._near(region).tolist():
            mask[region.intersect(Region(row0, row1, col0, col1)).slices_in(region)] = True
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


@dataclass(frozen=True)
class Settings:
    """Sizes that bound memory and do not change the map; tests make them small.

    `band_px` columns are mapped at a time, `chunk_rows` rows are written at a time, sources are read in
    cells of `cell` pixels, `ahead` rows of windows before they are needed.
    """

    band_px: int = 4096
    chunk_rows: int = 512
    cell: int = 512
    ahead: int = 2


@dataclass(frozen=True)
class Plan:
    """Sources on their grid, the region to map and the tiles of it, the lattice and the decision rule."""

    rasters: Mapping[str, Raster]
    sources: Sequence[GridSource]
    grid: WorldGrid
    layout: Layout
    rule: DecisionRule
    alpha: float
    mask: TileMask | None = None

    @property
    def region(self) -> Region:
        """The pixels of the map."""
        return self.layout.region

    @property
    def lattice(self) -> Lattice:
        """Where the windows stand."""
        return self.layout.lattice

    def close(self) -> None:
        """Close the rasters."""
        for source in self.sources:
            source.close()


def make_plan(
    card: ModelCard,
    given: Mapping[str, Sequence[Path]],
    *,
    extent: str | None,
    crs: str | None,
    aggregation: str | None,
    alpha: float,
    overlap: float | None,
    settings: Settings,
    tiles: tuple[Path, float] | None = None,
) -> Plan:
    """Check what the user gave and work out what will be done.

    Args:
        tiles: a layer of `screen_tiles` and the share of its tiles to map, those of lowest rank; None maps
            the whole region.

    Raises:
        InputError: in one sentence, if the rasters, the extent, the tiles or a parameter cannot be used.
    """
    rule = _rule(card, aggregation, alpha)
    stride = card.stride if overlap is None else stride_of(card.window, overlap)
    rasters = open_sources(card, given)
    grid = choose_grid(card.gsd_m, rasters, crs)
    sources = [GridSource(rasters[spec.role], spec, grid, settings.cell) for spec in card.sources]
    region = common_region(sources, rasters, grid, extent)
    mask = None if tiles is None else _chosen(tiles, grid, region)
    if mask is not None:
        region = region.intersect(mask.bounding())
    layout = Layout(region, Lattice(card.window, stride), settings.band_px, settings.chunk_rows)
    return Plan(rasters, sources, grid, layout, rule, alpha, mask)


def _chosen(tiles: tuple[Path, float], grid: WorldGrid, region: Region) -> TileMask:
    """Return the tiles that come first in a layer of `screen_tiles`."""
    path, share = tiles
    mask = tile_mask(*read_chosen(path, share), grid)
    if not mask.touches(region):
        raise InputError(f"None of the first tiles of {path} lies in what is to be mapped.")
    return mask


def _rule(card: ModelCard, aggregation: str | None, alpha: float) -> DecisionRule:
    name = aggregation or card.aggregation
    known = get_args(AggregationName)
    if name == "oracle":
        raise InputError(
            "The aggregation oracle needs the true labels, so it cannot make a map; choose another."
        )
    if name not in known:
        raise InputError(f"The aggregation {name!r} is unknown; choose one of {', '.join(known)}.")
    if name == "composed" and card.composition is None:
        raise InputError(
            f"The model {card.name} has not learnt the aggregation composed; choose another, or teach it by "
            "fit-aggregation."
        )
    ids = tuple(c.id for c in card.classes)
    return DecisionRule(ids, card.responsible, name, log_priors(card.pixel_counts, alpha), card.composition)


def choose_grid(gsd_m: float, rasters: Mapping[str, Raster], crs: str | None) -> WorldGrid:
    """Return the grid of pixels of `gsd_m` in the CRS asked for, else in that of the first raster.

    Raises:
        InputError: if that CRS does not count in metres.
    """
    if crs:
        return WorldGrid(parse_crs(crs), gsd_m)
    first = next(iter(rasters.values()))
    require_metric(first.crs, f"The coordinate reference system of {first.files[0]} ({name_of(first.crs)})")
    return WorldGrid(first.crs, gsd_m)


def common_region(
    sources: Sequence[GridSource], rasters: Mapping[str, Raster], grid: WorldGrid, extent: str | None
) -> Region:
    """Return the pixels that all sources cover, within the extent.

    Raises:
        InputError: if there is none, or the extent cannot be read.
    """
    roles = list(rasters)
    region = sources[0].footprint
    for role, source in zip(roles[1:], sources[1:], strict=True):
        region = region.intersect(source.footprint)
        if region.size == 0:
            raise InputError(
                f"The raster of {role} does not overlap that of {' and '.join(roles[: roles.index(role)])}; "
                "check that they show the same place and have the right CRS."
            )
    if extent:
        region = region.intersect(parse_extent(extent, grid))
        if region.size == 0:
            raise InputError(
                f"The extent {extent!r} lies outside the rasters; in {name_of(grid.crs)} they cover "
                f"{_as_extent(sources, grid)}."
            )
    return region


def _as_extent(sources: Sequence[GridSource], grid: WorldGrid) -> str:
    region = sources[0].footprint
    for source in sources[1:]:
        region = region.intersect(source.footprint)
    left, bottom, right, top = grid.bounds(region)
    return f"{left:.2f},{right:.2f},{bottom:.2f},{top:.2f}"
