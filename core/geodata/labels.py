"""What is really there, on the grid of a map and window by window: labels from a class raster on any grid,
or from polygons in any CRS. All jobs that compare a map with labels read them here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from ..base.errors import InputError
from ..model.classes import BACKGROUND, NODATA_CLASS, LandCoverClass
from .class_raster import IdArray, as_ids, check_class_raster
from .class_table import MapClass, class_key, ids_by_key
from .grid import Region, WorldGrid, horizontal
from .polygons import read_polygons, split_layer

#: Largest error of GDAL's approximation of a change of CRS, in the reference's pixels.
_WARP_TOLERANCE = 0.01
#: Rows that are counted at once.
_STRIP = 1024
#: How many classes a remark names.
_NAMED = 8


class Frame(Protocol):
    """Where the pixels of a map stand."""

    @property
    def crs(self) -> CRS:
        """The horizontal CRS."""

    @property
    def transform(self) -> Affine:
        """From column and row to coordinates."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""


class Labels(Protocol):
    """Ids on a map's grid; `unknown` counts polygons whose class is none of the map's."""

    unknown: Counter[str]

    def read(self, window: Window) -> IdArray:
        """Return the ids of a window of the map `[h, w]`, 255 where there is no label."""


@dataclass(frozen=True)
class RunFrame:
    """The pixels of a run: a region of a world grid."""

    grid: WorldGrid
    extent: Region

    @property
    def crs(self) -> CRS:
        """See `Frame`."""
        return self.grid.crs

    @property
    def transform(self) -> Affine:
        """See `Frame`."""
        return self.grid.transform(self.extent)

    @property
    def shape(self) -> tuple[int, int]:
        """See `Frame`."""
        return self.extent.shape


class RunLabels:
    """Labels of a run's classes, by regions of its raster. What is of no class of the run counts as
    unlabelled."""

    def __init__(self, labels: Labels, frame: Frame, ids: Sequence[int]):
        self._labels, self._shape = labels, frame.shape
        self._met = self._any_known = False
        self._known = np.isin(np.arange(NODATA_CLASS + 1), [*ids, NODATA_CLASS])

    def read(self, region: Region) -> IdArray:
        """Return the ids of a region of the run's raster `[h, w]`, 255 where there is no label of its
        classes."""
        found = self._labels.read(Window(region.col0, region.row0, region.shape[1], region.shape[0]))
        strange = ~self._known[found]
        self._met |= bool((strange & (found != BACKGROUND)).any())
        self._any_known |= bool((~strange & (found != NODATA_CLASS)).any())
        return np.where(strange, np.uint8(NODATA_CLASS), found)

    def any_known(self) -> bool:
        """Was there a label of the run's classes in what has been read?"""
        return self._any_known

    def left_out(self) -> dict[str, int]:
        """Return what is of no class of the run: id -> pixels, or what polygons say -> their number."""
        counts: NDArray[np.int64] = np.zeros(NODATA_CLASS + 1, np.int64)
        rows, cols = self._shape
        for top in range(0, rows if self._met else 0, _STRIP):
            window = Window(0, top, cols, min(_STRIP, rows - top))
            counts += np.bincount(self._labels.read(window).ravel(), minlength=NODATA_CLASS + 1)
        strange = np.flatnonzero(~self._known & (counts > 0)).tolist()
        return {str(i): int(counts[i]) for i in strange if i != BACKGROUND} | dict(self._labels.unknown)


class LeftOut:
    """Counts what labels say that is of no class, while threads read them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, values: NDArray[Any] | Sequence[Any]) -> None:
        """Count values."""
        names, counts = np.unique(np.asarray(values).astype(str), return_counts=True)
        with self._lock:
            self.counts.update(dict(zip(names.tolist(), counts.tolist(), strict=True)))


def left_out_remark(left_out: Mapping[str, int], what: str, known: str = "the map") -> str:
    """Return the sentence on classes of the labels `what` that `known` does not have, or nothing."""
    if not left_out:
        return ""
    named = ", ".join(f"{name} ({n:,})" for name, n in list(left_out.items())[:_NAMED])
    more = ", ..." if len(left_out) > _NAMED else ""
    return f"{what} holds classes that {known} does not have, left out: {named}{more}."


@contextmanager
def open_run_labels(
    path: Path, grid: WorldGrid, extent: Region, classes: Sequence[LandCoverClass], field: str = "class"
) -> Iterator[RunLabels]:
    """Open the labels of a run for a while: as `open_labels`, with regions that count from the corner of
    the run's raster, which is `extent` on its grid.
    """
    frame = RunFrame(grid, extent)
    known = [MapClass(c.id, c.name) for c in classes]
    with open_labels(path, frame, known, field, what="labels file") as labels:
        yield RunLabels(labels, frame, [c.id for c in classes])


@contextmanager
def open_labels(
    path: Path,
    raster: Frame,
    classes: Sequence[MapClass],
    field: str = "class",
    *,
    what: str = "reference",
) -> Iterator[Labels]:
    """Open the labels of a map for a while.

    Args:
        path: class raster on any grid (each pixel of the map takes the value under its centre), or polygons
            in any CRS (the last one over its centre).
        raster: the map.
        classes: of the map; polygons name them by id or name. If none are known, polygons name ids.
        field: of the polygons' class.
        what: they are called in sentences.

    Raises:
        InputError: if it does not exist or cannot be used so.
    """
    file, _ = split_layer(path)
    if not file.exists():
        raise InputError(f"The {what} {file} does not exist.")
    try:
        dataset = rasterio.open(file)
    except RasterioError:
        yield PolygonLabels(path, raster, classes, field)
        return
    with dataset, _on_grid(dataset, file, raster) as warped:
        yield RasterLabels(file, warped)


def _on_grid(dataset: Any, path: Path, raster: Frame) -> WarpedVRT:
    check_class_raster(dataset, path)
    height, width = raster.shape
    return WarpedVRT(
        dataset,
        src_crs=horizontal(dataset.crs),
        crs=raster.crs,
        transform=raster.transform,
        width=width,
        height=height,
        resampling=Resampling.nearest,
        tolerance=_WARP_TOLERANCE,
        # Without nodata what lies beyond the reference would be 0, not missing.
        add_alpha=MaskFlags.all_valid in dataset.mask_flag_enums[0],
    )


class RasterLabels:
    """Ids of a raster, brought to the map's grid."""

    def __init__(self, path: Path, warped: WarpedVRT):
        self.unknown: Counter[str] = Counter()
        self._path, self._warped = path, warped

    def read(self, window: Window) -> IdArray:
        """See `Labels`; raises InputError where the file breaks or holds other numbers than ids."""
        try:
            mask = self._warped.read_masks(1, window=window)
            return as_ids(self._warped.read(1, window=window), mask, self._path)
        except RasterioError as error:
            raise InputError(f"{self._path} cannot be read to its end; copy or export it again.") from error


class PolygonLabels:
    """Ids of polygons, held in memory and drawn where they are asked for."""

    def __init__(self, path: Path, raster: Frame, classes: Sequence[MapClass], field: str):
        polygons, values = read_polygons(path, field, raster.crs)
        ids, self.unknown = _ids(values, classes)
        self._polygons, self._ids = polygons[ids != NODATA_CLASS], ids[ids != NODATA_CLASS]
        self._tree = shapely.STRtree(self._polygons)
        self._transform = raster.transform

    def read(self, window: Window) -> IdArray:
        """See `Labels`."""
        shape = int(window.height), int(window.width)
        here = self._transform @ Affine.translation(window.col_off, window.row_off)
        corners = here.c, here.f + here.e * shape[0], here.c + here.a * shape[1], here.f
        hits = np.sort(self._tree.query(shapely.box(*corners)))
        if not hits.size:
            return np.full(shape, NODATA_CLASS, np.uint8)
        burnt: IdArray = rasterize(
            zip(self._polygons[hits], self._ids[hits].tolist(), strict=True),
            out_shape=shape,
            fill=NODATA_CLASS,
            transform=here,
            dtype=np.uint8,
        )
        return burnt


def _ids(values: Sequence[Any], classes: Sequence[MapClass]) -> tuple[NDArray[np.int64], Counter[str]]:
    """Return the id of each value, 255 where it is empty, 0 or unknown, and the unknown ones, counted."""
    known = ids_by_key(classes or [MapClass(i, str(i)) for i in range(1, NODATA_CLASS)])
    known = {"": NODATA_CLASS, str(BACKGROUND): NODATA_CLASS, str(NODATA_CLASS): NODATA_CLASS} | known
    keys = [class_key(value) for value in values]
    unknown = Counter(str(value) for key, value in zip(keys, values, strict=True) if key not in known)
    return np.array([known.get(key, NODATA_CLASS) for key in keys], np.int64), unknown
