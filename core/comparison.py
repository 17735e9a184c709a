"""Compares a map with a reference, pixel by pixel in bounded memory, and with an interpreted sample. What is
written about it is the business of `evaluation.py`."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .accuracy import Scores, scores
from .catalogue import BACKGROUND, NODATA_CLASS
from .class_raster import ClassRaster, IdArray, open_class_raster
from .class_table import MapClass, classes_of, map_file, named, record_of
from .errors import InputError
from .map_accuracy import MapAccuracy
from .progress import Reporter
from .record import RunRecord, read_record
from .reference import Reference, open_reference
from .sample_accuracy import judge
from .sample_layer import read_sample

MAP, ORACLE = "map", "oracle"


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What a comparison is made of.

    Attributes:
        prediction: class raster, or the folder of a run, whose map it is.
        run: folder of the run whose experts are compared too, and the oracle, which for each pixel listens to
            the expert that answers for the true class; by default the run that made the prediction.
        reference: class raster or polygons, or none if there is a sample only.
        field: of the polygons' class.
        sample: interpreted layer of `draw_sample`, or none.
        sample_field: of the sample's true class.
        sample_map: class raster, or folder of a run, that the sample was drawn from, where this is another
            than the prediction; both must cover the same area.
        classes: CSV table of ids, names and groups; by default those of the run.
        paper_convention: average over the never-trained background too; see `accuracy.scores`.
    """

    prediction: Path
    run: Path | None = None
    reference: Path | None = None
    field: str = "class"
    sample: Path | None = None
    sample_field: str = "reference"
    sample_map: Path | None = None
    classes: Path | None = None
    paper_convention: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes:
        titles: row (`map`, `expert_1` ... `expert_K`, `oracle`) -> what it is, for people.
        matrices: row -> `[C, C]` pixels, reference in rows, in the order of `classes`.
        scores: row -> its scores.
        labelled: pixels with a reference class; those that are mapped too are in the matrices.
        left_out: reference classes that are none of the map's -> pixels, or polygons where these name them.
        accuracy: of the sample.
        pixel_m2: area of a pixel of the sample's map.
    """

    classes: tuple[MapClass, ...]
    titles: dict[str, str] = field(default_factory=dict)
    matrices: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)
    labelled: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
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
                open_reference(request.reference, rasters[MAP], classes, request.field)
            )
            counted = _count(rasters, reference, _answering(record, rasters), reporter)
            found = _evaluated(counted, classes, record, request)
    if sample is not None:
        found = Comparison(**{**vars(found), "accuracy": judged.accuracy, "pixel_m2": judged.pixel_m2})
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
    reference: Reference,
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
