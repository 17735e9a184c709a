"""Features of candidates, by name: the paper's segment metrics, and our own, which begin with `mce_`. What is
measured per pixel lives in `pixels.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..segments.table import SegmentTable, metric_names

#: Begins the name of every feature that is not the paper's.
OURS = "mce_"
#: The feature that is the flagged class, and the one that is the kind: 1 of a doubtful place, 0 of a missed.
CLASS, IS_DOUBTFUL = f"{OURS}class", f"{OURS}doubtful"
#: Metrics that are places in a raster. On a map they are no property of what is there; they are features of
#: fixed frames only.
POSITION = ("row", "col")


@dataclass(frozen=True)
class Layer:
    """A layer of pixel values: whole numbers of `scale`, so that sums over pixels are exact."""

    name: str
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """`values` float64 `[n, F]`, one column per name; NaN where unknown."""

    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the rows of a mask or of indices."""
        return type(self)(self.names, self.values[rows])

    def select(self, names: Sequence[str]) -> Self:
        """Return the columns of these names, in their order; KeyError if one is not there."""
        places = {name: index for index, name in enumerate(self.names)}
        return type(self)(tuple(names), self.values[:, [places[name] for name in names]])

    @property
    def paper(self) -> Self:
        """The paper's features alone."""
        return self.select([name for name in self.names if not name.startswith(OURS)])

    def of_kind(self, *, doubtful: bool) -> Self:
        """Return the same candidates with a column more: are these places that the map itself says?"""
        kind = np.full((len(self), 1), float(doubtful))
        return type(self)((*self.names, IS_DOUBTFUL), np.concatenate([self.values, kind], axis=1))

    @classmethod
    def join(cls, tables: Sequence[Self]) -> Self:
        """Return all rows of tables with equal columns, of which there must be one at least."""
        return cls(
            tables[0].names, np.concatenate([table.select(tables[0].names).values for table in tables])
        )


def paper_names(n_classes: int, *, position: bool = False) -> tuple[str, ...]:
    """Return the names of the paper's features; `position` keeps the segment's row and column."""
    left_out = ("class",) if position else ("class", *POSITION)
    return tuple(name for name in metric_names(n_classes) if name not in left_out)


def make_features(
    table: SegmentTable,
    n_classes: int,
    class_ids: NDArray[np.integer],
    layers: Sequence[Layer] = (),
    *,
    position: bool = False,
) -> FeatureTable:
    """Return the features of n segments.

    Args:
        table: the segments; its first means are those of the layers.
        n_classes: of the map.
        class_ids: `[n]`, the flagged class of each; feature `mce_class`, so that one classifier can serve
            several classes.
        layers: what our own features are means of: `mce_<layer>`.
        position: keep the row and the column.
    """
    names = paper_names(n_classes, position=position)
    scales = np.array([layer.scale for layer in layers])
    paper = np.stack([table.metrics[name] for name in names], axis=1)
    means = table.means[:, : len(layers)] * scales
    values = np.concatenate([paper, class_ids.astype(np.float64)[:, None], means], axis=1)
    return FeatureTable(feature_names(n_classes, layers, position=position), values)


def feature_names(n_classes: int, layers: Sequence[Layer] = (), *, position: bool = False) -> tuple[str, ...]:
    """Return the columns of `make_features` in their order."""
    ours = (CLASS, *(f"{OURS}{layer.name}" for layer in layers))
    return (*paper_names(n_classes, position=position), *ours)


def doubtful_rows(features: FeatureTable) -> NDArray[np.bool_]:
    """Return which candidates are places that the map itself says, `[n]`; none where the table has no kinds,
    as tables of earlier versions have not.
    """
    if IS_DOUBTFUL not in features.names:
        return np.zeros(len(features.values), np.bool_)
    return np.asarray(features.values[:, features.names.index(IS_DOUBTFUL)] == 1)
