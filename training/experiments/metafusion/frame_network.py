"""A network for street scenes, trained by cross-entropy and natural frequencies, and its logits of whole
frames. MetaFusion needs no experts, so the card has one that answers for every class."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ....core.base.progress import Reporter
from ....core.model.bundle import load_bundle, save_bundle
from ....core.model.card import Architecture, ExpertSpec, ModelCard, SourceSpec
from ....core.model.classes import load_catalogue
from ....core.model.network import MceNetwork
from ....core.model.normalise import Normaliser
from ...data.camvid import CATALOGUE, Frame
from ...data.tiles import count_pixels, measure_normalisation
from ...trainer import TrainSettings, train


def frame_card(frames: Sequence[Frame], architecture: Architecture, window: int) -> ModelCard:
    """Return the card of a network for frames: priors and normalisation are measured on its training frames.

    A street scene has no ground sampling distance; the card says one metre because it must say something.
    """
    classes = load_catalogue(CATALOGUE)
    areas = [frame.area for frame in frames]
    norm = measure_normalisation([a.raw for a in areas], relief=False, window=window, scale=1 / 255)
    image = SourceSpec(role="image", bands=("R", "G", "B"), gsd_m=1.0, normalisation=norm)
    ids = tuple(c.id for c in classes)
    return ModelCard(
        name="CamVid street scenes",
        description="Trained on lossy copies of CamVid frames; for experiments only.",
        architecture=architecture,
        classes=classes,
        experts=(ExpertSpec(name="all", classes=ids),),
        sources=(image,),
        gsd_m=1.0,
        window=window,
        stride=window,
        pixel_counts=count_pixels(areas, ids),
    )


def train_frame_network(
    path: Path,
    frames: Sequence[Frame],
    architecture: Architecture,
    *,
    window: int,
    settings: TrainSettings,
    reporter: Reporter,
) -> tuple[ModelCard, MceNetwork]:
    """Train a network and write its bundle, or read the bundle that an earlier run with the same card,
    settings and frames left there.

    There is no validation: CamVid's is one stretch of a film, so the last step counts.

    Raises:
        TrainingError, OutputError, ModelError, Cancelled.
    """
    card = frame_card(frames, architecture, window)
    plan = TypeAdapter(TrainSettings).dump_python(settings, mode="json", exclude={"device"})
    if path.exists():
        bundle = load_bundle(path)
        if bundle.card.provenance.get("settings") == plan and _same_but_provenance(bundle.card, card):
            reporter.log(f"The network {path} is already trained.")
            return bundle.card, bundle.network()
    result = train(card, [frame.area for frame in frames], [], settings, reporter)
    provenance = {"settings": plan, "seconds": round(result.seconds), "frames": len(frames)}
    card = card.model_copy(update={"provenance": provenance})
    save_bundle(path, card, result.best.state, dtype=torch.float32)
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


def _same_but_provenance(one: ModelCard, other: ModelCard) -> bool:
    return one.model_copy(update={"provenance": {}}) == other.model_copy(update={"provenance": {}})
