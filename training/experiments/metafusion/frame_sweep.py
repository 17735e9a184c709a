"""Frames decided at every alpha: the plain rule and MetaFusion judged against the labels. Where the frames
come from, and the tables, are `camvid.py`'s business."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
from ....core.evaluation.scores import confusion_matrix, scores
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.counting import Errors, count_errors
from ....core.flagging.cross_validation import CrossValidation, cross_validate, roc_auc
from ....core.flagging.fusion import accept
from ....core.model.card import ModelCard
from ....core.model.classes import NODATA_CLASS
from ....core.model.decision import weigh
from ...data.camvid import Frame, group_frames
from .frame_candidates import FrameCandidates, agreeing_mask, find_frame_candidates, fuse_frame
from .sweep import GROWN, STRICT, Acceptance, Point, Sweep, Verdict

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
    """All frames at one alpha: class channels of the plain rule, the candidates that have a label in them,
    and their scores out of fold, None where there are too few to learn from."""

    scene: Scene
    plain: Sequence[Channels]
    candidates: FrameCandidates
    validation: CrossValidation | None

    @property
    def margin(self) -> NDArray[np.float64]:
        """Negative mean margin M: what candidates are ranked by without a meta classifier."""
        return -self.candidates.features.select(["M"]).values[:, 0]

    def fused(self, price: float, how: str) -> Verdict:
        """Judge MetaFusion at a price of false alarms per find; without scores no candidate is accepted."""
        accepted = np.zeros(len(self.candidates), np.bool_)
        if self.validation is not None:
            accepted = accept(self.validation.scores, price)
        return judge(self.scene, partial(self._fuse, accepted, how))

    def _fuse(self, accepted: NDArray[np.bool_], how: str, frame: int) -> NDArray[np.integer]:
        bayes, channel = self.scene.bayes[frame], self.scene.channel
        fused = fuse_frame(bayes, channel, self.candidates.pixels_of(frame, accepted))
        if how == GROWN:
            fused[agreeing_mask(self.plain[frame], bayes, channel)] = channel
        return fused


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
) -> tuple[dict[tuple[str, float], Sweep], Judged]:
    """Decide all frames at every alpha; return a sweep per way of fusion and price, and the last frames.

    Args:
        priors: `[C]` or `[C, H, W]`.
    """
    points: dict[tuple[str, float], list[Point]] = {
        (how, price): [] for price in acceptance.prices for how in (STRICT, GROWN)
    }
    for done, alpha in enumerate(alphas, start=1):
        judged = decide_frames(scene, priors, alpha, acceptance.meta)
        for (how, price), found in points.items():
            found.append(measure(judged, alpha, price, how))
        point = points[STRICT, acceptance.prices[0]][-1]
        reporter.log(
            f"{name}, alpha {alpha:g}: FP/FN {point.plain.errors.fp}/{point.plain.errors.fn}, "
            f"MetaFusion {point.fused.errors.fp}/{point.fused.errors.fn}, {point.candidates} candidates."
        )
        reporter.progress(done, len(alphas), "alphas")
    between = tuple(judge(scene, partial(_decide, scene, priors, alpha)).errors for alpha in BETWEEN)
    bayes = judge(scene, scene.bayes.__getitem__)
    sweeps = {
        (how, price): Sweep(f"{name}, {how}, {price:g} per find", bayes, tuple(found), between)
        for (how, price), found in points.items()
    }
    return sweeps, judged


def decide_frames(scene: Scene, priors: NDArray[np.float64], alpha: float, meta: MetaSettings) -> Judged:
    """Decide all frames by the interpolated rule, and score its candidates.

    Candidates without any label are neither examples nor errors and stay as Bayes has them.
    """
    found, plain = [], []
    for i, probabilities in enumerate(scene.probabilities):
        weighed = weigh(probabilities, priors.astype(np.float32), alpha)
        plain.append(weighed.argmax(0).astype(np.uint8))
        found.append(find_frame_candidates(weighed, scene.bayes[i], scene.truth[i], scene.channel, i))
    everything = FrameCandidates.join(found)
    candidates = everything.take(everything.labelled)
    return Judged(scene, plain, candidates, _validate(candidates, scene.groups, meta))


def measure(judged: Judged, alpha: float, price: float, how: str) -> Point:
    """Judge the plain rule and MetaFusion at one alpha."""
    candidates, validation = judged.candidates, judged.validation
    return Point(
        alpha,
        plain=judge(judged.scene, judged.plain.__getitem__),
        fused=judged.fused(price, how),
        candidates=len(candidates),
        true=int(candidates.targets.sum()),
        auc=validation.auc if validation else float("nan"),
        auc_std=validation.auc_std if validation else float("nan"),
        margin_auc=roc_auc(candidates.targets, judged.margin),
    )


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
    candidates: FrameCandidates, groups: NDArray[np.int64], meta: MetaSettings
) -> CrossValidation | None:
    """Return scores out of fold, None if there are too few candidates for it."""
    try:
        return cross_validate(candidates.features.values, candidates.targets, groups[candidates.frame], meta)
    except InputError:
        return None
