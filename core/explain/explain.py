"""The job `explain`, read from top to bottom: a place, a model and its rasters in; out comes a heat map of
what spoke for a class there. Each step lives in a module of its own beside this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import rasterio

from ..bundle import Bundle, load_bundle
from ..card import ModelCard
from ..catalogue import LandCoverClass
from ..engine.devices import choose
from ..engine.memory import GDAL_CACHE_MB
from ..engine.plan import Plan, Settings, make_plan
from ..engine.start import torch_flags
from ..errors import InputError
from ..progress import Reporter, SilentReporter
from ..record import RunRecord, read_record
from ..version import package_version
from .files import require_free, write_heat
from .heat import Heat, Target, heat_of_place
from .place import Candidate, Place, place_of_extent, place_of_outline, place_of_point, read_candidate


@dataclass(frozen=True)
class ExplainRequest:
    """What to explain, and where to write it.

    Attributes:
        output: GeoTIFF to write; its style lies beside it.
        sources: one raster per source of the model by role, or several that form a mosaic; none takes
            those of the candidate's run.
        model: a bundle file, or "demo"; None takes that of the candidate's run, without a candidate "demo".
        candidates: GeoPackage of candidates, with `uuid` of one of them: explains why it was flagged.
        extent: "xmin,xmax,ymin,ymax [EPSG:n]" in place of a candidate.
        point: "x,y [EPSG:n]" in place of a candidate.
        class_name: name or id of the class that is explained; None takes the candidate's.
        expert: name of the expert that is asked, or its number from 1; None takes the specialist: of
            those that are responsible for the class the one with the fewest classes.
        against: name or id of a class: explains the class's logit less that of this one.
        crs: of the heat map where there is no candidate; None takes that of the model's first source.
        device: auto, cpu or cuda.
        overwrite: replace the output.
    """

    output: Path
    sources: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    model: str | None = None
    candidates: Path | None = None
    uuid: str | None = None
    extent: str | None = None
    point: str | None = None
    class_name: str | None = None
    expert: str | None = None
    against: str | None = None
    crs: str | None = None
    device: str = "auto"
    overwrite: bool = False


@dataclass(frozen=True)
class ExplainResult:
    """What was written, and what it says.

    `logit` is the mean over the place of what was explained, `shares` the share of the absolute relevance by
    source, `inside` the share within the place, `n_windows` how many windows see it.
    """

    heat_map: Path
    class_name: str
    expert: str
    against: str | None
    logit: float
    shares: dict[str, float]
    inside: float
    n_windows: int
    message: str


def explain(request: ExplainRequest, reporter: Reporter = SilentReporter()) -> ExplainResult:  # noqa: B008
    """Write the heat map of a place.

    Raises:
        InputError, ModelError, DeviceError: if what was given cannot be used; nothing is written then.
        OutputError: if the file cannot be written; nothing half-written is left.
        Cancelled: if the reporter says so.
    """
    _check(request)
    require_free(request.output, overwrite=request.overwrite)
    candidate = _candidate(request)
    bundle = load_bundle(_model_of(request, candidate))
    if candidate is not None:
        _require_same_model(candidate, bundle, request)
    subject = _subject(bundle.card, request, candidate)
    execution = choose(request.device, "torch", "fp32")
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        plan = _plan(bundle.card, request, candidate)
        try:
            place = _place(request, candidate, plan)
            with torch_flags(execution):
                heat = heat_of_place(
                    bundle.network(),
                    plan,
                    bundle.card.sources,
                    place,
                    subject.target,
                    device=execution.torch_device,
                    reporter=reporter,
                )
        finally:
            plan.close()
        write_heat(request.output, heat, plan.grid, subject.about, _tags(bundle, subject, heat, candidate))
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


@dataclass(frozen=True)
class _Subject:
    """Whose opinion on what is explained."""

    target: Target
    class_: LandCoverClass
    against: LandCoverClass | None
    expert: str

    @property
    def about(self) -> str:
        """In a few words."""
        contrast = f" against {self.against.name}" if self.against else ""
        return f"{self.class_.name}{contrast}, expert {self.expert}"


def find_class(classes: Sequence[LandCoverClass], wanted: str) -> int:
    """Return the channel of a class by its name or id.

    Raises:
        InputError: if there is no such class.
    """
    text = wanted.strip().casefold()
    for channel, c in enumerate(classes):
        if text in (str(c.id), c.name.casefold()):
            return channel
    listed = ", ".join(f"{c.id} ({c.name})" for c in classes)
    raise InputError(f"The model has no class {wanted!r}; it has {listed}.")


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


def _require_same_model(candidate: Candidate, bundle: Bundle, request: ExplainRequest) -> None:
    said = candidate.run["model_sha256"]
    if said != bundle.sha256:
        raise InputError(
            f"The candidates {request.candidates} were flagged with another model: {candidate.run['model']} "
            f"({said[:12]}...), and {bundle.path.name} is {bundle.sha256[:12]}...; give the one that "
            "flagged them."
        )


def _subject(card: ModelCard, request: ExplainRequest, candidate: Candidate | None) -> _Subject:
    wanted = request.class_name
    if wanted is None and candidate is not None:
        wanted = str(candidate.class_id)
    assert wanted is not None
    channel = find_class(card.classes, wanted)
    against = None if request.against is None else find_class(card.classes, request.against)
    if against == channel:
        raise InputError(
            f"{card.classes[channel].name} cannot be compared with itself; choose another class."
        )
    expert = find_expert(card, request.expert, channel)
    return _Subject(
        Target(expert, channel, against),
        card.classes[channel],
        None if against is None else card.classes[against],
        card.experts[expert].name,
    )


def _plan(card: ModelCard, request: ExplainRequest, candidate: Candidate | None) -> Plan:
    """Return the rasters on the grid of the map, and its lattice."""
    sources, crs = request.sources, request.crs
    if candidate is not None:
        crs = candidate.run["grid"]["crs_wkt"]
        if not sources:
            record = _record(request, candidate)
            if record is None:
                raise InputError(
                    f"The run of {request.candidates} is no longer in {candidate.run['run_folder']}; give "
                    "the image, and what else the model reads."
                )
            sources = {source.role: source.files for source in record.inputs}
    return make_plan(
        card,
        sources,
        extent=None,
        crs=crs,
        aggregation=None,
        alpha=0.0,
        overlap=None,
        settings=Settings(),
    )


def _place(request: ExplainRequest, candidate: Candidate | None, plan: Plan) -> Place:
    if candidate is not None:
        place = place_of_outline(candidate.outline, plan.grid)
        if place.region.intersect(plan.region).size == 0:
            raise InputError(
                f"The candidate {candidate.uuid} lies outside the rasters; give those that it was "
                "mapped from."
            )
        return place
    if request.extent is not None:
        return place_of_extent(request.extent, plan.grid, plan.region)
    assert request.point is not None
    return place_of_point(request.point, plan.grid, plan.region)


def _tags(bundle: Bundle, subject: _Subject, heat: Heat, candidate: Candidate | None) -> dict[str, str]:
    """Return the provenance inside the file: equal for equal inputs, so neither times nor places."""
    tags = {
        "MCE_PRODUCT": "heat_map",
        "MCE_MODEL": bundle.card.name,
        "MCE_MODEL_SHA256": bundle.sha256,
        "MCE_CLASS": subject.class_.name,
        "MCE_EXPERT": subject.expert,
        "MCE_RULE": "LRP EpsilonPlusFlat",
        "MCE_MEAN_LOGIT": f"{heat.logit:.6g}",
        "MCE_PIXELS": str(heat.n_pixels),
        "MCE_VERSION": package_version(),
    }
    if subject.against:
        tags["MCE_AGAINST"] = subject.against.name
    if candidate:
        tags["MCE_CANDIDATE"] = candidate.uuid
    return tags


def _message(subject: _Subject, heat: Heat) -> str:
    """Return the outcome in two sentences."""
    several = "s" * (heat.n_windows != 1)
    text = (
        f"The expert {subject.expert} gives {subject.class_.name} a mean logit of {heat.logit:.2f}"
        f"{f' above {subject.against.name}' if subject.against else ''} there, seen in {heat.n_windows} "
        f"window{several}."
    )
    shares = [f"{share:.0%} comes from {role}" for role, share in heat.shares.items()]
    listed = f" {', '.join(shares)};" if len(shares) > 1 else ""
    return f"{text} Of what speaks for or against it,{listed} {heat.inside:.0%} lies in the place itself."
