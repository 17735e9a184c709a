"""Screens a region: reads its tiles, asks the network which classes each holds, ranks them and writes the
layer. No pixel is classified here."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
import torch

from ..catalogue import LandCoverClass
from ..cells import GridSource
from ..engine.devices import Execution, choose, n_cores
from ..engine.memory import GDAL_CACHE_MB
from ..engine.plan import choose_grid, common_region
from ..errors import InputError
from ..grid import Region, WorldGrid, name_of
from ..metafusion.flag import select_classes
from ..progress import Reporter, SilentReporter
from ..sources import open_sources
from ..tile_bundle import TileBundle, load_tile_bundle
from ..tile_scores import any_of
from ..torch_setup import one_thread
from ..version import package_version
from .layer import TileLayer, require_free, write_tiles
from .network import Screener
from .reader import cell_side, read_tiles, tiles_touching

#: Share of a tile side by which a grid may miss a multiple of it.
_EVEN = 1e-6


@dataclass(frozen=True)
class ScreenRequest:
    """What to screen.

    Attributes:
        sources: rasters by the model's roles.
        output: GeoPackage to write.
        model: a screening model, or "screen" for the embedded one.
        classes: names or ids to rank by; none means the tail group.
        grid_m: side of the squares to rank, a multiple of the model's tile; None takes the tile itself. A
            larger square is as probable as its best tile.
        extent: `xmin,xmax,ymin,ymax [EPSG:n]`; whole tiles that touch it are screened.
        crs: of the grid, metric; None takes the first source's.
    """

    sources: Mapping[str, Sequence[Path]]
    output: Path
    model: str | Path = "screen"
    classes: Sequence[int | str] = ()
    grid_m: float | None = None
    extent: str | None = None
    crs: str | None = None
    device: str = "auto"
    precision: str = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class ScreenResult:
    """The layer written, the number of tiles, the classes that it is ranked by, and how long it took."""

    tiles: Path
    n: int
    ranked_by: tuple[str, ...]
    hectares: float
    seconds: float
    device: str
    precision: str
    message: str


@dataclass
class _Square:
    """One square of the grid: the best score and probability of its tiles by class, and their cover."""

    scores: np.ndarray
    chances: np.ndarray
    covered: list[float] = field(default_factory=list)


def screen_tiles(request: ScreenRequest, reporter: Reporter = SilentReporter()) -> ScreenResult:  # noqa: B008
    """Rank the tiles of a region by the probability that they hold a class.

    Raises:
        InputError, ModelError, DeviceError: if what was given cannot be used; nothing is written then.
        OutputError: if the layer cannot be written.
        Cancelled: if the reporter says so; nothing is written then.
    """
    with one_thread():
        return _screened(request, reporter)


def _screened(request: ScreenRequest, reporter: Reporter) -> ScreenResult:
    started = time.monotonic()
    bundle = load_tile_bundle(request.model)
    card = bundle.card
    wanted = select_classes(card.classes, request.classes)
    per_side = _tiles_per_side(request.grid_m, card.tile_m)
    require_free(request.output, overwrite=request.overwrite)
    execution = choose(request.device, "torch", request.precision)
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        rasters = open_sources(card, request.sources)
        grid = choose_grid(card.gsd_m, rasters, request.crs)
        side = cell_side(card.window)
        sources = [GridSource(rasters[s.role], s, grid, side) for s in card.sources]
        try:
            region = common_region(sources, rasters, grid, request.extent)
            squares = _screen(
                bundle, sources, region, per_side=per_side, execution=execution, reporter=reporter
            )
        finally:
            for source in sources:
                source.close()
    if not squares:
        raise InputError("There is nothing to screen: no tile has data; check the rasters and the extent.")
    layer = _layer(bundle, squares, wanted, grid, per_side=per_side, request=request)
    write_tiles(request.output, layer, overwrite=request.overwrite)
    seconds, names = round(time.monotonic() - started, 3), tuple(c.name for c in wanted)
    n, likely = len(layer.names), int((layer.probability > 0.5).sum())
    message = (
        f"{n:,} tiles of {per_side * card.tile_m:g} m, ranked by the probability of {' or '.join(names)}; "
        f"{likely:,} of them more likely than not."
    )
    reporter.log(message)
    hectares = float(layer.covered.sum()) * (per_side * card.tile_m) ** 2 / 1e4
    return ScreenResult(
        request.output, n, names, hectares, seconds, execution.device, execution.precision, message
    )


def _tiles_per_side(grid_m: float | None, tile_m: float) -> int:
    ratio = 1.0 if grid_m is None else grid_m / tile_m
    if ratio < 1 - _EVEN or abs(ratio - round(ratio)) > _EVEN * ratio:
        raise InputError(
            f"A grid of {grid_m:g} m does not suit the model, whose tiles are squares of {tile_m:g} m; give "
            "a multiple of that."
        )
    return round(ratio)


def _screen(
    bundle: TileBundle,
    sources: Sequence[GridSource],
    region: Region,
    *,
    per_side: int,
    execution: Execution,
    reporter: Reporter,
) -> dict[tuple[int, int], _Square]:
    """Return the squares by row and column."""
    screener, window = Screener(bundle.card, bundle.network(), execution), bundle.card.window
    total, done = tiles_touching(region, window).size, 0
    threads = min(4, n_cores())
    reporter.log(
        f"Screening {total:,} tiles of {bundle.card.tile_m:g} m with {bundle.card.name} on "
        f"{execution.device} ({execution.name}) in {execution.precision}."
    )
    squares: dict[tuple[int, int], _Square] = {}
    for batch in screener.screen(read_tiles(sources, region, window, threads)):
        for tile, scores, chances in batch:
            place = tile.row // per_side, tile.col // per_side
            square = squares.setdefault(place, _Square(scores, chances))
            square.scores = np.maximum(square.scores, scores)
            square.chances = np.maximum(square.chances, chances)
            square.covered.append(tile.covered)
        done += len(batch)
        reporter.progress(done, total, "tiles")
    return squares


def _layer(
    bundle: TileBundle,
    squares: Mapping[tuple[int, int], _Square],
    wanted: Sequence[LandCoverClass],
    grid: WorldGrid,
    *,
    per_side: int,
    request: ScreenRequest,
) -> TileLayer:
    """Rank the squares: the most probable first, among equals the one that lies further north, then west."""
    card = bundle.card
    places = sorted(squares)
    chances = np.stack([squares[p].chances for p in places]).astype(np.float64)
    scores = np.stack([squares[p].scores for p in places])
    channels = [i for i, c in enumerate(card.classes) if c in wanted]
    probability = any_of(torch.from_numpy(chances[:, channels])).numpy()
    order = np.argsort(-probability, kind="stable")
    side_px, side_m = per_side * card.window, per_side * card.tile_m
    regions = [
        Region(r * side_px, (r + 1) * side_px, c * side_px, (c + 1) * side_px)
        for r, c in (places[i] for i in order)
    ]
    bounds = [grid.bounds(region) for region in regions]
    covered = np.array([sum(squares[places[i]].covered) / per_side**2 for i in order])
    return TileLayer(
        bounds,
        [f"{round(b[0] / side_m)}_{round(b[1] / side_m)}" for b in bounds],
        probability[order],
        card.classes,
        chances[order],
        (scores > (card.thresholds or 0.0))[order],
        covered,
        grid.crs,
        {
            "model": card.name,
            "model_sha256": bundle.sha256,
            "ranked_by": [c.name for c in wanted],
            "tile_m": card.tile_m,
            "grid_m": side_m,
            "crs": name_of(grid.crs),
            "inputs": {role: [str(p) for p in paths] for role, paths in request.sources.items()},
            "extent": request.extent,
            "version": package_version(),
        },
    )
