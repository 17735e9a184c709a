"""The job `explain`, read from top to bottom: a place and a class in; a heat map of the pixels that spoke
for it out. What is explained (a class, by which expert, against which other class) is chosen here, too.
"""

from dataclasses import dataclass
from pathlib import Path

import rasterio

from ..base.errors import InputError
from ..base.files import GEOTIFF, claim
from ..base.package import package_version
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..mapping.choose_backend import torch_flags
from ..mapping.devices import choose
from ..mapping.memory import GDAL_CACHE_MB
from ..mapping.record import RunRecord, read_record
from ..model.bundle import Bundle, TileBundle, load_any
from ..model.card import ModelCard, TileCard
from ..model.classes import LandCoverClass, find_class
from .files import write_heat
from .heat import Heat, Target, heat_of_place
from .region import (
    Candidate,
    Ground,
    Place,
    open_ground,
    place_of_extent,
    place_of_outline,
    place_of_point,
    read_candidate,
)
from .requests import ExplainRequest


@dataclass(frozen=True)
class Subject:
    """Whose opinion on what is explained."""

    target: Target
    class_: LandCoverClass
    against: LandCoverClass | None
    expert: str | None

    @property
    def about(self) -> str:
        """In a few words."""
        contrast = f" against {self.against.name}" if self.against else ""
        by = f"expert {self.expert}" if self.expert else "whole tiles"
        return f"{self.class_.name}{contrast}, {by}"


def find_expert(card: ModelCard, wanted: str | None, channel: int) -> int:
    """Return the number, from 0, of an expert by its name or its number from 1; the specialist of the
    class if none is named: the responsible one with the fewest classes.

    Raises:
        InputError: if there is no such expert.
    """
    if wanted is None:
        able = [k for k, row in enumerate(card.responsible) if row[channel]]
        return min(able, key=lambda k: len(card.experts[k].classes))
    text = wanted.strip().casefold()
    for k, expert in enumerate(card.experts):
        if text in (str(k + 1), expert.name.casefold()):
            return k
    listed = ", ".join(f"{k} ({expert.name})" for k, expert in enumerate(card.experts, start=1))
    raise InputError(f"The model has no expert {wanted!r}; it has {listed}.")


def choose_subject(
    card: ModelCard | TileCard, class_name: str, expert: str | None, against: str | None
) -> Subject:
    """Return what the user asked for, in the model's terms.

    Raises:
        InputError: if the model has no such class or expert, or the class is compared with itself.
    """
    channel = find_class(card.classes, class_name)
    other = None if against is None else find_class(card.classes, against)
    if other == channel:
        raise InputError(
            f"{card.classes[channel].name} cannot be compared with itself; choose another class."
        )
    classes = card.classes[channel], None if other is None else card.classes[other]
    if isinstance(card, TileCard):
        if expert is not None:
            raise InputError(f"The model {card.name} screens tiles and has no experts; leave the expert out.")
        return Subject(Target(None, channel, other), *classes, None)
    number = find_expert(card, expert, channel)
    return Subject(Target(number, channel, other), *classes, card.experts[number].name)


@dataclass(frozen=True)
class ExplainResult(JobResult):
    """What was written, and what it says.

    `expert` is None where the model screens tiles. `logit` is the mean over the place of what was explained,
    `shares` the share of the absolute relevance by source, `inside` that within the place, `n_windows` how
    many windows or tiles see it.
    """

    heat_map: Path
    class_name: str
    expert: str | None
    against: str | None
    logit: float
    shares: dict[str, float]
    inside: float
    n_windows: int
    message: str


def explain(request: ExplainRequest, reporter: Reporter = SILENT) -> ExplainResult:
    """Write the heat map of a place.

    Raises:
        InputError, ModelError, DeviceError: if what was given cannot be used; nothing is written then.
        OutputError: if the file cannot be written; nothing half-written is left.
        Cancelled: if the reporter says so.
    """
    _check(request)
    claim(request.output, GEOTIFF, overwrite=request.overwrite)
    candidate = _candidate(request)
    bundle = load_any(_model_of(request, candidate))
    if candidate is not None:
        _require_same_model(candidate, bundle, request)
    wanted = request.class_name or (str(candidate.class_id) if candidate else "")
    subject = choose_subject(bundle.card, wanted, request.expert, request.against)
    execution = choose(request.device, "torch", "fp32")
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        ground = _ground(bundle.card, request, candidate)
        try:
            place = _place(request, candidate, ground)
            with torch_flags(execution):
                heat = heat_of_place(
                    bundle.network(),
                    ground,
                    bundle.card.sources,
                    place,
                    subject.target,
                    device=execution.torch_device,
                    reporter=reporter,
                )
        finally:
            ground.close()
        write_heat(request.output, heat, ground.grid, subject.about, _tags(bundle, subject, heat, candidate))
    message = _message(subject, heat)
    reporter.log(message)
    return ExplainResult(
        request.output,
        subject.class_.name,
        subject.expert,
        subject.against.name if subject.against else None,
        heat.logit,
        heat.shares,
        heat.inside,
        heat.n_windows,
        message,
    )


def _check(request: ExplainRequest) -> None:
    given = [name for name in ("candidates", "extent", "point") if getattr(request, name) is not None]
    if len(given) != 1:
        what = " and ".join(given) or "nothing"
        raise InputError(
            f"One place is explained at a time, but {what} was given; give a candidate, an extent or a point."
        )
    if (request.candidates is None) != (request.uuid is None):
        raise InputError("A candidate is named by its file and its uuid; give both.")
    if request.candidates is None and request.class_name is None:
        raise InputError("Which class is to be explained there? Give its name or its id.")
    if request.candidates is not None and request.crs is not None:
        raise InputError("The heat map of a candidate has the grid of its run; leave the crs out.")
    if request.candidates is None and not request.sources:
        raise InputError(
            "An extent or a point is explained from rasters; give the image, and what else the model reads."
        )


def _candidate(request: ExplainRequest) -> Candidate | None:
    if request.candidates is None or request.uuid is None:
        return None
    return read_candidate(request.candidates, request.uuid.strip())


def _model_of(request: ExplainRequest, candidate: Candidate | None) -> str:
    """Return the model that was asked for, else the one that the candidate's run names."""
    if request.model is not None or candidate is None:
        return request.model or "demo"
    record = _record(request, candidate)
    path = record.model.path if record else None
    return str(path) if path is not None and path.is_file() else "demo"


def _record(request: ExplainRequest, candidate: Candidate) -> RunRecord | None:
    """Return the record of the candidate's run, where it was or beside the file of candidates; None where
    it is gone, or is another run's by now.
    """
    assert request.candidates is not None
    for folder in (Path(candidate.run["run_folder"]), request.candidates.parent):
        if (folder / "run.json").is_file():
            record = read_record(folder)
            if record.model.sha256 == candidate.run["model_sha256"]:
                return record
    return None


def _require_same_model(candidate: Candidate, bundle: Bundle | TileBundle, request: ExplainRequest) -> None:
    said = candidate.run["model_sha256"]
    if said != bundle.sha256:
        raise InputError(
            f"The candidates {request.candidates} were flagged with another model: {candidate.run['model']} "
            f"({said[:12]}...), and {bundle.path.name} is {bundle.sha256[:12]}...; give the one that "
            "flagged them."
        )


def _ground(card: ModelCard | TileCard, request: ExplainRequest, candidate: Candidate | None) -> Ground:
    """Return the rasters on the grid of the map."""
    if candidate is None:
        return open_ground(card, request.sources, request.crs)
    sources = request.sources
    if not sources:
        record = _record(request, candidate)
        if record is None:
            raise InputError(
                f"The run of {request.candidates} is no longer in {candidate.run['run_folder']}; give the "
                "image, and what else the model reads."
            )
        sources = {source.role: source.files for source in record.inputs}
    return open_ground(card, sources, candidate.run["grid"]["crs_wkt"])


def _place(request: ExplainRequest, candidate: Candidate | None, ground: Ground) -> Place:
    if candidate is not None:
        place = place_of_outline(candidate.outline, ground.grid)
        if place.region.intersect(ground.region).size == 0:
            raise InputError(
                f"The candidate {candidate.uuid} lies outside the rasters; give those that it was "
                "mapped from."
            )
        return place
    if request.extent is not None:
        return place_of_extent(request.extent, ground.grid, ground.region)
    assert request.point is not None
    return place_of_point(request.point, ground.grid, ground.region)


def _tags(
    bundle: Bundle | TileBundle, subject: Subject, heat: Heat, candidate: Candidate | None
) -> dict[str, str]:
    """Return the provenance inside the file: equal for equal inputs, so neither times nor places."""
    tags = {
        "MCE_PRODUCT": "heat_map",
        "MCE_MODEL": bundle.card.name,
        "MCE_MODEL_SHA256": bundle.sha256,
        "MCE_CLASS": subject.class_.name,
        "MCE_RULE": "LRP EpsilonPlusFlat",
        "MCE_MEAN_LOGIT": f"{heat.logit:.6g}",
        "MCE_PIXELS": str(heat.n_pixels),
        "MCE_VERSION": package_version(),
    }
    if subject.expert:
        tags["MCE_EXPERT"] = subject.expert
    if subject.against:
        tags["MCE_AGAINST"] = subject.against.name
    if candidate:
        tags["MCE_CANDIDATE"] = candidate.uuid
    return tags


def _message(subject: Subject, heat: Heat) -> str:
    """Return the outcome in two sentences."""
    several = "s" * (heat.n_windows != 1)
    lead = f" above {subject.against.name}" if subject.against else ""
    parts = []
    if len(heat.shares) > 1:
        parts.append(", ".join(f"{share:.0%} comes from {role}" for role, share in heat.shares.items()))
    if subject.expert is None:
        who, where = "The network", f"in {heat.n_windows} tile{several}"
    else:
        who, where = f"The expert {subject.expert}", f"there, seen in {heat.n_windows} window{several}"
        parts.append(f"{heat.inside:.0%} lies in the place itself")
    text = f"{who} gives {subject.class_.name} a mean logit of {heat.logit:.2f}{lead} {where}."
    return f"{text} Of what speaks for or against it, {'; '.join(parts)}." if parts else text
