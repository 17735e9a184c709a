"""Hectares of embedded synthetic scenes as tiles with labels: what the screening model that ships and the
experiments learn from. Nothing scored on them says anything about real land cover."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.base.progress import Reporter
from ...core.model.card import Normalisation, SourceSpec
from ...core.model.classes import load_catalogue
from ..data.area import Area
from ..data.patches import PatchSampler
from ..data.samples import Augmentation
from ..data.scene import SceneBlock, render_area
from .samples import DrawnTiles
from .tiles import PictureTiles, cut_area, joined, labelled_pictures, shrunk_area

#: A hectare in pixels of half a metre, which are averaged in twos.
HECTARE_PX, SHRINK, GSD_M = 200, 2, 1.0
#: Pixels of half a metre from which a tile holds a class.
MIN_PIXELS = 10


@dataclass(frozen=True, eq=False)
class SceneSquares:
    """The squares of scenes as tiles with labels, and the scenes themselves in pixels of 1 m."""

    tiles: PictureTiles
    areas: list[Area]


def scene_squares(
    seeds: Sequence[int], side: int, reporter: Reporter, tile_px: int = HECTARE_PX
) -> SceneSquares:
    """Render scenes and cut them: R, G, B, DEM, and labels of the catalogue.

    Args:
        side, tile_px: of a scene and of a square in pixels of half a metre.
    """
    ids, parts, areas = [c.id for c in load_catalogue()], [], []
    for done, seed in enumerate(seeds, start=1):
        area = render_area(SceneBlock(seed, 0, 0, side, side))
        cut = cut_area(area, f"scene {seed}", tile_px)
        parts.append(labelled_pictures(cut, ids, min_share(tile_px), SHRINK))
        areas.append(shrunk_area(area, SHRINK))
        reporter.progress(done, len(seeds), "scenes")
    return SceneSquares(joined(parts), areas)


def scene_tiles(
    seeds: Sequence[int], side: int, reporter: Reporter, tile_px: int = HECTARE_PX
) -> PictureTiles:
    """Render scenes and return their squares."""
    return scene_squares(seeds, side, reporter, tile_px).tiles


def drawn_squares(
    areas: Sequence[Area],
    variants: Augmentation,
    *,
    tile_px: int,
    per_epoch: int,
    balanced: float,
    seed: int,
) -> DrawnTiles:
    """Return squares drawn anywhere in scenes of 1 m, a share `balanced` around a class drawn first."""
    ids = [c.id for c in load_catalogue()]
    sampler = PatchSampler(areas, ids, tile_px // SHRINK, balanced)
    return DrawnTiles(sampler, len(ids), per_epoch, variants, min_share=min_share(tile_px), seed=seed)


def min_share(tile_px: int) -> float:
    """Return the share of a tile that ten pixels of half a metre are; more of a class makes a label."""
    return MIN_PIXELS / tile_px**2


def scene_sources() -> tuple[SourceSpec, ...]:
    """Return the image and the DEM; their normalisation is to be measured."""
    colours = Normalisation(scale=1 / 255, mean=(0.0,) * 3, std=(1.0,) * 3)
    relief = Normalisation(kind="window_min", mean=(0.0,), std=(1.0,))
    return (
        SourceSpec(role="image", bands=("R", "G", "B"), gsd_m=0.25, normalisation=colours),
        SourceSpec(role="dem", bands=("height",), gsd_m=0.5, unit="m", normalisation=relief),
    )
