"""What an interpreted sample says of a map: of the one that it was drawn from, or of another one of the same
area, such as a reviewed or newer map. The estimators live in `map_accuracy.py`, the layer in
`sample_layer.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from .catalogue import NODATA_CLASS
from .class_raster import ClassRaster, count_strips, ids_at, open_class_raster
from .class_table import MapClass, map_file, named
from .errors import InputError
from .map_accuracy import MapAccuracy, estimate_by_strata
from .polygons import projected
from .progress import Reporter
from .sample_layer import Sample

#: How far the areas of two maps may differ, as a share, for a sample of one to judge the other.
_SAME_AREA = 0.01


@dataclass(frozen=True, eq=False)
class Judged:
    """The accuracy of a map, its classes in the same order, and the area of a pixel."""

    accuracy: MapAccuracy
    classes: tuple[MapClass, ...]
    pixel_m2: float


def judge(
    sample: Sample,
    raster: ClassRaster,
    classes: Sequence[MapClass],
    drawn_from: Path | None,
    reporter: Reporter,
) -> Judged:
    """Return what a sample says of a map.

    Args:
        sample: interpreted.
        raster: the map that is judged.
        classes: of the map, as far as they are known.
        drawn_from: class raster or folder of a run, if the sample was drawn from another map.

    Raises:
        InputError: if the sample was not drawn from the map that it is said to be drawn from, the maps cover
            different areas, or there are too few points.
    """
    if drawn_from is None:
        _require_own(sample, raster, count_strips(raster, reporter).sum(axis=0))
        return Judged(sample.accuracy(), sample.classes, sample.pixel_m2)
    with open_class_raster(map_file(drawn_from)) as first:
        _require_own(sample, first, count_strips(first, reporter).sum(axis=0))
    pixels = count_strips(raster, reporter).sum(axis=0)
    said = ids_at(raster, _places(sample, raster)).astype(np.int64)
    pixel_m2 = abs(raster.transform.a * raster.transform.e)
    area, other = sample.mapped_pixels.sum() * sample.pixel_m2, pixels.sum() * pixel_m2
    n_beyond = int((said == NODATA_CLASS).sum())
    if n_beyond or abs(other - area) > _SAME_AREA * area:
        raise InputError(
            f"{raster.path} and {drawn_from} cover different areas ({other / 1e4:,.1f} and {area / 1e4:,.1f} "
            f"ha, {n_beyond} points where the first has no class), so a sample of one cannot judge the other."
        )
    return _of_another(sample, said, pixels, classes, pixel_m2)


def _of_another(
    sample: Sample,
    said: NDArray[np.int64],
    pixels: NDArray[np.int64],
    classes: Sequence[MapClass],
    pixel_m2: float,
) -> Judged:
    """Return the accuracy of a map that says `said` `[n]` at the points, and has `pixels` `[255]`."""
    done = sample.references != NODATA_CLASS
    ids = np.union1d(np.flatnonzero(pixels), sample.references[done])
    strata = np.unique(sample.map_ids)
    own = {c.id: c for c in (*sample.classes, *classes)}
    found = named(ids.tolist(), tuple(own.values()), "The map")
    counts = np.zeros((len(strata), len(ids), len(ids)), np.int64)
    at = (
        np.searchsorted(strata, sample.map_ids[done]),
        np.searchsorted(ids, said[done]),
        np.searchsorted(ids, sample.references[done]),
    )
    np.add.at(counts, at, 1)
    size = {c.id: int(n) for c, n in zip(sample.classes, sample.mapped_pixels, strict=True)}
    accuracy = estimate_by_strata(
        counts,
        [size[int(i)] for i in strata],
        pixels[ids],
        [own[int(i)].name for i in strata],
        [c.name for c in found],
    )
    return Judged(accuracy, found, pixel_m2)


def _require_own(sample: Sample, raster: ClassRaster, pixels: NDArray[np.int64]) -> None:
    """Raise InputError unless the sample was drawn from this map: its strata are the map's classes."""
    mapped = ids_at(raster, _places(sample, raster))
    n_other = int((mapped != sample.map_ids).sum())
    if n_other:
        raise InputError(
            f"{n_other} of {len(mapped)} points of the sample have another class in {raster.path}: it was "
            "drawn from another map; give that one as sample_map to judge this one with it."
        )
    drawn = np.zeros_like(pixels)
    for c, n in zip(sample.classes, sample.mapped_pixels, strict=True):
        drawn[c.id] = n
    changed = np.flatnonzero(drawn != pixels)
    if changed.size:
        i = int(changed[0])
        raise InputError(
            f"Class {i} has {pixels[i]:,} pixels in {raster.path}, but {drawn[i]:,} in the sample: this was "
            "drawn from another map (give it as sample_map), or all its points of a class are missing."
        )


def _places(sample: Sample, raster: ClassRaster) -> NDArray[np.float64]:
    """Return the coordinates of the points in the CRS of a map `[n, 2]`."""
    moved = projected(shapely.points(sample.points), sample.crs, raster.crs, "The points of the sample")
    return shapely.get_coordinates(moved)
