"""The jobs of MetaFusion: `flag_candidates`, `fit_meta_classifier`, `apply_review`. Heavy imports stay inside
the functions; what they do lives in `core/metafusion/`.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from ..progress import Reporter
from .fields import JobRequest, Names, OptionalOutput, OptionalPath, OutputPath, Paths, Value, known
from .mapping_jobs import MappingJob, PredictJob, do_predict

#: Files in the folder of the run, where no others are given.
CANDIDATES_FILE, REVIEWED_FILE = "candidates.gpkg", "land_cover_reviewed.tif"


class FlagCandidatesJob(MappingJob):
    """List the places of rare classes that the map of `run` may have missed; see `core/metafusion/flag.py`.

    With sources, they are first mapped into the folder `run`, logits and all.
    """

    run: OutputPath
    output: OptionalOutput = None
    classes: Names = ()
    alpha: float | None = Field(default=None, ge=0, le=1)
    min_area_m2: float = Field(default=0.0, ge=0)
    meta: OptionalPath = None
    accepted_per_find: float | None = Field(default=None, ge=0)
    simplify_m: float = Field(default=0.0, ge=0)
    priors: OptionalPath = None
    overwrite: bool = False

    @model_validator(mode="after")
    def _mapping_needs_sources(self) -> "FlagCandidatesJob":
        idle = sorted(self.model_fields_set & MappingJob.model_fields.keys())
        idle = [name for name in idle if getattr(self, name) != MappingJob.model_fields[name].default]
        if idle and not self.sources:
            raise ValueError(f"'{idle[0]}' is for mapping first: give 'image' too, or leave '{idle[0]}' out")
        return self

    @property
    def prediction(self) -> PredictJob:
        """The job that makes the run."""
        shared = {name: getattr(self, name) for name in MappingJob.model_fields}
        if self.alpha is not None:
            shared["alpha"] = self.alpha
        return PredictJob(**shared, output=self.run, logits=True, overwrite=self.overwrite)


class FitMetaClassifierJob(JobRequest):
    """Learn to tell missed places from false alarms; see `core/metafusion/fit.py`."""

    runs: Paths = ()
    labels: Paths = ()
    label_field: str = "class"
    reviewed: Paths = ()
    output: OutputPath
    classes: Names = ()
    alpha: float | None = Field(default=None, ge=0, le=1)
    features: Literal["all", "paper"] = "all"
    folds: int = Field(default=5, ge=2)
    tile_m: float = Field(default=500.0, gt=0)
    oversample: bool = False
    seed: int = Field(default=0, ge=0)
    overwrite: bool = False


class ApplyReviewJob(JobRequest):
    """Write a copy of the map of `run` with the accepted candidates in it; see `core/metafusion/apply.py`."""

    run: Path
    candidates: Path
    output: OptionalOutput = None
    decide_by: Literal["review", "classifier", "both"] = "review"
    accepted_per_find: float | None = Field(default=None, ge=0)
    overwrite: bool = False


def do_flag_candidates(job: FlagCandidatesJob, reporter: Reporter) -> Value:
    """Map first where there are sources, then write the candidates and say how many there are."""
    from ..metafusion.flag import FlagRequest, flag_candidates

    output = job.output or job.run / CANDIDATES_FILE
    request = FlagRequest(output=output, **_but(job, MappingJob, "output"))
    prediction = None
    if job.sources:
        _check_before_mapping(job, output)
        prediction = do_predict(job.prediction, reporter)
    result = flag_candidates(request, reporter)
    return {
        "run": str(job.run),
        "prediction": prediction,
        "candidates": str(result.candidates),
        "n": result.n,
        "per_class": result.per_class,
        "ranked_by": result.ranked_by,
        "message": result.message,
    }


def _check_before_mapping(job: FlagCandidatesJob, output: Path) -> None:
    """Refuse now what flagging would refuse when the map is made."""
    from ..bundle import load_bundle
    from ..metafusion.flag import select_classes
    from ..metafusion.geopackage import require_free
    from ..metafusion.persist import load_meta

    select_classes(load_bundle(job.model).card.classes, job.classes)
    if job.meta:
        load_meta(job.meta)
    if output.exists():
        require_free(output, overwrite=job.overwrite)


def do_fit_meta_classifier(job: FitMetaClassifierJob, reporter: Reporter) -> Value:
    """Fit, write the classifier and its report, and say how well it ranks."""
    from ..metafusion.fit import FitRequest, fit_meta_classifier

    result = fit_meta_classifier(FitRequest(**_but(job, JobRequest)), reporter)
    return {
        "meta": str(result.meta),
        "report_json": str(result.report_json),
        "report_html": str(result.report_html),
        "auc": known(result.auc),
        "auc_std": known(result.auc_std),
        "n_candidates": result.n_candidates,
        "n_true": result.n_true,
        "message": result.message,
    }


def do_apply_review(job: ApplyReviewJob, reporter: Reporter) -> Value:
    """Write the fused map and its change log."""
    from ..metafusion.apply import ApplyRequest, apply_review

    output = job.output or job.run.absolute() / REVIEWED_FILE
    result = apply_review(ApplyRequest(output=output, **_but(job, JobRequest, "output")), reporter)
    return {
        "land_cover": str(result.land_cover),
        "change_log": str(result.change_log),
        "n_applied": result.n_applied,
        "n_pixels": result.n_pixels,
        "message": result.message,
    }


def _but(job: JobRequest, base: type[JobRequest], *names: str) -> dict[str, Any]:
    """Return the fields that a request adds to its base, without `names`."""
    left_out = {*base.model_fields, *names}
    return {name: getattr(job, name) for name in type(job).model_fields if name not in left_out}
