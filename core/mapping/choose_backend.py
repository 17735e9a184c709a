"""Brings a network onto the chosen device, with a way out where an engine cannot take it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import torch

from ..base.errors import DeviceError, InputError
from ..model.card import ModelCard
from ..model.decision import DecisionRule
from .backend import Backend, Predictor
from .decider import DecideRows, OpenVinoDecider, TorchDecider
from .devices import Execution
from .openvino_backend import OpenVinoBackend
from .torch_backend import torch_backend

#: Bytes of activations per pixel of a window that a network like DeepLabV3+ needs in bf16.
_ACTIVATION_BYTES = 2500
_LARGEST_BATCH = 128


class Wishes(Protocol):
    """The part of a request that says how to compute."""

    @property
    def engine(self) -> str:
        """Engine asked for, or auto."""

    @property
    def batch_size(self) -> int:
        """Windows per batch asked for, or 0."""


def start_backend(
    predictor: Predictor,
    card: ModelCard,
    execution: Execution,
    wishes: Wishes,
    *,
    n_windows: int,
    log: Callable[[str], None],
) -> tuple[Backend, Execution]:
    """Return the backend, and what it really computes on.

    Raises:
        InputError: if the batch size is negative.
        DeviceError: if the engine asked for cannot take the network.
    """
    if wishes.batch_size < 0:
        raise InputError(f"The batch size {wishes.batch_size} is negative; give 0 to have it chosen.")
    if execution.engine == "openvino":
        try:
            backend = OpenVinoBackend(predictor, card.n_bands, card.window, execution.precision)
        except Exception as error:  # converters fail in many ways; torch runs every network
            if wishes.engine == "openvino":
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                raise DeviceError(
                    f"OpenVINO cannot take this network ({reason}); choose engine torch."
                ) from error
            log(f"OpenVINO cannot take this network ({type(error).__name__}); going on with torch.")
            execution = replace(execution, engine="torch")
        else:
            return backend, replace(execution, precision=backend.precision)
    batch_size = wishes.batch_size or _automatic_batch(card.window)
    return torch_backend(
        predictor, card.window, execution, batch_size, n_windows=n_windows, log=log
    ), execution


def start_decider(rule: DecisionRule, execution: Execution) -> DecideRows:
    """Return what decides rows where the sums are."""
    return OpenVinoDecider(rule) if execution.engine == "openvino" else TorchDecider(rule)


def _automatic_batch(window: int) -> int:
    """Return a batch that fills half of the GPU's free memory; 1 without a GPU."""
    if not torch.cuda.is_available():
        return 1
    free, _ = torch.cuda.mem_get_info()
    return max(1, min(_LARGEST_BATCH, free // 2 // (window**2 * _ACTIVATION_BYTES)))


@contextmanager
def torch_flags(execution: Execution) -> Iterator[None]:
    """Set torch's process-wide switches for one run, and set them back.

    Full float32 means no TF32; kernels are not chosen by timing, so equal runs give equal bits. Under
    OpenVINO torch only adds and decides, and threads of its own would fight with the network's.
    """
    threads = torch.get_num_threads()
    tf32 = torch.backends.cuda.matmul.allow_tf32
    if execution.engine == "openvino":
        torch.set_num_threads(max(1, threads // 8))
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
