"""Cuts tiles to files: one GeoTIFF for each source and for the labels. Which tiles there are, and what
becomes of them, is decided elsewhere."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from ...core.base.files import disk_errors
from ...core.base.progress import Reporter
from ...core.model.card import SourceSpec
from ...core.model.classes import BACKGROUND, NODATA_CLASS, LandCoverClass
from ..data.cut import LABELS
from ..data.georeferenced import GridTiles
from .sources import is_rounded

_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class CutResult:
    """The tiles that were written, by their place in the set `[M]`, with pixels per class `[M, C]`, and the
    largest value of each source."""

    kept: NDArray[np.intp]
    counts: NDArray[np.int64]
    largest: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Cutter:
    """Writes tiles of a set below a folder; a pixel that misses a source is unlabelled, as it is in a map."""

    tiles: GridTiles
    folder: Path
    classes: Sequence[LandCoverClass]
    min_labelled: float

    def cut(self, candidates: NDArray[np.intp], reporter: Reporter) -> CutResult:
        """Write those of the candidates that have enough labelled pixels: the share `min_labelled`, and one.

        Raises:
            InputError: if a source breaks while being read.
            OutputError: if the disk does not take the files.
        """
        with disk_errors(self.folder):
            for role in (*self._roles, LABELS):
                (self.folder / role).mkdir()
        kept, counts, largest = list[int](), list[NDArray[np.int64]](), dict.fromkeys(self._roles, 0.0)
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(candidates), _AT_ONCE):
                some = candidates[start : start + _AT_ONCE].tolist()
                for index, found in zip(some, pool.map(self._tile, some), strict=True):
                    if found is None:
                        continue
                    kept.append(index)
                    counts.append(found[0])
                    largest = {role: max(largest[role], found[1][role]) for role in largest}
                reporter.progress(start + len(some), len(candidates), "tiles")
        table = np.array(counts, np.int64).reshape(-1, len(self.classes))
        return CutResult(np.array(kept, np.intp), table, largest)

    @property
    def _roles(self) -> list[str]:
        return [spec.role for spec, _ in self.tiles.sources]

    def _tile(self, index: int) -> tuple[NDArray[np.int64], dict[str, float]] | None:
        """Write one tile; return its pixels per class `[C]` and largest values, None if it has too few."""
        area = self.tiles.read(index)
        labels = np.where(np.isnan(area.raw).any(axis=0), np.uint8(BACKGROUND), area.labels)
        n = np.count_nonzero(labels)
        if not n or n < self.min_labelled * labels.size:
            return None
        name, first, largest = f"{self._names[index]}.tif", 0, dict[str, float]()
        for spec, raster in self.tiles.sources:
            bands = area.raw[first : first + len(spec.bands)]
            first += len(spec.bands)
            largest[spec.role] = float(np.nanmax(bands))
            rounded = is_rounded(spec, raster.dtype) and not np.isnan(bands).any()
            kept = np.rint(bands).astype(raster.dtype) if rounded else bands
            self._write(self.folder / spec.role / name, kept, index, spec)
        self._write(self.folder / LABELS / name, labels[None], index, None)
        counts = np.bincount(labels.ravel(), minlength=256)[[c.id for c in self.classes]]
        return counts.astype(np.int64), largest

    def _write(self, path: Path, values: NDArray[Any], index: int, spec: SourceSpec | None) -> None:
        """Write bands `[n, S, S]` as a GeoTIFF; in memory first, because GDAL does not notice a full disk."""
        side = self.tiles.side
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "width": side,
            "height": side,
            "count": len(values),
            "dtype": values.dtype,
            "crs": self.tiles.grid.crs,
            "transform": self.tiles.transform(index),
            "compress": "deflate",
            "predictor": 3 if values.dtype == np.float32 else 2 if spec else 1,
            "interleave": "pixel",
        }
        if values.dtype == np.float32:
            profile["nodata"] = float("nan")
        with MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(values)
                file.descriptions = spec.bands if spec else ("land cover class",)
                if spec is None:
                    names = {f"CLASS_{c.id}": c.name for c in self.classes}
                    file.update_tags(1, CLASS_0="unlabelled", **names)
                    file.write_colormap(1, self._palette)
            content = memory.read()
        with disk_errors(self.folder):
            path.write_bytes(content)

    @cached_property
    def _names(self) -> Sequence[str]:
        return self.tiles.names

    @property
    def _palette(self) -> dict[int, tuple[int, int, int, int]]:
        black = dict.fromkeys((BACKGROUND, NODATA_CLASS), (0, 0, 0, 255))
        return black | {c.id: (*c.rgb, 255) for c in self.classes}
