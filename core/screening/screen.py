"""Screens a region: reads its tiles ahead of the network, asks the network which classes each holds, in
batches on the device chosen, ranks them and writes the layer. No pixel is classified here.

Tiles stand at multiples of their side in world coordinates: a tile of a part is the tile of the whole.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..base.errors import InputError
from ..base.files import GEOPACKAGE, claim
from ..base.package import package_version
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..geodata.cells import GridSource, Values
from ..geodata.grid import Region, WorldGrid, name_of
from ..geodata.sources import open_sources
from ..geodata.tile_layer import TileLayer, check_replaceable, write_tiles
from ..mapping.devices import Execution, choose, n_cores
from ..mapping.memory import GDAL_CACHE_MB
from ..mapping.plan import choose_grid, common_region
from ..model.bundle import TileBundle, load_tile_bundle
from ..model.card import TileCard
from ..model.classes import LandCoverClass, select_classes
from ..model.normalise import Normaliser
from ..model.tile_network import any_of, calibrated, decision_scores
from ..model.torch_setup import one_thread
from .requests import ScreenRequest

#: Cells are read whole, and hold as many tiles as fit into a square of so many pixels.
_CELL_PX = 512


@dataclass(frozen=True, eq=False)
class Tile:
    """Row and column among all tiles of the world grid, raw values float32 `[n_bands, S, S]`, NaN where
    missing, and the share of pixels that miss no band."""

    row: int
    col: int
    raw: Values
    covered: float


def cell_side(window: int) -> int:
    """Return the side of the cells to read, a multiple of the tile's, in pixels."""
    return window * max(1, _CELL_PX // window)


def tiles_touching(region: Region, side: int) -> Region:
    """Return rows and columns of the squares of `side` pixels that touch a region of pixels."""
    return Region(region.row0 // side, -(-region.row1 // side), region.col0 // side, -(-region.col1 // side))


def read_tiles(sources: Sequence[GridSource], region: Region, window: int, threads: int) -> Iterator[Tile]:
    """Yield the tiles that touch a region and have any data, cell by cell; `threads` read ahead.

    The tiles are whole, also where only a part of them lies in the region. The sources share their cells,
    whose side is `cell_side(window)`.

    Raises:
        InputError: if a file breaks while being read.
    """
    wanted = tiles_touching(region, window)
    cells = tiles_touching(region, cell_side(window))
    places = [(r, c) for r in range(cells.row0, cells.row1) for c in range(cells.col0, cells.col1)]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read")
    ahead: deque[Future[list[Tile]]] = deque()
    try:
        for row, col in places:
            ahead.append(pool.submit(_tiles_of_cell, sources, row, col, window, wanted))
            if len(ahead) > threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _tiles_of_cell(
    sources: Sequence[GridSource], row: int, col: int, window: int, wanted: Region
) -> list[Tile]:
    """Read one cell of all sources and cut it."""
    parts = [source.read_cell(row, col) for source in sources]
    if all(part is None for part in parts):
        return []
    side = cell_side(window)
    filled = [
        np.full((s.raster.n_bands, side, side), np.nan, np.float32) if part is None else part
        for s, part in zip(sources, parts, strict=True)
    ]
    values = filled[0] if len(filled) == 1 else np.concatenate(filled)
    per_side = side // window
    tiles = []
    for r, c in np.ndindex(per_side, per_side):
        tile_row, tile_col = row * per_side + r, col * per_side + c
        if wanted.row0 <= tile_row < wanted.row1 and wanted.col0 <= tile_col < wanted.col1:
            raw = values[:, r * window : (r + 1) * window, c * window : (c + 1) * window]
            covered = 1 - float(np.isnan(raw).any(axis=0).mean())
            if covered:
                tiles.append(Tile(tile_row, tile_col, np.ascontiguousarray(raw), covered))
    return tiles


#: Pixels of a batch. Every batch has as many tiles, the last one filled up: a tile's scores do not depend on
#: what else is screened.
_BATCH_PX = 40_000
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Screener(nn.Module):
    """Normalisation, network and calibration of a card as one module on a device."""

    def __init__(self, card: TileCard, network: nn.Module, execution: Execution):
        super().__init__()
        self.card, self.dtype = card, _DTYPES.get(execution.precision)
        self.device = execution.torch_device
        self.normaliser, self.network = Normaliser(card.sources), network
        self.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return decision scores and probabilities `[B, C]`, float32, of raw `[B, n_bands, S, S]`."""
        x = self.normaliser(raw).contiguous(memory_format=torch.channels_last)
        with self._cast():
            logits = self.network(x)
        scores = decision_scores(logits.float(), self.card.link)
        return scores, calibrated(scores, self.card.calibration)

    def screen(
        self, tiles: Iterable[Tile]
    ) -> Iterator[list[tuple[Tile, NDArray[np.float32], NDArray[np.float32]]]]:
        """Yield tiles with their scores and probabilities `[C]`, a batch at a time."""
        coming, size = iter(tiles), batch_size(self.card.window)
        with torch.inference_mode():
            while batch := list(islice(coming, size)):
                raw = np.zeros((size, *batch[0].raw.shape), np.float32)
                for place, tile in enumerate(batch):
                    raw[place] = tile.raw
                scores, chances = (
                    found.cpu().numpy() for found in self(torch.from_numpy(raw).to(self.device))
                )
                yield [(tile, scores[i], chances[i]) for i, tile in enumerate(batch)]

    def _cast(self) -> AbstractContextManager[object]:
        return nullcontext() if self.dtype is None else torch.autocast(self.device.type, self.dtype)


def batch_size(window: int) -> int:
    """Return how many tiles of `window` pixels a side go through the network at once."""
    return max(1, _BATCH_PX // window**2)


#: Share of a tile side by which a grid may miss a multiple of it.
_EVEN = 1e-6


@dataclass(frozen=True)
class ScreenResult(JobResult):
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


def screen_tiles(request: ScreenRequest, reporter: Reporter = SILENT) -> ScreenResult:
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
    claim(request.output, GEOPACKAGE, overwrite=request.overwrite, check_old=check_replaceable)
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
