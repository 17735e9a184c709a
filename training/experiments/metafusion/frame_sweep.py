"""Frames decided at every alpha: the plain rule and MetaFusion judged against the labels. Where the frames
come from, and the tables, are `camvid.py`'s business."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ....core.accuracy import confusion_matrix, scores
from ....core.card import ModelCard
from ....core.catalogue import NODATA_CLASS
from ....core.errors import InputError
from ....core.metafusion.boosting import MetaSettings
from ....core.metafusion.counting import Errors, count_errors
from ....core.metafusion.crossval import CrossValidation, cross_validate, roc_auc
from ....core.metafusion.fusion import accept
from ....core.priors import weigh
from ....core.progress import Reporter
from ...data.camvid import Frame, group_frames
from .frame_candidates import FrameCandidates, find_frame_candidates, fuse_frame
from .sweep import Acceptance, Point, Sweep, Verdict

#: Alphas of the plain rule alone, for its trade-off curve.
BETWEEN = (0.5, 0.7, 0.8, 0.85, 0.925, 0.9625, 0.9825, 0.9925, 0.9975, 0.999)
Channels = NDArray[np.uint8]


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


def make_scene(
    frames: Sequence[Frame],
    logits: Iterator[NDArray[np.float32]],
    card: ModelCard,
    *,
    target: str,
    frames_per_group: int,
) -> Scene:
    """Keep what the network says of the frames, in memory (4 C bytes per pixel).

    Raises:
        InputError: if the rare class is not one of the card's.
    """
    names = tuple(c.name for c in card.classes)
    if target not in names:
        raise InputError(f"There is no class {target!r}; CamVid has {', '.join(names)}.")
    probabilities = [softmax(values, axis=0) for values in logits]
    return Scene(
        probabilities,
        [p.argmax(0).astype(np.uint8) for p in probabilities],
        [to_channels(frame.area.labels, card) for frame in frames],
        group_frames(frames, frames_per_group),
        names.index(target),
        names,
    )


def to_channels(labels: NDArray[np.uint8], card: ModelCard) -> Channels:
    """Return class channels of class ids, 255 where unlabelled."""
    table = np.full(256, NODATA_CLASS, np.uint8)
    table[[c.id for c in card.classes]] = np.arange(len(card.classes))
    return table[labels]


def run_sweep(
    name: str,
    scene: Scene,
    priors: NDArray[np.float64],
    alphas: Sequence[float],
    *,
    acceptance: Acceptance,
    reporter: Reporter,
) -> tuple[Sweep, Judged]:
    """Decide all frames at every alpha; also return the candidates of the last one.

    Args:
        priors: `[C]` or `[C, H, W]`.
    """
    points = []
    for done, alpha in enumerate(alphas, start=1):
        point, judged = run_alpha(scene, priors, alpha, acceptance)
        points.append(point)
        reporter.log(
            f"{name}, alpha {alpha:g}: FP/FN {point.plain.errors.fp}/{point.plain.errors.fn}, "
            f"MetaFusion {point.fused.errors.fp}/{point.fused.errors.fn}, {point.candidates} candidates."
        )
        reporter.progress(done, len(alphas), "alphas")
    between = [judge(scene, partial(_decide, scene, priors, alpha)).errors for alpha in BETWEEN]
    bayes = judge(scene, scene.bayes.__getitem__)
    return Sweep(name, bayes, tuple(points), tuple(between)), judged


def run_alpha(
    scene: Scene, priors: NDArray[np.float64], alpha: float, acceptance: Acceptance
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
    judged = Judged(candidates, _validate(candidates, scene.groups, acceptance.meta))
    accepted, auc, spread = np.zeros(len(candidates), np.bool_), float("nan"), float("nan")
    if judged.validation is not None:
        accepted = accept(judged.validation.scores, acceptance.per_find)
        auc, spread = judged.validation.auc, judged.validation.auc_std
    point = Point(
        alpha,
        plain=judge(scene, plain.__getitem__),
        fused=judge(scene, partial(_fuse, scene, candidates, accepted)),
        candidates=len(candidates),
        true=int(candidates.targets.sum()),
        auc=auc,
        auc_std=spread,
        margin_auc=roc_auc(candidates.targets, judged.margin),
    )
    return point, judged


def judge_prices(scene: Scene, judged: Judged, prices: Sequence[float]) -> dict[float, Verdict]:
    """Return MetaFusion's verdict by the false alarms accepted per find; nothing without scores."""
    verdicts: dict[float, Verdict] = {}
    if judged.validation is not None:
        for price in prices:
            accepted = accept(judged.validation.scores, price)
            fused = partial(_fuse, scene, judged.candidates, accepted)
            verdicts[price] = judge(scene, fused)
    return verdicts


def judge(scene: Scene, decided: Callable[[int], NDArray[np.integer]]) -> Verdict:
    """Count errors and measure the mean IoU of the class channels `[H, W]` that `decided` gives per frame."""
    matrix = np.zeros((scene.n_classes, scene.n_classes), np.int64)
    errors = Errors()
    for i, truth in enumerate(scene.truth):
        predicted = decided(i)
        errors = errors.plus(count_errors(predicted, truth, scene.channel))
        matrix += confusion_matrix(truth, predicted, range(scene.n_classes))
    return Verdict(errors, scores(matrix).mean_iou)


def _fuse(
    scene: Scene, candidates: FrameCandidates, accepted: NDArray[np.bool_], frame: int
) -> NDArray[np.integer]:
    return fuse_frame(scene.bayes[frame], scene.channel, candidates, accepted, frame)


def _decide(scene: Scene, priors: NDArray[np.float64], alpha: float, frame: int) -> Channels:
    weighed = weigh(scene.probabilities[frame], priors.astype(np.float32), alpha)
    return weighed.argmax(0).astype(np.uint8)


def _validate(
    candidates: FrameCandidates, groups: NDArray[np.int64], meta: MetaSettings
) -> CrossValidation | None:
    """Return scores out of fold, None if there are too few candidates for it."""
    try:
        return cross_validate(candidates.features.values, candidates.targets, groups[candidates.frame], meta)
    except InputError:
        return None
