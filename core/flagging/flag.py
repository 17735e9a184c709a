"""The job `flag_candidates`, read from top to bottom: a finished run in; out comes a ranked GeoPackage of the
places that it may have missed, and of those that may be false in it. Each step lives in a module of its own
beside this one.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from ..base.errors import InputError
from ..base.files import GEOPACKAGE, claim
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..mapping.record import read_record
from ..model.bundle import load_bundle
from ..model.classes import select_classes
from .candidates import BLOCK, Candidates, find_candidates
from .fusion import accept
from .geopackage import CandidateFile, check_replaceable, describe_run, make_columns, write_candidates
from .kinds import DOUBTFUL, MISSED, Kind
from .outlines import ReadClasses, cut_outlines, simplified, to_world
from .pixels import RunPixels
from .requests import FlagRequest
from .rule import RULE, by_rule, likely_real

if TYPE_CHECKING:
    from ..mapping.predict import PredictResult
    from .classifier import MetaClassifier

#: MiB that GDAL may keep of the rasters it reads.
GDAL_CACHE_MB = 256
BY_MARGIN, BY_CLASSIFIER = "margin", "classifier"


@dataclass(frozen=True)
class FlagResult(JobResult):
    """What was written: `n` candidates, `per_class` by class name, `n_doubtful` of them doubtful places,
    ranked by "margin" or "classifier".
    """

    run: Path
    candidates: Path
    n: int
    per_class: dict[str, int]
    n_doubtful: int
    ranked_by: str
    message: str
    prediction: "PredictResult | None" = None


def flag_candidates(
    request: FlagRequest,
    reporter: Reporter = SILENT,
    *,
    block: int = BLOCK,
) -> FlagResult:
    """Map first where there are sources, logits and all, then write the candidates; see `flag_run`."""
    if not request.sources:
        return flag_run(request, reporter, block=block)
    from ..mapping.predict import predict

    _check_before_mapping(request)
    prediction = predict(request.prediction, reporter)
    return replace(flag_run(request, reporter, block=block), prediction=prediction)


def _check_before_mapping(request: FlagRequest) -> None:
    """Refuse now what flagging would refuse when the map is made."""
    select_classes(load_bundle(request.model).card.classes, request.classes)
    if request.meta:
        _load(request.meta)
    if request.target.exists():
        claim(request.target, GEOPACKAGE, overwrite=request.overwrite, check_old=check_replaceable)


def flag_run(
    request: FlagRequest,
    reporter: Reporter = SILENT,
    *,
    block: int = BLOCK,
) -> FlagResult:
    """Write the candidates of a finished run.

    The same for any size `block` of the blocks that the run is read in. No candidates is a result, too: an
    empty layer.

    Raises:
        InputError: if what was given cannot be used; nothing is written then.
        OutputError: if the file cannot be written; nothing half-written is left.
        Cancelled: if the reporter says so.
    """
    _check(request)
    claim(request.target, GEOPACKAGE, overwrite=request.overwrite, check_old=check_replaceable)
    classes = select_classes(read_record(request.run).classes, request.classes)
    meta = None if request.meta is None else _load(request.meta)
    with (
        rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB),
        RunPixels(request.run, request.alpha, request.priors, reporter) as pixels,
    ):
        ids = [c.id for c in classes]
        if meta is not None:
            meta.require_fit_for(ids, pixels.feature_names, pixels.record.model.sha256, pixels.alpha)
        found = find_candidates(
            pixels,
            ids,
            kinds=request.kinds,
            min_area_m2=request.min_area_m2,
            block=block,
            reporter=reporter,
        )
        n_found = len(found)
        if meta is not None and request.accepted_per_find is not None:
            wanted = accept(meta.score(found.features), request.accepted_per_find)
            found = found.take(wanted | (found.kinds == DOUBTFUL))
        ranks = rank(found, None if meta is None else meta.changes(found.features))
        order = np.argsort(ranks)
        outlines = _outline(found, pixels, request.simplify_m, reporter)
        content = CandidateFile(
            {name: column[order] for name, column in make_columns(found, pixels, ranks, meta).items()},
            [outlines[index] for index in order],
            found.features.take(order),
            pixels.grid.crs,
            classes,
            describe_run(pixels, classes, _asked(request, meta)),
        )
    kept = write_candidates(request.target, content, overwrite=request.overwrite)
    per_class = Counter({c.name: int((found.class_ids == c.id).sum()) for c in classes})
    n_doubtful = int((found.kinds == DOUBTFUL).sum())
    ranked_by = BY_MARGIN if meta is None else BY_CLASSIFIER
    result = FlagResult(request.run, request.target, len(found), dict(per_class), n_doubtful, ranked_by, "")
    message = _message(result, request, meta, n_found - len(found))
    if kept:
        message += f" Decisions kept from the replaced file: {kept}."
    reporter.log(message)
    return replace(result, message=message)


def rank(candidates: Candidates, scores: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Return the place of each candidate in the order of review, 1 first, `[n]`.

    The highest score first, the probability that the map changes. Without scores, and among equal ones, the
    likeliest to change it by the rule of `rule.py`: of missed places the smallest mean margin
    `M = 1 - p1 + p2`. Then the first in the raster.
    """
    table = candidates.table
    unlikely = np.where(candidates.kinds == DOUBTFUL, likely_real(candidates.features), table.metrics["M"])
    keys = [table.first, unlikely] + ([] if scores is None else [-scores])
    ranks = np.empty(len(candidates), np.int64)
    ranks[np.lexsort(keys)] = np.arange(1, len(candidates) + 1)
    return ranks


def _check(request: FlagRequest) -> None:
    if request.accepted_per_find is not None and request.meta is None:
        raise InputError("False alarms per find can only be bounded with a meta classifier; give meta too.")
    if request.priors is not None and request.meta is not None:
        raise InputError(
            "Meta classifiers are fitted to candidates by the model's own priors; give meta or priors, not "
            "both."
        )


def _load(path: Path) -> "MetaClassifier":
    from .archive import load_meta  # scikit-learn takes a second to import

    return load_meta(path)


def _outline(
    found: Candidates, pixels: RunPixels, simplify_m: float, reporter: Reporter
) -> list[shapely.MultiPolygon]:
    """Return the outline of each candidate in the CRS."""
    outlines: list[shapely.MultiPolygon] = [shapely.MultiPolygon()] * len(found)
    tolerance = simplify_m / pixels.grid.gsd
    table, done = found.table, 0
    reads: dict[Kind, ReadClasses] = {
        MISSED: pixels.classes,
        DOUBTFUL: partial(pixels.classes, of_map=True),
    }
    for kind, read in reads.items():
        rows = np.flatnonzero(found.kinds == kind)
        for index, polygons in cut_outlines(table.bounds[rows], table.first[rows], pixels.shape[1], read):
            reporter.progress(done, len(found), "outlines")
            outlines[rows[index]] = to_world(simplified(polygons, tolerance), pixels.grid, pixels.extent)
            done += 1
    return outlines


def _asked(request: FlagRequest, meta: "MetaClassifier | None") -> dict[str, Any]:
    """Return what of the request the file repeats."""
    return {
        "ranked_by": BY_MARGIN if request.meta is None else BY_CLASSIFIER,
        "meta": str(request.meta) if request.meta else None,
        "priors": str(request.priors) if request.priors else "model",
        "accepted_per_find": request.accepted_per_find,
        "kinds": list(request.kinds),
        "scored_by": {} if meta is None else {kind: meta.basis(kind) for kind in request.kinds},
        "min_area_m2": request.min_area_m2,
        "simplify_m": request.simplify_m,
    }


def _message(result: FlagResult, request: FlagRequest, meta: "MetaClassifier | None", n_left_out: int) -> str:
    """Return the outcome in a few sentences."""
    total, n_doubtful = result.n, result.n_doubtful
    if total == 0 and n_left_out == 0:
        names = " or ".join(result.per_class)
        none = {
            MISSED: f"the ML rule sees no {names} that the map lacks",
            DOUBTFUL: f"the map says no {names}",
        }
        why = " and ".join(none[kind] for kind in request.kinds)
        text = f"There are no candidates: {why}; the layer is empty."
    else:
        counts = ", ".join(f"{n} {name}" for name, n in result.per_class.items())
        kinds = f" {total - n_doubtful} may be missed, {n_doubtful} may be false." if n_doubtful else ""
        rule = "the margin and the experts' agreement" if n_doubtful else "the ML rule's margin"
        how = f"{rule}, as no meta classifier was given"
        if meta is not None:
            how = "the meta classifier's score"
        text = f"{total} candidate{'s' * (total != 1)} ({counts}), ranked by {how}.{kinds}"
    ruled = [] if meta is None else [kind for kind in request.kinds if meta.basis(kind) == RULE]
    if ruled and total:
        text += f" {by_rule(ruled)}"
    if n_left_out:
        text += f" {n_left_out} more promise too many false alarms and were left out."
    return text
