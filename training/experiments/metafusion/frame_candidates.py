"""Candidates of one rare class in decided frames: the paper's metrics, their truth, and fusion by the pixels
of what is accepted. Candidates of maps on disk are the business of `core/flagging/candidates.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import cc3d
import numpy as np
from numpy.typing import NDArray

from ....core.flagging.features import FeatureTable, paper_names
from ....core.segments.metrics import segment_metrics


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
    targets: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    frame: NDArray[np.int64]
    pixels: tuple[NDArray[np.intp], ...]

    def __len__(self) -> int:
        return len(self.targets)

    def pixels_of(self, frame: int, chosen: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
        """Return the pixels of the chosen candidates of a frame."""
        return [self.pixels[row] for row in np.flatnonzero(chosen & (self.frame == frame))]

    def take(self, rows: NDArray[np.bool_]) -> Self:
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


def agreeing_mask(ml: NDArray[Any], bayes: NDArray[Any], class_id: int) -> NDArray[np.bool_]:
    """Return the pixels `[H, W]` of the ML segments of a class that share a pixel with its Bayes mask."""
    parts = np.asarray(cc3d.connected_components(ml == class_id, connectivity=8))
    agree = np.bincount(parts[bayes == class_id], minlength=int(parts.max()) + 1) > 0
    agree[0] = False
    return agree[parts]


def fuse_frame(
    bayes: NDArray[np.integer], channel: int, accepted: Sequence[NDArray[np.intp]]
) -> NDArray[np.integer]:
    """Return the Bayes map of a frame with the class where an accepted candidate lies (eq. 14).

    Args:
        bayes: class channels `[H, W]`.
        accepted: flat positions of the pixels of each accepted candidate of this frame.
    """
    fused = bayes.copy()
    for pixels in accepted:
        fused.reshape(-1)[pixels] = channel
    return fused
