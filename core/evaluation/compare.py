"""Compares a map with a reference, pixel by pixel in bounded memory, and with an interpreted sample: of the
map that it was drawn from, or of another one of the same area. The estimators live in `map_accuracy.py`.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.progress import Reporter
from ..geodata.class_raster import ClassRaster, IdArray, count_strips, ids_at, open_class_raster
from ..geodata.class_table import MapClass, named
from ..geodata.labels import Labels, open_labels
from ..geodata.polygons import projected
from ..mapping.record import RunRecord, classes_of, map_file, read_record, record_of
from ..model.classes import BACKGROUND, NODATA_CLASS
from .map_accuracy import MapAccuracy, estimate_by_strata
from .places import Places, count_places
from .requests import CompareRequest
from .sample_layer import Sample, read_sample
from .scores import Scores, scores

#: How far the areas of two maps may differ, as a share, for a sample of one to judge the other.
_SAME_AREA = 0.01


@dataclass(frozen=True, eq=False)
class JudgedSample:
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
) -> JudgedSample:
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
        return JudgedSample(sample.accuracy(), sample.classes, sample.pixel_m2)
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
) -> JudgedSample:
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
    return JudgedSample(accuracy, found, pixel_m2)


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


MAP, ORACLE = "map", "oracle"
#: The run's own map, where another one that was made of it is compared, a reviewed one for example.
BEFORE = "before"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes:
        titles: row (`map`, `expert_1` ... `expert_K`, `oracle`) -> what it is, for people.
        matrices: row -> `[C, C]` pixels, reference in rows, in the order of `classes`.
        scores: row -> its scores.
        labelled: pixels with a reference class; those that are mapped too are in the matrices.
        left_out: reference classes that are none of the map's -> pixels, or polygons where these name them.
        places: row (`map`, and `before` where the map was made of a run's own) -> places of each rare class.
        accuracy: of the sample.
        pixel_m2: area of a pixel of the sample's map.
    """

    classes: tuple[MapClass, ...]
    titles: dict[str, str] = field(default_factory=dict)
    matrices: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)
    labelled: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    places: dict[str, dict[str, Places]] = field(default_factory=dict)
    accuracy: MapAccuracy | None = None
    pixel_m2: float = 0.0

    @property
    def compared(self) -> int:
        """Pixels that have a class in the reference and in the map."""
        return int(self.matrices[MAP].sum()) if self.matrices else 0

    @property
    def colors(self) -> dict[str, str]:
        """Colour of each class by name, empty where it has none."""
        return {c.name: c.color for c in self.classes}

    @property
    def groups(self) -> list[str]:
        """Group of each class, or nothing where they have none."""
        return [c.group for c in self.classes if c.group]


def compare(request: CompareRequest, reporter: Reporter) -> Comparison:
    """Compare a map with its reference, and with its sample.

    Raises:
        InputError: if there is neither reference nor sample, a file cannot be used, the map holds classes
            that the table does not name, or map and reference share no pixel.
    """
    if request.reference is None and request.sample is None:
        raise InputError(
            "There is nothing to compare the map with: give a reference or an interpreted sample."
        )
    record = read_record(request.run) if request.run else record_of(request.prediction)
    classes = classes_of(record, request.classes)
    with ExitStack() as stack:
        rasters = {
            row: stack.enter_context(open_class_raster(path))
            for row, path in _rasters(request, record, reporter).items()
        }
        _check_grids(rasters)
        sample = (
            None if request.sample is None else read_sample(request.sample, classes, request.sample_field)
        )
        if sample is not None:
            if sample.n_open:
                reporter.log(f"{sample.n_open} points of the sample are not interpreted, and count nowhere.")
            judged = judge(sample, rasters[MAP], classes, request.sample_map, reporter)
        if request.reference is None:
            assert sample is not None
            found = Comparison(judged.classes)
        else:
            reference = stack.enter_context(
                open_labels(request.reference, rasters[MAP], classes, request.field)
            )
            counted = _count(rasters, reference, _answering(record, rasters), reporter)
            found = _evaluated(counted, classes, record, request)
            maps = {MAP: rasters[MAP]} | {
                row: stack.enter_context(open_class_raster(path))
                for row, path in _before(rasters[MAP].path, record).items()
            }
            _check_grids(maps)
            found = replace(found, places=count_places(maps, reference, found.classes))
    if sample is not None:
        found = replace(found, accuracy=judged.accuracy, pixel_m2=judged.pixel_m2)
    return found


def _rasters(request: CompareRequest, record: RunRecord | None, reporter: Reporter) -> dict[str, Path]:
    """Return row -> class raster: the map alone, or with the maps of the experts of its run."""
    own = map_file(request.prediction)
    if record is None:
        return {MAP: own}
    asked = request.run is not None or request.prediction.is_dir()
    if not asked and own.resolve() != record.products["land_cover"].resolve():
        return {MAP: own}  # one of the other rasters of the run
    experts = {f"expert_{k}": record.products[f"expert_{k}"] for k in range(1, len(record.experts) + 1)}
    if not asked and not all(path.is_file() for path in experts.values()):
        reporter.log("The maps of the run's experts are not there any more, so only the map is compared.")
        return {MAP: own}
    return {MAP: own, **experts}


def _before(path: Path, record: RunRecord | None) -> dict[str, Path]:
    """Return the run's own map, if the one that is compared was made of it and it is still there."""
    own = None if record is None else record.products["land_cover"]
    if own is None or not own.is_file() or own.resolve() == path.resolve():
        return {}
    with open_class_raster(path) as raster:
        made_of_it = "MCE_DECIDED_BY" in raster.dataset.tags()
    return {BEFORE: own} if made_of_it else {}


def _check_grids(rasters: dict[str, ClassRaster]) -> None:
    first = rasters[MAP]
    for raster in rasters.values():
        if (raster.shape, raster.transform, raster.crs) != (first.shape, first.transform, first.crs):
            raise InputError(f"{raster.path} and {first.path} differ in their grid; they are not of one run.")


def _answering(record: RunRecord | None, rasters: dict[str, ClassRaster]) -> NDArray[np.intp] | None:
    """Return for each class id the number 0..K-1 of the last expert responsible for it, `[256]`; none without
    experts.
    """
    if record is None or len(rasters) == 1:
        return None
    expert = np.zeros(256, np.intp)
    for k, ids in enumerate(record.expert_classes):
        expert[list(ids)] = k
    return expert


@dataclass
class _Counted:
    """Pairs of (reference, predicted) ids per row, `[256, 256]`, and pixels per reference id, `[256]`."""

    pairs: dict[str, NDArray[np.int64]]
    labelled: NDArray[np.int64]
    unknown: dict[str, int]


def _count(
    rasters: dict[str, ClassRaster],
    reference: Labels,
    answering: NDArray[np.intp] | None,
    reporter: Reporter,
) -> _Counted:
    """Walk over the map once, and read only where there is a reference."""
    rows = [*rasters, *([ORACLE] if answering is not None else [])]
    pairs = {row: np.zeros((256, 256), np.int64) for row in rows}
    labelled, windows = np.zeros(256, np.int64), rasters[MAP].parts()
    for done, window in enumerate(windows, start=1):
        truth = reference.read(window)
        has_truth = truth != NODATA_CLASS
        if has_truth.any():
            labelled += np.bincount(truth[has_truth], minlength=256)
            for row, (true, said) in _pairs(rasters, window, truth, answering).items():
                pairs[row] += np.bincount(true * np.intp(256) + said, minlength=256**2).reshape(256, 256)
        reporter.progress(done, len(windows), "parts")
    return _Counted(pairs, labelled, dict(reference.unknown))


def _pairs(
    rasters: dict[str, ClassRaster], window: Window, truth: IdArray, answering: NDArray[np.intp] | None
) -> dict[str, tuple[IdArray, IdArray]]:
    """Return per row the reference and predicted ids `[n]` of the pixels that have both."""
    maps = {row: raster.read(window) for row, raster in rasters.items()}
    counted = (truth != NODATA_CLASS) & np.all([m != NODATA_CLASS for m in maps.values()], axis=0)
    true = truth[counted]
    found = {row: (true, ids[counted]) for row, ids in maps.items()}
    if answering is not None:
        voices = np.stack([said for row, (_, said) in found.items() if row != MAP])  # (K, n)
        found[ORACLE] = true, np.take_along_axis(voices, answering[true][None], axis=0)[0]
    return found


def _evaluated(
    counted: _Counted, known: Sequence[MapClass], record: RunRecord | None, request: CompareRequest
) -> Comparison:
    pairs = counted.pairs[MAP]
    if known:
        classes = tuple(known)
        for row, found in counted.pairs.items():
            said = np.flatnonzero(found[[c.id for c in classes]].any(axis=0))
            named(said.tolist(), classes, f"The {_title(row, record)} of {request.prediction}")
    else:
        met = np.asarray(pairs.any(axis=0) | pairs.any(axis=1))
        met[BACKGROUND] = pairs[:, BACKGROUND].any()  # of a reference it means unlabelled
        classes = named(np.flatnonzero(met).tolist(), (), "The map")
    ids = [c.id for c in classes]
    matrices = {row: found[np.ix_(ids, ids)] for row, found in counted.pairs.items()}
    groups = [c.group for c in classes if c.group]
    other = {i: int(n) for i, n in enumerate(counted.labelled) if n and i not in (BACKGROUND, *ids)}
    left_out = {str(i): n for i, n in other.items()} | counted.unknown
    if not matrices[MAP].any():
        raise InputError(_why_nothing(request, int(counted.labelled[ids].sum()), list(left_out)))
    return Comparison(
        classes=classes,
        titles={row: _title(row, record) for row in matrices},
        matrices=matrices,
        scores={
            row: scores(m, groups, paper_convention=request.paper_convention) for row, m in matrices.items()
        },
        labelled=int(counted.labelled[ids].sum()),
        left_out=left_out,
    )


def _why_nothing(request: CompareRequest, n_labelled: int, strange: Sequence[str]) -> str:
    """Return why no pixel can be compared: what the reference has lies elsewhere, or is called otherwise."""
    if n_labelled:
        return f"{request.reference} is labelled only where {request.prediction} has no class; check both."
    if strange:
        named = ", ".join(strange[:8]) + (", ..." if len(strange) > 8 else "")
        return (
            f"{request.reference} has only classes that the map does not have ({named}); check its class "
            "field, or give a class table."
        )
    return (
        f"{request.reference} has no class anywhere on {request.prediction}; check that they show the same "
        "place, and their coordinate reference systems."
    )


def _title(row: str, record: RunRecord | None) -> str:
    if row == MAP:
        return "map"
    if row == ORACLE or record is None:
        return row
    k = int(row.removeprefix("expert_"))
    return f"expert {k} ({record.experts[k - 1]})"
