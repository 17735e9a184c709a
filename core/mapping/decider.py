"""Runs the decision rule over rows of blended logits, on the device that holds them. The rule lives in
`core/model/decision.py`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..model.decision import Decider, DecisionRule, decide
from .openvino_setup import compile_alone

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
