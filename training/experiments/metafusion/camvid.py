"""MetaFusion on pedestrians of CamVid (columns of table 2 of the paper, which has persons of Cityscapes).

python -m mce_landcover.training.experiments.metafusion.camvid CONFIG OUT
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from ....core.base.progress import Reporter
from ....core.model.bundle import load_bundle, save_bundle
from ....core.model.card import Architecture, ExpertSpec, ModelCard
from ....core.model.classes import load_catalogue
from ....core.model.decision import position_priors
from ....core.model.network import MceNetwork
from ....core.model.normalise import Normaliser
from ...data.camvid import CATALOGUE, Frame, Part, read_frames
from ...data.patches import channel_table
from ...data.shared import find_data
from ...data.statistics import measured_sources
from ...data.tiles import count_pixels
from ...formats import FORMATS, source_spec
from ...trainer import TrainSettings, train
from ..command import run_experiment
from ..report import Outcome, Table
from .frames import SCORES, FrameMaps, channels_of, decide_frames, frame_maps
from .study import GROWN, STRICT, Study, StudySettings, Variant, sweep_alphas
from .sweep import CONFIGS, published_table

#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.5, 0.7, 0.8, 0.85, 0.925, 0.9625, 0.9825, 0.9925, 0.9975, 0.999)
Price = Annotated[float, Field(ge=0)]


class CamvidSettings(StudySettings):
    """The config file of this experiment.

    Attributes:
        data: folder of CamVid. size: rows and columns of the frames. parts: that are decided and counted.
        target: the rare class, by name.
        sigma_px, floor: of the position-specific priors, in pixels of `size`.
        frames_per_group: that follow each other and are never split between folds; 1 is the paper's way.
        accepted_per_find: false alarms accepted per missed segment found, a table for each; 1 is the paper's
            p >= 0.5.
    """

    data: Path
    size: tuple[int, int] | None = None
    parts: tuple[Part, ...] = ("test",)
    target: str = "pedestrian"
    priors: tuple[Literal["global", "position"], ...] = ("global", "position")
    sigma_px: float = Field(default=80.0, gt=0)
    floor: float = Field(default=1e-5, gt=0)
    frames_per_group: int = Field(default=10, ge=1)
    accepted_per_find: tuple[Price, ...] = (1.0,)
    architecture: Architecture
    window: int
    train: TrainSettings


def run(settings: CamvidSettings, output: Path, reporter: Reporter) -> Outcome:
    """Train the network unless OUT holds it, decide all frames at every alpha, and compare."""
    folder = find_data(settings.data)
    training = read_frames(folder, "train", settings.size)
    path = output / "network.safetensors"
    card, network = train_frame_network(path, training, settings, reporter)
    frames = [frame for part in settings.parts for frame in read_frames(folder, part, settings.size)]
    logits = frame_logits(network, card, frames, settings.device)
    maps = frame_maps(frames, logits, card, settings.target, settings.frames_per_group)
    tables: list[Table] = []
    findings: list[str] = []
    results: dict[str, Any] = {}
    for kind in settings.priors:
        study = study_priors(kind, maps, _priors(kind, training, card, settings), settings, reporter)
        tables += study.tables(maps.names, settings.meta)
        findings += study.findings()
        results[kind] = study.as_json()
    height, width = maps.truth[0].shape
    return Outcome(
        title=f"MetaFusion on CamVid, {settings.target}",
        data=(
            f"CamVid {' + '.join(settings.parts)}, {len(frames)} frames of {width} x {height} px, from "
            "WebP q92 copies (lossy); the published figures are of Cityscapes, with other numbers of objects"
        ),
        tables=[*tables, published_table("MobileNetV2")],
        results=results | {"network": card.provenance},
        findings=[*findings, *_remarks(settings, card)],
    )


def study_priors(
    kind: str, maps: FrameMaps, priors: NDArray[np.float64], settings: CamvidSettings, reporter: Reporter
) -> Study:
    """Decide all frames at every alpha.

    Args:
        priors: `[C]` or `[C, H, W]`.
    """
    first = settings.accepted_per_find[0]
    variants = [
        Variant(f"{how}, {price:g} per find", SCORES, how, price, how if price == first else "")
        for price in settings.accepted_per_find
        for how in (STRICT, GROWN)
    ]
    study = Study(f"{kind.capitalize()} priors", maps, (maps.channel,), variants, settings.alphas[-1])
    sweep_alphas(
        [study],
        settings.alphas,
        lambda alpha: [decide_frames(maps, priors, alpha, settings.meta)],
        BETWEEN,
        lambda alpha: map(channels_of, maps.decide(priors, alpha)),
        reporter=reporter,
    )
    return study


def _priors(
    kind: str, training: Sequence[Frame], card: ModelCard, settings: CamvidSettings
) -> NDArray[np.float64]:
    """Return `[C]` or `[C, H, W]` of the training frames."""
    if kind == "global":
        counts = np.array(card.pixel_counts, dtype=np.float64)
        return counts / counts.sum()
    channels = channel_table([c.id for c in card.classes])
    labels = (channels[frame.area.labels] for frame in training)
    return position_priors(labels, len(card.classes), sigma_px=settings.sigma_px, floor=settings.floor)


def frame_card(frames: Sequence[Frame], architecture: Architecture, window: int) -> ModelCard:
    """Return the card of a network for frames: priors and normalisation are measured on its training frames.

    MetaFusion needs no experts, so there is one that answers for every class. A street scene has no ground
    sampling distance; the card says one metre because it must say something.
    """
    classes = load_catalogue(CATALOGUE)
    areas = [frame.area for frame in frames]
    plain = [source_spec(source) for source in FORMATS["camvid"].sources]
    ids = tuple(c.id for c in classes)
    return ModelCard(
        name="CamVid street scenes",
        description="Trained on lossy copies of CamVid frames; for experiments only.",
        architecture=architecture,
        classes=classes,
        experts=(ExpertSpec(name="all", classes=ids),),
        sources=measured_sources(plain, [area.raw for area in areas], window),
        gsd_m=1.0,
        window=window,
        stride=window,
        pixel_counts=count_pixels(areas, ids),
    )


def train_frame_network(
    path: Path, frames: Sequence[Frame], settings: CamvidSettings, reporter: Reporter
) -> tuple[ModelCard, MceNetwork]:
    """Train a network by cross-entropy and natural frequencies and write its bundle, or read the bundle that
    an earlier run with the same card, settings and frames left there.

    There is no validation: CamVid's is one stretch of a film, so the last step counts.

    Raises:
        TrainingError, OutputError, ModelError, Cancelled.
    """
    card = frame_card(frames, settings.architecture, settings.window)
    plan = TypeAdapter(TrainSettings).dump_python(settings.train, mode="json", exclude={"device"})
    if path.exists():
        bundle = load_bundle(path)
        same = bundle.card.model_copy(update={"provenance": card.provenance}) == card
        if same and bundle.card.provenance.get("settings") == plan:
            reporter.log(f"The network {path} is already trained.")
            return bundle.card, bundle.network()
    training = replace(settings.train, device=settings.device)
    result = train(card, [frame.area for frame in frames], [], training, reporter)
    provenance = {"settings": plan, "seconds": round(result.seconds), "frames": len(frames)}
    card = card.model_copy(update={"provenance": provenance})
    save_bundle(path, card, result.weights, dtype=torch.float32)
    return card, load_bundle(path).network()


def frame_logits(
    network: MceNetwork, card: ModelCard, frames: Sequence[Frame], device: str = "cpu"
) -> Iterator[NDArray[np.float32]]:
    """Yield the logits float32 `[C, H, W]` of each whole frame, in order."""
    network = network.to(device).eval()
    normaliser = Normaliser(card.sources).to(device)
    for frame in frames:
        raw = torch.from_numpy(frame.area.raw)[None].to(device)
        with torch.inference_mode():
            yield network(normaliser(raw))[0, 0].float().cpu().numpy()


def _remarks(settings: CamvidSettings, card: ModelCard) -> list[str]:
    seconds, trained = card.provenance["seconds"], card.provenance["settings"]
    return [
        f"Scores are out of fold ({settings.folds} folds; {settings.frames_per_group} consecutive frames "
        "stay together); a candidate is accepted at up to so many false alarms per find, 1 is the paper's "
        "p >= 0.5.",
        "Void pixels belong to no segment when errors are counted; candidates without any labelled pixel are "
        "left out.",
        f"Position-specific priors: sigma {settings.sigma_px:g} px, floor {settings.floor:g}.",
        f"The network was trained for {trained['steps']:,} steps in {seconds:,} s.",
    ]


if __name__ == "__main__":
    raise SystemExit(run_experiment("camvid", CamvidSettings, run, CONFIGS))
