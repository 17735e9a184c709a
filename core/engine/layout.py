"""How a map is cut: bands of columns, mapped one after the other, and chunks of rows, the unit of
resuming.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..grid import Region
from ..windows import Lattice


@dataclass(frozen=True)
class Chunk:
    """A piece of the map that is written at once; `key` names it in the work folder."""

    band: int
    index: int
    region: Region

    @property
    def key(self) -> str:
        """Name of its files in the work folder."""
        return f"b{self.band:04d}_c{self.index:05d}"


@dataclass(frozen=True)
class Layout:
    """The bands and chunks of a region; `band_px` bounds the memory for sums, `chunk_rows` what a kill can
    cost.
    """

    region: Region
    lattice: Lattice
    band_px: int
    chunk_rows: int

    def bands(self) -> list[tuple[int, int]]:
        """Return the first and last + 1 column of each band.

        All but the last are as wide as allowed, so that a run's memory does not depend on the region's width,
        and are cut on lattice lines, where the fewest windows have to be run twice.
        """
        start, stop = self.region.col0, self.region.col1
        stride = self.lattice.stride
        edges = [start]
        while edges[-1] + self.band_px < stop:
            cut = (edges[-1] + self.band_px) // stride * stride
            edges.append(cut if cut > edges[-1] else edges[-1] + self.band_px)
        return list(pairwise([*edges, stop]))

    def chunks(self) -> list[Chunk]:
        """Return all chunks, in the order in which they are made."""
        tops = range(self.region.row0, self.region.row1, self.chunk_rows)
        return [
            Chunk(band, index, Region(top, min(top + self.chunk_rows, self.region.row1), left, right))
            for band, (left, right) in enumerate(self.bands())
            for index, top in enumerate(tops)
        ]

    def missing(self, done: Container[str]) -> Iterator[list[Chunk]]:
        """Yield runs of neighbouring chunks of one band that are not done."""
        run: list[Chunk] = []
        for chunk in self.chunks():
            if run and (chunk.key in done or chunk.band != run[-1].band):
                yield run
                run = []
            if chunk.key not in done:
                run.append(chunk)
        if run:
            yield run

    def n_windows_in_all(self) -> int:
        """Return how many windows all bands take; those that straddle two bands count twice."""
        return sum(self.n_windows(spanned(chunks)) for chunks in self.missing(()))

    def n_windows(self, part: Region) -> int:
        """Return how many windows touch a part of the region."""
        rows = self.lattice.touching(part.row0, part.row1)
        cols = self.lattice.touching(part.col0, part.col1)
        return len(rows) * len(cols)


def spanned(chunks: list[Chunk]) -> Region:
    """Return the region of neighbouring chunks of one band."""
    first, last = chunks[0].region, chunks[-1].region
    return Region(first.row0, last.row1, first.col0, first.col1)
