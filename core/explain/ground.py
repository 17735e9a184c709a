"""The rasters of a model on its grid, and where its windows stand: what a heat map is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..card import ModelCard
from ..cells import GridSource
from ..engine.plan import choose_grid, common_region
from ..grid import Region, WorldGrid
from ..sources import open_sources
from ..tile_card import TileCard
from ..windows import Lattice


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
