"""The job `apply_review`, read from top to bottom: a run and its decided candidates in, the fused map and a
log of every change out (docs/science/methods.md section 2, eq. 14). What is decided is read in `review.py`.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.windows import Window

from ..base.errors import InputError, OutputError
from ..base.files import GEOTIFF, claim, disk_errors, part_of, write_whole
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..geodata.cog import WORK_PROFILE, put_in_place, run_in_daemons, write_cog
from ..geodata.grid import Region, name_of
from ..geodata.mosaic import BandStyle, Category, Mosaic, Placement
from ..geodata.styles import paletted_style
from ..mapping.record import RunRecord, read_record
from ..model.classes import NODATA_CLASS
from .alternatives import Alternatives, Basis
from .changes import INSTEAD, AppliedDecision, Changes, Prices, change_log, decide
from .flag import GDAL_CACHE_MB
from .requests import ApplyRequest
from .review import Review, read_outlines, read_review
from .rule import RULE, by_rule

#: Outlines read at once.
_AT_ONCE = 1000
#: Side of the blocks that the map is fused in.
BLOCK = 1024


@dataclass(frozen=True)
class ApplyResult(JobResult):
    """What was written: `n_applied` candidates changed `n_pixels` pixels of the map."""

    land_cover: Path
    change_log: Path
    n_applied: int
    n_pixels: int
    message: str


def apply_review(
    request: ApplyRequest,
    reporter: Reporter = SILENT,
    *,
    block: int = BLOCK,
) -> ApplyResult:
    """Write the fused map of a run: accepted missed places take their class, the pixels of rejected doubtful
    ones what they would have been without it, all else stays.

    The input is never touched. Memory holds one block of the map, `block` pixels a side, and what was
    decided. The same map for any `block`.

    Raises:
        InputError: if what was given cannot be used, nothing was decided, or the candidates belong to another
            map; nothing is written then.
        OutputError: if the map cannot be written; nothing half-written is left.
        Cancelled: if the reporter says so.
    """
    record = read_record(request.run)
    _claim(request, record)
    review = read_review(request.candidates)
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB), _opened(record.products["land_cover"]) as source:
        _require_same_map(review, record, source)
        prices = Prices(request.accepted_per_find, request.kept_per_loss)
        changes = Changes(decide(review, record.classes, request.decide_by, prices))
        outlines = _Outlines(request.candidates, changes.decisions)
        with _work_folder(request.target) as folder, closing(Alternatives(record)) as alternatives:
            fused = folder / "blocks.tif"
            _Fusion(source, outlines, changes, alternatives, reporter).write(fused, block)
            part = folder / "final.tif"
            n_applied = len({decision.uuid for decision in changes.decisions})
            mosaic = _mosaic(source, fused, record, _tags(source, request, n_applied))
            _convert(mosaic, part, folder, lambda: reporter.progress(1, 1, "maps"))
            log = request.target.with_name(f"{request.target.stem}_changes.csv")
            write_whole(log, change_log(changes, review, record).encode("utf-8"))
            put_in_place(part, request.target)
            categories = mosaic.bands[0].categories
            write_whole(request.target.with_suffix(".qml"), paletted_style(categories))
    message = _message(changes, review, request, alternatives.basis)
    reporter.log(message)
    return ApplyResult(request.target, log, n_applied, changes.n_pixels, message)


def _claim(request: ApplyRequest, record: RunRecord) -> None:
    """Refuse outputs that are folders, inputs or already there."""
    output = request.target
    if output.resolve() in {path.resolve() for path in record.products.values()}:
        raise InputError(
            f"The output {output} is a map of the run itself, which is never changed; choose another."
        )
    log = output.with_name(f"{output.stem}_changes.csv")
    claim(output, GEOTIFF, overwrite=request.overwrite, beside=(log,))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        dataset = rasterio.open(path)
    except RasterioError as error:
        raise InputError(f"The land-cover map {path} cannot be read; map it again.") from error
    with dataset:
        yield dataset


def _require_same_map(review: Review, record: RunRecord, source: Any) -> None:
    """Refuse candidates of another model, grid or area than the map's."""
    if review.run["model_sha256"] != record.model.sha256:
        raise InputError(
            f"The candidates {review.path} come from a map of another model ({review.run['model']}); give "
            "the run that they were flagged in."
        )
    grid = review.run["grid"]
    if review.crs != source.crs or abs(grid["gsd"] - record.grid.gsd) > 1e-9 * record.grid.gsd:
        raise InputError(
            f"The candidates {review.path} are on another grid ({grid['crs']}, {grid['gsd']:g} m) than the "
            f"run ({name_of(source.crs)}, {record.grid.gsd:g} m); give the run that they were flagged in."
        )
    left, bottom, right, top = grid["bounds"]
    slack = record.grid.gsd / 2
    here = source.bounds
    if (
        left < here.left - slack
        or bottom < here.bottom - slack
        or right > here.right + slack
        or top > here.top + slack
    ):
        raise InputError(
            f"The candidates {review.path} were flagged in another or a larger area than the run "
            "maps; give the run that they were flagged in."
        )


class _Outlines:
    """The outlines of what is to be applied, found by place and read when they are needed."""

    def __init__(self, path: Path, decisions: Sequence[AppliedDecision]):
        self._path, self._decisions = path, decisions
        boxes: list[Any] = []
        for start in range(0, len(decisions), _AT_ONCE):
            numbers = list(range(start, min(start + _AT_ONCE, len(decisions))))
            boxes += [shapely.box(*outline.bounds) for outline in self._read(numbers)]
        self._tree = shapely.STRtree(boxes)

    def within(self, bounds: tuple[float, float, float, float]) -> list[tuple[Any, int]]:
        """Return the outlines that may touch the bounds, each with its decision's number from 1, the last
        first, so that the first has the last word where outlines overlap.
        """
        hits = np.sort(self._tree.query(shapely.box(*bounds)))[::-1].tolist()
        return [(outline, hit + 1) for outline, hit in zip(self._read(hits), hits, strict=True)]

    def _read(self, places: Sequence[int]) -> list[Any]:
        """Return the outlines of the decisions at some places."""
        found: dict[tuple[str, bool], Any] = {}
        for original in (False, True):
            uuids = [self._decisions[i].uuid for i in places if self._decisions[i].original == original]
            outlines = read_outlines(self._path, uuids, original=original) if uuids else {}
            found |= {(uuid, original): outline for uuid, outline in outlines.items()}
        return [found[self._decisions[i].uuid, self._decisions[i].original] for i in places]


@contextmanager
def _work_folder(output: Path) -> Iterator[Path]:
    """Give a folder beside the output for all that is temporary, and remove it whatever happens."""
    folder = part_of(output)
    shutil.rmtree(folder, ignore_errors=True)
    with disk_errors(output.parent):
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Fusion:
    """Copies the map block by block, with the new classes where candidates are applied."""

    source: Any
    outlines: _Outlines
    changes: Changes
    alternatives: Alternatives
    reporter: Reporter

    def write(self, target: Path, block: int) -> None:
        """Write the fused map; the reporter is told after each block and may stop it."""
        source = self.source
        windows = [
            Window(col, row, min(block, source.width - col), min(block, source.height - row))
            for row in range(0, source.height, block)
            for col in range(0, source.width, block)
        ]
        shape = {"width": source.width, "height": source.height, "count": 1, "dtype": "uint8"}
        place = {"crs": source.crs, "transform": source.transform, "nodata": NODATA_CLASS}
        with _disk(target), rasterio.open(target, "w", **shape, **place, **WORK_PROFILE) as file:
            for done, window in enumerate(windows):
                self.reporter.progress(done, len(windows), "blocks")
                file.write(self._fused(window), 1, window=window)
        self.reporter.progress(len(windows), len(windows), "blocks")

    def _fused(self, window: Window) -> NDArray[np.uint8]:
        """Return the classes of a window `[h, w]`, and count what changes."""
        values: NDArray[np.uint8] = self.source.read(1, window=window)
        transform = self.source.transform @ Affine.translation(window.col_off, window.row_off)
        (left, top), (right, bottom) = transform @ (0, 0), transform @ (window.width, window.height)
        found = self.outlines.within((left, bottom, right, top))
        if not found:
            return values
        numbers = rasterize(found, values.shape, transform=transform, dtype=np.int32)
        row, col = int(window.row_off), int(window.col_off)
        region = Region(row, row + values.shape[0], col, col + values.shape[1])
        return self.changes.changed(numbers, values, lambda old: self.alternatives.read(region, old))


@contextmanager
def _disk(target: Path) -> Iterator[None]:
    try:
        yield
    except RasterioError as error:
        raise OutputError(
            f"The fused map cannot be written to {target.parent.parent} or the map cannot be read to its end "
            f"({error}); check the disk."
        ) from error


def _mosaic(source: Any, fused: Path, record: RunRecord, tags: dict[str, str]) -> Mosaic:
    """Return the fused map with all that `predict` says of a map in the file."""
    categories = tuple(Category(c.id, c.name, c.group, c.rgb) for c in record.classes)
    return Mosaic(
        width=source.width,
        height=source.height,
        wkt=source.crs.to_wkt(),
        transform=source.transform,
        dtype="uint8",
        bands=[BandStyle("Land cover (class id)", interpretation="Palette", categories=categories)],
        placements=[Placement(fused, 0, 0, source.width, source.height)],
        nodata=NODATA_CLASS,
        tags=tags,
    )


def _tags(source: Any, request: ApplyRequest, n_applied: int) -> dict[str, str]:
    """Return the map's tags, and that it was fused: neither times nor places."""
    return {
        **{key: value for key, value in source.tags().items() if key.startswith("MCE_")},
        "AREA_OR_POINT": "Area",
        "MCE_DECIDED_BY": request.decide_by,
        "MCE_CANDIDATES_APPLIED": str(n_applied),
    }


def _convert(mosaic: Mosaic, part: Path, folder: Path, still_wanted: Callable[[], None]) -> None:
    """Write the final file in a daemon thread: GDAL does not stop when asked, so a cancel does not wait."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            write_cog(mosaic, part, lambda factor: folder / f"overview_{factor}.tif", classes=True)
        except Exception as error:  # GDAL fails in many types; raised again below
            failures.append(error)

    run_in_daemons(work, 1, still_wanted)
    if failures:
        raise OutputError(
            f"The fused map could not be written to {folder.parent} ({failures[0]}); check the disk and run "
            "the same command again."
        ) from failures[0]


def _message(changes: Changes, review: Review, request: ApplyRequest, basis: Basis) -> str:
    """Return the outcome in a few sentences."""
    states = Counter(review.states.tolist())
    by_uuid = {decision.uuid: decision.decided_by for decision in changes.decisions}
    how, n = Counter(by_uuid.values()), len(by_uuid)
    taken_out = len({d.uuid for d in changes.decisions if d.class_id == INSTEAD})
    by = " and ".join(f"{count} by the {name}" for name, count in how.items())
    text = (
        f"{n} of {len(review)} candidates {'was' if n == 1 else 'were'} applied{f' ({by})' if by else ''}; "
    )
    text += f"{changes.n_pixels} pixels of the map changed."
    if taken_out:
        source = "the logits" if basis == "logits" else "the first expert, as no logits were kept"
        text += f" False places taken out: {taken_out}, replaced pixel by pixel by {source}."
    if request.decide_by != "classifier" and states["undecided"]:
        text += f" {states['undecided']} are undecided."
    ruled = [kind for kind, basis in review.run.get("scored_by", {}).items() if basis == RULE]
    if request.decide_by != "review" and ruled:
        text += f" {by_rule(ruled)}"
    if float(review.run.get("simplify_m") or 0) > 0 and n:
        text += (
            " Their outlines were simplified when flagged, so the changes follow them, not the exact pixels."
        )
    return text
