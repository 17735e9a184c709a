"""What a training needs before it starts: the model's card with its nested experts, the sources'
normalisation and the classes, worked out from a configuration and its tiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import InputError
from ..core.base.progress import Reporter
from ..core.model.card import ExpertSpec, ModelCard, SourceSpec
from ..core.model.classes import LandCoverClass
from .config import Config
from .data.module import TileData
from .data.patches import PatchSampler, drawn_pixels
from .data.samples import ScoringWindows, TrainingPatches, TrainingTiles, augmentation
from .data.statistics import count_tiles, measure_sources
from .data.tiles import MemoryTiles, SomeTiles, TileSet
from .experts import check_nested, nested_experts
from .formats import Format, cache_of, classes_of, format_of, open_splits, source_spec, sources_of
from .splits import SPLITS, SplitReport, Tiles, report_splits


@dataclass(frozen=True)
class Prepared:
    """What a training needs; `counts` are the pixels per class that eq. 1 takes its shares from."""

    card: ModelCard
    data: TileData
    counts: tuple[int, ...]
    report: SplitReport


def prepare(config: Config, reporter: Reporter) -> Prepared:
    """Open the data of a configuration, count their classes and make the card.

    Raises:
        InputError: if data are missing or broken, a class has no training pixel, or the experts' table is
            not nested.
    """
    kind, model = format_of(config.data), config.model
    classes, sources = classes_of(config), sources_of(config)
    experts = model.experts
    if isinstance(experts, int):
        experts = nested_experts(classes, experts)
    check_nested(experts, classes)
    window = model.window or kind.window
    specs = tuple(map(source_spec, sources))
    splits = open_splits(config, classes, specs, window, reporter)
    counted = {name: _labelled(name, tiles, classes, config, reporter) for name, tiles in splits.items()}
    report = _report(counted, classes)
    for sentence in report.warnings():
        reporter.log(sentence)
    pixels = counted["train"][1].sum(axis=0)
    _check_present(classes, pixels)
    kept = {name: _kept(tiles, specs, config.load.keep_gb) for name, (tiles, _) in counted.items()}
    if any(source.normalisation is None for source in sources):
        measured = measure_sources(kept["train"], specs, window)
        given = [source.normalisation for source in sources]
        specs = tuple(s if n is not None else m for s, m, n in zip(specs, measured, given, strict=True))
    card = _card(config, kind, classes, pixels, specs=specs, experts=experts)
    data, drawn = _data(config, card, kept)
    return Prepared(card, data, drawn or card.pixel_counts, report)


def _labelled(
    name: str, tiles: TileSet, classes: Sequence[LandCoverClass], config: Config, reporter: Reporter
) -> tuple[TileSet, NDArray[np.int64]]:
    """Return the tiles that have labels, and their counts `[N, C]`."""
    counts = count_tiles(tiles, [c.id for c in classes], cache_of(config), reporter)
    some = np.flatnonzero(counts.any(axis=1))
    if not len(some):
        raise InputError(f"None of the {len(counts)} tiles of the split {name} has a labelled pixel.")
    if len(some) == len(counts):
        return tiles, counts
    reporter.log(f"{len(counts) - len(some)} of {len(counts)} tiles of the split {name} have no label.")
    return SomeTiles(tiles, some), counts[some]


def _report(
    counted: Mapping[str, tuple[TileSet, NDArray[np.int64]]], classes: Sequence[LandCoverClass]
) -> SplitReport:
    places = [tiles.bounds for tiles, _ in counted.values()]
    bounds = (
        np.concatenate([p for p in places if p is not None]) if all(p is not None for p in places) else None
    )
    counts = np.concatenate([c for _, c in counted.values()])
    folds = np.repeat(np.arange(len(counted)), [len(c) for _, c in counted.values()])
    return report_splits(Tiles(counts, bounds), folds, [c.name for c in classes], list(counted))


def _check_present(classes: Sequence[LandCoverClass], pixels: NDArray[np.int64]) -> None:
    missing = [c.name for c, n in zip(classes, pixels, strict=True) if not n]
    if missing:
        raise InputError(
            f"The training tiles have no pixel of {', '.join(missing)}: add tiles with it, or leave it out "
            "of the catalogue."
        )


def _kept(tiles: TileSet, specs: Sequence[SourceSpec], limit_gb: float) -> TileSet:
    """Return the tiles, in memory if they are small enough there."""
    n_bands = sum(len(s.bands) for s in specs)
    size = sum(rows * cols * (4 * n_bands + 1) for rows, cols in tiles.shapes)
    if isinstance(tiles, MemoryTiles) or size > limit_gb * 1e9:
        return tiles
    areas = [tiles.read(i) for i in range(len(tiles.names))]
    return MemoryTiles(areas, list(tiles.names), "kept", tiles.bounds)


def _card(
    config: Config,
    kind: Format,
    classes: Sequence[LandCoverClass],
    pixels: NDArray[np.int64],
    *,
    specs: tuple[SourceSpec, ...],
    experts: tuple[ExpertSpec, ...],
) -> ModelCard:
    model, total = config.model, int(pixels.sum())
    window = model.window or kind.window
    shares = [c.model_copy(update={"share": int(n) / total}) for c, n in zip(classes, pixels, strict=True)]
    return ModelCard(
        name=model.name,
        description=model.description,
        architecture=model.architecture,
        classes=tuple(shares),
        experts=experts,
        sources=specs,
        gsd_m=model.gsd_m or kind.gsd_m,
        window=window,
        stride=model.stride or window // 2,
        aggregation=model.aggregation,
        pixel_counts=tuple(int(n) for n in pixels),
    )


def _data(
    config: Config, card: ModelCard, splits: Mapping[str, TileSet]
) -> tuple[TileData, tuple[int, ...] | None]:
    """Return the data module and, for patches, the pixels per class that are really drawn."""
    load, ids = config.load, [c.id for c in card.classes]
    variants = augmentation(load.symmetry, load.jitter, card.sources)
    train: TrainingTiles | TrainingPatches
    drawn = None
    if load.patches is None:
        train = TrainingTiles(splits["train"], ids, card.window, variants, config.seed)
    else:
        areas = [splits["train"].read(i) for i in range(len(splits["train"].names))]
        sampler = PatchSampler(areas, ids, card.window, load.balanced)
        drawn = drawn_pixels(sampler, len(ids), np.random.default_rng(config.seed))
        train = TrainingPatches(sampler, load.patches, variants, config.seed)
    scoring = {n: ScoringWindows(splits[n], ids, card.window) for n in SPLITS[1:] if n in splits}
    data = TileData(
        train,
        scoring.get("val"),
        scoring.get("test"),
        batch_size=load.batch_size,
        workers=load.workers,
        seed=config.seed,
    )
    return data, drawn
