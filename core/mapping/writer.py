"""Writes behind the device: gathers finished rows into chunks and stores them in a thread of its own."""

import threading
from collections.abc import Sequence
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Self

import numpy as np

from .memory import give_back_freed_memory
from .pipeline import MapRows
from .plan import Chunk
from .products import Product, pixels_of
from .store import RunStore

#: Pixels stored between two returns of freed memory, which cost some ten milliseconds each.
_TRIM_PX = 1 << 20


class ChunkWriter:
    """Takes rows of one run of chunks, from top to bottom.

    A context: leaving it waits until all are stored, or stops at once if there was an error. An error in the
    thread is raised by the next call.
    """

    def __init__(self, store: RunStore, products: Sequence[Product], chunks: Sequence[Chunk]):
        self._store = store
        self._products = products
        self._chunks = list(chunks)
        self._gathered: list[MapRows] = []
        self._stored_px = 0
        self._queue: Queue[MapRows | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="write", daemon=True)
        self._thread.start()

    def put(self, rows: MapRows) -> None:
        """Take finished rows; waits while the disk is behind."""
        self._send(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandoned.set()
            self._thread.join()
            return
        self._send(None)
        self._thread.join()
        self._raise()

    def _send(self, item: MapRows | None) -> None:
        while True:
            self._raise()
            try:
                return self._queue.put(item, timeout=0.2)
            except Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._abandoned.is_set():
                try:
                    rows = self._queue.get(timeout=0.2)
                except Empty:  # look whether the run was abandoned
                    continue
                if rows is None:
                    return
                self._gathered.append(rows)
                self._store_complete()
        except BaseException as error:  # whatever it is, it belongs to the thread that hands rows over
            self._error = error

    def _store_complete(self) -> None:
        """Store the first chunk if all of its rows are there, and keep the rows below it."""
        last = self._gathered[-1]
        bottom = last.row0 + last.valid.shape[0]
        while self._chunks and self._chunks[0].region.row1 <= bottom:
            chunk = self._chunks.pop(0)
            pieces = [cut(rows, chunk.region.row0, chunk.region.row1) for rows in self._gathered]
            pixels = {
                product.id: np.concatenate([pixels_of(product.id, piece) for piece in pieces], axis=1)
                for product in self._products
            }
            n_valid = sum(int(piece.valid.sum()) for piece in pieces)
            self._store.write(chunk, pixels, n_valid)
            rest = [cut(rows, chunk.region.row1, bottom) for rows in self._gathered]
            self._gathered = [rows for rows in rest if rows.valid.shape[0]]
            self._stored_px += chunk.region.size
            if self._stored_px >= _TRIM_PX:
                self._stored_px = 0
                give_back_freed_memory()


def cut(rows: MapRows, row0: int, row1: int) -> MapRows:
    """Return what of the rows lies in `row0 <= row < row1`; perhaps none."""
    first = max(row0 - rows.row0, 0)
    last = max(min(row1 - rows.row0, rows.valid.shape[0]), first)
    part = slice(first, last)
    return MapRows(
        rows.row0 + first,
        rows.classes[:, part],
        rows.evidence[:, part],
        rows.logits[:, part],
        rows.valid[part],
    )
