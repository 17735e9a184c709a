"""Runs windows on the CPU with OpenVINO: one window per core, in order, always computed alike."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .backend import Answer, Predictor, RowEnd, Step, WindowFailed, WindowTask
from .devices import compile_alone, compile_for, convert, n_cores

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_NAMES = {"float32": "fp32", "f32": "fp32", "bfloat16": "bf16", "bf16": "bf16"}


class OpenVinoBackend:
    """One stream of one thread per core, each with one window of fixed size.

    So a window's bits depend neither on the number of cores nor on its neighbours. In bf16 the normaliser is
    compiled apart, in fp32: OpenVINO would run it in bf16 too, where a DEM of 2,500 m has steps of 16 m.
    """

    def __init__(self, predictor: Predictor, n_bands: int, window: int, precision: str):
        cores = n_cores()
        shape = (1, n_bands, window, window)
        self._window = window
        body = predictor.weighted if precision == "bf16" else predictor
        compiled = compile_for(convert(body, shape), _HINTS[precision], cores)
        self.precision = _NAMES[compiled.get_property("INFERENCE_PRECISION_HINT").to_string()]
        self.batch_size = cores
        self._normaliser = compile_alone(predictor.normaliser, shape) if precision == "bf16" else None
        # One request more per core than can run, so that no core waits for its results to be taken.
        self._requests = [compiled.create_infer_request() for _ in range(2 * cores)]

    def stream(self, steps: Iterator[Step]) -> Iterator[Answer]:
        """See `Backend.stream`."""
        free = deque(self._requests)
        running: deque[tuple[WindowTask, Any] | RowEnd] = deque()
        try:
            for step in steps:
                if isinstance(step, RowEnd):
                    running.append(step)
                else:
                    while not free:
                        yield from self._oldest(running, free)
                    request = free.popleft()
                    running.append((step, request))
                    self._start(request, step)
                while running and isinstance(running[0], RowEnd):
                    yield from self._oldest(running, free)
            while running:
                yield from self._oldest(running, free)
        finally:
            for request in self._requests:
                request.wait()

    def _oldest(self, running: deque[tuple[WindowTask, Any] | RowEnd], free: deque[Any]) -> Iterator[Answer]:
        """Give the answer that is due, once it is there."""
        oldest = running.popleft()
        if isinstance(oldest, RowEnd):
            yield oldest
            return
        job, request = oldest
        try:
            request.wait()
        except RuntimeError as error:
            raise WindowFailed(job) from error
        yield job, torch.from_numpy(request.get_output_tensor().data)[0]
        free.append(request)

    def _start(self, request: Any, job: WindowTask) -> None:
        window = job.strip.values[:, :, job.offset : job.offset + self._window]
        if self._normaliser is None:
            request.get_input_tensor().data[0] = window
        else:
            self._normaliser.get_input_tensor().data[0] = window
            self._normaliser.infer()
            np.copyto(request.get_input_tensor().data, self._normaliser.get_output_tensor().data)
        request.start_async()

    def close(self) -> None:
        """Free the compiled network."""
        self._requests.clear()
        self._normaliser = None
