"""Chooses device, engine and precision, and converts and compiles torch modules with OpenVINO for a CPU.
What runs them lives in the backends.
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn

from ..base.errors import DeviceError, InputError
from ..base.requests import Device, Engine, Precision


@cache
def the_core() -> Any:
    """Return OpenVINO's entry point: one for the life of the process.

    Its CPU plugin gives the calling thread a signal stack, and a second one hides the first's. Once they are
    destroyed in the order they were made in, the thread is left with a stack that is freed, and the next
    signal (a cancel) kills the process.
    """
    import openvino

    return openvino.Core()


def convert(module: nn.Module, shape: Sequence[int]) -> Any:
    """Return the OpenVINO model of a module with one float32 input of a fixed shape."""
    import openvino

    with warnings.catch_warnings():
        # Sizes become constants on purpose: windows and tiles have one size.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        return openvino.convert_model(module, example_input=torch.zeros(*shape), input=[list(shape)])


def compile_for(model: Any, precision: str, n_threads: int) -> Any:
    """Compile for the CPU with one stream per thread; `precision` is f32 or bf16, never left to OpenVINO."""
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": str(n_threads),
        "INFERENCE_NUM_THREADS": str(n_threads),
    }
    return the_core().compile_model(model, "CPU", settings)


def compile_alone(module: nn.Module, shape: Sequence[int]) -> Any:
    """Return a request that runs a module in float32 in the thread that calls it."""
    return compile_for(convert(module, shape), "f32", 1).create_infer_request()


@dataclass(frozen=True)
class Execution:
    """What a run computes on: `device` cpu or cuda, `engine` openvino or torch, `precision` fp32, bf16 or
    fp16.

    `name` is the device's own name, for the log.
    """

    device: str
    engine: str
    precision: str
    name: str

    @property
    def torch_device(self) -> torch.device:
        """Where sums are blended and decided."""
        return torch.device(self.device)


def choose(device: str = "auto", engine: str = "auto", precision: str = "auto") -> Execution:
    """Return the fastest of what is there and allowed.

    Raises:
        InputError: if a name is unknown.
        DeviceError: if what was asked for is not there.
    """
    for what, value, known in (
        ("device", device, get_args(Device)),
        ("engine", engine, get_args(Engine)),
        ("precision", precision, get_args(Precision)),
    ):
        if value not in known:
            raise InputError(f"The {what} {value!r} is unknown; choose one of {', '.join(known)}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"CUDA was asked for, but {_why_no_cuda()}; choose device cpu or auto.")
    if device == "cpu" or not torch.cuda.is_available():
        return _choose_cpu(engine, precision)
    return _choose_cuda(engine, precision)


def _why_no_cuda() -> str:
    if torch.version.cuda is None:
        return "the installed torch is built for the CPU only"
    return "no usable NVIDIA GPU and driver was found"


def _choose_cuda(engine: str, precision: str) -> Execution:
    if engine == "openvino":
        raise DeviceError("The engine openvino runs on the CPU only; choose device cpu or engine torch.")
    native = torch.cuda.get_device_capability() >= (8, 0)
    if precision == "bf16" and not native:
        raise DeviceError("This GPU does not compute in bf16; choose precision fp16, fp32 or auto.")
    if precision == "auto":
        precision = "bf16" if native else "fp16"
    return Execution("cuda", "torch", precision, torch.cuda.get_device_name())


def _choose_cpu(engine: str, precision: str) -> Execution:
    if engine == "openvino" and find_spec("openvino") is None:
        raise DeviceError(
            "The engine openvino is not installed; install the extra cpu, or choose engine torch."
        )
    if engine == "auto":
        engine = "openvino" if find_spec("openvino") else "torch"
    if precision == "fp16":
        raise DeviceError("The CPU engines do not compute in fp16; choose precision bf16, fp32 or auto.")
    if precision == "bf16" and not has_native_bf16():
        raise DeviceError("This CPU does not compute in bf16; choose precision fp32 or auto.")
    if precision == "auto":
        precision = "bf16" if has_native_bf16() else "fp32"
    return Execution("cpu", engine, precision, f"{n_cores()} core{'s' * (n_cores() != 1)}")


def has_native_bf16() -> bool:
    """Tell whether the processor multiplies bf16 itself (AMX or AVX-512 BF16)."""
    if find_spec("openvino") is not None:
        return "BF16" in the_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux: without a way to know, the safe answer
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def n_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
