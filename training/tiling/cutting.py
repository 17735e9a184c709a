"""Cuts tiles: what sources are read and how their values are kept, and the pixels of each tile written."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from ...core.base.errors import InputError
from ...core.base.files import disk_errors
from ...core.base.progress import Reporter
from ...core.model.card import Normalisation, SourceSpec
from ...core.model.classes import BACKGROUND, NODATA_CLASS, LandCoverClass
from ..data.cut import LABELS
from ..data.georeferenced import GridTiles

#: The role whose values are heights above the sea: a model sees them above the lowest of its window.
RELIEF = "dem"
_COLOURS = {1: ("grey",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "NIR")}
_BYTE_SCALE = 1 / 255


def describe_source(role: str, files: Sequence[Path], gsd_m: float) -> SourceSpec:
    """Return a source with the bands of its first file; the normalisation is measured when training.

    Bands of an `image` are R, G, B and NIR in this order; others are named as the file names them.

    Raises:
        InputError: if the file cannot be read, or the role is no name for one.
    """
    try:
        with rasterio.open(files[0]) as file:
            alpha = ColorInterp.alpha in file.colorinterp
            n = max(1, file.count - alpha)
            names, is_byte = list(file.descriptions[:n]), file.dtypes[0] == "uint8"
    except RasterioError as error:
        raise InputError(
            f"{files[0]} is not a raster that can be read, or is incomplete; export it again."
        ) from error
    if not (role.isidentifier() and role.islower()):
        raise InputError(f"A source cannot be called {role!r}; use lower-case letters, digits and _.")
    return SourceSpec(
        role=role,
        bands=_band_names(role, n, names),
        gsd_m=gsd_m,
        normalisation=Normalisation(
            kind="window_min" if role == RELIEF else "standard",
            scale=_BYTE_SCALE if is_byte and role != RELIEF else 1.0,
            mean=(0.0,) * n,
            std=(1.0,) * n,
        ),
        unit="m" if role == RELIEF else None,
    )


def with_scales(specs: Sequence[SourceSpec], largest: Mapping[str, float]) -> tuple[SourceSpec, ...]:
    """Return the sources with images of more than 8 bits scaled by their `largest` value.

    Colours are varied in training between 0 and what is scaled to 1.
    """
    found = []
    for spec in specs:
        norm = spec.normalisation
        if spec.role == "image" and norm.scale == 1.0 and largest[spec.role] > 0:
            norm = norm.model_copy(update={"scale": 1 / largest[spec.role]})
        found.append(spec.model_copy(update={"normalisation": norm}))
    return tuple(found)


def is_rounded(spec: SourceSpec, dtype: Any) -> bool:
    """Are the source's tiles stored as the whole numbers that its files hold? Heights never are."""
    return spec.normalisation.kind == "standard" and dtype in ("uint8", "uint16")


def _band_names(role: str, n: int, described: Sequence[str | None]) -> tuple[str, ...]:
    if role == RELIEF and n == 1:
        return ("height",)
    if role == "image" and n in _COLOURS:
        return _COLOURS[n]
    names = [name or f"{role} {i}" if n > 1 else role for i, name in enumerate(described, start=1)]
    unique = len(set(names)) == n
    return tuple(names) if unique else tuple(f"{role} {i}" for i in range(1, n + 1))


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
