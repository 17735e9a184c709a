"""The lattice that windows stand on and the weights that blend them. No raster is read here.

The lattice is anchored at pixel (0, 0) of the world grid, never at a raster's corner, so that every pixel
is seen
by the same windows whatever extent is asked for: the map of a part is the part of the map.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError

MAX_OVERLAP = 0.9


@dataclass(frozen=True)
class Lattice:
    """Windows of `window` pixels at every multiple of `stride` pixels, in both directions."""

    window: int
    stride: int

    @property
    def reach(self) -> int:
        """How many windows cover a pixel, at most, in one direction."""
        return math.ceil(self.window / self.stride)

    def touching(self, start: int, stop: int) -> range:
        """Return the indices of all windows that hold a pixel of `start <= pixel < stop`."""
        if stop <= start:
            return range(0)
        return range((start - self.window) // self.stride + 1, -(-stop // self.stride))

    def origin(self, index: int) -> int:
        """Return the first pixel of a window."""
        return index * self.stride


def stride_of(window: int, overlap: float) -> int:
    """Return the stride at which neighbouring windows share the fraction `overlap` of their side.

    Raises:
        InputError: if the overlap is not in 0..0.9.
    """
    if not 0 <= overlap <= MAX_OVERLAP:
        raise InputError(f"The overlap {overlap} is not between 0 and {MAX_OVERLAP}; 0.5 is a good choice.")
    return max(1, round(window * (1 - overlap)))


def blending_profile(window: int, stride: int, sigma: float) -> NDArray[np.float64]:
    """Return the weight of each pixel along one side of a window: a Gaussian made a partition of unity.

    The Gaussian (standard deviation `sigma`, in windows) is divided by the sum of its copies at all
    multiples of the stride, so the weights that the lattice's windows give to a pixel add up to 1 and
    blending is an addition.

    Returns:
        float64 `[window]`, all above 0.
    """
    centred = (np.arange(window) - (window - 1) / 2) / (sigma * window)
    gauss = np.exp(-0.5 * centred**2)
    total = np.bincount(np.arange(window) % stride, weights=gauss, minlength=stride)
    return gauss / total[np.arange(window) % stride]


#: Standard deviation of the weights, in windows. At half overlap a window enters with 4 % of a pixel's
#: weight, so its edge leaves no line in the map even where windows disagree; the authors' 0.35 enters with
#: 26 %, and classes then change more often along its edges (measured in tests/unit/test_predict.py).
SIGMA = 0.2


def blending_weights(lattice: Lattice, sigma: float = SIGMA) -> NDArray[np.float32]:
    """Return the weight of each pixel of a window, float32 `[window, window]`, above 0 everywhere."""
    profile = blending_profile(lattice.window, lattice.stride, sigma)
    return np.outer(profile, profile).astype(np.float32)
