"""Synthetic candidates whose probability of being missed places is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Table:
    """What the meta classifier needs of a feature table."""

    names: tuple[str, ...]
    values: NDArray[np.float64]


def draw(n: int, seed: int = 0, n_groups: int = 40) -> tuple[Table, NDArray[np.bool_], NDArray[np.int64]]:
    """Return features, targets and groups of n candidates; `p = 1 / (1 + exp(2 - 1.5 a - b))`."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, 7))
    targets = random.random(n) < truth(values)
    return Table(tuple("abcdefg"), values), targets, random.integers(0, n_groups, n)


def truth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that a candidate is true."""
    return 1 / (1 + np.exp(2 - 1.5 * values[:, 0] - values[:, 1]))
