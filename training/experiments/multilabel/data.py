"""The data that both experiments can run on: squares of embedded scenes, CamVid tiles, BigEarthNet. What is
learnt from them lives beside this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....core.base.progress import Reporter
from ....core.model.card import SourceSpec
from ....core.model.classes import LandCoverClass, load_catalogue
from ...config import Section
from ...data.camvid import CATALOGUE as CAMVID
from ...data.camvid import Part, read_frames
from ...data.shared import find_data
from ...formats import FORMATS, source_spec
from ...multilabel.bigearthnet import (
    ALL_BANDS,
    GSD_M,
    SIDE,
    Nomenclature,
    bigearthnet_sources,
    read_bigearthnet,
    read_list,
)
from ...multilabel.samples import GSD_M as SCENE_GSD_M
from ...multilabel.samples import HECTARE_PX, SHRINK, scene_sources, scene_tiles
from ...multilabel.tiles import LabelledTiles, cut_area, joined, labelled_pictures


class SceneTiles(Section):
    """Squares of `tile_px` pixels of embedded scenes of `side` pixels, both of half a metre."""

    kind: Literal["scene"]
    seeds: tuple[int, ...]
    side: int = 2000
    tile_px: int = HECTARE_PX


class CamvidTiles(Section):
    """Squares of `tile` pixels of CamVid frames brought to `size`, every `every`-th frame.

    All parts are taken together: CamVid's own split is by film, so it is no random one to compare with.
    """

    kind: Literal["camvid"]
    folder: Path
    size: tuple[int, int] = (360, 480)
    tile: int = Field(default=120, ge=16)
    every: int = Field(default=1, ge=1)
    min_share: float = Field(default=0.0, ge=0, lt=1)


class BigEarthNetTiles(Section):
    """Patches of BigEarthNet; `lists` are the official splits (train, val, test), `excluded` is left out."""

    kind: Literal["bigearthnet"]
    folder: Path
    nomenclature: Nomenclature
    bands: tuple[str, ...] = ALL_BANDS
    lists: tuple[Path, Path, Path] | None = None
    excluded: tuple[Path, ...] = ()


TileData = Annotated[SceneTiles | CamvidTiles | BigEarthNetTiles, Field(discriminator="kind")]


@dataclass(frozen=True, eq=False)
class Opened:
    """Tiles and what a card says of them; `given` are splits 0..2 that came with the data, `[N]`, if any."""

    tiles: LabelledTiles
    classes: tuple[LandCoverClass, ...]
    sources: tuple[SourceSpec, ...]
    gsd_m: float
    window: int
    given: NDArray[np.intp] | None
    said: str


def open_tiles(data: TileData, reporter: Reporter) -> Opened:
    """Return the tiles that a configuration names.

    Raises:
        InputError: if they are missing or cannot be used.
    """
    if isinstance(data, SceneTiles):
        tiles = scene_tiles(data.seeds, data.side, reporter, data.tile_px)
        said = (
            f"{len(tiles.names):,} tiles of {data.tile_px / 2:g} m of {len(data.seeds)} embedded SYNTHETIC "
            "alpine scenes, 1 m pixels"
        )
        window = data.tile_px // SHRINK
        return Opened(tiles, load_catalogue(), scene_sources(), SCENE_GSD_M, window, None, said)
    if isinstance(data, CamvidTiles):
        return _camvid(data)
    return _bigearthnet(data)


def _camvid(data: CamvidTiles) -> Opened:
    classes = load_catalogue(CAMVID)
    parts = []
    for part in get_args(Part):
        frames = read_frames(find_data(data.folder), part, data.size)[:: data.every]
        cut = [cut_area(frame.area, frame.name, data.tile) for frame in frames]
        ids = [c.id for c in classes]
        parts += [labelled_pictures(tiles, ids, data.min_share) for tiles in cut]
    tiles = joined(parts)
    sources = tuple(map(source_spec, FORMATS["camvid"].sources))
    said = (
        f"{len(tiles.names):,} tiles of {data.tile} x {data.tile} pixels of CamVid frames of "
        f"{data.size[1]} x {data.size[0]}; lossy images (WebP q92)"
    )
    return Opened(tiles, classes, sources, 1.0, data.tile, None, said)


def _bigearthnet(data: BigEarthNetTiles) -> Opened:
    folder = find_data(data.folder)
    tiles = read_bigearthnet(
        folder,
        data.nomenclature,
        excluded=[find_data(p) for p in data.excluded],
        bands=data.bands,
        listing=None,
    )
    given = None
    if data.lists:
        given = _official([find_data(p) for p in data.lists], tiles.names)
    said = (
        f"{len(tiles.names):,} patches of BigEarthNet-S2 v1.0, {data.nomenclature}, {len(data.bands)} bands"
    )
    classes, sources = load_catalogue(data.nomenclature), bigearthnet_sources(data.bands)
    return Opened(tiles, classes, sources, GSD_M, SIDE, given, said)


def _official(lists: Sequence[Path], names: Sequence[str]) -> NDArray[np.intp]:
    """Return the split of each patch, -1 where no list names it."""
    split: Mapping[str, int] = {name: s for s, path in enumerate(lists) for name in read_list(path)}
    return np.array([split.get(name, -1) for name in names], np.intp)
