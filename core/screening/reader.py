"""Reads a region tile by tile, ahead of the network. Tiles stand at multiples of their side in world
coordinates, never at a raster's corner: a tile of a part is the tile of the whole."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..cells import GridSource, Values
from ..grid import Region

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
