"""The job `flag_candidates`, read from top to bottom: a finished run in; out comes a ranked GeoPackage of the
places that it may have missed. Each step lives in a module of its own beside this one.
"""

from collections import Counter
from dataclasses import dataclass, replace
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
from .outlines import cut_outlines, simplified, to_world
from .pixels import RunPixels
from .requests import FlagRequest

if TYPE_CHECKING:
    from ..mapping.predict import PredictResult
    from .classifier import MetaClassifier

#: MiB that GDAL may keep of the rasters it reads.
GDAL_CACHE_MB = 256
BY_MARGIN, BY_CLASSIFIER = "margin", "classifier"


@dataclass(frozen=True)
class FlagResult(JobResult):
    """What was written: `n` candidates, `per_class` by class name, ranked by "margin" or "classifier"."""

    run: Path
    candidates: Path
    n: int
    per_class: dict[str, int]
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
        found = find_candidates(pixels, ids, min_area_m2=request.min_area_m2, block=block, reporter=reporter)
        scores = None if meta is None else meta.score(found.features)
        n_found = len(found)
        if scores is not None and request.accepted_per_find is not None:
            accepted = accept(scores, request.accepted_per_find)
            found, scores = found.take(accepted), scores[accepted]
        ranks = rank(found, scores)
        order = np.argsort(ranks)
        outlines = _outline(found, pixels, request.simplify_m, reporter)
        content = CandidateFile(
            {name: column[order] for name, column in make_columns(found, pixels, ranks, scores).items()},
            [outlines[index] for index in order],
            found.features.take(order),
            pixels.grid.crs,
            classes,
            describe_run(pixels, classes, _asked(request)),
        )
    kept = write_candidates(request.target, content, overwrite=request.overwrite)
    per_class = Counter({c.name: int((found.class_ids == c.id).sum()) for c in classes})
    ranked_by = BY_MARGIN if scores is None else BY_CLASSIFIER
    message = _message(per_class, ranked_by, n_found - len(found), kept)
    reporter.log(message)
    return FlagResult(request.run, request.target, len(found), dict(per_class), ranked_by, message)


def rank(candidates: Candidates, scores: NDArray[np.float64] | None) -> NDArray[np.int64]:
    """Return the place of each candidate in the order of review, 1 first, `[n]`.

    The highest score first; without scores, and among equal ones, the surest of the ML rule (the smallest
    mean margin `M = 1 - p1 + p2`), then the first in the raster.
    """
    table = candidates.table
    keys = [table.first, table.metrics["M"]] + ([] if scores is None else [-scores])
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
    table = found.table
    cut = cut_outlines(table.bounds, table.first, pixels.shape[1], pixels.classes)
    for done, (index, polygons) in enumerate(cut):
        reporter.progress(done, len(found), "outlines")
        outlines[index] = to_world(simplified(polygons, tolerance), pixels.grid, pixels.extent)
    return outlines


def _asked(request: FlagRequest) -> dict[str, Any]:
    """Return what of the request the file repeats."""
    return {
        "ranked_by": BY_MARGIN if request.meta is None else BY_CLASSIFIER,
        "meta": str(request.meta) if request.meta else None,
        "priors": str(request.priors) if request.priors else "model",
        "accepted_per_find": request.accepted_per_find,
        "min_area_m2": request.min_area_m2,
        "simplify_m": request.simplify_m,
    }


def _message(per_class: dict[str, int], ranked_by: str, n_left_out: int, kept: int) -> str:
    """Return the outcome in a sentence or two."""
    total = sum(per_class.values())
    if total == 0 and n_left_out == 0:
        names = " or ".join(per_class)
        text = f"There are no candidates: the ML rule sees no {names} that the map lacks; the layer is empty."
    else:
        counts = ", ".join(f"{n} {name}" for name, n in per_class.items())
        how = (
            "the meta classifier's score"
            if ranked_by == BY_CLASSIFIER
            else "the ML rule's margin, as no meta classifier was given"
        )
        text = f"{total} candidate{'s' * (total != 1)} ({counts}), ranked by {how}."
    if n_left_out:
        text += f" {n_left_out} more promise too many false alarms and were left out."
    if kept:
        text += f" Decisions kept from the replaced file: {kept}."
    return text
