"""Accuracy of class maps from one confusion matrix summed over the whole test set (docs/science/methods.md
section 1, "Metrics"). NumPy only; estimators for probability samples live in `map_accuracy.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.integer[Any]]
FloatArray = NDArray[np.float64]


def confusion_matrix(labels: IntArray, predicted: IntArray, class_ids: Sequence[int]) -> NDArray[np.int64]:
    """Count labelled pixels: rows are labels, columns predictions, both in the order of `class_ids`.

    Pixels whose label or prediction is not among `class_ids` (unlabelled, nodata) are left out. Matrices of
    parts add up to the matrix of the whole.

    Args:
        labels, predicted: class ids 0..255, any equal shape.
        class_ids: `C` different ids.

    Returns:
        `[C, C]`.
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"labels {labels.shape} and predictions {predicted.shape} differ in shape")
    n = len(class_ids)
    index = np.full(256, n, dtype=np.intp)  # everything else falls into an extra row or column
    index[list(class_ids)] = np.arange(n)
    pairs = index[labels.ravel()] * (n + 1) + index[predicted.ravel()]
    return np.bincount(pairs, minlength=(n + 1) ** 2).reshape(n + 1, n + 1)[:n, :n].astype(np.int64)


@dataclass(frozen=True)
class Scores:
    """Shares 0..1 of one confusion matrix.

    `recall`, `iou`, `precision` and `f1` are `[C]`, NaN for classes without a labelled pixel, which count in
    no mean; the precision of a class that is never predicted is 0. `groups` holds the mean recall of head,
    body and tail. A mean of nothing is NaN.
    """

    overall: float
    mean_recall: float
    mean_iou: float
    mean_precision: float
    mean_f1: float
    recall: FloatArray
    iou: FloatArray
    precision: FloatArray
    f1: FloatArray
    groups: dict[str, float] = field(default_factory=dict)

    def as_json(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Return plain numbers rounded to 1e-4 (None for NaN), per class under `names` if given."""
        keys = list(names) or [str(c) for c in range(len(self.recall))]
        return {
            "overall": _plain(self.overall),
            "mean_recall": _plain(self.mean_recall),
            "mean_iou": _plain(self.mean_iou),
            "mean_precision": _plain(self.mean_precision),
            "mean_f1": _plain(self.mean_f1),
            "groups": {name: _plain(value) for name, value in self.groups.items()},
            **{
                name: {k: _plain(v) for k, v in zip(keys, getattr(self, name), strict=True)}
                for name in ("recall", "iou", "precision", "f1")
            },
        }


def scores(
    matrix: NDArray[np.int64], groups: Sequence[str] = (), *, paper_convention: bool = False
) -> Scores:
    """Compute the paper's metrics from a confusion matrix `[C, C]` with labels in rows.

    Args:
        groups: frequency group of each class (head, body, tail), or none.
        paper_convention: average recall, IoU, precision and F1 over one class more, the never-trained
            background that scores 0, as Table I of the MCE paper does; only to compare with it.
    """
    correct = np.diag(matrix).astype(np.float64)
    labelled, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    present = labelled > 0
    recall = _ratio(correct, np.where(present, labelled, 0))
    iou = _ratio(correct, np.where(present, labelled + predicted - correct, 0))
    f1 = _ratio(2 * correct, np.where(present, labelled + predicted, 0))
    precision = np.where(present, correct / np.maximum(1, predicted), np.nan)
    n_averaged = present.sum() + (1 if paper_convention else 0)
    return Scores(
        overall=_mean([correct.sum()], matrix.sum()),
        mean_recall=_mean(recall[present], n_averaged),
        mean_iou=_mean(iou[present], n_averaged),
        mean_precision=_mean(precision[present], n_averaged),
        mean_f1=_mean(f1[present], n_averaged),
        recall=recall,
        iou=iou,
        precision=precision,
        f1=f1,
        groups=_group_means(recall, present, groups),
    )


def _group_means(recall: FloatArray, present: NDArray[np.bool_], groups: Sequence[str]) -> dict[str, float]:
    if groups and len(groups) != len(recall):
        raise ValueError(f"{len(groups)} groups given for {len(recall)} classes")
    members: Mapping[str, list[int]] = {
        name: [c for c, group in enumerate(groups) if group == name and present[c]]
        for name in dict.fromkeys(groups)
    }
    return {name: _mean(recall[classes], len(classes)) for name, classes in members.items()}


def _ratio(part: FloatArray, whole: NDArray[Any]) -> FloatArray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _mean(values: Sequence[float] | FloatArray, count: float) -> float:
    """Return the sum over `count`, NaN where there is nothing to average."""
    return float(np.sum(values) / count) if len(values) and count else float("nan")


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
