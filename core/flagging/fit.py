"""The job `fit_meta_classifier`, read from top to bottom: runs with labels or reviewed candidates in, a meta
classifier and a report on it out. Each step lives in a module of its own beside this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from ..base.errors import InputError
from ..base.files import make_folder, refuse_existing, write_json, write_whole
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..mapping.record import versions
from .alpha_study import FEW, AlphaCurve, CurveRequest, alpha_curve
from .archive import save_meta
from .boosting import MetaSettings
from .classifier import (
    CLASS,
    MetaClassifier,
    Origin,
    classes_of,
    filled,
    fit_with_validation,
    matrix,
    medians,
)
from .cross_validation import CrossValidation, cross_validate
from .features import OURS
from .fit_sources import Sources, gather, open_sources
from .flag import GDAL_CACHE_MB
from .report import Findings, report_html, report_json
from .requests import FitRequest
from .training_set import TrainingSet, enough_tiles


@dataclass(frozen=True)
class FitResult(JobResult):
    """What was written and what it is worth: ROC AUC on tiles not seen, mean and spread over folds."""

    meta: Path
    report_json: Path
    report_html: Path
    auc: float
    auc_std: float
    n_candidates: int
    n_true: int
    message: str


def fit_meta_classifier(
    request: FitRequest,
    reporter: Reporter = SILENT,
) -> FitResult:
    """Fit a meta classifier, cross-validate it and report on it.

    Raises:
        InputError: if what was given cannot be used or teaches nothing; nothing is written then.
        OutputError: if the files cannot be written.
        Cancelled: if the reporter says so.
    """
    targets = _targets(request)
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        sources = open_sources(request)
        training, notes = gather(request, sources, reporter)
        groups, tile_m = enough_tiles(training, request.tile_m, request.folds)
        settings = MetaSettings(oversample=request.oversample, folds=request.folds, seed=request.seed)
        origin = Origin(tuple(sources.classes), sources.model_sha256, sources.alpha)
        names = _feature_sets(training)
        meta, validation = fit_with_validation(
            training.features, training.targets, groups, settings, origin, names=names[request.features]
        )
        comparison = _compare(training, groups, settings, names, {request.features: validation})
        asked = CurveRequest(sources.runs, list(sources.classes), names[request.features], settings, tile_m)
        curve, no_curve = _curve(asked, sources, reporter)
    findings = Findings(
        meta=meta,
        validation=validation,
        targets=training.targets,
        class_ids=training.class_ids,
        confidence=training.confidence,
        class_names=sources.classes,
        comparison=comparison,
        curve=curve,
        no_curve=no_curve,
        tile_m=tile_m,
        inputs=_inputs(request, sources),
    )
    write_json(targets["json"], report_json(findings))
    write_whole(targets["html"], report_html(findings).encode("utf-8"))
    save_meta(targets["meta"], meta)
    if tile_m < request.tile_m:
        notes.append(
            f"The area is small, so that folds are tiles of {tile_m:g} m instead of {request.tile_m:g} m."
        )
    if len(training) < FEW:
        notes.append(f"Fewer than {FEW} candidates teach little: take scores and AUC as rough guesses.")
    message = _message(meta, validation, tile_m, [*notes, *filter(None, [no_curve])])
    reporter.log(message)
    return FitResult(
        targets["meta"],
        targets["json"],
        targets["html"],
        meta.auc,
        meta.auc_std,
        meta.n_candidates,
        meta.n_true,
        message,
    )


def _targets(request: FitRequest) -> dict[str, Path]:
    """Return the files to write, once it is clear that they may be."""
    output = request.output
    if output.is_dir():
        raise InputError(f"The output {output} is a folder; give the name of a file, for example meta.skops.")
    stem = output.with_suffix("").name
    paths = {
        "meta": output,
        "json": output.with_name(f"{stem}_report.json"),
        "html": output.with_name(f"{stem}_report.html"),
    }
    refuse_existing(tuple(paths.values()), overwrite=request.overwrite)
    make_folder(output.parent)
    return paths


def _feature_sets(training: TrainingSet) -> dict[str, tuple[str, ...]]:
    """Return the names of all features, and of the paper's, with the class where there are several."""
    names = training.features.names
    paper = [name for name in names if not name.startswith(OURS)]
    several = len(np.unique(training.class_ids)) > 1 and CLASS in names
    return {"all": tuple(names), "paper": (*paper, CLASS) if several else tuple(paper)}


def _compare(
    training: TrainingSet,
    groups: Any,
    settings: MetaSettings,
    names: Mapping[str, tuple[str, ...]],
    known: Mapping[str, CrossValidation],
) -> dict[str, CrossValidation]:
    """Cross-validate the other set of features on the same folds."""
    titles = {"paper": "the paper's metrics", "all": "the paper's metrics and ours"}
    found = {}
    for name, title in titles.items():
        if name in known:
            found[title] = known[name]
            continue
        values = matrix(training.features, names[name])
        values, class_ids = filled(values, medians(values)), classes_of(training.features)
        found[title] = cross_validate(values, training.targets, groups, settings, class_ids)
    return found


def _curve(request: CurveRequest, sources: Sources, reporter: Reporter) -> tuple[AlphaCurve | None, str]:
    """Return the errors by alpha, or why there are none."""
    if not sources.runs:
        return None, "Errors by alpha cannot be counted without labelled runs: reviews know candidates only."
    pairs = zip(sources.runs, sources.records, strict=True)
    lacking = [str(run.run) for run, record in pairs if "logits" not in record.products]
    if lacking:
        return None, f"Errors by alpha were not counted, as no logits were kept in {', '.join(lacking)}."
    return alpha_curve(request, reporter), ""


def _inputs(request: FitRequest, sources: Sources) -> dict[str, Any]:
    return {
        "model": sources.model,
        "model_sha256": sources.model_sha256,
        "alpha": sources.alpha,
        "classes": [f"{id_} ({name})" for id_, name in sources.classes.items()],
        "runs": [str(run.absolute()) for run in request.runs],
        "labels": [str(path.absolute()) for path in request.labels],
        "reviewed": [str(path.absolute()) for path in request.reviewed],
        "features": request.features,
        "folds": request.folds,
        "tile_m": request.tile_m,
        "oversample": request.oversample,
        "seed": request.seed,
        "versions": [f"{name} {version}" for name, version in _versions().items()],
    }


def _versions() -> dict[str, str]:
    import sklearn

    return {**versions(), "scikit-learn": sklearn.__version__}


def _message(meta: MetaClassifier, validation: CrossValidation, tile_m: float, notes: Sequence[str]) -> str:
    spread = "" if np.isnan(meta.auc_std) else f" ± {meta.auc_std:.3f}"
    text = (
        f"Fitted to {meta.n_candidates} candidates, {meta.n_true} of them missed places; ROC AUC "
        f"{meta.auc:.3f}{spread} over {int(validation.folds.max()) + 1} folds of {tile_m:g} m tiles."
    )
    return " ".join([text, *notes])
