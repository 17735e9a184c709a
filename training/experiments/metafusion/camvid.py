"""MetaFusion on pedestrians of CamVid (columns of table 2 of the paper, which has persons of Cityscapes).

python -m mce_landcover.training.experiments.metafusion.camvid CONFIG OUT
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....core.base.progress import Reporter
from ....core.flagging.boosting import MetaSettings, fit_boosting
from ....core.model.card import Architecture, ModelCard
from ....core.model.decision import position_priors
from ...data.camvid import Frame, Part, read_frames
from ...data.shared import find_data
from ...trainer import TrainSettings
from ..command import ExperimentSettings, run_experiment
from ..report import Outcome, Table
from .frame_network import frame_logits, train_frame_network
from .frame_sweep import Judged, make_scene, run_sweep, to_channels
from .sweep import (
    PRICES,
    Acceptance,
    as_json,
    effort_curves,
    effort_table,
    finding,
    importance_table,
    price_table,
    published_table,
    sweep_table,
)

CONFIGS = Path(__file__).with_name("configs")
Alpha = Annotated[float, Field(ge=0, le=1)]
Price = Annotated[float, Field(ge=0)]


class CamvidSettings(ExperimentSettings):
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
    alphas: tuple[Alpha, ...] = (0.9, 0.95, 0.975, 0.99, 0.995, 1.0)
    priors: tuple[Literal["global", "position"], ...] = ("global", "position")
    sigma_px: float = Field(default=80.0, gt=0)
    floor: float = Field(default=1e-5, gt=0)
    frames_per_group: int = Field(default=10, ge=1)
    folds: int = Field(default=5, ge=2)
    accepted_per_find: tuple[Price, ...] = (1.0,)
    architecture: Architecture
    window: int
    train: TrainSettings


def run(settings: CamvidSettings, output: Path, reporter: Reporter) -> Outcome:
    """Train the network unless OUT holds it, decide all frames at every alpha, and compare."""
    folder = find_data(settings.data)
    training = read_frames(folder, "train", settings.size)
    card, network = train_frame_network(
        output / "network.safetensors",
        training,
        settings.architecture,
        window=settings.window,
        settings=replace(settings.train, device=settings.device),
        reporter=reporter,
    )
    frames = [frame for part in settings.parts for frame in read_frames(folder, part, settings.size)]
    logits = frame_logits(network, card, frames, settings.device)
    scene = make_scene(
        frames, logits, card, target=settings.target, frames_per_group=settings.frames_per_group
    )
    acceptance = Acceptance(_meta(settings), settings.accepted_per_find)
    tables: list[Table] = []
    findings: list[str] = []
    results: dict[str, Any] = {}
    for kind in settings.priors:
        name = f"{kind.capitalize()} priors"
        priors = _priors(kind, training, card, settings)
        sweeps, last = run_sweep(
            name, scene, priors, settings.alphas, acceptance=acceptance, reporter=reporter
        )
        where = f"{name}, alpha {settings.alphas[-1]:g}"
        tables += [sweep_table(sweep) for sweep in sweeps.values()]
        findings += [finding(sweep) for sweep in sweeps.values()]
        numbers = []
        for (how, price), sweep in sweeps.items():
            first = price == settings.accepted_per_find[0]
            prices = {p: last.fused(p, how) for p in PRICES} if first else {}
            tables += [price_table(sweep, prices, f"{where}, {how}")] if first else []
            numbers.append(as_json(sweep, prices))
        tables += _tables_of_ml(where, last, _meta(settings))
        results[kind] = {"sweeps": numbers, "review_effort": _effort(last)}
    tables.append(published_table("MobileNetV2"))
    size = scene.truth[0].shape
    return Outcome(
        title=f"MetaFusion on CamVid, {settings.target}",
        data=(
            f"CamVid {' + '.join(settings.parts)}, {len(frames)} frames of {size[1]} x {size[0]} px, from "
            "WebP q92 copies (lossy); the published figures are of Cityscapes, with other numbers of objects"
        ),
        tables=tables,
        results=results | {"network": card.provenance},
        findings=[*findings, *_remarks(settings), _training(card)],
    )


def _priors(
    kind: str, training: Sequence[Frame], card: ModelCard, settings: CamvidSettings
) -> NDArray[np.float64]:
    """Return `[C]` or `[C, H, W]` of the training frames."""
    if kind == "global":
        counts = np.array(card.pixel_counts, dtype=np.float64)
        return counts / counts.sum()
    labels = (to_channels(frame.area.labels, card) for frame in training)
    return position_priors(labels, len(card.classes), sigma_px=settings.sigma_px, floor=settings.floor)


def _tables_of_ml(where: str, last: Judged, meta: MetaSettings) -> list[Table]:
    """Return the effort of reviewing and the features that count, at the last alpha."""
    if last.validation is None:
        return []
    targets = last.candidates.targets
    orders = {"meta classifier": last.validation.scores, "ML margin": last.margin}
    effort = effort_table(targets, orders, f"{where}: candidates to look at, of {len(targets)}")
    model = fit_boosting(last.candidates.features.values, targets, meta)
    shares = zip(last.candidates.features.names, model.feature_importances_, strict=True)
    named = {_readable(name, last.scene.names): float(share) for name, share in shares}
    return [effort, importance_table(named, f"{where}: what counts most")]


def _meta(settings: CamvidSettings) -> MetaSettings:
    return MetaSettings(folds=settings.folds, seed=settings.seed)


def _readable(name: str, class_names: Sequence[str]) -> str:
    """Return `neighbour_<class name>` for `neighbour_<channel>`."""
    start, _, channel = name.rpartition("_")
    return f"{start} {class_names[int(channel)]}" if start == "neighbour" else name


def _effort(last: Judged) -> dict[str, list[float]]:
    if last.validation is None:
        return {}
    orders = {"meta classifier": last.validation.scores, "ML margin": last.margin}
    return effort_curves(last.candidates.targets, orders)


def _remarks(settings: CamvidSettings) -> list[str]:
    return [
        f"Scores are out of fold ({settings.folds} folds; {settings.frames_per_group} consecutive frames "
        "stay together); a candidate is accepted at up to so many false alarms per find, 1 is the paper's "
        "p >= 0.5.",
        "Void pixels belong to no segment when errors are counted; candidates without any labelled pixel are "
        "left out.",
        f"Position-specific priors: sigma {settings.sigma_px:g} px, floor {settings.floor:g}.",
    ]


def _training(card: ModelCard) -> str:
    seconds, settings = card.provenance["seconds"], card.provenance["settings"]
    return f"The network was trained for {settings['steps']:,} steps in {seconds:,} s."


if __name__ == "__main__":
    raise SystemExit(run_experiment("camvid", CamvidSettings, run, CONFIGS))
