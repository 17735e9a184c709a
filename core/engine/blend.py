"""Adds up the weighted logits of overlapping windows, row by row of the lattice, in bounded memory."""

import torch
from torch import Tensor

from ..windows import Lattice

#: Rows of the accumulator are whole multiples of the widest vector registers, so that elementwise results
#: do not depend on where a row ends.
_ALIGN = 64


class RollingBlend:
    """The sums under the lattice rows in progress, float32 on the device.

    The rows of pixels between two lattice lines are one segment; only as many segments are kept as a window
    is high. Windows must come row by row from the top, and from left to right: every pixel then adds its
    windows in the same order, whatever the part of the map.
    """

    def __init__(self, channels: int, lattice: Lattice, col0: int, col1: int, device: torch.device):
        self._lattice = lattice
        self._col0, self._col1 = col0, col1
        width = -(-(col1 - col0) // _ALIGN) * _ALIGN
        self._segments = [
            torch.zeros(channels, lattice.stride, width, device=device) for _ in range(lattice.reach)
        ]

    def add(self, row: int, col: int, logits: Tensor) -> None:
        """Add the weighted logits `[channels, window, window]` of window (row, col) of the lattice."""
        start = self._lattice.origin(col)
        left, right = max(start, self._col0), min(start + self._lattice.window, self._col1)
        stride = self._lattice.stride
        for step, top in enumerate(range(0, self._lattice.window, stride)):
            part = logits[:, top : top + stride, left - start : right - start]
            segment = self._segments[(row + step) % len(self._segments)]
            segment[:, : part.shape[1], left - self._col0 : right - self._col0] += part

    def segment(self, row: int) -> Tensor:
        """Return the sums `[channels, stride, padded width]` below lattice line `row`.

        They are complete once all windows of that row are added.
        """
        return self._segments[row % len(self._segments)]

    def release(self, row: int) -> None:
        """Make the segment of `row` ready for a later row."""
        self.segment(row).zero_()
