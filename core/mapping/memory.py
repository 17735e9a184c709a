"""How much memory a run needs at most, and how the C library keeps it. Nothing here depends on a raster's
size.
"""

import ctypes
import sys
from dataclasses import asdict, dataclass
from typing import Any

from ..model.card import ModelCard
from .plan import Layout, Settings

GDAL_CACHE_MB = 64
_FLOAT = 4


@dataclass(frozen=True)
class MemoryBound:
    """Upper bounds in MiB of what a run holds, apart from the network and its activations."""

    sources: int
    sums: int
    logits: int
    products: int
    gdal_cache: int = GDAL_CACHE_MB

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(asdict(self).values())


def bound(
    card: ModelCard, layout: Layout, settings: Settings, *, in_flight: int, bytes_per_pixel: int
) -> MemoryBound:
    """Return the bounds of a run with `in_flight` windows on the device together and products that take
    `bytes_per_pixel` in all.
    """
    lattice, cell, ahead = layout.lattice, settings.cell, settings.ahead
    width = min(layout.band_px, layout.region.shape[1]) + 2 * lattice.window
    channels = len(card.experts) * len(card.classes)
    strip = card.n_bands * lattice.window * width * _FLOAT
    cells = (lattice.window + ahead * lattice.stride) // cell + 2
    cell_rows = card.n_bands * cells * cell * (width + 2 * cell) * _FLOAT
    rows = 2 * layout.chunk_rows + 4 * lattice.stride
    return MemoryBound(
        sources=_mib(cell_rows + (ahead + 3) * strip),
        sums=_mib(channels * lattice.reach * lattice.stride * width * _FLOAT),
        logits=_mib(in_flight * channels * lattice.window**2 * _FLOAT),
        products=_mib(2 * rows * width * (bytes_per_pixel + 1)),  # and whether it is valid
    )


def _mib(n_bytes: int) -> int:
    return -(-n_bytes // 2**20)


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks for the next window instead of giving them back page by page.

    torch allocates each layer's output anew; giving it back costs 10 to 40 % of a window. Elsewhere nothing
    happens.
    """
    mallopt = _from_glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the largest that glibc takes
        mallopt(_M_TRIM_THRESHOLD, 128 * 2**20)
        mallopt(_M_ARENA_MAX, 2)  # each thread's own heap would keep its own freed blocks


def give_back_freed_memory() -> None:
    """Give what glibc keeps back to the system, now and then, so that memory stays flat over a long run."""
    trim = _from_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _from_glibc(name: str) -> Any:
    """Return a function of the C library, or None where it has none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
