"""Tiles cut from georeferenced rasters of any grid, with labels as a raster or as polygons. They stand on the
lattice that the engine's windows stand on, and are read by the engine's own sources."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from affine import Affine

from ...core.base.errors import InputError
from ...core.geodata.cells import GridSource
from ...core.geodata.grid import Region, WorldGrid, require_metric
from ...core.geodata.labels import LeftOut
from ...core.geodata.sources import Raster, open_source
from ...core.model.card import Normalisation, SourceSpec
from .tiles import Area, BoundsTable, LabelArray, LabelTable, files_digest

_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
_LABELS = "labels"


class LabelCells(Protocol):
    """Labels on a grid, cell by cell; `extent` is where there can be any, `files` what is read."""

    @property
    def extent(self) -> Region:
        """The rectangle of the grid that may hold labels."""

    @property
    def files(self) -> Sequence[Path]:
        """The files that labels come from."""

    def read_cell(self, row: int, col: int) -> LabelArray:
        """Return the class ids `[S, S]` of a cell, 0 = unlabelled."""

    def digest(self) -> str:
        """Return a hash of how labels are read."""


@dataclass(frozen=True, eq=False)
class GridTiles:
    """Square tiles of `side` grid pixels where all sources and labels meet; missing pixels are NaN.

    Handles of files are opened once in every process that reads.
    """

    grid: WorldGrid
    side: int
    sources: Sequence[tuple[SourceSpec, Raster]]
    label_cells: LabelCells
    cells: Sequence[tuple[int, int]]  # (row, col) on the lattice of tiles

    @property
    def names(self) -> Sequence[str]:
        """Column and row of the upper-left pixel of each tile on the grid."""
        return [f"x{col * self.side}_y{row * self.side}" for row, col in self.cells]

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        return [(self.side, self.side)] * len(self.cells)

    @property
    def bounds(self) -> BoundsTable | None:
        """Place of each tile in the grid's CRS."""
        return np.array([self.grid.bounds(_region(cell, self.side)) for cell in self.cells])

    def transform(self, index: int) -> Affine:
        """Return the georeference of a tile."""
        return self.grid.transform(_region(self.cells[index], self.side))

    def read(self, index: int) -> Area:
        """Read a tile."""
        row, col = self.cells[index]
        bands = []
        for reader, (spec, _) in zip(self._readers, self.sources, strict=True):
            values = reader.read_cell(row, col)
            empty = np.full((len(spec.bands), self.side, self.side), np.nan, np.float32)
            bands.append(empty if values is None else values)
        return Area(np.concatenate(bands), self.read_labels(index))

    def read_labels(self, index: int) -> LabelArray:
        """Read the labels of a tile."""
        return self.label_cells.read_cell(*self.cells[index])

    def fingerprint(self) -> str:
        """Return a hash of grid, tiles, label files and sources."""
        digest = hashlib.sha256(f"{self.grid.crs.to_wkt()} {self.grid.gsd} {self.side} {self.cells}".encode())
        files = [file for _, raster in self.sources for file in raster.files]
        digest.update(files_digest([*files, *self.label_cells.files], self.label_cells.digest()).encode())
        return digest.hexdigest()

    @property
    def _readers(self) -> list[GridSource]:
        """The sources of this process: handles of GDAL do not survive a fork."""
        return self._by_process.setdefault(
            os.getpid(),
            [GridSource(raster, spec, self.grid, cell=self.side) for spec, raster in self.sources],
        )

    @cached_property
    def _by_process(self) -> dict[int, list[GridSource]]:
        return {}


def grid_tiles(
    specs: Sequence[SourceSpec],
    files: Mapping[str, Sequence[Path]],
    labels: LabelCells,
    grid: WorldGrid,
    side: int,
) -> GridTiles:
    """Return the tiles of the lattice that touch every source and the labels.

    Args:
        files: role -> rasters of one mosaic, or one folder of them.

    Raises:
        InputError: if a raster cannot be used, or nothing overlaps.
    """
    require_metric(grid.crs, "The grid of the tiles")
    sources = [(spec, open_source(spec, list_rasters(files.get(spec.role, ()), spec.role))) for spec in specs]
    common = labels.extent
    for spec, raster in sources:
        common = common.intersect(GridSource(raster, spec, grid, cell=side).footprint)
        if not common.size:
            raise InputError(f"The source {spec.role!r} ({raster.files[0]}) and the labels do not overlap.")
    rows = range(common.row0 // side, -(-common.row1 // side))
    cols = range(common.col0 // side, -(-common.col1 // side))
    return GridTiles(grid, side, sources, labels, [(row, col) for row in rows for col in cols])


def list_rasters(paths: Sequence[Path], role: str) -> list[Path]:
    """Return the rasters meant by files and folders, in order of their names within a folder.

    Raises:
        InputError: if there is none.
    """
    found = []
    for path in paths:
        inside = (
            sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
        )
        if not inside:
            raise InputError(f"The folder {path} holds no raster for the source {role!r}.")
        found += inside
    if not found:
        raise InputError(f"No raster is given for the source {role!r}.")
    return found


@dataclass(frozen=True, eq=False)
class RasterLabels:
    """Labels of a raster of codes, taken at the nearest pixel. Codes that the table does not know are an
    error, or unlabelled and counted where there is a `left_out`.
    """

    raster: Raster
    grid: WorldGrid
    side: int
    table: LabelTable
    left_out: LeftOut | None = None

    @property
    def files(self) -> Sequence[Path]:
        """The label rasters."""
        return self.raster.files

    @cached_property
    def extent(self) -> Region:
        """Footprint of the raster."""
        return GridSource(self.raster, _LABEL_SPEC, self.grid, cell=self.side).footprint

    def read_cell(self, row: int, col: int) -> LabelArray:
        """Return the class ids `[side, side]` of a cell; missing values are unlabelled."""
        values = self._reader.read_cell(row, col)
        if values is None:
            return np.zeros((self.side, self.side), np.uint8)
        missing = np.isnan(values[0])
        codes = np.where(missing, self.table.an_ignored, values[0]).astype(np.int64)
        if self.left_out is not None:
            strange = self.table.is_unknown(codes)
            self.left_out.add(codes[strange])
            codes = np.where(strange, self.table.an_ignored, codes)
        return self.table.apply(codes, str(self.files[0]))

    def digest(self) -> str:
        """Return a hash of the codes."""
        return self.table.digest()

    @property
    def _reader(self) -> GridSource:
        return self._by_process.setdefault(
            os.getpid(), GridSource(self.raster, _LABEL_SPEC, self.grid, cell=self.side)
        )

    @cached_property
    def _by_process(self) -> dict[int, GridSource]:
        return {}


_LABEL_SPEC = SourceSpec(
    role=_LABELS,
    bands=("class",),
    gsd_m=1.0,
    resampling="nearest",
    normalisation=Normalisation(mean=(0.0,), std=(1.0,)),
)


def raster_labels(
    paths: Sequence[Path], grid: WorldGrid, side: int, table: LabelTable, left_out: LeftOut | None = None
) -> RasterLabels:
    """Look at label rasters, several as one mosaic.

    Raises:
        InputError: if one cannot be used.
    """
    return RasterLabels(open_source(_LABEL_SPEC, list_rasters(paths, _LABELS)), grid, side, table, left_out)


def _region(cell: tuple[int, int], side: int) -> Region:
    row, col = cell
    return Region(row * side, (row + 1) * side, col * side, (col + 1) * side)
