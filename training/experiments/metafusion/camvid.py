"""MetaFusion on pedestrians of CamVid (columns of table 2 of the paper, which has persons of Cityscapes).

python -m mce_landcover.training.experiments.metafusion.camvid CONFIG OUT
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import softmax

from ....core.accuracy import confusion_matrix, scores
from ....core.card import Architecture, ModelCard
from ....core.catalogue import NODATA_CLASS
from ....core.errors import InputError
from ....core.metafusion.boosting import MetaSettings, fit_boosting
from ....core.metafusion.counting import Errors, count_errors
from ....core.metafusion.crossval import CrossValidation, cross_validate, roc_auc
from ....core.metafusion.fusion import accept
from ....core.priors import position_priors, weigh
from ....core.progress import Reporter
from ...data.camvid import Frame, Part, group_frames, read_frames
from ...data.shared import find_data
from ...trainer import TrainSettings
from ..command import ExperimentSettings, run_experiment
from ..report import Outcome, Table
from .frame_candidates import FrameCandidates, find_frame_candidates, fuse_frame
from .frame_network import frame_logits, train_frame_network
from .sweep import (
    Point,
    Sweep,
    Verdict,
    as_json,
    effort_curves,
    effort_table,
    finding,
    importance_table,
    published_table,
    sweep_table,
)

CONFIGS = Path(__file__).with_name("configs")
#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.5, 0.7, 0.8, 0.85, 0.925, 0.9625, 0.9825, 0.9925, 0.9975, 0.999)
Alpha = Annotated[float, Field(ge=0, le=1)]
Channels = NDArray[np.uint8]


class CamvidSettings(ExperimentSettings):
    """The config file of this experiment.

    Attributes:
        data: folder of CamVid. size: rows and columns of the frames. parts: that are decided and counted.
        target: the rare class, by name.
        sigma_px, floor: of the position-specific priors, in pixels of `size`.
        frames_per_group: that follow each other and are never split between folds; 1 is the paper's way.
        accepted_per_find: false alarms accepted per missed segment found; 1 is the paper's p >= 0.5.
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
    accepted_per_find: float = Field(default=1.0, ge=0)
    architecture: Architecture
    window: int
    train: TrainSettings


@dataclass(frozen=True, eq=False)
class Scene:
    """All frames with what the network says of them: `probabilities` float32 `[C, H, W]`, Bayes and true
    channels uint8 `[H, W]` (255 unlabelled), the group of each frame, the rare channel, class names."""

    probabilities: Sequence[NDArray[np.float32]]
    bayes: Sequence[Channels]
    truth: Sequence[Channels]
    groups: NDArray[np.int64]
    channel: int
    names: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, C."""
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Judged:
    """The candidates of one alpha, and their scores out of fold."""

    candidates: FrameCandidates  # those with a label in them
    validation: CrossValidation | None

    @property
    def margin(self) -> NDArray[np.float64]:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.candidates.features.select(["M"]).values[:, 0]


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
    scene = make_scene(frames, logits, card, settings)
    tables: list[Table] = []
    findings, results = [], {}
    for kind in settings.priors:
        sweep, last = run_sweep(scene, _priors(kind, training, card, settings), kind, settings, reporter)
        tables += [sweep_table(sweep), *_tables_of_ml(scene, last, kind, settings)]
        findings.append(finding(sweep))
        results[kind] = as_json(sweep) | _effort(last)
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
        findings=[*findings, *_remarks(settings)],
    )


def make_scene(
    frames: Sequence[Frame],
    logits: Iterator[NDArray[np.float32]],
    card: ModelCard,
    settings: CamvidSettings,
) -> Scene:
    """Keep what the network says of the frames, in memory (4 C bytes per pixel).

    Raises:
        InputError: if the rare class is not one of the card's.
    """
    names = tuple(c.name for c in card.classes)
    if settings.target not in names:
        raise InputError(f"There is no class {settings.target!r}; CamVid has {', '.join(names)}.")
    probabilities = [softmax(values, axis=0) for values in logits]
    return Scene(
        probabilities,
        [p.argmax(0).astype(np.uint8) for p in probabilities],
        [to_channels(frame.area.labels, card) for frame in frames],
        group_frames(frames, settings.frames_per_group),
        names.index(settings.target),
        names,
    )


def to_channels(labels: NDArray[np.uint8], card: ModelCard) -> Channels:
    """Return class channels of class ids, 255 where unlabelled."""
    table = np.full(256, NODATA_CLASS, np.uint8)
    table[[c.id for c in card.classes]] = np.arange(len(card.classes))
    return table[labels]


def run_sweep(
    scene: Scene, priors: NDArray[np.float64], kind: str, settings: CamvidSettings, reporter: Reporter
) -> tuple[Sweep, Judged]:
    """Decide all frames at every alpha; also return the candidates of the last one.

    Args:
        priors: `[C]` or `[C, H, W]`.
    """
    points = []
    for done, alpha in enumerate(settings.alphas, start=1):
        point, judged = run_alpha(scene, priors, alpha, settings)
        points.append(point)
        reporter.log(
            f"{kind} priors, alpha {alpha:g}: FP/FN {point.plain.errors.fp}/{point.plain.errors.fn}, "
            f"MetaFusion {point.fused.errors.fp}/{point.fused.errors.fn}, {point.candidates} candidates."
        )
        reporter.progress(done, len(settings.alphas), "alphas")
    between = [judge(scene, partial(_decide, scene, priors, alpha)).errors for alpha in BETWEEN]
    bayes = judge(scene, lambda i: scene.bayes[i])
    return Sweep(f"{kind.capitalize()} priors", bayes, tuple(points), tuple(between)), judged


def run_alpha(
    scene: Scene, priors: NDArray[np.float64], alpha: float, settings: CamvidSettings
) -> tuple[Point, Judged]:
    """Decide all frames by the interpolated rule and by MetaFusion.

    Candidates without any label are neither examples nor errors and stay as Bayes has them. With too few
    candidates to cross-validate none is accepted.
    """
    found, plain = [], []
    for i, probabilities in enumerate(scene.probabilities):
        weighed = weigh(probabilities, priors.astype(np.float32), alpha)
        plain.append(weighed.argmax(0).astype(np.uint8))
        found.append(find_frame_candidates(weighed, scene.bayes[i], scene.truth[i], scene.channel, i))
    everything = FrameCandidates.join(found)
    candidates = everything.take(everything.labelled)
    judged = Judged(candidates, _validate(candidates, scene.groups, settings))
    accepted, auc, spread = np.zeros(len(candidates), np.bool_), float("nan"), float("nan")
    if judged.validation is not None:
        accepted = accept(judged.validation.scores, settings.accepted_per_find)
        auc, spread = judged.validation.auc, judged.validation.auc_std
    point = Point(
        alpha,
        plain=judge(scene, plain.__getitem__),
        fused=judge(scene, lambda i: fuse_frame(scene.bayes[i], scene.channel, candidates, accepted, i)),
        candidates=len(candidates),
        true=int(candidates.targets.sum()),
        auc=auc,
        auc_std=spread,
        margin_auc=roc_auc(candidates.targets, judged.margin),
    )
    return point, judged


def judge(scene: Scene, decided: Callable[[int], NDArray[np.integer]]) -> Verdict:
    """Count errors and measure the mean IoU of the class channels `[H, W]` that `decided` gives per frame."""
    matrix = np.zeros((scene.n_classes, scene.n_classes), np.int64)
    errors = Errors()
    for i, truth in enumerate(scene.truth):
        predicted = decided(i)
        errors = errors.plus(count_errors(predicted, truth, scene.channel))
        matrix += confusion_matrix(truth, predicted, range(scene.n_classes))
    return Verdict(errors, scores(matrix).mean_iou)


def _decide(scene: Scene, priors: NDArray[np.float64], alpha: float, frame: int) -> Channels:
    weighed = weigh(scene.probabilities[frame], priors.astype(np.float32), alpha)
    return weighed.argmax(0).astype(np.uint8)


def _validate(
    candidates: FrameCandidates, groups: NDArray[np.int64], settings: CamvidSettings
) -> CrossValidation | None:
    """Return scores out of fold, None if there are too few candidates for it."""
    meta = MetaSettings(folds=settings.folds, seed=settings.seed)
    try:
        return cross_validate(candidates.features.values, candidates.targets, groups[candidates.frame], meta)
    except InputError:
        return None


def _priors(
    kind: str, training: Sequence[Frame], card: ModelCard, settings: CamvidSettings
) -> NDArray[np.float64]:
    """Return `[C]` or `[C, H, W]` of the training frames."""
    if kind == "global":
        counts = np.array(card.pixel_counts, dtype=np.float64)
        return counts / counts.sum()
    labels = (to_channels(frame.area.labels, card) for frame in training)
    return position_priors(labels, len(card.classes), sigma_px=settings.sigma_px, floor=settings.floor)


def _tables_of_ml(scene: Scene, last: Judged, kind: str, settings: CamvidSettings) -> list[Table]:
    """Return the effort of reviewing and the features that count, at the last alpha."""
    if last.validation is None:
        return []
    alpha, targets = settings.alphas[-1], last.candidates.targets
    effort = effort_table(
        targets,
        {"meta classifier": last.validation.scores, "ML margin": last.margin},
        f"{kind.capitalize()} priors, alpha {alpha:g}: candidates to look at, of {len(targets)}",
    )
    meta = MetaSettings(folds=settings.folds, seed=settings.seed)
    model = fit_boosting(last.candidates.features.values, targets, meta)
    shares = dict(zip(last.candidates.features.names, model.feature_importances_, strict=True))
    named = {_readable(name, scene.names): float(share) for name, share in shares.items()}
    return [effort, importance_table(named, f"{kind.capitalize()} priors, alpha {alpha:g}: what counts most")]


def _readable(name: str, class_names: Sequence[str]) -> str:
    """Return `neighbour_<class name>` for `neighbour_<channel>`."""
    start, _, channel = name.rpartition("_")
    return f"{start} {class_names[int(channel)]}" if start == "neighbour" else name


def _effort(last: Judged) -> dict[str, object]:
    if last.validation is None:
        return {}
    orders = {"meta classifier": last.validation.scores, "ML margin": last.margin}
    return {"review_effort": effort_curves(last.candidates.targets, orders)}


def _remarks(settings: CamvidSettings) -> list[str]:
    return [
        f"Scores are out of fold ({settings.folds} folds; {settings.frames_per_group} consecutive frames "
        "stay together); a candidate is accepted at up to "
        f"{settings.accepted_per_find:g} false alarms per find.",
        "Void pixels belong to no segment when errors are counted; candidates without any labelled pixel are "
        "left out.",
        f"Position-specific priors: sigma {settings.sigma_px:g} px, floor {settings.floor:g}.",
    ]


if __name__ == "__main__":
    raise SystemExit(run_experiment("camvid", CamvidSettings, run, CONFIGS))
