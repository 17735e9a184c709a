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
#: Ten pixels of half a metre: a hectare with less of a class does not count as holding it.
MIN_SHARE = 10 / HECTARE_PX**2


def render_scenes(seeds: Sequence[int], side: int, reporter: Reporter) -> list[Area]:
    """Return the scenes of some seeds, squares of `side` pixels of half a metre."""
    areas = []
    for done, seed in enumerate(seeds, start=1):
        areas.append(render_area(SceneBlock(seed, 0, 0, side, side)))
        reporter.progress(done, len(seeds), "scenes")
    return areas


def hectares(areas: Sequence[Area], names: Sequence[object]) -> PictureTiles:
    """Return the hectares of scenes, 100 x 100 pixels of 1 m: R, G, B, DEM, and labels of the catalogue."""
    ids = [c.id for c in load_catalogue()]
    cut = [cut_area(area, f"scene {name}", HECTARE_PX) for area, name in zip(areas, names, strict=True)]
    return joined([labelled_pictures(tiles, ids, MIN_SHARE, SHRINK) for tiles in cut])


def scene_tiles(seeds: Sequence[int], side: int, reporter: Reporter) -> PictureTiles:
    """Render scenes and return their hectares."""
    return hectares(render_scenes(seeds, side, reporter), seeds)


def drawn_hectares(
    areas: Sequence[Area], variants: Augmentation, *, per_epoch: int, balanced: float, seed: int
) -> DrawnTiles:
    """Return hectares drawn anywhere in scenes, a share `balanced` of them around a class drawn first."""
    ids = [c.id for c in load_catalogue()]
    coarse = [shrunk_area(area, SHRINK) for area in areas]
    sampler = PatchSampler(coarse, ids, HECTARE_PX // SHRINK, balanced)
    return DrawnTiles(sampler, len(ids), per_epoch, variants, min_share=MIN_SHARE, seed=seed)


def scene_sources() -> tuple[SourceSpec, ...]:
    """Return the image and the DEM; their normalisation is to be measured."""
    colours = Normalisation(scale=1 / 255, mean=(0.0,) * 3, std=(1.0,) * 3)
    relief = Normalisation(kind="window_min", mean=(0.0,), std=(1.0,))
    return (
        SourceSpec(role="image", bands=("R", "G", "B"), gsd_m=0.25, normalisation=colours),
        SourceSpec(role="dem", bands=("height",), gsd_m=0.5, unit="m", normalisation=relief),
    )
