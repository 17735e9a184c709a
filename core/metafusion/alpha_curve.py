"""How many segments of the rare classes are invented and missed at each alpha, by the ML rule alone and by
MetaFusion with scores of models that have not seen the tile (METHODS.md section 2, "Counting").

Maps are held in temporary files, so memory does not grow with a run's size.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
from ..errors import InputError
from ..grid import Region
from ..progress import Reporter
from .boosting import Bools, MetaSettings
from .candidates import Candidates, find_candidates
from .classifier import filled, matrix, medians
from .counting import Errors, delta, stream_errors
from .crossval import cross_validate
from .fusion import accept
from .labels import Labels, open_labels
from .outlines import cut_outlines
from .pixels import RunPixels
from .training_set import TrainingSet, enough_tiles

ALPHAS = (0.9, 0.95, 0.975, 0.99, 0.995, 1.0)
BETWEEN = (0.5, 0.8)
#: Fewer candidates than this teach a classifier little (DESIGN and issue speak of 200).
FEW = 200
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


@dataclass(frozen=True)
class CurveRequest:
    """What to count.

    Attributes:
        runs: with logits and labels.
        class_ids: the flagged classes.
        names: features to use.
        settings: of the classifier, fitted anew for each alpha.
        tile_m: side of the tiles that folds keep together.
        accepted_per_find: MetaFusion's price; 1 is the paper's p >= 0.5.
        alphas: of the ML rule, with and without MetaFusion.
        between: more alphas of the ML rule alone, so that its curve is known where MetaFusion's errors lie.
    """

    runs: Sequence[LabelledRun]
    class_ids: Sequence[int]
    names: Sequence[str]
    settings: MetaSettings
    tile_m: float
    accepted_per_find: float = 1.0
    alphas: Sequence[float] = ALPHAS
    between: Sequence[float] = BETWEEN


@dataclass(frozen=True)
class AlphaRow:
    """One alpha: errors of the ML rule, and of MetaFusion where its candidates can teach a classifier.

    `ml_fp_at_equal_fn` are the segments that the ML rule invents at that alpha at which it misses as many as
    MetaFusion does here; between the alphas counted they are taken as linear.
    """

    alpha: float
    n_candidates: int
    n_true: int
    auc: float
    ml: Errors
    fused: Errors | None = None
    ml_fp_at_equal_fn: float = float("nan")

    @property
    def is_better(self) -> bool | None:
        """Does MetaFusion invent fewer at equal FN? None where there is no telling."""
        if self.fused is None or np.isnan(self.ml_fp_at_equal_fn):
            return None
        return self.fused.fp < self.ml_fp_at_equal_fn


@dataclass(frozen=True)
class AlphaCurve:
    """Errors over all runs and flagged classes.

    Attributes:
        bayes: of the map itself.
        rows: of each alpha asked for.
        plain: alpha and errors of the ML rule alone, more alphas than rows, rising; the first is Bayes.
        accepted_per_find: MetaFusion's price.
    """

    bayes: Errors
    rows: tuple[AlphaRow, ...]
    plain: tuple[tuple[float, Errors], ...]
    accepted_per_find: float

    def delta_ml(self, row: AlphaRow) -> float:
        """Return what the ML rule pays for each segment it misses less than Bayes."""
        return delta(row.ml, self.bayes)

    def delta_fused(self, row: AlphaRow) -> float:
        """Return what MetaFusion pays for each segment it misses less than Bayes."""
        return float("nan") if row.fused is None else delta(row.fused, self.bayes)


def alpha_curve(request: CurveRequest, reporter: Reporter) -> AlphaCurve:
    """Count the errors at each alpha; the reporter is told after each and may stop the work.

    Raises:
        InputError: if a run or its labels cannot be read.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mce-")))
        maps = [_RunMaps(run, folder / str(index), stack) for index, run in enumerate(request.runs)]
        bayes = _total(run.errors(run.bayes, request.class_ids) for run in maps)
        counted, plain = [], [(0.0, bayes)]
        alphas = sorted({*request.alphas, *request.between} - {0.0})
        for done, alpha in enumerate(alphas):
            reporter.progress(done, len(alphas), "alphas")
            row = _count(request, maps, alpha)
            counted += [row] if alpha in request.alphas else []
            plain.append((alpha, row.ml))
        reporter.progress(len(alphas), len(alphas), "alphas")
    errors = [found for _, found in plain]
    rows = tuple(replace(row, ml_fp_at_equal_fn=_fp_at(row.fused, errors)) for row in counted)
    return AlphaCurve(bayes, rows, tuple(plain), request.accepted_per_find)


def _count(request: CurveRequest, maps: Sequence["_RunMaps"], alpha: float) -> AlphaRow:
    """Count one alpha, without the comparison."""
    found = [run.decide(alpha, request.class_ids) for run in maps]
    ml = _total(run.errors(run.ml, request.class_ids) for run in maps)
    if alpha not in request.alphas:
        return AlphaRow(alpha, 0, 0, float("nan"), ml)
    training = TrainingSet.join([known_candidates(c, run.crs) for c, run in zip(found, maps, strict=True)])
    row = AlphaRow(alpha, len(training), int(training.targets.sum()), float("nan"), ml)
    values = matrix(training.features, request.names)
    groups, _ = enough_tiles(training, request.tile_m, request.settings.folds)
    try:
        validation = cross_validate(
            filled(values, medians(values)), training.targets, groups, request.settings, training.class_ids
        )
    except InputError:  # too few candidates of either outcome at this alpha
        return row
    accepted = accept(validation.scores, request.accepted_per_find)
    start = 0
    for candidates, run in zip(found, maps, strict=True):
        known = _known(candidates)
        chosen = np.zeros(len(candidates), np.bool_)
        chosen[known] = accepted[start : start + int(known.sum())]
        start += int(known.sum())
        run.fuse(candidates, chosen)
    fused = _total(run.errors(run.fused, request.class_ids) for run in maps)
    return replace(row, auc=validation.auc, fused=fused)


def known_candidates(candidates: Candidates, crs: str) -> TrainingSet:
    """Return the candidates with at least one labelled pixel as a training set; they need labels."""
    found = candidates.take(_known(candidates))
    assert found.target is not None
    names = np.full(len(found), crs)
    return TrainingSet(found.features, found.target, found.class_ids, found.x, found.y, names)


def _known(candidates: Candidates) -> Bools:
    assert candidates.labelled is not None
    return candidates.labelled


def _fp_at(fused: Errors | None, plain: Sequence[Errors]) -> float:
    """Return the false positives of the ML rule at the number of misses of MetaFusion; NaN if it has none.

    Only alphas count that no other one beats in both, and between them errors are taken as linear.
    """
    best: list[Errors] = []
    for errors in sorted(plain, key=lambda e: (e.fn, e.fp)):
        if not best or errors.fp < best[-1].fp:
            best.append(errors)
    if fused is None or fused.fn < best[0].fn:
        return float("nan")
    return float(np.interp(fused.fn, [e.fn for e in best], [e.fp for e in best]))


class _RunMaps:
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

        return _total(stream_errors(self.shape, read, class_ids).values())

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


def _total(errors: Any) -> Errors:
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
