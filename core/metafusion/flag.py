"""The job `flag_candidates`, read from top to bottom: a finished run in; out comes a ranked GeoPackage of the
places that it may have missed. Each step lives in a module of its own beside this one.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from ..catalogue import LandCoverClass
from ..errors import InputError
from ..grid import name_of
from ..progress import Reporter, SilentReporter
from ..record import read_record
from ..version import package_version
from .candidates import BLOCK, Candidates, find_candidates
from .features import feature_names
from .geopackage import CandidateFile, require_free, write_candidates
from .outlines import cut_outlines, simplified, to_world
from .pixels import RunPixels

if TYPE_CHECKING:
    from .classifier import MetaClassifier

#: MiB that GDAL may keep of the rasters it reads.
GDAL_CACHE_MB = 256
#: Namespace of the uuids of candidates.
_NAMESPACE = uuid.UUID("8d2c7d0e-6b8f-5f0a-9a55-5f2a1c3f7b61")
BY_MARGIN, BY_CLASSIFIER = "margin", "classifier"


@dataclass(frozen=True)
class FlagRequest:
    """What to flag, and where to write it.

    Attributes:
        run: folder of a finished run of `predict`.
        output: GeoPackage to write.
        classes: ids or names; none stands for the run's tail classes.
        alpha: of the ML rule, 0 to 1; None takes the run's. Another one needs the run's logits.
        min_area_m2: smaller candidates are left out.
        meta: file of a meta classifier that scores and ranks; without, the ML rule's margin ranks.
        accepted_per_find: false alarms that are accepted for one find; candidates whose score promises more
            are left out. Needs `meta`.
        simplify_m: corners that cut off less than a triangle of this size are taken off the outlines.
        priors: table of priors by altitude (CSV), in place of the model's. Needs the run's logits.
        overwrite: replace a file of candidates; its decisions are kept.
    """

    run: Path
    output: Path
    classes: Sequence[int | str] = ()
    alpha: float | None = None
    min_area_m2: float = 0.0
    meta: Path | None = None
    accepted_per_find: float | None = None
    simplify_m: float = 0.0
    priors: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class FlagResult:
    """What was written: `n` candidates, `per_class` by class name, ranked by "margin" or "classifier"."""

    candidates: Path
    n: int
    per_class: dict[str, int]
    ranked_by: str
    message: str


def flag_candidates(
    request: FlagRequest,
    reporter: Reporter = SilentReporter(),  # noqa: B008
    *,
    block: int = BLOCK,
) -> FlagResult:
    """Write the candidates of a run.

    The same for any size `block` of the blocks that the run is read in. No candidates is a result, too: an
    empty layer.

    Raises:
        InputError: if what was given cannot be used; nothing is written then.
        OutputError: if the file cannot be written; nothing half-written is left.
        Cancelled: if the reporter says so.
    """
    _check(request)
    require_free(request.output, overwrite=request.overwrite)
    classes = select_classes(read_record(request.run).classes, request.classes)
    meta = None if request.meta is None else _load(request.meta)
    with (
        rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB),
        RunPixels(request.run, request.alpha, request.priors, reporter) as pixels,
    ):
        ids = [c.id for c in classes]
        if meta is not None:
            meta.require_fit_for(ids, _feature_names(pixels), pixels.record.model.sha256, pixels.alpha)
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
            {name: column[order] for name, column in _columns(found, pixels, ranks, scores).items()},
            [outlines[index] for index in order],
            found.features.take(order),
            pixels.grid.crs,
            classes,
            _describe(request, pixels, classes),
        )
    kept = write_candidates(request.output, content, overwrite=request.overwrite)
    per_class = Counter({c.name: int((found.class_ids == c.id).sum()) for c in classes})
    ranked_by = BY_MARGIN if scores is None else BY_CLASSIFIER
    message = _message(per_class, ranked_by, n_found - len(found), kept)
    reporter.log(message)
    return FlagResult(request.output, len(found), dict(per_class), ranked_by, message)


def select_classes(
    classes: Sequence[LandCoverClass], wanted: Sequence[int | str]
) -> tuple[LandCoverClass, ...]:
    """Return the wanted classes by id or name, in the map's order; the tail group if none is named.

    Raises:
        InputError: if there is no such class.
    """
    if not wanted:
        tail = tuple(c for c in classes if c.group == "tail")
        if not tail:
            raise InputError("The model has no classes of the tail group; name the classes to flag.")
        return tail
    known = {str(c.id): c for c in classes} | {c.name.casefold(): c for c in classes}
    chosen = set()
    for name in wanted:
        found = known.get(str(name).strip().casefold())
        if found is None:
            listed = ", ".join(f"{c.id} ({c.name})" for c in classes)
            raise InputError(f"The run has no class {name!r}; it has {listed}.")
        chosen.add(found.id)
    return tuple(c for c in classes if c.id in chosen)


def accept(scores: NDArray[np.float64], accepted_per_find: float) -> NDArray[np.bool_]:
    """Return which candidates promise at most so many false alarms per find: `(1 - p) / p <= d`, `[n]`."""
    return (1 - scores) <= accepted_per_find * scores


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
    if request.accepted_per_find is not None and not request.accepted_per_find >= 0:
        raise InputError(f"{request.accepted_per_find:g} false alarms per find cannot be; give 0 or more.")
    if request.priors is not None and request.meta is not None:
        raise InputError(
            "Meta classifiers are fitted to candidates by the model's own priors; give meta or priors, not "
            "both."
        )
    for name in ("min_area_m2", "simplify_m"):
        if not 0 <= getattr(request, name) < np.inf:
            raise InputError(f"{getattr(request, name):g} is no {name}; give 0 or more.")


def _load(path: Path) -> "MetaClassifier":
    from .persist import load_meta  # scikit-learn takes a second to import

    return load_meta(path)


def _feature_names(pixels: RunPixels) -> tuple[str, ...]:
    """Return the names of the features that candidates of the run will have."""
    return feature_names(len(pixels.class_ids), pixels.layers)


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


def _columns(
    found: Candidates,
    pixels: RunPixels,
    ranks: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
) -> dict[str, NDArray[Any]]:
    """Return the attributes of the layer, see `geopackage.COLUMNS`."""
    table, record = found.table, pixels.record
    rows, cols = np.divmod(table.first, pixels.shape[1])
    rows, cols = rows + pixels.extent.row0, cols + pixels.extent.col0
    names = {c.id: c.name for c in record.classes}
    return {
        "uuid": np.array(make_uuids(pixels, found.class_ids, rows, cols), object),
        "class_id": found.class_ids,
        "class_name": np.array([names[id_] for id_ in found.class_ids.tolist()], object),
        "area_m2": table.n_pixels * pixels.grid.gsd**2,
        "score": np.full(len(found), np.nan) if scores is None else scores,
        "rank": ranks,
        "bayes_class_id": found.bayes_ids,
        "bayes_class_name": np.array([names[id_] for id_ in found.bayes_ids.tolist()], object),
        "entropy": table.metrics["E"],
        "margin": table.metrics["M"],
        "variation": table.metrics["V"],
        "n_experts": found.agreeing.sum(axis=1),
        "experts": np.array([_joined(record.experts, row) for row in found.agreeing], object),
        "support": found.support,
        "x": found.x,
        "y": found.y,
        "row_first": rows,
        "col_first": cols,
        "run": np.array([pixels.run.absolute().name] * len(found), object),
    }


def _joined(experts: Sequence[str], agreeing: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, agrees in zip(experts, agreeing, strict=True) if agrees)


def make_uuids(
    pixels: RunPixels,
    class_ids: NDArray[np.integer],
    rows: NDArray[np.integer],
    cols: NDArray[np.integer],
) -> list[str]:
    """Return the uuid of each candidate, from model, rule, class and first pixel on the world grid: flagging
    again gives the same, and so does flagging a part.
    """
    place = (pixels.grid.crs.to_wkt(), repr(pixels.grid.gsd))
    rule = (pixels.record.model.sha256, repr(float(pixels.alpha)), pixels.priors_sha256)
    base = uuid.uuid5(_NAMESPACE, "|".join((*rule, *place)))
    keys = zip(class_ids.tolist(), rows.tolist(), cols.tolist(), strict=True)
    return [str(uuid.uuid5(base, f"{class_id}|{row}|{col}")) for class_id, row, col in keys]


def _describe(request: FlagRequest, pixels: RunPixels, classes: Sequence[LandCoverClass]) -> dict[str, Any]:
    """Return what the table `run` says."""
    record, grid = pixels.record, pixels.grid
    return {
        "run": pixels.run.absolute().name,
        "run_folder": str(pixels.run.absolute()),
        "model": record.model.name,
        "model_sha256": record.model.sha256,
        "alpha": pixels.alpha,
        "priors": str(request.priors) if request.priors else "model",
        "priors_sha256": pixels.priors_sha256,
        "aggregation": record.parameters.aggregation,
        "classes": [_class(c) for c in classes],
        "map_classes": [_class(c) for c in record.classes],
        "experts": list(record.experts),
        "grid": {
            "crs": name_of(grid.crs),
            "crs_wkt": grid.crs.to_wkt(),
            "gsd": grid.gsd,
            "shape": list(pixels.shape),
            "bounds": list(grid.bounds(pixels.extent)),
        },
        "feature_names": list(_feature_names(pixels)),
        "ranked_by": BY_MARGIN if request.meta is None else BY_CLASSIFIER,
        "meta": str(request.meta) if request.meta else None,
        "accepted_per_find": request.accepted_per_find,
        "min_area_m2": request.min_area_m2,
        "simplify_m": request.simplify_m,
        "version": package_version(),
    }


def _class(c: LandCoverClass) -> dict[str, Any]:
    return {"id": c.id, "name": c.name, "color": c.color, "group": c.group}


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
