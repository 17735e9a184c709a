"""What is counted and measured once on a set of tiles, and kept in a cache. Splits and cards are made of it
elsewhere."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.base.progress import Reporter
from ...core.model.card import SourceSpec
from .tiles import FloatArray, TileSet, measure_normalisation

#: Tiles that normalisation is measured on, evenly spread over the training tiles.
MEASURED = 400
_AT_ONCE = 64


def default_cache() -> Path:
    """Return the user's cache folder for statistics."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mce-landcover" / "statistics"


def count_tiles(
    tiles: TileSet, class_ids: Sequence[int], cache: Path | None, reporter: Reporter
) -> NDArray[np.int64]:
    """Return the labelled pixels of each tile and class, `[N, C]`, read once per state of the files.

    Args:
        cache: folder of the counts of earlier runs; None keeps nothing.

    Raises:
        InputError: if labels cannot be read or hold unknown ids. OSError is not caught for the cache: a
            folder given must be writable.
    """
    file = None if cache is None else cache / f"{_key(tiles, class_ids)}.npy"
    if file is not None and file.exists():
        counts: NDArray[np.int64] = np.load(file, allow_pickle=False)
        return counts
    ids, total = list(class_ids), len(tiles.names)
    counts = np.zeros((total, len(ids)), np.int64)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, total, _AT_ONCE):
            stop = min(start + _AT_ONCE, total)
            for index, labels in zip(
                range(start, stop), pool.map(tiles.read_labels, range(start, stop)), strict=True
            ):
                counts[index] = np.bincount(labels.ravel(), minlength=256)[ids]
            reporter.progress(stop, total, "label tiles")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.stem}.{os.getpid()}.npy")
        np.save(partial, counts)
        partial.replace(file)
    return counts


def measure_sources(
    tiles: TileSet, specs: Sequence[SourceSpec], window: int, most: int = MEASURED
) -> tuple[SourceSpec, ...]:
    """Return the sources as `measured_sources` does, measured on up to `most` tiles."""
    raws = [tiles.read(i).raw for i in evenly(len(tiles.names), most)]
    return measured_sources(specs, raws, window)


def evenly(n: int, most: int = MEASURED) -> list[int]:
    """Return up to `most` of the numbers 0..n-1, evenly spread."""
    chosen: list[int] = np.unique(np.linspace(0, n - 1, min(n, most)).astype(int)).tolist()
    return chosen


def measured_sources(
    specs: Sequence[SourceSpec], raws: Sequence[FloatArray], window: int
) -> tuple[SourceSpec, ...]:
    """Return the sources with mean and standard deviation measured on raw bands `[n_bands, H, W]`.

    Scale and kind (relief or not) are those of the sources given.
    """
    found, first = [], 0
    for spec in specs:
        last, norm = first + len(spec.bands), spec.normalisation
        bands, relief = [raw[first:last] for raw in raws], norm.kind == "window_min"
        measured = measure_normalisation(bands, relief=relief, window=window, scale=norm.scale)
        found.append(spec.model_copy(update={"normalisation": measured}))
        first = last
    return tuple(found)


def _key(tiles: TileSet, class_ids: Sequence[int]) -> str:
    return hashlib.sha256(f"{tiles.fingerprint()} {list(class_ids)}".encode()).hexdigest()[:32]
