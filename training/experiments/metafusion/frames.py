"""Street scenes decided at one alpha: the plain rule, and its candidates of one rare class with the paper's
metrics and their truth. Candidates of maps on disk are the business of `core/flagging/candidates.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ....core.base.errors import InputError
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.features import FeatureTable, paper_names
from ....core.model.card import ModelCard
from ....core.model.decision import weigh
from ....core.segments.metrics import segment_metrics
from ...data.camvid import Frame, group_frames
from ...data.patches import channel_table
from .study import Bools, Decided, Maps, cross_validations

SCORES = "meta classifier"


class FrameCandidates(NamedTuple):
    """n candidates of one class in a frame: the paper's metrics, position included; is there a label of the
    class in it, `[n]`; and which one 1..n each pixel belongs to, 0 for none, `[H, W]`."""

    features: FeatureTable
    targets: Bools
    numbers: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class FrameMaps(Maps):
    """All frames with what the network says of them: class channels for ids, `probabilities` float32
    `[C, H, W]`, the group of each frame, the rare channel, class names."""

    probabilities: Sequence[NDArray[np.float32]]
    groups: NDArray[np.int64]
    channel: int
    names: tuple[str, ...]

    def decide(self, priors: NDArray[np.float64], alpha: float) -> Iterator[NDArray[np.float32]]:
        """Yield the weighed probabilities `[C, H, W]` of each frame; priors are `[C]` or `[C, H, W]`."""
        for probabilities in self.probabilities:
            yield weigh(probabilities, priors.astype(np.float32), alpha)


def frame_maps(
    frames: Sequence[Frame],
    logits: Iterator[NDArray[np.float32]],
    card: ModelCard,
    target: str,
    frames_per_group: int,
) -> FrameMaps:
    """Keep what the network says of the frames, in memory (4 C bytes per pixel).

    Raises:
        InputError: if the rare class is not one of the card's.
    """
    names = tuple(c.name for c in card.classes)
    if target not in names:
        raise InputError(f"There is no class {target!r}; CamVid has {', '.join(names)}.")
    probabilities = [softmax(values, axis=0) for values in logits]
    channels = channel_table([c.id for c in card.classes])
    return FrameMaps(
        bayes=[channels_of(p) for p in probabilities],
        truth=[channels[frame.area.labels] for frame in frames],
        class_ids=range(len(names)),
        probabilities=probabilities,
        groups=group_frames(frames, frames_per_group),
        channel=names.index(target),
        names=names,
    )


def channels_of(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the most probable channels uint8 `[H, W]` of `[C, H, W]`."""
    return probabilities.argmax(0).astype(np.uint8)


def decide_frames(maps: FrameMaps, priors: NDArray[np.float64], alpha: float, meta: MetaSettings) -> Decided:
    """Decide all frames by the interpolated rule, and score its candidates."""
    plain, found, numbers, n = [], [], list[NDArray[np.int32]](), 0
    for i, weighed in enumerate(maps.decide(priors, alpha)):
        plain.append(channels_of(weighed))
        found.append(find_frame_candidates(weighed, maps.bayes[i], maps.truth[i], maps.channel))
        numbers.append(np.where(found[i].numbers > 0, found[i].numbers + n, 0))
        n += len(found[i].targets)
    features = FeatureTable.join([own.features for own in found])
    targets = np.concatenate([own.targets for own in found])
    groups = np.repeat(maps.groups, [len(own.targets) for own in found])
    scores = cross_validations({SCORES: features.values}, targets, groups, meta)
    return Decided(maps, (maps.channel,), plain, features, targets, numbers.__getitem__, scores)


def find_frame_candidates(
    weighed: NDArray[np.floating],
    bayes: NDArray[np.integer],
    truth: NDArray[np.integer],
    channel: int,
) -> FrameCandidates:
    """Return the segments of the ML map of a class that share no pixel with its Bayes mask and have an
    interior pixel. Those without any label are neither examples nor errors and are left out.

    Args:
        weighed: probabilities over interpolated priors, renormalised, `[C, H, W]`.
        bayes: class channels `[H, W]`.
        truth: class channels `[H, W]`, anything outside 0..C-1 where unlabelled.
        channel: of the rare class.
    """
    labels, metrics = segment_metrics(weighed)
    n_classes, n = len(weighed), len(metrics["class"])

    def holds(mask: Bools) -> Bools:
        return np.bincount(labels[mask], minlength=n + 1)[1:] > 0

    known = holds((truth >= 0) & (truth < n_classes))
    missed = (metrics["class"] == channel) & ~holds(bayes == channel) & (metrics["S_in"] > 0)
    chosen = np.flatnonzero(missed & known)
    names = paper_names(n_classes, position=True)
    values = np.stack([metrics[name][chosen] for name in names], axis=1)
    number = np.zeros(n + 1, np.int32)
    number[chosen + 1] = np.arange(1, len(chosen) + 1)
    return FrameCandidates(FeatureTable(names, values), holds(truth == channel)[chosen], number[labels])
