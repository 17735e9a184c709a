"""What every device offers to the pipeline, and what they share. The devices live in their own modules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from ..errors import MceError
from .reader import Strip

Log = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Job:
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


Step = Job | RowEnd
Answer = tuple[Job, Tensor] | RowEnd


class WindowFailed(Exception):  # noqa: N818 - turned into a sentence by the pipeline, which knows the grid
    """The window of `job` could not be computed."""

    def __init__(self, job: Job):
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


def window_of(job: Job, side: int) -> Tensor:
    """Return the raw values of a job's window, float32 `[n_bands, side, side]`: a view of its strip."""
    return torch.from_numpy(job.strip.values)[:, :, job.offset : job.offset + side]
