"""What the jobs of MetaFusion take: `flag_candidates`, `fit_meta_classifier`, `apply_review`. Imports nothing
heavy.
"""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from ..base.requests import (
    ClassField,
    JobRequest,
    Names,
    OptionalOutput,
    OptionalPath,
    OutputPath,
    Paths,
    option,
)
from ..mapping.requests import MappingRequest, PredictRequest
from .kinds import KINDS, Kind

#: Files in the folder of the run, where no others are given.
CANDIDATES_FILE, REVIEWED_FILE = "candidates.gpkg", "land_cover_reviewed.tif"
CLASSES = "Class to look for; repeat it. Default: the rare ones."
ALPHA = "Prior weight of the rule that finds candidates: 0 Bayes, 1 ML; default: the run's."
ACCEPTED_PER_FIND = (
    "False alarms accepted for each missed place found; default: any in flag-candidates, in apply-review "
    "what the candidates were flagged with, else 1."
)
KEPT_PER_LOSS = (
    "False places left in the map rather than take a true one out, where the classifier decides on doubtful "
    "places."
)
OVERWRITE = "Replace results that are already there."


class FlagRequest(MappingRequest):
    """List the places of rare classes that a map has probably missed, and those that it says and that may be
    false, best first, as polygons.

    Works on a finished run; given --image it maps first, in one pass, with logits. Another alpha and other
    priors than the run's need its logits.
    """

    job: ClassVar[str] = "flag_candidates"

    run: OutputPath = option(
        "Folder of a finished predict run; with --image the folder to map into first.",
        metavar="RUN_DIR",
        positional=True,
    )
    output: OptionalOutput = option(
        f"GeoPackage to write; default: RUN_DIR/{CANDIDATES_FILE}.", None, metavar="GPKG"
    )
    classes: Names = option(CLASSES, (), flag="--class", metavar="NAME|ID")
    kind: Literal["both", "missed", "doubtful"] = option(
        "Places to list: missed by the map, doubtful ones that it says, or both.", "both"
    )
    alpha: float | None = option(ALPHA, None, ge=0, le=1)
    min_area_m2: float = option("Leave smaller candidates out.", 0.0, metavar="M2", ge=0)
    meta: OptionalPath = option(
        "Fitted meta classifier that scores them; default: ML margin.", None, metavar="FILE"
    )
    accepted_per_find: float | None = option(ACCEPTED_PER_FIND, None, metavar="N", ge=0)
    simplify_m: float = option("Smooth the outlines; 0 keeps the pixels.", 0.0, metavar="METRES", ge=0)
    priors: OptionalPath = option(
        "Priors by altitude (from_m, to_m, a column per class), or a raster with a band per class.",
        None,
        metavar="CSV|TIF",
    )
    overwrite: bool = option(OVERWRITE, False)

    @model_validator(mode="after")
    def _mapping_needs_sources(self) -> Self:
        idle = sorted(self.model_fields_set & MappingRequest.model_fields.keys())
        idle = [name for name in idle if getattr(self, name) != MappingRequest.model_fields[name].default]
        if idle and not self.sources:
            raise ValueError(f"'{idle[0]}' is for mapping first: give 'image' too, or leave '{idle[0]}' out")
        return self

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of places to list."""
        return KINDS if self.kind == "both" else (self.kind,)

    @property
    def target(self) -> Path:
        """The GeoPackage to write."""
        return self.output or self.run / CANDIDATES_FILE

    @property
    def prediction(self) -> PredictRequest:
        """The request that makes the run."""
        shared = {name: getattr(self, name) for name in MappingRequest.model_fields}
        if self.alpha is not None:
            shared["alpha"] = self.alpha
        return PredictRequest(**shared, output=self.run, logits=True, overwrite=self.overwrite)


class FitRequest(JobRequest):
    """Learn to tell missed places from false alarms, and false places of the map from true ones, from labels
    or from reviewed candidates.
    """

    job: ClassVar[str] = "fit_meta_classifier"

    runs: Paths = option("Folder of a finished predict run; repeat it.", (), flag="--run", metavar="RUN_DIR")
    labels: Paths = option(
        "True classes of each run in order, or of all: raster or polygons.", (), metavar="FILE"
    )
    label_field: ClassField = option(
        "Field of the polygons with the class, by name or id.", "class", metavar="NAME"
    )
    reviewed: Paths = option("Candidates that people have reviewed; repeat it.", (), metavar="GPKG")
    output: OutputPath = option("Classifier to write; its report lies beside.", metavar="FILE")
    classes: Names = option(CLASSES, (), flag="--class", metavar="NAME|ID")
    alpha: float | None = option(ALPHA, None, ge=0, le=1)
    features: Literal["all", "paper"] = option("All features, or only those of the paper.", "all")
    folds: int = option("Folds of the cross-validation.", 5, metavar="N", ge=2)
    tile_m: float = option("Candidates of one tile stay in one fold.", 500.0, metavar="METRES", gt=0)
    oversample: bool = option("Balance the training with SMOTE (imbalanced-learn).", False)
    seed: int = option("Seed of the folds and of the classifier.", 0, metavar="N", ge=0)
    overwrite: bool = option(OVERWRITE, False)


class RankRequest(JobRequest):
    """Give the candidates of a file new scores and ranks by a meta classifier, in place; decisions stay."""

    job: ClassVar[str] = "rank_candidates"

    candidates: Path = option("Candidates to rank anew.", metavar="GPKG", positional=True)
    meta: Path = option("Fitted meta classifier.", metavar="FILE")


class ApplyRequest(JobRequest):
    """Write a copy of the map with accepted missed places in it and without rejected doubtful ones; the map
    itself stays as it is.
    """

    job: ClassVar[str] = "apply_review"

    run: Path = option("Output folder of a finished predict run.", metavar="RUN_DIR", positional=True)
    candidates: Path = option("Its candidates, reviewed or with scores.", metavar="GPKG", positional=True)
    output: OptionalOutput = option(f"Map to write; default: RUN_DIR/{REVIEWED_FILE}.", None, metavar="TIF")
    decide_by: Literal["review", "classifier", "both"] = option(
        "Who decides: people, the classifier, or people and, where they have not, the classifier.", "review"
    )
    accepted_per_find: float | None = option(ACCEPTED_PER_FIND, None, metavar="N", ge=0)
    kept_per_loss: float = option(KEPT_PER_LOSS, 20.0, metavar="N", ge=0)
    overwrite: bool = option(OVERWRITE, False)

    @property
    def target(self) -> Path:
        """The map to write; the log of changes lies beside it."""
        return self.output or self.run.absolute() / REVIEWED_FILE
