"""Converts and compiles torch modules with OpenVINO. What runs them lives in the backend and the decider."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import nn


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
