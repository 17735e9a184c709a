"""Splits of tiles into training, validation and test: how tiles-to-be are dealt to them, the class shares per
split, and neighbours that were parted. Which pixels a tile holds is counted where the tiles are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..core.base.errors import InputError
from ..core.model.classes import LandCoverClass
from .requests import PrepareTilesRequest, Strategy
from .stratify import BoolArray, IntArray, grouped_stratification, iterative_stratification, settle_groups

SPLITS = ("train", "val", "test")
#: Share of their side by which touching tiles may stand apart.
_GAP = 1e-3


@dataclass(frozen=True, eq=False)
class Tiles:
    """What is split: labelled pixels per class `[N, C]` and, where tiles have a place, left, bottom, right
    and top in one metric CRS `[N, 4]`."""

    counts: NDArray[np.int64]
    bounds: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.bounds is not None and self.bounds.shape != (len(self.counts), 4):
            raise ValueError(f"bounds {self.bounds.shape} do not fit {len(self.counts)} tiles")


def split_tiles(
    tiles: Tiles,
    strategy: Strategy,
    ratios: Sequence[float] = (0.6, 0.2, 0.2),
    *,
    seed: int,
    block_m: float | None = None,
    min_pixels: int = 1,
) -> IntArray:
    """Return the split 0..S-1 of every tile, `[N]`.

    Args:
        strategy: `random`; `dominant` stratifies by the most frequent class of each tile (the MCE paper);
            `iterative` by all the classes that a tile holds (docs/science/methods.md section 5); `blocked`
            deals whole squares of `block_m` at random; `blocked_iterative` deals such squares stratified by
            the classes of their tiles, then moves single ones while that helps. Only blocks keep neighbours
            together.
        ratios: shares of the tiles, of any sum.
        seed: of the order in which tiles are dealt, and of ties.
        block_m: side of a block in metres.
        min_pixels: labelled pixels from which a tile holds a class.

    Raises:
        InputError: if the strategy is unknown or misses places or a block size, a ratio cannot be used, or a
            split would be empty.
    """
    if strategy not in get_args(Strategy):
        raise InputError(
            f"There is no split strategy {strategy!r}: choose one of {', '.join(get_args(Strategy))}."
        )
    rng = np.random.default_rng(seed)
    order, tie_seed = rng.permutation(len(tiles.counts)), int(rng.integers(2**32))
    labels = _labels(tiles.counts, strategy, min_pixels)[order]
    folds = np.empty(len(order), np.intp)
    try:
        if strategy.startswith("blocked"):
            blocks = _blocks(tiles, block_m, rng)[order]
            dealt = grouped_stratification(labels, blocks, ratios, seed=tie_seed)
            folds[order] = settle_groups(labels, blocks, dealt, ratios)
        else:
            folds[order] = iterative_stratification(labels, ratios, seed=tie_seed)
    except ValueError as error:
        raise InputError(f"These ratios cannot be used: {error}.") from error
    _check_filled(folds, ratios, strategy)
    return folds


def _labels(counts: NDArray[np.int64], strategy: Strategy, min_pixels: int) -> BoolArray:
    """Return what is stratified by, `[N, L]`: nothing, the dominant class, or every class of a tile."""
    if strategy in ("random", "blocked"):
        return np.zeros((len(counts), 0), bool)
    if strategy == "dominant":
        dominant = counts.argmax(axis=1)[:, None] == np.arange(counts.shape[1])
        return dominant & (counts > 0)
    return counts >= max(1, min_pixels)


def _blocks(tiles: Tiles, block_m: float | None, rng: Generator) -> IntArray:
    """Return the number of each tile's block; blocks are numbered at random."""
    if tiles.bounds is None:
        raise InputError("Tiles without a place cannot be split by blocks: give georeferenced tiles.")
    if block_m is None or not block_m > 0:
        raise InputError("A split by blocks needs the side of a block in metres, for example 2000.")
    middles = (tiles.bounds[:, :2] + tiles.bounds[:, 2:]) / 2
    names, block = np.unique(np.floor(middles / block_m), axis=0, return_inverse=True)
    return rng.permutation(len(names))[block.ravel()]


def _check_filled(folds: IntArray, ratios: Sequence[float], strategy: Strategy) -> None:
    sizes = np.bincount(folds, minlength=len(ratios))
    empty = [str(k + 1) for k, ratio in enumerate(ratios) if ratio and not sizes[k]]
    if empty:
        what = "smaller blocks" if strategy.startswith("blocked") else "more tiles"
        raise InputError(f"Split {empty[0]} of {len(ratios)} gets none of {len(folds)} tiles; use {what}.")


@dataclass(frozen=True, eq=False)
class SplitReport:
    """What came of a split: tiles `[S]`, pixels `[S, C]`, tiles that hold each class `[S, C]`, pairs of
    neighbouring tiles, and how many of them were parted (both None for tiles without a place)."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    tiles: IntArray
    pixels: NDArray[np.int64]
    holders: NDArray[np.int64]
    neighbours: int | None
    parted: int | None

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of each class in the labelled pixels of a split, `[S, C]`, 0 in a split without any."""
        return self.pixels / np.maximum(1, self.pixels.sum(axis=1, keepdims=True))

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that scores on these splits would suffer from."""
        found = []
        if self.parted:
            assert self.neighbours is not None
            found.append(
                f"{self.parted:,} of {self.neighbours:,} pairs of neighbouring tiles "
                f"({self.parted / self.neighbours:.0%}) fall into different splits, so scores will look "
                "better than they are on new ground: split by larger blocks."
            )
        for name, held in zip(self.names, self.holders, strict=True):
            lacking = np.flatnonzero((held == 0) & self.holders.any(axis=0))
            missing = [self.classes[c] for c in lacking]
            if missing:
                found.append(f"The split {name} has no pixel of {', '.join(missing)}.")
        return found

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers, shares rounded to 1e-6."""
        return {
            "splits": {
                name: {
                    "tiles": int(self.tiles[s]),
                    "shares": {
                        c: round(float(v), 6) for c, v in zip(self.classes, self.shares[s], strict=True)
                    },
                    "tiles_with": {c: int(n) for c, n in zip(self.classes, self.holders[s], strict=True)},
                }
                for s, name in enumerate(self.names)
            },
            "neighbours": self.neighbours,
            "neighbours_parted": self.parted,
            "warnings": self.warnings(),
        }


def report_splits(
    tiles: Tiles, folds: IntArray, classes: Sequence[str], names: Sequence[str] = SPLITS
) -> SplitReport:
    """Count what each split holds, and which neighbouring tiles (they touch or overlap) were parted."""
    members = [folds == s for s in range(len(names))]
    pairs = None if tiles.bounds is None else neighbours(tiles.bounds)
    return SplitReport(
        names=tuple(names),
        classes=tuple(classes),
        tiles=np.array([m.sum() for m in members]),
        pixels=np.stack([tiles.counts[m].sum(axis=0) for m in members]),
        holders=np.stack([(tiles.counts[m] > 0).sum(axis=0) for m in members]),
        neighbours=None if pairs is None else len(pairs),
        parted=None if pairs is None else int((folds[pairs[:, 0]] != folds[pairs[:, 1]]).sum()),
    )


def neighbours(bounds: NDArray[np.float64]) -> IntArray:
    """Return the pairs of tiles `[N, 4]` that touch, also by a corner, or overlap, as `[P, 2]`."""
    sides = (bounds[:, 2:] - bounds[:, :2]) * (1 + _GAP)
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    if not len(bounds):
        return np.empty((0, 2), np.intp)
    pairs = cKDTree(middles).query_pairs(sides.max(), p=np.inf, output_type="ndarray")
    apart = abs(middles[pairs[:, 0]] - middles[pairs[:, 1]])
    touch = (apart <= (sides[pairs[:, 0]] + sides[pairs[:, 1]]) / 2).all(axis=1)
    return np.asarray(pairs[touch], np.intp)


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
