"""Reads the next block while the last one is worked on. What is read lives in `core/flagging/pixels.py`."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

from .grid import Region

Block = TypeVar("Block")


def halo_regions(shape: tuple[int, int], block: int) -> Iterator[Region]:
    """Yield the blocks of a raster in raster order, each with a halo of one pixel inside the raster, as
    `segment_stream.stream_segments` asks for them.
    """
    whole = Region(0, shape[0], 0, shape[1])
    for row in range(0, shape[0], block):
        for col in range(0, shape[1], block):
            yield Region(row - 1, row + block + 1, col - 1, col + block + 1).intersect(whole)


class ReadAhead(Generic[Block]):
    """Calls `read` for regions in their order, one ahead, in a thread of its own; others are read when asked.

    Only one call runs at a time, so `read` needs no lock.
    """

    def __init__(self, read: Callable[[Region], Block], regions: Iterator[Region]):
        self._read, self._regions = read, regions
        self._next: tuple[Region, Future[Block]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._start()

    def __call__(self, region: Region) -> Block:
        """Return what `read` gives for a region, or raise what it raises."""
        if self._next is None or self._next[0] != region:
            return self._thread.submit(self._read, region).result()
        block = self._next[1].result()
        self._start()
        return block

    def _start(self) -> None:
        region = next(self._regions, None)
        self._next = None if region is None else (region, self._thread.submit(self._read, region))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the call that runs."""
        self._thread.shutdown(cancel_futures=True)
