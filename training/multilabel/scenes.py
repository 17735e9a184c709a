"""Hectares of embedded synthetic scenes as tiles with labels: what the screening model that ships and the
experiments learn from. Nothing scored on them says anything about real land cover."""

from collections.abc import Sequence

from ...core.card import Normalisation, SourceSpec
from ...core.catalogue import load_catalogue
from ...core.progress import Reporter
from ..data.area import Area
from ..data.scene import SceneBlock, render_area
from .tiles import PictureTiles, cut_area, joined, labelled_pictures

#: A hectare in pixels of half a metre, which are averaged in twos.
HECTARE_PX, SHRINK, GSD_M = 200, 2, 1.0
#: Ten pixels of half a metre: a hectare with less of a class does not count as holding it.
MIN_SHARE = 10 / HECTARE_PX**2


def scene_tiles(
    seeds: Sequence[int], side: int, reporter: Reporter, offsets: Sequence[int] = (0,)
) -> PictureTiles:
    """Return the hectares of scenes, 100 x 100 pixels of 1 m: R, G, B and the DEM, labels of the catalogue.

    Args:
        seeds: of the scenes.
        side: of each scene in pixels of half a metre.
        offsets: the grid of hectares is laid so many pixels from the upper-left corner, once for each.
    """
    ids = [c.id for c in load_catalogue()]
    parts = []
    for done, seed in enumerate(seeds, start=1):
        area = render_area(SceneBlock(seed, 0, 0, side, side))
        for offset in offsets:
            moved = Area(area.raw[:, offset:, offset:], area.labels[offset:, offset:])
            cut = cut_area(moved, f"scene {seed}+{offset}", HECTARE_PX)
            parts.append(labelled_pictures(cut, ids, MIN_SHARE, SHRINK))
        reporter.progress(done, len(seeds), "scenes")
    return joined(parts)


def scene_sources() -> tuple[SourceSpec, ...]:
    """Return the image and the DEM; their normalisation is to be measured."""
    colours = Normalisation(scale=1 / 255, mean=(0.0,) * 3, std=(1.0,) * 3)
    relief = Normalisation(kind="window_min", mean=(0.0,), std=(1.0,))
    return (
        SourceSpec(role="image", bands=("R", "G", "B"), gsd_m=0.25, normalisation=colours),
        SourceSpec(role="dem", bands=("height",), gsd_m=0.5, unit="m", normalisation=relief),
    )
