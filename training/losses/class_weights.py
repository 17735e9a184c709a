"""Class weights from the pixel counts of the training set, for `cross_entropy.py` (docs/science/methods.md
sections 1 and 3). Counts are in the order of the logit channels, as the weights are."""

from collections.abc import Sequence
from math import expm1, log

from ...core.base.errors import InputError


def inverse_frequency(pixel_counts: Sequence[int]) -> list[float]:
    """Return `w_c = N / n_c`, `[C]` (the MCE paper's WCEL).

    Raises:
        InputError: if a class has no pixel.
    """
    _check_present(pixel_counts)
    return [sum(pixel_counts) / n for n in pixel_counts]


def class_balanced(pixel_counts: Sequence[int], tile_pixels: int, *, beta: float = 0.9999) -> list[float]:
    """Return `(1 - b) / (1 - b^n_c)` rescaled to sum C, `[C]` (Cui et al. 2019; the MCE paper's CBL).

    Args:
        pixel_counts: `[C]`.
        tile_pixels: pixels of a tile. n_c counts tile equivalents, `pixels / tile_pixels`: with n_c in
            pixels `b^n_c` is 0 for every class, and all weights are equal.
        beta: b, 0..1; 0 gives equal weights, towards 1 they become inverse frequencies.

    Raises:
        InputError: if a class has no pixel.
    """
    _check_present(pixel_counts)
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be at least 0 and less than 1, got {beta}")
    if not beta:
        return [1.0] * len(pixel_counts)
    raw = [-1 / expm1(n / tile_pixels * log(beta)) for n in pixel_counts]
    return [len(raw) * w / sum(raw) for w in raw]


def balanced(pixel_counts: Sequence[int]) -> list[float]:
    """Return `w_c = (N - N_c) / N`, `[C]` (balanced cross-entropy, eq. 2 of the CDFL paper)."""
    total = sum(pixel_counts)
    if not total:
        raise InputError("There is no labelled pixel to take class weights from; check the labels.")
    return [(total - n) / total for n in pixel_counts]


def _check_present(pixel_counts: Sequence[int]) -> None:
    absent = [str(c) for c, n in enumerate(pixel_counts) if n <= 0]
    if absent:
        raise InputError(
            f"The class of logit channel {absent[0]} has no training pixel, so it has no weight; add labels "
            "of it, leave it out, or choose another loss."
        )


def rule_weights(pixel_counts: Sequence[int], power: float) -> list[float]:
    """Return class weights `(N / n_c)^power`: 0 for overall accuracy, 1 for mean accuracy, between for both.

    Raises:
        ValueError: if a class has no pixel.
    """
    if min(pixel_counts) <= 0:
        raise ValueError("every class needs a pixel")
    return [weight**power for weight in inverse_frequency(pixel_counts)]
