"""Running out of memory, and the order of answers, with backends that are not there."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import MceError
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.mapping.backend import Predictor, RowEnd, WindowTask, backing_off, is_out_of_memory
from mce_landcover.core.mapping.openvino_backend import OpenVinoBackend
from mce_landcover.core.mapping.reader import Strip
from mce_landcover.core.mapping.torch_backend import CudaBackend, TorchCpuBackend
from mce_landcover.core.mapping.windows import Lattice
from mce_landcover.core.model.torch_setup import one_thread
from support.engine import tiny_model
from support.places import ROOT

pytestmark = pytest.mark.slow


@given(st.integers(1, 40), st.integers(1, 64), st.integers(1, 64))
def test_batches_halve_until_they_fit(n, size, capacity):
    messages, sizes = [], []

    def run(batch: list[int]) -> torch.Tensor:
        sizes.append(len(batch))
        if len(batch) > capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.tensor(batch)

    worked, results = backing_off(list(range(n)), size, run, messages.append)
    assert torch.cat(results).tolist() == list(range(n))
    assert bool(messages) == (min(n, size) > capacity)
    assert worked == size if not messages else worked < size
    assert len(messages) <= 7


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_is_recognised(error):
    assert is_out_of_memory(error)


def test_other_errors_are_not_taken_for_it():
    assert not is_out_of_memory(RuntimeError("shape mismatch")) and not is_out_of_memory(
        ValueError("out of memory")
    )
    with pytest.raises(RuntimeError, match="shape"):
        backing_off([1], 1, lambda _: (_ for _ in ()).throw(RuntimeError("shape mismatch")), print)


def test_memory_for_not_even_one_window():
    def run(_: list[int]) -> torch.Tensor:
        raise MemoryError

    with pytest.raises(MceError, match="single window"):
        backing_off([1, 2, 3], 4, run, lambda _: None)


MODEL = tiny_model()
LATTICE = Lattice(32, 16)


def steps(rows: int, cols: int, seed: int = 0) -> Iterator[WindowTask | RowEnd]:
    """A few rows of windows, some of them empty of jobs."""
    random = np.random.default_rng(seed)
    for row in range(rows):
        width = 32 + 16 * (cols - 1)
        values = random.normal(0, 50, (4, 32, width)).astype(np.float32)
        values[:, 3, 5] = np.nan
        strip = Strip(row, Region(row * 16, row * 16 + 32, 0, width), values, ~np.isnan(values).any(axis=0))
        if row != 1:
            yield from (WindowTask(strip, col, 16 * col) for col in range(cols))
        yield RowEnd(strip, cols if row == 1 else 0)


def expected(job: WindowTask) -> torch.Tensor:
    predictor = Predictor(MODEL.card.sources, MODEL.net, LATTICE)
    with torch.inference_mode():
        return predictor(torch.from_numpy(job.strip.values[None, :, :, job.offset : job.offset + 32].copy()))[
            0
        ]


@pytest.mark.parametrize("kind", ["torch", "openvino"])
@pytest.mark.parametrize("cols", [1, 2, 9])
def test_answers_come_in_order_with_the_right_logits(kind, cols):
    predictor = Predictor(MODEL.card.sources, MODEL.net, LATTICE)
    backend = (
        TorchCpuBackend(predictor, 32, "fp32")
        if kind == "torch"
        else OpenVinoBackend(predictor, 4, 32, "fp32")
    )
    asked = list(steps(4, cols))
    answers = []
    for answer in backend.stream(iter(asked)):
        answers.append(answer if isinstance(answer, RowEnd) else (answer[0], answer[1].clone()))
    assert [a if isinstance(a, RowEnd) else a[0] for a in answers] == asked
    for answer in answers:
        if not isinstance(answer, RowEnd):
            torch.testing.assert_close(answer[1], expected(answer[0]), rtol=1e-4, atol=1e-4)
    backend.close()


class CudaOnTheCpu(CudaBackend):
    """The batching of the CUDA backend, with everything it sends to a GPU kept here."""

    def __init__(self, predictor, batch_size, log, capacity=1000):
        self._eager = self._module = predictor
        self._window, self._dtype, self._log = 32, None, log
        self.batch_size = batch_size
        self._strip, self._values = None, torch.empty(0)
        self.capacity = capacity
        self.batches = []

    def _upload(self, strip):
        self._values = torch.from_numpy(strip.values)

    def _run(self, batch, size):
        self.batches.append(len(batch))
        if len(batch) > self.capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super()._run(batch, size)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 20), st.integers(1, 12))
def test_cuda_batches_stay_within_their_row_and_shrink_when_memory_ends(cols, batch_size, capacity):
    messages = []
    backend = CudaOnTheCpu(
        Predictor(MODEL.card.sources, MODEL.net, LATTICE), batch_size, messages.append, capacity
    )
    asked = list(steps(3, cols))
    found = []
    with one_thread():
        for answer in backend.stream(iter(asked)):
            found.append(answer if isinstance(answer, RowEnd) else answer[0])
            if not isinstance(answer, RowEnd):
                torch.testing.assert_close(answer[1], expected(answer[0]), rtol=1e-4, atol=1e-4)
    assert found == asked
    assert max(backend.batches) <= min(cols, batch_size)
    even = -(-cols // -(-cols // batch_size))  # 5 windows at a batch of 4 are run as 3 + 2
    if even > capacity:
        assert messages and backend.batch_size <= capacity
    else:
        assert not messages


def test_a_compiler_that_fails_is_left_for_the_plain_module():
    messages = []
    predictor = Predictor(MODEL.card.sources, MODEL.net, LATTICE)
    backend = CudaOnTheCpu(predictor, 4, messages.append)

    def broken(_):
        raise SystemError("no C compiler")

    backend._module = broken
    jobs = [a for a in backend.stream(steps(2, 5)) if not isinstance(a, RowEnd)]
    assert len(jobs) == 5
    assert len(messages) == 1 and "uncompiled" in messages[0]
    torch.testing.assert_close(jobs[-1][1], expected(jobs[-1][0]), rtol=1e-4, atol=1e-4)


SIGNALLED = """
import gc, os, signal, sys
sys.path[:0] = [{tests!r}]
import faulthandler; faulthandler.enable()
from unit.mapping.test_backend import LATTICE, MODEL, OpenVinoBackend, Predictor
from mce_landcover.core.mapping.devices import has_native_bf16
for precision in ("fp32", "bf16", "fp32") if has_native_bf16() else ("fp32", "fp32"):
    backend = OpenVinoBackend(Predictor(MODEL.card.sources, MODEL.net, LATTICE), 4, 32, precision)
    backend.close()
    del backend
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("cancelled", flush=True))
os.kill(os.getpid(), signal.SIGTERM)
import ctypes
class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]
stack = Stack()
ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
spans = [line.split()[0].split("-") for line in open("/proc/self/maps")]
print(not stack.start or any(int(a, 16) <= stack.start < int(b, 16) for a, b in spans))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's memory map")
def test_signals_still_work_after_openvino():
    """Each of OpenVINO's entry points changes the thread's signal stack: several would leave a freed one."""
    script = SIGNALLED.format(tests=str(ROOT / "tests"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["cancelled", "True"]), done.stderr
