"""What a meta classifier learns from: candidates whose truth is known, of runs with labels or of reviewed
layers, and the tiles that keep neighbours together. How it learns lives in `classifier.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .boosting import Bools
from .candidates import Candidates
from .features import FeatureTable, doubtful_rows
from .scorer import Examples
from .trees import Floats

#: Tiles are never made smaller than this, however few they are.
SMALLEST_TILE_M = 20.0


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """n candidates of known truth.

    Attributes:
        features: of each.
        targets: `[n]` is its class really there?
        class_ids: `[n]` the flagged class.
        x, y: `[n]` centre.
        crs: `[n]` the CRS of the centre by name.
        iou: `[n]` of doubtful places with the true ones, NaN where it is unknown.
    """

    features: FeatureTable
    targets: Bools
    class_ids: NDArray[np.int64]
    x: Floats
    y: Floats
    crs: NDArray[np.str_]
    iou: Floats

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def doubtful(self) -> Bools:
        """`[n]` is it a place that the map itself says?"""
        return doubtful_rows(self.features)

    @property
    def margin(self) -> Floats:
        """`[n]` the mean margin `M = 1 - p1 + p2`: small where the ML rule is sure."""
        return self.features.select(["M"]).values[:, 0]

    def examples(self, groups: NDArray[np.int64]) -> Examples:
        """Return what a classifier is fitted to; `groups` `[n]` as of `tile_groups`."""
        return Examples(self.features, self.targets, groups)

    def with_features(self, names: Sequence[str]) -> Self:
        """Return the same candidates with these features only."""
        return replace(self, features=self.features.select(names))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of all parts, of which there must be one at least, with equal features."""
        rest = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("targets", "class_ids", "x", "y", "crs", "iou")
        )
        return cls(FeatureTable.join([part.features for part in parts]), *rest)


def tile_groups(training: TrainingSet, tile_m: float) -> NDArray[np.int64]:
    """Return the tile of each candidate `[n]`, numbered from 0.

    Tiles are squares of the world grid, so the same place is in the same tile in every run.
    """
    _, crs = np.unique(training.crs, return_inverse=True)
    keys = np.stack(
        [crs, np.floor(training.x / tile_m).astype(np.int64), np.floor(training.y / tile_m).astype(np.int64)],
        axis=1,
    )
    _, groups = np.unique(keys, axis=0, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def enough_tiles(
    training: TrainingSet, tile_m: float, folds: int, smallest_m: float = SMALLEST_TILE_M
) -> tuple[NDArray[np.int64], float]:
    """Return the tile of each candidate and the side of the tiles: `tile_m`, halved until they are enough.

    Enough are as many as there are folds, with each outcome in two of them. Small areas have too few tiles of
    the size asked for; smaller ones are better than not to validate, though neighbours are more alike.
    """
    side = tile_m
    while True:
        groups = tile_groups(training, side)
        spread = [len(np.unique(groups[training.targets == outcome])) for outcome in (True, False)]
        if (len(np.unique(groups)) >= folds and min(spread) >= 2) or side / 2 < smallest_m:
            return groups, side
        side /= 2


def known_candidates(candidates: Candidates, crs: str) -> TrainingSet:
    """Return the candidates with at least one labelled pixel as a training set; they need labels."""
    assert candidates.labelled is not None and candidates.target is not None and candidates.iou is not None
    found = candidates.take(candidates.labelled)
    targets: Bools = candidates.target[candidates.labelled]
    names = np.full(len(found), crs)
    return TrainingSet(
        found.features, targets, found.class_ids, found.x, found.y, names, candidates.iou[candidates.labelled]
    )
