"""Hectares of embedded synthetic scenes as tiles with labels: what the screening model that ships and the
experiments learn from. Nothing scored on them says anything about real land cover."""

from collections.abc import Sequence

from ...core.card import Normalisation, SourceSpec
from ...core.catalogue import load_catalogue
from ...core.progress import Reporter
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


def render_scenes(seeds: Sequence[int], side: int, reporter: Reporter) -> list[Area]:
    """Return the scenes of some seeds, squares of `side` pixels of half a metre."""
    areas = []
    for done, seed in enumerate(seeds, start=1):
        areas.append(render_area(SceneBlock(seed, 0, 0, side, side)))
        reporter.progress(done, len(seeds), "scenes")
    return areas


def scene_squares(areas: Sequence[Area], names: Sequence[object], tile_px: int = HECTARE_PX) -> PictureTiles:
    """Return the squares of scenes in pixels of 1 m: R, G, B, DEM, and labels of the catalogue.

    Args:
        names: of the scenes.
        tile_px: side of a square in pixels of half a metre.
    """
    ids = [c.id for c in load_catalogue()]
    cut = [cut_area(area, f"scene {name}", tile_px) for area, name in zip(areas, names, strict=True)]
    return joined([labelled_pictures(tiles, ids, min_share(tile_px), SHRINK) for tiles in cut])


def scene_tiles(
    seeds: Sequence[int], side: int, reporter: Reporter, tile_px: int = HECTARE_PX
) -> PictureTiles:
    """Render scenes and return their squares."""
    return scene_squares(render_scenes(seeds, side, reporter), seeds, tile_px)


def drawn_squares(
    areas: Sequence[Area],
    variants: Augmentation,
    *,
    tile_px: int,
    per_epoch: int,
    balanced: float,
    seed: int,
) -> DrawnTiles:
    """Return squares drawn anywhere in scenes, a share `balanced` of them around a class drawn first."""
    ids = [c.id for c in load_catalogue()]
    coarse = [shrunk_area(area, SHRINK) for area in areas]
    sampler = PatchSampler(coarse, ids, tile_px // SHRINK, balanced)
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
