"""Reads ahead of the device: rows of windows of all sources, in lattice order. Resampling lives in
`core/geodata/cells.py`.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Full, Queue

import numpy as np
from numpy.typing import NDArray

from ..geodata.cells import GridSource, Values
from ..geodata.grid import Region
from .plan import TileMask
from .windows import Lattice

_CellKey = tuple[int, int, int]  # source, cell row, cell column


@dataclass(frozen=True)
class Strip:
    """The raw values under one row of windows.

    `row` is the lattice row, `region` the pixels; `values` float32 `[bands, window, width]` with NaN where
    missing, `valid` bool `[window, width]`: no band is missing,
    and the pixel is to be mapped.
    """

    row: int
    region: Region
    values: Values
    valid: NDArray[np.bool_]


class StripReader:
    """Gives the strips of a part of the grid, a few of them read ahead by `threads` threads.

    The threads, and the dataset handle that each one has, serve all parts; `close` ends them.
    """

    def __init__(
        self,
        sources: Sequence[GridSource],
        lattice: Lattice,
        threads: int,
        ahead: int = 2,
        mask: TileMask | None = None,
    ):
        self._sources = sources
        self._lattice = lattice
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="read")
        self._ahead = ahead
        self._mask = mask

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def strips(self, part: Region) -> Iterator[Iterator[Strip]]:
        """Open the strips of all lattice rows that touch the part; leaving the context ends the reading."""
        feed = _Feed(self._sources, self._regions(part), self._pool, self._ahead, self._mask)
        try:
            yield iter(feed)
        finally:
            feed.close()

    def _regions(self, part: Region) -> list[tuple[int, Region]]:
        lattice = self._lattice
        cols = lattice.touching(part.col0, part.col1)
        left, right = lattice.origin(cols[0]), lattice.origin(cols[-1]) + lattice.window
        return [
            (row, Region(lattice.origin(row), lattice.origin(row) + lattice.window, left, right))
            for row in lattice.touching(part.row0, part.row1)
        ]


class _Feed:
    """One producer thread that assembles strips from cells, which a pool of threads reads."""

    def __init__(
        self,
        sources: Sequence[GridSource],
        plan: list[tuple[int, Region]],
        pool: ThreadPoolExecutor,
        ahead: int,
        mask: TileMask | None,
    ):
        self._sources = sources
        self._mask = mask
        self._plan = plan
        self._ahead = ahead
        self._cells: dict[_CellKey, Future[Values | None]] = {}
        self._queue: Queue[Strip | BaseException | None] = Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._pool = pool
        self._producer = threading.Thread(target=self._produce, name="strips", daemon=True)
        self._producer.start()

    def __iter__(self) -> Iterator[Strip]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the producer, drop what is not begun, and wait for what is."""
        self._stop.set()
        self._producer.join()
        for cell in self._cells.values():
            cell.cancel()
        wait(cell for cell in self._cells.values() if not cell.cancelled())

    def _produce(self) -> None:
        try:
            for index, (row, region) in enumerate(self._plan):
                for _, coming in self._plan[index : index + 1 + self._ahead]:
                    self._request(coming)
                self._forget(region.row0)
                self._put(self._assemble(row, region))
            self._put(None)
        except BaseException as error:  # whatever it is, it belongs to the thread that reads the strips
            self._put(error)

    def _put(self, item: Strip | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                return self._queue.put(item, timeout=0.2)
            except Full:
                continue
        return None

    def _request(self, region: Region) -> None:
        if not self._wants(region):
            return
        for index, source in enumerate(self._sources):
            for row, col in _cells_of(region, source.cell):
                key = (index, row, col)
                if key not in self._cells and not self._stop.is_set():
                    self._cells[key] = self._pool.submit(source.read_cell, row, col)

    def _forget(self, row0: int) -> None:
        """Drop the cells that lie above all strips to come."""
        done = [key for key in self._cells if (key[1] + 1) * self._sources[key[0]].cell <= row0]
        for key in done:
            del self._cells[key]

    def _wants(self, region: Region) -> bool:
        return self._mask is None or self._mask.touches(region)

    def _assemble(self, row: int, region: Region) -> Strip:
        parts, wanted = [], self._wants(region)
        for index, source in enumerate(self._sources):
            values = np.full((source.raster.n_bands, *region.shape), np.nan, np.float32)
            for cell_row, cell_col in _cells_of(region, source.cell) if wanted else ():
                cell = self._cells[index, cell_row, cell_col].result()
                if cell is not None:
                    _paste(values, region, cell, cell_row * source.cell, cell_col * source.cell)
            parts.append(values)
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        valid = np.asarray(~np.isnan(values).any(axis=0))
        if self._mask is not None:
            valid &= self._mask.wanted(region)
        return Strip(row, region, values, valid)


def _cells_of(region: Region, cell: int) -> Iterator[tuple[int, int]]:
    for row in range(region.row0 // cell, -(-region.row1 // cell)):
        for col in range(region.col0 // cell, -(-region.col1 // cell)):
            yield row, col


def _paste(values: Values, region: Region, cell: Values, row0: int, col0: int) -> None:
    """Copy what the cell at (row0, col0) has of the region into the region's values."""
    side = cell.shape[-1]
    whole = Region(row0, row0 + side, col0, col0 + side)
    both = region.intersect(whole)
    values[:, *both.slices_in(region)] = cell[:, *both.slices_in(whole)]
