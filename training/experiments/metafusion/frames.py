"""Street scenes decided at one alpha: the plain rule, and its candidates of one rare class with the paper's
metrics and their truth. Candidates of maps on disk are the business of `core/flagging/candidates.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ....core.base.errors import InputError
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.features import FeatureTable, paper_names
from ....core.model.card import ModelCard
from ....core.model.classes import NODATA_CLASS
from ....core.model.decision import weigh
from ....core.segments.metrics import segment_metrics
from ...data.camvid import Frame, group_frames
from .study import Bools, Decided, Maps, cross_validations

SCORES = "meta classifier"
Channels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class FrameCandidates:
    """n candidates of one class, of one frame or of many.

    Attributes:
        features: the paper's metrics, position included.
        targets: `[n]`, is there a label of the class in it?
        labelled: `[n]`, is there any label in it? Without, nobody knows the target.
        frame: `[n]`, which frame.
        pixels: of each, flat positions in its frame.
    """

    features: FeatureTable
    targets: Bools
    labelled: Bools
    frame: NDArray[np.int64]
    pixels: tuple[NDArray[np.intp], ...]

    def __len__(self) -> int:
        return len(self.targets)

    def pixels_of(self, frame: int, chosen: Bools) -> list[NDArray[np.intp]]:
        """Return the pixels of the chosen candidates of a frame."""
        return [self.pixels[row] for row in np.flatnonzero(chosen & (self.frame == frame))]

    def take(self, rows: Bools) -> Self:
        """Return the rows of a mask."""
        pixels = tuple(p for p, chosen in zip(self.pixels, rows, strict=True) if chosen)
        columns = (self.targets[rows], self.labelled[rows], self.frame[rows])
        return type(self)(self.features.take(rows), *columns, pixels)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return those of all frames, of which there must be one at least."""
        return cls(
            FeatureTable.join([p.features for p in parts]),
            np.concatenate([p.targets for p in parts]),
            np.concatenate([p.labelled for p in parts]),
            np.concatenate([p.frame for p in parts]),
            tuple(pixels for p in parts for pixels in p.pixels),
        )


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


@dataclass(frozen=True, eq=False)
class DecidedFrames(Decided):
    """All frames at one alpha, and the candidates that have a label in them."""

    candidates: FrameCandidates

    def with_accepted(self, index: int, accepted: Bools) -> Channels:
        """Return a new map: Bayes with the rare class where an accepted candidate `[n]` lies (eq. 14)."""
        accepted_pixels = self.candidates.pixels_of(index, accepted)
        return fuse_frame(self.maps.bayes[index], self.flagged[0], accepted_pixels)


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
    return FrameMaps(
        bayes=[channels_of(p) for p in probabilities],
        truth=[to_channels(frame.area.labels, card) for frame in frames],
        class_ids=range(len(names)),
        probabilities=probabilities,
        groups=group_frames(frames, frames_per_group),
        channel=names.index(target),
        names=names,
    )


def to_channels(labels: NDArray[np.uint8], card: ModelCard) -> Channels:
    """Return class channels of class ids, 255 where unlabelled."""
    table = np.full(256, NODATA_CLASS, np.uint8)
    table[[c.id for c in card.classes]] = np.arange(len(card.classes))
    return table[labels]


def channels_of(probabilities: NDArray[np.floating]) -> Channels:
    """Return the most probable channels uint8 `[H, W]` of `[C, H, W]`."""
    return probabilities.argmax(0).astype(np.uint8)


def decide_frames(
    maps: FrameMaps, priors: NDArray[np.float64], alpha: float, meta: MetaSettings
) -> DecidedFrames:
    """Decide all frames by the interpolated rule, and score its candidates.

    Candidates without any label are neither examples nor errors and stay as Bayes has them.
    """
    found, plain = [], []
    for i, weighed in enumerate(maps.decide(priors, alpha)):
        plain.append(channels_of(weighed))
        found.append(find_frame_candidates(weighed, maps.bayes[i], maps.truth[i], maps.channel, i))
    everything = FrameCandidates.join(found)
    kept = everything.take(everything.labelled)
    groups = maps.groups[kept.frame]
    scores = cross_validations({SCORES: kept.features.values}, kept.targets, groups, meta)
    return DecidedFrames(maps, (maps.channel,), plain, kept.features, kept.targets, scores, kept)


def find_frame_candidates(
    weighed: NDArray[np.floating],
    bayes: NDArray[np.integer],
    truth: NDArray[np.integer],
    channel: int,
    frame: int,
) -> FrameCandidates:
    """Return the segments of the ML map of a class that share no pixel with its Bayes mask and have an
    interior pixel.

    Args:
        weighed: probabilities over interpolated priors, renormalised, `[C, H, W]`.
        bayes: class channels `[H, W]`.
        truth: class channels `[H, W]`, anything outside 0..C-1 where unlabelled.
        channel: of the rare class.
        frame: number that the candidates carry.
    """
    labels, metrics = segment_metrics(weighed)
    n_classes, n = len(weighed), len(metrics["class"])
    agreeing = np.bincount(labels[bayes == channel], minlength=n + 1)[1:] > 0
    chosen = np.flatnonzero((metrics["class"] == channel) & ~agreeing & (metrics["S_in"] > 0))
    names = paper_names(n_classes, position=True)
    values = np.stack([metrics[name][chosen] for name in names], axis=1)
    known = (truth >= 0) & (truth < n_classes)
    hits = np.bincount(labels[truth == channel], minlength=n + 1)[1:]
    n_known = np.bincount(labels[known], minlength=n + 1)[1:]
    return FrameCandidates(
        FeatureTable(names, values),
        hits[chosen] > 0,
        n_known[chosen] > 0,
        np.full(len(chosen), frame, np.int64),
        tuple(np.flatnonzero(labels == label) for label in chosen + 1),
    )


def fuse_frame(
    bayes: NDArray[np.uint8], channel: int, accepted: Sequence[NDArray[np.intp]]
) -> NDArray[np.uint8]:
    """Return the Bayes map of a frame with the class where an accepted candidate lies (eq. 14).

    Args:
        bayes: class channels `[H, W]`.
        accepted: flat positions of the pixels of each accepted candidate of this frame.
    """
    fused = bayes.copy()
    for pixels in accepted:
        fused.reshape(-1)[pixels] = channel
    return fused
