"""What every device offers to the pipeline and what they share: the one torch module that a device runs, from
raw window to weighted expert logits, and the blend that adds overlapping windows up, row by row of the
lattice, in bounded memory. The devices live in their own modules.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..base.errors import MceError
from ..model.card import SourceSpec
from ..model.normalise import Normaliser
from .reader import Strip
from .windows import Lattice, blending_weights

Log = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class WindowTask:
    """One window: its lattice column `col` and first pixel `offset` in the strip of its lattice row."""

    strip: Strip
    col: int
    offset: int


@dataclass(frozen=True)
class RowEnd:
    """All windows of the strip's lattice row have gone by, `skipped` ones without a valid pixel not at
    all.
    """

    strip: Strip
    skipped: int


Step = WindowTask | RowEnd
Answer = tuple[WindowTask, Tensor] | RowEnd


class WindowFailed(Exception):  # noqa: N818 - turned into a sentence by the pipeline, which knows the grid
    """The window of `job` could not be computed."""

    def __init__(self, job: WindowTask):
        super().__init__(f"window at lattice row {job.strip.row}, column {job.col}")
        self.job = job


class Backend(Protocol):
    """Runs windows on one device; `batch_size` windows are under way together."""

    batch_size: int

    def stream(self, steps: Iterator[Step]) -> Iterator[Answer]:
        """Give back every step in order, jobs with their weighted logits float32 `[K C, window, window]`.

        The logits are on the device, and only good until the next answer is asked for.

        Raises:
            WindowFailed: if a window cannot be computed; its cause says why.
        """

    def close(self) -> None:
        """Free what the device holds."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an allocation failed, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in text for sign in ("out of memory", "can't allocate memory", "not enough memory", "alloc_cpu")
    )


def backing_off(
    batch: list[T], size: int, run: Callable[[list[T]], Tensor], log: Log
) -> tuple[int, list[Tensor]]:
    """Run a batch in pieces of `size`, halving the pieces whenever memory runs out.

    Returns:
        The size that worked and the pieces' results, in order.

    Raises:
        MceError: if memory does not even suffice for one window.
    """
    results: list[Tensor] = []
    done = 0
    while done < len(batch):
        try:
            results.append(run(batch[done : done + size]))
            done += size
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise MceError(
                    "The memory does not suffice for a single window; close other programs or use "
                    "another device."
                ) from error
            size = max(1, size // 2)
            log(f"Out of memory: going on with batches of {size}.")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    return size, results


def window_of(job: WindowTask, side: int) -> Tensor:
    """Return the raw values of a job's window, float32 `[n_bands, side, side]`: a view of its strip."""
    return torch.from_numpy(job.strip.values)[:, :, job.offset : job.offset + side]


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


class Predictor(nn.Module):
    """Normaliser, network and blending weights in one, so that compilers can fuse them.

    Normalising and weighting are in float32 always; only the network runs in the precision asked for.
    """

    weights: Tensor

    def __init__(self, sources: Sequence[SourceSpec], network: nn.Module, lattice: Lattice):
        super().__init__()
        self.normaliser = Normaliser(sources)
        self.weighted = WeightedNetwork(network, lattice)

    def forward(self, raw: Tensor) -> Tensor:
        """Map raw float32 `[N, n_bands, window, window]` (NaN = missing) to `[N, K C, window, window]`,
        float32.
        """
        return self.weighted(self.normaliser(raw))


class WeightedNetwork(nn.Module):
    """The network behind the normaliser and the weights that blend its windows."""

    weights: Tensor

    def __init__(self, network: nn.Module, lattice: Lattice):
        super().__init__()
        self.network = network
        self.register_buffer("weights", torch.from_numpy(blending_weights(lattice)))

    def forward(self, normalised: Tensor) -> Tensor:
        """Map normalised `[N, n_bands, window, window]` to `[N, K C, window, window]`, float32."""
        logits = self.network(normalised)  # (N, K, C, h, w)
        return logits.flatten(1, 2).float() * self.weights
