"""The class maps of a labelled run as temporary files: its own, the labels, the ML rule's at any alpha, and
their fusion. Memory does not grow with the run. What is counted with them is in `alpha_curve.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.windows import Window
from shapely.geometry import MultiPolygon

from ..catalogue import NODATA_CLASS
from ..grid import Region
from .boosting import Bools
from .candidates import Candidates, find_candidates
from .counting import Errors, stream_errors
from .labels import Labels, open_labels
from .outlines import cut_outlines
from .pixels import RunPixels

_BLOCK = 1024
#: Pixels of an outline that are filled at once.
_STRIP_PX = 1 << 22
Map = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledRun:
    """A finished run and what is known to be there; `field` is the class of label polygons."""

    run: Path
    labels: Path
    field: str = "class"


class RunMaps:
    """The class maps of a run as files, class ids `[H, W]`: the map itself, the labels, and for the present
    alpha the ML rule's map and the fused one.
    """

    def __init__(self, run: LabelledRun, folder: Path, stack: ExitStack):
        folder.mkdir()
        self._run, self._folder = run, folder
        with RunPixels(run.run) as pixels:
            self.shape, self.crs = pixels.shape, pixels.record.grid.crs
            self._extent, self._grid = pixels.extent, pixels.grid
            self._classes = pixels.record.classes
            land_cover = stack.enter_context(rasterio.open(pixels.record.products["land_cover"]))
        self._labels: Labels = open_labels(run.labels, self._grid, self._extent, self._classes, run.field)
        stack.callback(self._labels.close)
        self.bayes = self._filled("bayes", lambda region: land_cover.read(1, window=_window(region)))
        self.labels = self._filled("labels", self._labels.read)
        self.ml, self.fused = self._empty("ml"), self._empty("fused")

    def decide(self, alpha: float, class_ids: Sequence[int]) -> Candidates:
        """Decide the ML map anew and return its candidates."""
        with RunPixels(self._run.run, alpha) as pixels:
            ids = np.full(256, NODATA_CLASS, np.uint8)
            ids[: len(pixels.class_ids)] = pixels.class_ids
            for region in _blocks(self.shape):
                self.ml[_slices(region)] = ids[pixels.classes(region)]
            return find_candidates(pixels, class_ids, labels=self._labels)

    def fuse(self, candidates: Candidates, accepted: Bools) -> None:
        """Make the fused map (eq. 14): the ML class in accepted candidates, the map's elsewhere."""
        self.fused[:] = self.bayes
        table = candidates.take(accepted).table
        ids = candidates.class_ids[accepted]
        outlines = cut_outlines(table.bounds, table.first, self.shape[1], lambda r: self.ml[_slices(r)])
        for index, polygons in outlines:
            for region, mask in filled_outline(polygons, Region(*table.bounds[index].tolist())):
                self.fused[_slices(region)][mask] = ids[index]

    def errors(self, predicted: Map, class_ids: Sequence[int]) -> Errors:
        """Count a map's errors against the labels, all classes together."""

        def read(region: Region) -> tuple[Map, Map]:
            return predicted[_slices(region)], self.labels[_slices(region)]

        return total(stream_errors(self.shape, read, class_ids).values())

    def _filled(self, name: str, read: Callable[[Region], NDArray[Any]]) -> Map:
        values = self._empty(name)
        for region in _blocks(self.shape):
            values[_slices(region)] = read(region)
        return values

    def _empty(self, name: str) -> Map:
        return np.memmap(self._folder / name, np.uint8, "w+", shape=self.shape)


def filled_outline(polygons: MultiPolygon, bounds: Region) -> Iterator[tuple[Region, Bools]]:
    """Yield the pixels of an outline within its bounds, in strips: a region and its mask `[h, w]`.

    Args:
        polygons: of whole pixels, x the column and y the row of a corner.
        bounds: of the outline.
    """
    step = max(1, _STRIP_PX // max(1, bounds.shape[1]))
    for row in range(bounds.row0, bounds.row1, step):
        strip = Region(row, min(row + step, bounds.row1), bounds.col0, bounds.col1)
        burnt = rasterize(
            [polygons],
            out_shape=strip.shape,
            transform=Affine.translation(strip.col0, strip.row0),
            dtype=np.uint8,
        )
        yield strip, burnt.astype(np.bool_)


def total(errors: Iterable[Errors]) -> Errors:
    """Return the errors of separate rasters or classes together."""
    result = Errors()
    for one in errors:
        result = result.plus(one)
    return result


def _blocks(shape: tuple[int, int]) -> Iterator[Region]:
    for row in range(0, shape[0], _BLOCK):
        for col in range(0, shape[1], _BLOCK):
            yield Region(row, min(row + _BLOCK, shape[0]), col, min(col + _BLOCK, shape[1]))


def _slices(region: Region) -> tuple[slice, slice]:
    return slice(region.row0, region.row1), slice(region.col0, region.col1)


def _window(region: Region) -> Window:
    return Window(region.col0, region.row0, region.shape[1], region.shape[0])
