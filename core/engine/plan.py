"""What a run will do, worked out and checked at the door: no pixel is read and nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ..card import AggregationName, ModelCard
from ..cells import GridSource
from ..decision import DecisionRule
from ..errors import InputError
from ..grid import Region, WorldGrid, name_of, parse_crs, parse_extent, require_metric
from ..priors import log_priors
from ..screening.layer import read_chosen
from ..sources import Raster, open_sources
from ..windows import Lattice, stride_of
from .layout import Layout
from .mask import TileMask, tile_mask


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
