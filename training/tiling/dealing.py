"""Deals tiles-to-be to the splits, and refuses what a training would refuse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import InputError
from ...core.model.classes import LandCoverClass
from ..requests import PrepareTilesRequest, Strategy
from ..splits import Tiles, split_tiles

#: Sides of a tile that make a block unless the user says otherwise, halved until there are enough blocks.
_BLOCK_SIDES, _ENOUGH_BLOCKS = 4, 15
#: Batch norms need more than one tile.
MIN_TRAINING = 2


@dataclass(frozen=True)
class SplitPlan:
    """How tiles are dealt; training gets what validation and test leave. `block_m` None chooses."""

    strategy: Strategy = "blocked_iterative"
    val_share: float = 0.15
    test_share: float = 0.15
    block_m: float | None = None
    seed: int = 0

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Shares of training, validation and test."""
        return 1 - self.val_share - self.test_share, self.val_share, self.test_share

    def block_for(self, bounds: NDArray[np.float64]) -> float | None:
        """Return the side of the blocks for tiles at `[N, 4]`, None where the strategy has none."""
        if not self.strategy.startswith("blocked"):
            return None
        if self.block_m is not None:
            return self.block_m
        side = float(bounds[0, 2] - bounds[0, 0])
        sides = _BLOCK_SIDES
        while sides > 1 and _n_blocks(bounds, sides * side) < _ENOUGH_BLOCKS:
            sides //= 2
        return sides * side


def split_plan(request: PrepareTilesRequest) -> SplitPlan:
    """Return how a request wants its tiles to be dealt."""
    return SplitPlan(request.split, request.val_share, request.test_share, request.block_m, request.seed)


def deal(tiles: Tiles, plan: SplitPlan, classes: Sequence[LandCoverClass]) -> NDArray[np.intp]:
    """Return the split 0..2 of every tile, `[N]`.

    Raises:
        InputError: if shares cannot be used, a split would be empty, or a class has no tile to train on.
    """
    assert tiles.bounds is not None
    if plan.val_share + plan.test_share > 0.9:
        raise InputError(
            f"Validation ({plan.val_share:g}) and test ({plan.test_share:g}) leave less than a tenth of the "
            "tiles to train on; make them smaller."
        )
    needed = MIN_TRAINING + (plan.val_share > 0) + (plan.test_share > 0)
    if len(tiles.counts) < needed:
        raise InputError(
            f"There are labels in {len(tiles.counts)} of the tiles, but it takes {needed} to train, validate "
            "and test; use smaller tiles or give more labels."
        )
    block_m = plan.block_for(tiles.bounds)
    folds = split_tiles(tiles, plan.strategy, plan.ratios, seed=plan.seed, block_m=block_m)
    training = tiles.counts[folds == 0]
    if len(training) < MIN_TRAINING:
        raise InputError(
            f"Only {len(training)} of {len(tiles.counts)} tiles would be trained on; use smaller tiles, "
            "smaller shares for validation and test, or more labels."
        )
    lost = np.flatnonzero(~training.any(axis=0))
    if lost.size:
        held = int((tiles.counts[:, lost[0]] > 0).sum())
        raise InputError(
            f"No training tile holds {classes[lost[0]].name}, which is in {held} of {len(tiles.counts)} "
            "tiles; choose smaller blocks, another seed or another split, or ignore the class."
        )
    return folds


def _n_blocks(bounds: NDArray[np.float64], side: float) -> int:
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    return len(np.unique(np.floor(middles / side), axis=0))
