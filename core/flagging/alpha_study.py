"""How many segments of the rare classes are invented and missed at each alpha, by the ML rule alone and by
MetaFusion with scores of models that have not seen the tile (docs/science/methods.md section 2, "Counting").

The class maps of the labelled run are temporary files: memory does not grow with the run.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
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

from ..base.errors import InputError
from ..base.progress import Reporter
from ..geodata.grid import Region
from ..geodata.labels import open_run_labels
from ..model.classes import NODATA_CLASS
from ..segments.counting import Errors, delta, stream_errors
from .boosting import Bools, MetaSettings
from .candidates import Candidates, find_candidates
from .cross_validation import cross_validate
from .fusion import accept
from .outlines import cut_outlines
from .pixels import RunPixels
from .scorer import filled, matrix, medians
from .training_set import TrainingSet, enough_tiles, known_candidates
from .trees import Floats

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
        self._labels = stack.enter_context(
            open_run_labels(run.labels, self._grid, self._extent, self._classes, run.field)
        )
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


ALPHAS = (0.9, 0.95, 0.975, 0.99, 0.995, 1.0)
BETWEEN = (0.5, 0.8)
PRICES = (1.0, 3.0, 10.0)
#: Fewer candidates than this teach a classifier little.
FEW = 200


@dataclass(frozen=True)
class CurveRequest:
    """What to count.

    Attributes:
        runs: with logits and labels.
        class_ids: the flagged classes.
        names: features to use.
        settings: of the classifier, fitted anew for each alpha.
        tile_m: side of the tiles that folds keep together.
        prices: false alarms that MetaFusion accepts per find; 1 is the paper's p >= 0.5.
        alphas: of the ML rule, with and without MetaFusion.
        between: more alphas of the ML rule alone, so that its curve is known where MetaFusion's errors lie.
    """

    runs: Sequence[LabelledRun]
    class_ids: Sequence[int]
    names: Sequence[str]
    settings: MetaSettings
    tile_m: float
    prices: Sequence[float] = PRICES
    alphas: Sequence[float] = ALPHAS
    between: Sequence[float] = BETWEEN


@dataclass(frozen=True)
class FusedErrors:
    """MetaFusion at one price: what it accepts and the errors that are left.

    `ml_fp_at_equal_fn` are the segments that the ML rule invents at that alpha at which it misses as many as
    MetaFusion does here; between the alphas counted they are taken as linear.
    """

    accepted_per_find: float
    n_accepted: int
    errors: Errors
    ml_fp_at_equal_fn: float = float("nan")

    @property
    def is_better(self) -> bool | None:
        """Does MetaFusion invent fewer at equal FN? None where there is no telling."""
        return None if np.isnan(self.ml_fp_at_equal_fn) else self.errors.fp < self.ml_fp_at_equal_fn


@dataclass(frozen=True)
class AlphaRow:
    """One alpha: errors of the ML rule, and of MetaFusion at each price; at none where its candidates cannot
    teach a classifier.
    """

    alpha: float
    n_candidates: int
    n_true: int
    auc: float
    ml: Errors
    fused: tuple[FusedErrors, ...] = ()


@dataclass(frozen=True)
class AlphaCurve:
    """Errors over all runs and flagged classes.

    Attributes:
        bayes: of the map itself.
        rows: of each alpha asked for.
        plain: alpha and errors of the ML rule alone, more alphas than rows, rising; the first is Bayes.
    """

    bayes: Errors
    rows: tuple[AlphaRow, ...]
    plain: tuple[tuple[float, Errors], ...]

    def delta(self, errors: Errors) -> float:
        """Return how many invented segments each one missed less than by Bayes costs."""
        return delta(errors, self.bayes)


def alpha_curve(request: CurveRequest, reporter: Reporter) -> AlphaCurve:
    """Count the errors at each alpha; the reporter is told after each and may stop the work.

    Raises:
        InputError: if a run or its labels cannot be read.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mce-")))
        maps = [RunMaps(run, folder / str(index), stack) for index, run in enumerate(request.runs)]
        bayes = total(run.errors(run.bayes, request.class_ids) for run in maps)
        counted, plain = [], [(0.0, bayes)]
        alphas = sorted({*request.alphas, *request.between} - {0.0})
        for done, alpha in enumerate(alphas):
            reporter.progress(done, len(alphas), "alphas")
            row = _count(request, maps, alpha)
            counted += [row] if alpha in request.alphas else []
            plain.append((alpha, row.ml))
        reporter.progress(len(alphas), len(alphas), "alphas")
    frontier = [errors for _, errors in plain]
    return AlphaCurve(bayes, tuple(_compared(row, frontier) for row in counted), tuple(plain))


def _count(request: CurveRequest, maps: Sequence[RunMaps], alpha: float) -> AlphaRow:
    """Count one alpha, without the comparison."""
    found = [run.decide(alpha, request.class_ids) for run in maps]
    ml = total(run.errors(run.ml, request.class_ids) for run in maps)
    if alpha not in request.alphas:
        return AlphaRow(alpha, 0, 0, float("nan"), ml)
    training = TrainingSet.join([known_candidates(c, run.crs) for c, run in zip(found, maps, strict=True)])
    row = AlphaRow(alpha, len(training), int(training.targets.sum()), float("nan"), ml)
    values = matrix(training.features, request.names)
    values = filled(values, medians(values))
    groups, _ = enough_tiles(training, request.tile_m, request.settings.folds)
    try:
        validation = cross_validate(values, training.targets, groups, request.settings, training.class_ids)
    except InputError:  # too few candidates of either outcome at this alpha
        return row
    scores = _by_run(validation.scores, found)
    fused = []
    for price in request.prices:
        n_accepted = 0
        for run, candidates, own in zip(maps, found, scores, strict=True):
            accepted = accept(own, price)
            n_accepted += int(accepted.sum())
            run.fuse(candidates, accepted)
        errors = total(run.errors(run.fused, request.class_ids) for run in maps)
        fused.append(FusedErrors(price, n_accepted, errors))
    return replace(row, auc=validation.auc, fused=tuple(fused))


def _by_run(scores: Floats, found: Sequence[Candidates]) -> list[Floats]:
    """Return the scores of each run's candidates; those without a label have none and are never accepted."""
    parts, start = [], 0
    for candidates in found:
        known: Bools = candidates.labelled if candidates.labelled is not None else np.zeros(0, np.bool_)
        own = np.full(len(candidates), np.nan)
        own[known] = scores[start : start + int(known.sum())]
        start += int(known.sum())
        parts.append(own)
    return parts


def _compared(row: AlphaRow, plain: Sequence[Errors]) -> AlphaRow:
    """Add what the ML rule does at equal FN."""
    fused = tuple(replace(one, ml_fp_at_equal_fn=_fp_at(one.errors, plain)) for one in row.fused)
    return replace(row, fused=fused)


def _fp_at(fused: Errors, plain: Sequence[Errors]) -> float:
    """Return the ML rule's false positives where it misses as many as MetaFusion; NaN if never so few.

    Only alphas count that no other one beats in both, and between them errors are taken as linear.
    """
    best: list[Errors] = []
    for errors in sorted(plain, key=lambda e: (e.fn, e.fp)):
        if not best or errors.fp < best[-1].fp:
            best.append(errors)
    if fused.fn < best[0].fn:
        return float("nan")
    return float(np.interp(fused.fn, [e.fn for e in best], [e.fp for e in best]))
