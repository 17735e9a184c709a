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
from .boosting import Bools, MetaSettings
from .by_class import ENOUGH
from .classifier import MetaClassifier, Origin, fit_with_validation, settings_of
from .cross_validation import CrossValidation
from .features import CLASS, IS_DOUBTFUL, OURS, doubtful_rows
from .fit_sources import Sources, gather, open_sources
from .flag import GDAL_CACHE_MB
from .kinds import DOUBTFUL, MISSED, Kind
from .report import Findings, report_json
from .report_page import report_html
from .requests import FitRequest
from .scorer import LEAST, Examples, fit_scorer
from .training_set import TrainingSet, enough_tiles


@dataclass(frozen=True)
class FitResult(JobResult):
    """What was written and what it is worth: ROC AUC on tiles not seen, mean and spread over folds, of missed
    places (`n_true` of `n_candidates` are real) and of doubtful ones (`n_false` of `n_doubtful` are not), NaN
    where there is no telling. `learnt` is false where examples are too few, so that a plain rule ranks.
    """

    meta: Path
    report_json: Path
    report_html: Path
    auc: float
    auc_std: float
    n_candidates: int
    n_true: int
    auc_doubtful: float
    n_doubtful: int
    n_false: int
    learnt: bool
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
        examples = training.examples(groups)
        meta, validations = fit_with_validation(
            examples, settings, origin, names=names[request.features], iou=training.iou
        )
        comparison = _compare(examples, meta, names, request.features, validations)
        asked = CurveRequest(sources.runs, list(sources.classes), names[request.features], settings, tile_m)
        curve, no_curve = _curve(asked, sources, reporter)
    findings = Findings(
        meta=meta,
        validations=validations,
        training=training,
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
    notes += needs(training, meta, sources.classes)
    message = _message(meta, validations, tile_m, [*notes, *filter(None, [no_curve])])
    reporter.log(message)
    missed, doubtful = meta.quality(MISSED), meta.quality(DOUBTFUL)
    return FitResult(
        targets["meta"],
        targets["json"],
        targets["html"],
        missed.auc,
        missed.auc_std,
        missed.n,
        missed.n_real,
        doubtful.auc,
        doubtful.n,
        doubtful.n - doubtful.n_real,
        any(scorer.basis != "rule" for scorer in meta.scorers.values()),
        message,
    )


def _targets(request: FitRequest) -> dict[str, Path]:
    """Return the files to write, once it is clear that they may be."""
    output = request.output
    if output.is_dir():
        raise InputError(f"The output {output} is a folder; give the name of a file, for example meta.json.")
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
    """Return the names of all features, and of the paper's, with the class where there are several; the kind
    is none of them, as each has a scorer of its own.
    """
    names = [name for name in training.features.names if name != IS_DOUBTFUL]
    paper = [name for name in names if not name.startswith(OURS)]
    several = len(np.unique(training.class_ids)) > 1 and CLASS in names
    return {"all": tuple(names), "paper": (*paper, CLASS) if several else tuple(paper)}


def _compare(
    examples: Examples,
    meta: MetaClassifier,
    names: Mapping[str, tuple[str, ...]],
    chosen: str,
    known: Mapping[Kind, CrossValidation],
) -> dict[Kind, dict[str, CrossValidation]]:
    """Cross-validate the other set of features on the same folds, of the kinds that taught a scorer."""
    titles = {"paper": "the paper's metrics", "all": "the paper's metrics and ours"}
    found: dict[Kind, dict[str, CrossValidation]] = {}
    for kind, scorer in meta.scorers.items():
        rows = doubtful_rows(examples.features) == (kind == DOUBTFUL)
        if scorer.basis == "own":
            found[kind] = {
                title: known[kind]
                if name == chosen
                else fit_scorer(examples, rows, settings_of(kind, meta.settings), names[name])[1]
                for name, title in titles.items()
            }
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


def needs(training: TrainingSet, meta: MetaClassifier, names: Mapping[int, str]) -> list[str]:
    """Return what is lacking for a kind to teach anything, and for its classes to have classifiers of their
    own.
    """
    found = []
    for kind, scorer in meta.scorers.items():
        rows = training.doubtful == (kind == DOUBTFUL)
        targets, class_ids = training.targets[rows], training.class_ids[rows]
        if scorer.basis != "own":
            how = "a plain rule ranks them"
            if scorer.basis == "both kinds":
                how = "they are scored by what both kinds teach"
            found.append(f"Too few {kind} places to learn from alone, so {how}: {_lack(targets, LEAST)}.")
            continue
        apart = scorer.boosting.own if scorer.boosting is not None else {}
        sharing = [id_ for id_ in np.unique(class_ids).tolist() if id_ not in apart]
        if len(sharing) + len(apart) > 1 and sharing:
            told = "; ".join(f"{names[id_]} {_lack(targets[class_ids == id_], ENOUGH)}" for id_ in sharing)
            found.append(f"Classes of {kind} places that share a classifier: {told}.")
    return found


def _lack(targets: Bools, enough: int) -> str:
    """Return how many examples of either outcome are lacking."""
    short = {"real": enough - int(targets.sum()), "false": enough - int((~targets).sum())}
    more = " and ".join(f"{n} more {which} ones" for which, n in short.items() if n > 0)
    return f"needs {more}" if more else "needs real and false ones in two tiles each"


def _message(
    meta: MetaClassifier, validations: Mapping[Kind, CrossValidation], tile_m: float, notes: Sequence[str]
) -> str:
    """Return the outcome in a few sentences."""
    parts = []
    for kind, scorer in meta.scorers.items():
        q = scorer.quality
        auc = f", ROC AUC {q.auc:.3f}{'' if np.isnan(q.auc_std) else f' ± {q.auc_std:.3f}'}"
        parts.append(f"{q.n} {kind} places, {q.n_real} of them real{'' if np.isnan(q.auc) else auc}")
    n_folds = max(int(one.folds.max()) for one in validations.values()) + 1
    how = f" over {n_folds} folds of {tile_m:g} m tiles" if n_folds > 1 else ""
    return " ".join([f"Fitted to {' and '.join(parts)}{how}.", *notes])
