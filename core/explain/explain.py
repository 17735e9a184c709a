"""The job `explain`, read from top to bottom: a place, a model and its rasters in; out comes a heat map of
what spoke for a class there. Each step lives in a module of its own beside this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import rasterio

from ..bundle import Bundle
from ..card import ModelCard
from ..engine.devices import choose
from ..engine.memory import GDAL_CACHE_MB
from ..engine.start import torch_flags
from ..errors import InputError
from ..progress import Reporter, SilentReporter
from ..record import RunRecord, read_record
from ..tile_bundle import TileBundle, load_any
from ..tile_card import TileCard
from ..version import package_version
from .files import require_free, write_heat
from .ground import Ground, open_ground
from .heat import Heat, heat_of_place
from .place import Candidate, Place, place_of_extent, place_of_outline, place_of_point, read_candidate
from .subject import Subject, choose_subject


@dataclass(frozen=True)
class ExplainRequest:
    """What to explain, and where to write it.

    Attributes:
        output: GeoTIFF to write; its style lies beside it.
        sources: one raster per source of the model by role, or several that form a mosaic; none takes
            those of the candidate's run.
        model: a mapping or a screening model, "demo" or "screen"; None takes that of the candidate's run,
            without a candidate "demo".
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
