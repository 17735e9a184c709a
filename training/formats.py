"""The formats that a configuration can name: what each brings along, and how its tiles are opened and dealt
to splits. Reading tiles lives in `data`; what is counted and made of them in `prepare.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..core.base.errors import InputError
from ..core.base.progress import Reporter
from ..core.geodata.grid import WorldGrid, parse_crs
from ..core.geodata.sources import open_source
from ..core.model.card import Normalisation, SourceSpec
from ..core.model.classes import LandCoverClass, load_catalogue
from .config import (
    CamvidData,
    Config,
    CutData,
    DataConfig,
    FlairData,
    RasterData,
    SceneData,
    SourceConfig,
    TlmData,
)
from .data.camvid import read_frames
from .data.cut import read_cut_tiles, read_manifest
from .data.flair import read_flair
from .data.georeferenced import GridTiles, LabelCells, grid_tiles, list_rasters, raster_labels
from .data.patches import SceneBlock, render_area
from .data.polygons import PolygonCells
from .data.statistics import count_tiles, default_cache
from .data.tiles import MemoryTiles, SomeTiles, TileSet, class_codes, label_table
from .data.tlm import read_tlm, tlm_labels
from .splits import SPLITS, Tiles, split_tiles

#: Sides of a tile that make a block, unless the configuration says otherwise.
_BLOCK = 4
#: mean and std of the published model (docs/science/methods.md section 1, "Inputs").
_TLM_RGB = Normalisation(scale=1 / 255, mean=(0.5585, 0.5771, 0.5543), std=(0.2535, 0.2388, 0.2318))
_TLM_DEM = Normalisation(kind="window_min", mean=(41.32,), std=(19.18,))
_IMAGE = SourceConfig(role="image", bands=("R", "G", "B"), gsd_m=0.25, scale=1 / 255)
_DEM = SourceConfig(role="dem", bands=("height",), gsd_m=0.5, relief=True, unit="m")


@dataclass(frozen=True)
class Format:
    """What a format of data brings along, unless the configuration says otherwise."""

    catalogue: str | tuple[LandCoverClass, ...]
    sources: tuple[SourceConfig, ...]
    gsd_m: float
    window: int


FORMATS: Mapping[str, Format] = {
    "tlm": Format(
        "swisstlm3d",
        (
            _IMAGE.model_copy(update={"normalisation": _TLM_RGB}),
            _DEM.model_copy(update={"normalisation": _TLM_DEM}),
        ),
        0.5,
        200,
    ),
    "flair": Format(
        "flair",
        (SourceConfig(role="image", bands=("R", "G", "B", "NIR", "height"), gsd_m=0.2, scale=1 / 255),),
        0.2,
        512,
    ),
    "camvid": Format(
        "camvid", (SourceConfig(role="image", bands=("R", "G", "B"), gsd_m=1.0, scale=1 / 255),), 1.0, 360
    ),
    "rasters": Format("swisstlm3d", (_IMAGE, _DEM), 0.5, 200),
    "scene": Format("swisstlm3d", (_IMAGE, _DEM), 0.5, 128),
}


def format_of(data: DataConfig) -> Format:
    """Return what the data of a configuration bring along.

    Raises:
        InputError: if a folder of tiles does not say.
    """
    if not isinstance(data, CutData):
        return FORMATS[data.kind]
    found = read_manifest(data.folder)
    sources = tuple(
        SourceConfig(
            **spec.model_dump(include={"role", "bands", "gsd_m", "unit", "resampling"}),
            scale=spec.normalisation.scale,
            relief=spec.normalisation.kind == "window_min",
        )
        for spec in found.sources
    )
    return Format(found.classes, sources, found.gsd_m, found.side)


def classes_of(config: Config) -> tuple[LandCoverClass, ...]:
    """Return the classes of a configuration: its own, or those of its data's format."""
    catalogue = config.model.catalogue or format_of(config.data).catalogue
    return load_catalogue(catalogue) if isinstance(catalogue, str) else catalogue


def sources_of(config: Config) -> tuple[SourceConfig, ...]:
    """Return the sources of a configuration: its own, or those of its data's format."""
    return config.model.sources or format_of(config.data).sources


def source_spec(source: SourceConfig) -> SourceSpec:
    """Return a source; where its normalisation is to be measured, mean 0 and deviation 1 stand for it."""
    n = len(source.bands)
    kind: Literal["standard", "window_min"] = "window_min" if source.relief else "standard"
    plain = Normalisation(kind=kind, scale=source.scale, mean=(0.0,) * n, std=(1.0,) * n)
    fields = source.model_dump(include={"role", "bands", "gsd_m", "unit", "nodata", "resampling"})
    return SourceSpec(**fields, normalisation=source.normalisation or plain)


def open_splits(
    config: Config,
    classes: Sequence[LandCoverClass],
    specs: Sequence[SourceSpec],
    window: int,
    reporter: Reporter,
) -> dict[str, TileSet]:
    """Return the tiles of each split that the configuration names.

    Raises:
        InputError: if data are missing or cannot be used.
    """
    data = config.data
    if isinstance(data, TlmData):
        table = tlm_labels(data.coding, data.wetland, classes)
        return {name: read_tlm(data.folder, listing, table) for name, listing in data.lists.given.items()}
    if isinstance(data, FlairData):
        return {
            name: read_flair(data.images, data.masks, chosen) for name, chosen in data.domains.given.items()
        }
    if isinstance(data, CamvidData):
        frames = {name: read_frames(data.folder, part, data.size) for name, part in data.parts.given.items()}
        return {
            name: MemoryTiles([f.area for f in found], [f.name for f in found], "camvid")
            for name, found in frames.items()
        }
    if isinstance(data, SceneData):
        blocks = {
            name: [SceneBlock(s, 0, 0, data.side, data.side) for s in seeds]
            for name, seeds in data.seeds.given.items()
        }
        return {
            name: MemoryTiles([render_area(b) for b in found], [f"scene {b.seed}" for b in found], "scene")
            for name, found in blocks.items()
        }
    if isinstance(data, CutData):
        manifest = read_manifest(data.folder)
        lists = {name: read_cut_tiles(data.folder, manifest, name) for name in SPLITS}
        if lists["train"] is None:
            raise InputError(f"{data.folder} has no train.csv, the list of the tiles to train on.")
        return {name: found for name, found in lists.items() if found is not None}
    tiles = _raster_tiles(config, data, classes, specs, window)
    return _dealt(config, data, tiles, classes, reporter)


def _raster_tiles(
    config: Config,
    data: RasterData,
    classes: Sequence[LandCoverClass],
    specs: Sequence[SourceSpec],
    window: int,
) -> GridTiles:
    """Cut rasters into tiles of one window each."""
    given = config.model.sources
    if not given:
        raise InputError("Rasters need model.sources, each with role, bands, gsd_m and files.")
    files = {source.role: list_rasters(source.files, source.role) for source in given}
    crs = parse_crs(data.crs) if data.crs else open_source(specs[0], files[specs[0].role]).crs
    grid = WorldGrid(crs, config.model.gsd_m or FORMATS["rasters"].gsd_m)
    labels: LabelCells
    if data.field:
        labels = PolygonCells(data.labels[0], data.field, classes, grid, window)
    else:
        table = label_table(class_codes(classes, own_codes=data.own_codes), data.ignored)
        labels = raster_labels(data.labels, grid, window, table)
    return grid_tiles(specs, files, labels, grid, window)


def _dealt(
    config: Config,
    data: RasterData,
    tiles: GridTiles,
    classes: Sequence[LandCoverClass],
    reporter: Reporter,
) -> dict[str, TileSet]:
    """Deal the tiles that have labels to the splits."""
    counts = count_tiles(tiles, [c.id for c in classes], cache_of(config), reporter)
    some = np.flatnonzero(counts.any(axis=1))
    if not len(some):
        raise InputError("No tile of the rasters holds a label of the catalogue's classes.")
    split, side_m = data.split, tiles.side * tiles.grid.gsd
    folds = split_tiles(
        Tiles(counts[some], None if tiles.bounds is None else tiles.bounds[some]),
        split.strategy,
        split.ratios,
        seed=split.seed,
        block_m=split.block_m or (_BLOCK * side_m if split.strategy.startswith("blocked") else None),
    )
    return {name: SomeTiles(tiles, some[folds == s]) for s, name in enumerate(SPLITS) if (folds == s).any()}


def cache_of(config: Config) -> Path:
    """Return the folder of counts."""
    return config.load.cache or default_cache()
