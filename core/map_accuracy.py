"""Accuracy and areas of a map from a stratified random sample of it, with confidence intervals (METHODS.md
section 6; Olofsson et al. 2014). Drawing and reading samples lives in `map_sample.py`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Numbers and their standard errors, of one shape; NaN where the sample says nothing."""

    value: FloatArray
    error: FloatArray

    def half_width(self, confidence: float = 0.95) -> FloatArray:
        """Return what lies on either side of the value in a confidence interval (normal approximation)."""
        return NormalDist().inv_cdf((1 + confidence) / 2) * self.error

    def scaled(self, factor: float) -> "Estimate":
        """Return the estimate in another unit."""
        return Estimate(self.value * factor, self.error * factor)


@dataclass(frozen=True, eq=False)
class MapAccuracy:
    """What a sample says of a map of C classes: `overall` accuracy `[]`; `users` and `producers` accuracy and
    `shares`, of the reference classes in the mapped area, `[C]` each. `counts` `[C, C]` has mapped classes in
    rows, `mapped_pixels` is `[C]`.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    mapped_pixels: NDArray[np.int64]
    overall: Estimate
    users: Estimate
    producers: Estimate
    shares: Estimate

    def areas(self, pixel_area: float) -> Estimate:
        """Return the area of each reference class `[C]`, in the unit of the area of a pixel."""
        return self.shares.scaled(float(self.mapped_pixels.sum()) * pixel_area)

    def as_json(self, pixel_area_m2: float, confidence: float = 0.95) -> dict[str, Any]:
        """Return plain numbers: each estimate with the half-width of its confidence interval, areas in ha."""
        areas = self.areas(pixel_area_m2 / 10_000)
        mapped = self.mapped_pixels * pixel_area_m2 / 10_000
        return {
            "confidence": confidence,
            "points": int(self.counts.sum()),
            "overall": _pair(self.overall, (), confidence),
            "classes": {
                name: {
                    "points": int(self.counts[c].sum()),
                    "users_accuracy": _pair(self.users, c, confidence),
                    "producers_accuracy": _pair(self.producers, c, confidence),
                    "area_ha": _pair(areas, c, confidence, digits=2),
                    "mapped_ha": round(float(mapped[c]), 2),
                }
                for c, name in enumerate(self.classes)
            },
            "counts": self.counts.tolist(),
        }


def estimate_accuracy(
    counts: ArrayLike, mapped_pixels: ArrayLike, classes: Sequence[str] = ()
) -> MapAccuracy:
    """Estimate the accuracy of a map whose classes were the strata of the sample.

    Args:
        counts: `[C, C]` sampled points, mapped class in rows, reference class in columns.
        mapped_pixels: `[C]` pixels of each class in the map: the strata weights W_i.
        classes: names, for messages and reports.

    Raises:
        InputError: if a mapped class has fewer than two points (unless these are all of its pixels), or a
            class that is not mapped has some.
        ValueError: if shapes do not fit.
    """
    n = np.asarray(counts, np.int64)
    pixels = np.asarray(mapped_pixels, np.int64)
    names = tuple(classes) or tuple(f"class {c}" for c in range(len(pixels)))
    if n.shape != (len(pixels), len(pixels)) or len(names) != len(pixels):
        raise ValueError(f"counts {n.shape} do not fit {len(pixels)} strata and {len(names)} names")
    _check_strata(n.sum(axis=1), pixels, names)
    sampled = n.sum(axis=1)  # (C,) n_i.
    weight = pixels / pixels.sum()  # (C,) W_i
    share = n / np.maximum(1, sampled)[:, None]  # (C, C) n_ij / n_i.
    freedom = np.where(sampled < pixels, np.maximum(1, sampled - 1), np.inf)  # all of a class: no error
    variance = share * (1 - share) / freedom[:, None]  # (C, C) of n_ij / n_i.
    p = weight[:, None] * share  # (C, C) p_ij
    reference = p.sum(axis=0)  # (C,) p_.j
    right = np.diag(share)  # (C,) U_i
    return MapAccuracy(
        classes=names,
        counts=n,
        mapped_pixels=pixels,
        overall=_estimate(np.trace(p), (weight**2 * np.diag(variance)).sum()),
        users=_estimate(np.where(sampled, right, np.nan), np.where(sampled, np.diag(variance), np.nan)),
        producers=_producers(p, variance, weight),
        shares=_estimate(reference, (weight[:, None] ** 2 * variance).sum(axis=0)),
    )


def _producers(p: FloatArray, variance: FloatArray, weight: FloatArray) -> Estimate:
    """Return P_j = p_jj / p_.j with its delta-method variance, NaN for classes without a reference point.

    Pixels count relative to the whole map here, so the N of the formula are the weights W.
    """
    reference, right = p.sum(axis=0), np.diag(p)
    found = np.divide(right, reference, out=np.full(len(right), np.nan), where=reference > 0)
    own = weight**2 * (1 - found) ** 2 * np.diag(variance)
    others = (weight[:, None] ** 2 * variance).sum(axis=0) - weight**2 * np.diag(variance)
    return _estimate(found, (own + found**2 * others) / np.where(reference > 0, reference, np.nan) ** 2)


def sample_size(shares: ArrayLike, users: ArrayLike, standard_error: float) -> int:
    """Return how many points give overall accuracy with that standard error: `(sum W_i S_i / S(O))^2`.

    Args:
        shares: `[C]` of the mapped area, W.
        users: `[C]` expected user's accuracies U, with `S = sqrt(U (1 - U))`.
        standard_error: of the overall accuracy, 0..1.
    """
    w, u = np.asarray(shares, np.float64), np.asarray(users, np.float64)
    spread = (w / w.sum() * np.sqrt(u * (1 - u))).sum()
    return math.ceil(float((spread / standard_error) ** 2) - 1e-9)


def _check_strata(sampled: NDArray[np.int64], pixels: NDArray[np.int64], names: Sequence[str]) -> None:
    if not pixels.sum():
        raise InputError(
            "The map of the sample has no mapped pixel, so there is no accuracy to estimate; check the map."
        )
    for name, n, size in zip(names, sampled.tolist(), pixels.tolist(), strict=True):
        if n > size:
            raise InputError(
                f"The sample has {n} points of {name}, but its map has {size} pixels of it; give the layer "
                "as it was drawn."
            )
        if n < min(2, size):
            raise InputError(
                f"The class {name} is mapped, but has {n} interpreted point{'s' * (n != 1)}: an estimate "
                "needs at least 2 of every mapped class."
            )


def _estimate(value: ArrayLike, variance: ArrayLike) -> Estimate:
    return Estimate(np.asarray(value, np.float64), np.sqrt(np.asarray(variance, np.float64)))


def _pair(estimate: Estimate, at: Any, confidence: float, digits: int = 4) -> list[float | None]:
    """Return [value, half-width], None for NaN."""
    both = float(estimate.value[at]), float(estimate.half_width(confidence)[at])
    return [None if math.isnan(v) else round(v, digits) for v in both]
