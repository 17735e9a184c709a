"""One part of the map, from strips to finished rows: reader ahead, device busy, writer behind."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import MceError
from ..geodata.grid import Region, WorldGrid
from ..model.classes import NODATA_CLASS
from .backend import Backend, RollingBlend, RowEnd, Step, WindowFailed, WindowTask
from .choose_backend import DecideRows
from .reader import Strip, StripReader
from .windows import Lattice

NODATA_EVIDENCE = 65_535
#: Of classes, evidence and logits.
_NODATA = (NODATA_CLASS, NODATA_EVIDENCE, np.nan)
_DTYPES = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True)
class MapRows:
    """Finished rows of the map from `row0` down, nodata where not `valid`.

    `classes` uint8 `[1 + K, rows, width]` (the map, then each expert's), `evidence` uint16 `[6 + K, rows,
    width]`, `logits` float32 `[K C, rows, width]`, or `[0, rows, width]` where they are not kept.
    """

    row0: int
    classes: NDArray[np.uint8]
    evidence: NDArray[np.uint16]
    logits: NDArray[np.float32]
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class LayerCounts:
    """How many layers rows have: class maps, evidence bands, logits (0 where they are not kept)."""

    classes: int
    evidence: int
    logits: int


@dataclass
class WindowCounts:
    """Windows to come in all, gone by, and how many of them had no valid pixel and were not run."""

    total: int
    windows: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Pipeline:
    """What maps parts of a region; `tick` is called once per batch and may raise to stop."""

    grid: WorldGrid
    lattice: Lattice
    reader: StripReader
    backend: Backend
    blend: Callable[[int, int], RollingBlend]
    decide: DecideRows
    layers: "LayerCounts"
    tick: Callable[[], None]

    def run(self, part: Region, tally: WindowCounts, deliver: Callable[[MapRows], None]) -> None:
        """Map a part of the grid, counting windows in `tally`; `deliver` takes the rows from top to bottom.

        Raises:
            MceError: whatever fails in whichever thread; a failing window is named with its position.
        """
        blend = self.blend(part.col0, part.col1)
        pending: deque[_Undelivered] = deque()
        unreported = 0
        with torch.inference_mode(), self.reader.strips(part) as strips:
            answers = self.backend.stream(self._steps(strips, part))
            try:
                for answer in answers:
                    if isinstance(answer, RowEnd):
                        pending.append(self._finish(answer.strip, blend, part))
                        _deliver(pending, deliver, keep=1)
                        tally.skipped += answer.skipped
                        tally.windows += answer.skipped
                    else:
                        job, logits = answer
                        blend.add(job.strip.row, job.col, logits)
                        tally.windows += 1
                        unreported += 1
                    if unreported >= self.backend.batch_size or isinstance(answer, RowEnd):
                        unreported = 0
                        self.tick()
                _deliver(pending, deliver, keep=0)
            except WindowFailed as failure:
                raise self._position(failure.job, failure.__cause__ or failure) from failure
            finally:
                answers.close()  # type: ignore[attr-defined]

    def _steps(self, strips: Iterator[Strip], part: Region) -> Iterator[Step]:
        """Yield the windows worth running and the end of each row."""
        cols = self.lattice.touching(part.col0, part.col1)
        for strip in strips:
            seen = np.asarray(strip.valid.any(axis=0))
            skipped = 0
            for col in cols:
                offset = self.lattice.origin(col) - strip.region.col0
                if seen[offset : offset + self.lattice.window].any():
                    yield WindowTask(strip, col, offset)
                else:
                    skipped += 1
            yield RowEnd(strip, skipped)

    def _finish(self, strip: Strip, blend: RollingBlend, part: Region) -> "_Undelivered":
        """Decide the rows of pixels that no later window will touch."""
        top = self.lattice.origin(strip.row)
        first, last = max(top, part.row0), min(top + self.lattice.stride, part.row1)
        rows = slice(max(0, first - top), max(0, last - top))
        width = part.col1 - part.col0
        left = part.col0 - strip.region.col0
        valid = strip.valid[rows, left : left + width].copy()
        sums = blend.segment(strip.row)[:, rows]
        maps = (*self.decide(sums), _copy(sums[: self.layers.logits])) if valid.any() else None
        blend.release(strip.row)
        return _Undelivered(first, valid, maps, self.layers)

    def _position(self, job: WindowTask, error: BaseException) -> MceError:
        row, col = self.lattice.origin(job.strip.row), self.lattice.origin(job.col)
        x, y = col * self.grid.gsd, -row * self.grid.gsd
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return MceError(f"The window with its upper-left corner at {x:.2f}, {y:.2f} failed: {reason}")


def _deliver(pending: deque["_Undelivered"], deliver: Callable[[MapRows], None], keep: int) -> None:
    """Hand rows on, but for the newest `keep`, which the device may still be working on."""
    while len(pending) > keep:
        rows = pending.popleft()
        if rows.valid.size:
            deliver(rows.fetch())


class _Undelivered:
    """Rows that are decided, though perhaps not yet copied from the device."""

    def __init__(
        self, row0: int, valid: NDArray[np.bool_], maps: tuple[Tensor, ...] | None, layers: LayerCounts
    ):
        self.row0 = row0
        self.valid = valid
        self._maps = maps
        self._layers = layers
        self._event = None
        if maps is not None and maps[0].is_cuda:
            self._maps = tuple(_to_host(layer) for layer in maps)
            self._event = torch.cuda.Event()
            self._event.record()

    def fetch(self) -> MapRows:
        """Wait for the device, and cut off what is not part of the map."""
        classes, evidence, logits = self._empty() if self._maps is None else self._values(self._maps)
        return MapRows(self.row0, classes, evidence, logits, self.valid)

    def _values(self, maps: tuple[Tensor, ...]) -> list[NDArray[Any]]:
        if self._event is not None:
            self._event.synchronize()
        values = [np.ascontiguousarray(layer.numpy()[..., : self.valid.shape[1]]) for layer in maps]
        missing = ~self.valid
        if missing.any():
            for layers, nodata in zip(values, _NODATA, strict=True):
                layers[:, missing] = nodata
        return values

    def _empty(self) -> list[NDArray[Any]]:
        counts = (self._layers.classes, self._layers.evidence, self._layers.logits)
        return [
            np.full((count, *self.valid.shape), nodata, dtype)
            for count, nodata, dtype in zip(counts, _NODATA, _DTYPES, strict=True)
        ]


def _copy(sums: Tensor) -> Tensor:
    """Copy the sums, which the blend will use again."""
    return sums.clone() if len(sums) else sums


def _to_host(tensor: Tensor) -> Tensor:
    """Start copying a tensor into pinned memory."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
