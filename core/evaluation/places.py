"""Rare classes by places: how many a map finds, misses and invents, as the MetaFusion paper counts segments
(docs/science/methods.md section 2, "Counting"). Shares of pixels live in `scores.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from ..geodata.class_raster import ClassRaster
from ..geodata.class_table import MapClass
from ..geodata.grid import Region
from ..geodata.labels import Labels, RunLabels
from ..model.classes import NODATA_CLASS
from ..segments.counting import Errors, stream_errors

RARE_GROUP = "tail"


@dataclass(frozen=True)
class Places:
    """Places of one class: `found` and `missed` ones of the reference, `false` ones of the map, over `km2`
    that both know.
    """

    found: int
    missed: int
    false: int
    km2: float

    @property
    def false_per_km2(self) -> float:
        """False places on a square kilometre; NaN of no area."""
        return self.false / self.km2 if self.km2 else float("nan")

    @property
    def false_per_found(self) -> float:
        """False places for each one found; NaN where none is."""
        return self.false / self.found if self.found else float("nan")

    def sentence(self, name: str) -> str:
        """Return the numbers in words."""
        return (
            f"{name}: {self.found} of {self.found + self.missed} places found, {self.false} false ones "
            f"({self.false_per_km2:.1f} per km2)"
        )


def rare_classes(classes: Sequence[MapClass]) -> tuple[MapClass, ...]:
    """Return the classes whose places are counted: the tail; none where classes have no groups."""
    return tuple(c for c in classes if c.group == RARE_GROUP)


def count_places(
    maps: Mapping[str, ClassRaster], labels: Labels, classes: Sequence[MapClass]
) -> dict[str, dict[str, Places]]:
    """Return the places of the rare classes by map and class name, in bounded memory.

    Args:
        maps: on one grid, by name.
        labels: on the same grid.
        classes: of the maps.
    """
    rare = rare_classes(classes)
    if not rare:
        return {}
    first = next(iter(maps.values()))
    truth = RunLabels(labels, first, [c.id for c in classes])
    pixel_km2 = abs(first.transform.a * first.transform.e) / 1e6
    return {name: _of_map(raster, truth, rare, pixel_km2) for name, raster in maps.items()}


def _of_map(
    raster: ClassRaster, truth: RunLabels, rare: Sequence[MapClass], pixel_km2: float
) -> dict[str, Places]:
    def read(region: Region) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        window = Window(region.col0, region.row0, region.shape[1], region.shape[0])
        return raster.read(window), truth.read(region)

    errors = stream_errors(raster.shape, read, [c.id for c in rare])
    n_known = sum(
        int(((raster.read(window) != NODATA_CLASS) & (truth.read(_region(window)) != NODATA_CLASS)).sum())
        for window in raster.parts()
    )
    return {c.name: _places(errors[c.id], n_known * pixel_km2) for c in rare}


def _places(errors: Errors, km2: float) -> Places:
    return Places(errors.tp, errors.fn, errors.fp, km2)


def _region(window: Window) -> Region:
    row, col = int(window.row_off), int(window.col_off)
    return Region(row, row + int(window.height), col, col + int(window.width))
