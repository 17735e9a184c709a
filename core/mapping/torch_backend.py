"""Runs windows with torch: on the CPU one by one, on CUDA in batches of one lattice row."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from .backend import (
    Answer,
    Backend,
    Log,
    Predictor,
    RowEnd,
    Step,
    WindowFailed,
    WindowTask,
    backing_off,
    window_of,
)
from .devices import Execution
from .reader import Strip

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
#: Compiling takes a minute or more; it pays for runs of at least so many windows.
COMPILE_FROM = 30_000


class TorchCpuBackend:
    """Eager torch on the CPU, window by window: convolutions of other batch sizes may round differently."""

    batch_size = 1

    def __init__(self, predictor: Predictor, window: int, precision: str):
        self._predictor = predictor.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._window = window
        self._dtype = _DTYPES.get(precision)

    def stream(self, steps: Iterator[Step]) -> Iterator[Answer]:
        """See `Backend.stream`."""
        for step in steps:
            if isinstance(step, RowEnd):
                yield step
                continue
            try:
                _, (logits,) = backing_off([step], 1, self._run, lambda _: None)
            except (RuntimeError, ValueError) as error:
                raise WindowFailed(step) from error
            yield step, logits[0]

    def _run(self, batch: list[WindowTask]) -> Tensor:
        raw = window_of(batch[0], self._window).unsqueeze(0).contiguous(memory_format=torch.channels_last)
        cast = nullcontext() if self._dtype is None else torch.autocast("cpu", self._dtype)
        with torch.inference_mode(), cast:
            result: Tensor = self._predictor(raw)
        return result

    def close(self) -> None:
        """Nothing to free."""


class CudaBackend:
    """Torch on an NVIDIA GPU: strips go up once, pinned; windows are cut there; one lattice row is never
    mixed with another in a batch, so a resumed run repeats the same batches.
    """

    def __init__(
        self, predictor: Predictor, window: int, precision: str, batch_size: int, *, compiled: bool, log: Log
    ):
        self._device = torch.device("cuda")
        module = predictor.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._eager: nn.Module = module
        self._module: nn.Module = module
        self._window = window
        self._dtype = _DTYPES.get(precision)
        self.batch_size = batch_size
        self._log = log
        if compiled:
            self._module = torch.compile(module, dynamic=False)  # type: ignore[assignment]
        self._strip: Strip | None = None
        self._values = torch.empty(0)

    def stream(self, steps: Iterator[Step]) -> Iterator[Answer]:
        """See `Backend.stream`."""
        row: list[WindowTask] = []
        for step in steps:
            if isinstance(step, WindowTask):
                row.append(step)
                continue
            # Even pieces: a row of 41 windows at a batch of 32 is run as 21 + 20, not as 32 + 9.
            pieces = -(-len(row) // self.batch_size)
            size = -(-len(row) // max(1, pieces))
            for start in range(0, len(row), size or 1):
                yield from self._batch(row[start : start + size], size)
            row.clear()
            yield step

    def _batch(self, batch: list[WindowTask], size: int) -> Iterator[Answer]:
        try:
            worked, results = backing_off(batch, size, lambda part: self._run(part, size), self._log)
        except (RuntimeError, ValueError) as error:
            raise WindowFailed(batch[0]) from error
        if worked < size:
            self.batch_size = worked
        yield from zip(batch, (window for result in results for window in result), strict=True)

    def _run(self, batch: list[WindowTask], size: int) -> Tensor:
        self._upload(batch[0].strip)
        windows = [self._values[:, :, job.offset : job.offset + self._window] for job in batch]
        raw = torch.stack(windows).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), self._cast():
            if self._module is self._eager:
                result: Tensor = self._eager(raw)
                return result
            return self._run_compiled(raw, size)

    def _run_compiled(self, raw: Tensor, size: int) -> Tensor:
        """Run the compiled module, padded to the batch it was compiled for; fall back to eager if that
        fails.
        """
        n_windows = len(raw)
        if n_windows < size:
            raw = torch.cat([raw, raw[-1:].expand(size - n_windows, -1, -1, -1)])
        try:
            result: Tensor = self._module(raw)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # compilers fail in many ways; the uncompiled module gives the same maps
            self._log(f"Compiling the network failed ({type(error).__name__}); going on uncompiled.")
            self._module = self._eager
            result = self._eager(raw)
        return result[:n_windows]

    def _upload(self, strip: Strip) -> None:
        if strip is not self._strip:
            pinned = torch.from_numpy(strip.values).pin_memory()
            self._values = pinned.to(self._device, non_blocking=True)
            self._strip = strip

    def _cast(self) -> AbstractContextManager[object]:
        return nullcontext() if self._dtype is None else torch.autocast("cuda", self._dtype)

    def close(self) -> None:
        """Give the GPU's memory back."""
        self._values = torch.empty(0)
        self._strip = None
        torch.cuda.empty_cache()


def torch_backend(
    predictor: Predictor, window: int, execution: Execution, batch_size: int, *, n_windows: int, log: Log
) -> Backend:
    """Return the backend for the device chosen."""
    if execution.device == "cuda":
        compiled = n_windows >= COMPILE_FROM
        return CudaBackend(predictor, window, execution.precision, batch_size, compiled=compiled, log=log)
    return TorchCpuBackend(predictor, window, execution.precision)
