"""Scores of multi-label decisions, thresholds and calibrated probabilities. What logits mean lives in
`core/model/tile_network.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.flagging.calibration import fit_calibration

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Averages:
    """Precision, recall, F1 and F2, 0..1."""

    precision: float
    recall: float
    f1: float
    f2: float


@dataclass(frozen=True)
class MultilabelScores:
    """Averages over classes (macro), over all decisions (micro) and over samples; `f1` and `support` `[C]`.

    Classes without a sample have an F1 of NaN and count in no macro average. A quotient 0 / 0 is 0, but for
    a sample without labels of which none is predicted: it is right, and counts as 1.
    """

    macro: Averages
    micro: Averages
    samples: Averages
    f1: Floats
    support: NDArray[np.int64]

    def as_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return plain numbers rounded to 1e-4, per class under its name, None where there is no sample."""
        averages = {kind: asdict(getattr(self, kind)) for kind in ("macro", "micro", "samples")}
        rounded = {kind: {k: round(v, 4) for k, v in found.items()} for kind, found in averages.items()}
        f1 = [None if np.isnan(v) else round(float(v), 4) for v in self.f1]
        by_class = {
            "f1": dict(zip(names, f1, strict=True)),
            "support": dict(zip(names, self.support.tolist(), strict=True)),
        }
        return rounded | by_class


def multilabel_scores(predicted: Bools, labels: Bools) -> MultilabelScores:
    """Judge decisions `[N, C]` by labels `[N, C]`.

    Raises:
        ValueError: if they differ in shape.
    """
    if predicted.shape != labels.shape or labels.ndim != 2:
        raise ValueError(f"decisions {predicted.shape} and labels {labels.shape} are not both [N, C]")
    hit, present = predicted & labels, np.asarray(labels.any(axis=0))
    by_class = _ratios(m.sum(axis=0) for m in (hit, predicted, labels))
    pooled = _ratios(np.array([m.sum()]) for m in (hit, predicted, labels))
    rows = _ratios(m.sum(axis=1) for m in (hit, predicted, labels))
    right = ~np.asarray(predicted.any(axis=1) | labels.any(axis=1))
    return MultilabelScores(
        macro=_means(r[present] for r in by_class),
        micro=_means(pooled),
        samples=_means(np.where(right, 1.0, r) for r in rows),
        f1=np.where(present, by_class[2], np.nan),
        support=labels.sum(axis=0).astype(np.int64),
    )


def _means(ratios: Iterable[Floats]) -> Averages:
    """Return the averages of precision, recall, F1 and F2; NaN of nothing."""
    return Averages(*(float(np.mean(r)) if len(r) else np.nan for r in ratios))


def _ratios(counts: Any) -> list[Floats]:
    """Return precision, recall, F1 and F2 of hits, predictions and labels."""
    hit, said, true = (np.asarray(c, np.float64) for c in counts)
    return [
        _quotient(hit, said),
        _quotient(hit, true),
        *(_quotient((1 + b * b) * hit, b * b * true + said) for b in (1, 2)),
    ]


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def best_threshold(scores: Floats, labels: Bools) -> float:
    """Return the threshold of highest F1 over all `scores` that were given, whatever their shape.

    It lies halfway between two scores. Without a label nothing is better than predicting nothing.
    """
    order = np.argsort(-scores.ravel(), kind="stable")
    ordered, own = scores.ravel()[order], labels.ravel()[order]
    if not own.any():
        return float(ordered[0]) + 1.0 if len(ordered) else 0.0
    hits = np.cumsum(own)
    f1 = 2 * hits / (np.arange(1, len(own) + 1) + own.sum())
    f1[:-1][ordered[:-1] == ordered[1:]] = -1  # a tie cannot be cut
    k = int(f1.argmax())
    return float(ordered[k] + ordered[k + 1]) / 2 if k + 1 < len(ordered) else float(ordered[k]) - 1.0


def mean_average_precision(scores: Floats, labels: Bools) -> float:
    """Return the mean over classes with samples of the area under precision against recall, NaN without any.

    It needs no threshold, so networks of different losses can be compared by it.
    """
    from sklearn.metrics import average_precision_score

    present = np.flatnonzero(labels.any(axis=0))
    found = [average_precision_score(labels[:, c], scores[:, c]) for c in present]
    return float(np.mean(found)) if found else float("nan")


def class_thresholds(scores: Floats, labels: Bools) -> list[float]:
    """Return `best_threshold` of each class, `[C]`, of scores and labels `[N, C]`."""
    return [best_threshold(s, own) for s, own in zip(scores.T, labels.T, strict=True)]


def class_calibration(scores: Floats, labels: Bools) -> list[tuple[float, float]]:
    """Return slope and offset of each class by Platt's method, `[C]`, of scores and labels `[N, C]`."""
    fitted = [fit_calibration(s, own) for s, own in zip(scores.T, labels.T, strict=True)]
    return [(found.slope, found.intercept) for found in fitted]
