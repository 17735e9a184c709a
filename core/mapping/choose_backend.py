"""Brings the network onto the chosen device, and the decision rule over rows of blended logits beside it.
The rule lives in `core/model/decision.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from ..base.errors import DeviceError, InputError
from ..model.card import ModelCard
from ..model.decision import Decider, DecisionRule, decide
from .backend import Backend, Predictor
from .devices import Execution, compile_alone
from .openvino_backend import OpenVinoBackend
from .requests import PredictRequest
from .torch_backend import torch_backend

#: Pixels decided at once on a CPU, so that intermediate results stay in its cache.
TILE_PX = 16_384
#: Sums `[K C, rows, width]` -> classes uint8 `[1 + K, rows, width]`, evidence uint16 `[6 + K, rows, width]`.
DecideRows = Callable[[Tensor], tuple[Tensor, Tensor]]


class TorchDecider:
    """Decides with torch, on a CPU in tiles of whole rows."""

    def __init__(self, rule: DecisionRule):
        self._rule = rule

    def __call__(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """See `DecideRows`; results are on the device of the sums."""
        n_rows, width = sums.shape[1:]
        step = n_rows if sums.is_cuda else max(1, TILE_PX // width)
        tiles = [self._decide(sums[:, top : top + step]) for top in range(0, n_rows, step)]
        classes, evidence = (torch.cat(parts, dim=1) for parts in zip(*tiles, strict=True))
        return classes, evidence

    def _decide(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Decide one tile `[K C, rows, width]`."""
        rule = self._rule
        logits = rows.reshape(rule.n_experts, len(rule.class_ids), -1)
        classes, evidence = decide(logits, rule)
        shape = rows.shape[1:]
        return classes.reshape(-1, *shape), evidence.to(torch.uint16).reshape(-1, *shape)


class OpenVinoDecider:
    """Decides with OpenVINO, which fuses the rule's many small steps: about five times faster than torch.

    Tiles have one fixed size, so a pixel is decided by the same instructions wherever it stands.
    """

    def __init__(self, rule: DecisionRule):
        self._n_evidence = rule.n_evidence
        self._shape = (rule.n_experts, len(rule.class_ids), TILE_PX)
        self._request = compile_alone(Decider(rule), self._shape)
        self._logits = self._request.get_input_tensor().data.reshape(-1, TILE_PX)  # (K C, N), shared memory
        self._logits[:] = 0

    def __call__(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """See `DecideRows`."""
        n_rows, width = sums.shape[1:]
        classes = torch.empty(1 + self._shape[0], n_rows, width, dtype=torch.uint8)
        evidence = torch.empty(self._n_evidence, n_rows, width, dtype=torch.uint16)
        across = min(width, TILE_PX)
        down = TILE_PX // across
        for top in range(0, n_rows, down):
            for left in range(0, width, across):
                tile = (slice(None), slice(top, top + down), slice(left, left + across))
                self._decide(sums[tile], classes[tile], evidence[tile])
        return classes, evidence

    def _decide(self, rows: Tensor, classes: Tensor, evidence: Tensor) -> None:
        """Decide one tile `[K C, rows, width]` into the two results."""
        n_pixels = rows.shape[1] * rows.shape[2]
        self._logits[:, :n_pixels].reshape(rows.shape)[:] = rows.numpy()
        self._request.infer()
        for index, result in enumerate((classes, evidence)):
            found = self._request.get_output_tensor(index).data[:, :n_pixels]
            result.numpy()[:] = found.reshape(result.shape)


#: Bytes of activations per pixel of a window that a network like DeepLabV3+ needs in bf16.
_ACTIVATION_BYTES = 2500
_LARGEST_BATCH = 128


def start_backend(
    predictor: Predictor,
    card: ModelCard,
    execution: Execution,
    request: PredictRequest,
    *,
    n_windows: int,
    log: Callable[[str], None],
) -> tuple[Backend, Execution]:
    """Return the backend, and what it really computes on.

    Raises:
        InputError: if the batch size is negative.
        DeviceError: if the engine asked for cannot take the network.
    """
    if request.batch_size < 0:
        raise InputError(f"The batch size {request.batch_size} is negative; give 0 to have it chosen.")
    if execution.engine == "openvino":
        try:
            backend = OpenVinoBackend(predictor, card.n_bands, card.window, execution.precision)
        except Exception as error:  # converters fail in many ways; torch runs every network
            if request.engine == "openvino":
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                raise DeviceError(
                    f"OpenVINO cannot take this network ({reason}); choose engine torch."
                ) from error
            log(f"OpenVINO cannot take this network ({type(error).__name__}); going on with torch.")
            execution = replace(execution, engine="torch")
        else:
            return backend, replace(execution, precision=backend.precision)
    batch_size = request.batch_size or _automatic_batch(card.window)
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
