"""Accuracy and areas of a map from a stratified random sample of it, with confidence intervals
(docs/science/methods.md section 6; Olofsson et al. 2014; Stehman 2014). Drawing and reading samples lives
in `draw_sample.py`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import InputError

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
    by_stratum = np.zeros((len(pixels), *n.shape), np.int64)
    by_stratum[np.arange(len(pixels)), np.arange(len(pixels))] = n
    return estimate_by_strata(by_stratum, pixels, pixels, names, names)


def estimate_by_strata(
    counts: ArrayLike,
    stratum_pixels: ArrayLike,
    mapped_pixels: ArrayLike,
    strata: Sequence[str],
    classes: Sequence[str],
) -> MapAccuracy:
    """Estimate the accuracy of a map of C classes from a sample whose H strata are of another map.

    Every number is a mean of indicators over the strata, or the ratio of two such means (Stehman 2014); where
    the strata are the map's own classes these are the estimators of Olofsson et al. (2014).

    Args:
        counts: `[H, C, C]` sampled points per stratum, mapped class in rows, reference class in columns.
        stratum_pixels: `[H]`, of the map that the sample was drawn from.
        mapped_pixels: `[C]`, of the map that is judged.
        strata, classes: names, for messages and reports.

    Raises:
        InputError: if a stratum has fewer than two points (unless these are all of its pixels), or one that
            is empty has some.
    """
    n, pixels = np.asarray(counts, np.int64), np.asarray(stratum_pixels, np.int64)
    sampled = n.sum(axis=(1, 2))  # (H,) n_h
    _check_strata(sampled, pixels, strata)
    weight = pixels / pixels.sum()  # (H,) W_h
    freedom = np.where(sampled < pixels, np.maximum(1, sampled - 1), np.inf)  # all of a stratum: no error
    design = weight, weight**2 / freedom
    share = n / np.maximum(1, sampled)[:, None, None]  # (H, C, C)
    right = np.diagonal(share, axis1=1, axis2=2)  # (H, C)
    mapped, true = share.sum(axis=2), share.sum(axis=1)  # (H, C) each
    overall = _mean(right.sum(axis=1, keepdims=True), *design)
    return MapAccuracy(
        classes=tuple(classes),
        counts=n.sum(axis=0),
        mapped_pixels=np.asarray(mapped_pixels, np.int64),
        overall=_estimate(overall.value[0], overall.error[0] ** 2),
        users=_ratio(right, mapped, *design),
        producers=_ratio(right, true, *design),
        shares=_mean(true, *design),
    )


def _mean(y: FloatArray, weight: FloatArray, squared: FloatArray) -> Estimate:
    """Return the mean over the strata of indicators whose means in each are `y` `[H, C]`.

    `weight` `[H]` is W_h, `squared` `[H]` W_h^2 over the degrees of freedom.
    """
    return _estimate(weight @ y, squared @ (y * (1 - y)))


def _ratio(y: FloatArray, x: FloatArray, weight: FloatArray, squared: FloatArray) -> Estimate:
    """Return the ratio of two such means, NaN where x is nowhere; each point that counts in y does in x."""
    below = weight @ x
    found = np.divide(weight @ y, below, out=np.full(len(below), np.nan), where=below > 0)
    spread = y * (1 - y) + found**2 * x * (1 - x) - 2 * found * y * (1 - x)  # (H, C)
    variance = np.maximum(0, squared @ spread)  # what rounding leaves of zero may be below it
    return _estimate(found, variance / np.where(below > 0, below, np.nan) ** 2)


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
