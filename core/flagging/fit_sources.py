"""What a meta classifier is fitted to: the request, the runs and reviews that it names, and their candidates
of known truth. Fitting lives in `fit.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.progress import Reporter
from ..geodata.labels import left_out_remark, open_run_labels
from ..mapping.record import RunRecord, read_record
from ..model.classes import select_classes
from .alpha_study import LabelledRun
from .candidates import find_candidates
from .kinds import KINDS
from .pixels import RunPixels
from .requests import FitRequest
from .review import Review, read_review
from .training_set import TrainingSet, known_candidates

#: Is the class of a candidate really there? An unsure reviewer says nothing.
_VERDICTS = {"accept": True, "reject": False, "reclassify": False}


@dataclass(frozen=True)
class Sources:
    """Runs and reviews of one model, and what they have in common; `classes` are the flagged ones by id."""

    runs: tuple[LabelledRun, ...]
    records: tuple[RunRecord, ...]
    reviews: tuple[Review, ...]
    classes: Mapping[int, str]
    model: str
    model_sha256: str
    alpha: float


def open_sources(request: FitRequest) -> Sources:
    """Read all records and reviews, and see that they belong together."""
    _check(request)
    labels = list(request.labels) * (len(request.runs) if len(request.labels) == 1 else 1)
    runs = tuple(
        LabelledRun(run, label, request.label_field) for run, label in zip(request.runs, labels, strict=True)
    )
    records = tuple(read_record(run) for run in request.runs)
    reviews = tuple(read_review(path) for path in request.reviewed)
    for review in reviews:
        _require_verdicts(review)
    models = {r.model.sha256: r.model.name for r in records}
    models |= {str(r.run["model_sha256"]): str(r.run["model"]) for r in reviews}
    if len(models) > 1:
        raise InputError(
            f"The runs and reviews come from different models ({', '.join(models.values())}); a meta "
            "classifier belongs to one: fit one for each."
        )
    alphas = {float(r.run["alpha"]) for r in reviews}
    alphas |= {r.parameters.alpha if request.alpha is None else request.alpha for r in records}
    if len(alphas) > 1 or (request.alpha is not None and alphas != {request.alpha}):
        listed = ", ".join(f"{alpha:g}" for alpha in sorted(alphas | {request.alpha or 0.0} - {0.0}))
        raise InputError(
            f"The candidates come from different alphas ({listed}); a meta classifier belongs to one: give "
            "an alpha that all have."
        )
    (model_sha256, model), (alpha,) = next(iter(models.items())), alphas
    classes = _classes(request, records, reviews)
    return Sources(runs, records, reviews, classes, model, model_sha256, alpha)


def _check(request: FitRequest) -> None:
    if not request.runs and not request.reviewed:
        raise InputError("There is nothing to learn from; give runs with labels, or reviewed candidates.")
    if len(request.labels) not in (1, len(request.runs)) or bool(request.labels) != bool(request.runs):
        raise InputError(
            f"There are {len(request.runs)} runs but {len(request.labels)} label files; give one for each "
            "run, or one for all."
        )


def _require_verdicts(review: Review) -> None:
    if not np.isin(review.states, list(_VERDICTS)).any():
        said = "has no decisions" if not review.decided.any() else "has only candidates marked as unsure"
        raise InputError(
            f"{review.path} {said}, so nothing can be learnt from it; accept or reject candidates first."
        )
    if review.run.get("priors_sha256"):
        raise InputError(
            f"{review.path} was flagged with priors of its own, which meta classifiers do not know; flag the "
            "run with the model's priors."
        )


def _classes(request: FitRequest, records: Sequence[RunRecord], reviews: Sequence[Review]) -> dict[int, str]:
    """Return the flagged classes by id: those asked for, those reviewed, or the tail."""
    if records:
        chosen = {c.id: c.name for c in select_classes(records[0].classes, request.classes)}
        if request.classes or not reviews:
            return chosen
    reviewed = {int(c["id"]): str(c["name"]) for review in reviews for c in review.run["classes"]}
    if not records and request.classes:
        wanted = {str(name).strip().casefold() for name in request.classes}
        found = {id_: name for id_, name in reviewed.items() if {str(id_), name.casefold()} & wanted}
        if len(found) < len(wanted):
            listed = ", ".join(f"{id_} ({name})" for id_, name in reviewed.items())
            raise InputError(f"The reviewed candidates are of the classes {listed}; choose among these.")
        return found
    return dict(sorted((reviewed | (chosen if records else {})).items()))


def gather(request: FitRequest, sources: Sources, reporter: Reporter) -> tuple[TrainingSet, list[str]]:
    """Return all candidates of known truth with the features that all have, and what is to be said of it."""
    notes: list[str] = []
    parts = [_of_run(run, sources, reporter, notes) for run in sources.runs]
    parts += [_of_review(review, list(sources.classes)) for review in sources.reviews]
    shared = [name for name in parts[0].features.names if all(name in p.features.names for p in parts)]
    lost = sorted({name for part in parts for name in part.features.names} - set(shared))
    notes += [f"Left out, as not all runs have it: {', '.join(lost)}."] if lost else []
    if request.features == "paper" and "M" not in shared:
        raise InputError("The reviewed candidates lack the paper's metrics; flag their runs anew.")
    training = TrainingSet.join([part.with_features(shared) for part in parts])
    if not len(training):
        raise InputError(
            "There is nothing to learn from: no candidate lies where there is a label, or there is none; "
            "give labels of the runs' area, or more runs."
        )
    return training, notes


def _of_run(run: LabelledRun, sources: Sources, reporter: Reporter, notes: list[str]) -> TrainingSet:
    """Return the candidates of a run whose truth its labels know; add to `notes` what of these was left
    out."""
    with RunPixels(run.run, sources.alpha, reporter=reporter) as pixels:
        known = pixels.record.classes
        with open_run_labels(run.labels, pixels.grid, pixels.extent, known, run.field) as labels:
            found = find_candidates(
                pixels, list(sources.classes), kinds=KINDS, labels=labels, reporter=reporter
            )
            remark = left_out_remark(labels.left_out(), f"The labels file {run.labels}")
            if remark and not labels.any_known():
                raise InputError(
                    f"{remark} Nothing else is labelled; the model has "
                    f"{', '.join(f'{c.id} ({c.name})' for c in known)}."
                )
        notes.extend(filter(None, [remark]))
        return known_candidates(found, pixels.record.grid.crs)


def _of_review(review: Review, classes: Sequence[int]) -> TrainingSet:
    columns = review.columns
    told = np.isin(review.states, list(_VERDICTS)) & np.isin(columns["class_id"], list(classes))
    return TrainingSet(
        review.features.take(told),
        np.array([_VERDICTS[state] for state in review.states[told].tolist()], np.bool_),
        columns["class_id"][told].astype(np.int64),
        columns["x"][told],
        columns["y"][told],
        np.full(int(told.sum()), str(review.run["grid"]["crs"])),
        np.full(int(told.sum()), np.nan),
    )
