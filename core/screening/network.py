"""Runs a screening network on tiles, in batches, on the device chosen. Where tiles come from lives in
`reader.py`."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..engine.devices import Execution
from ..normalise import Normaliser
from ..tile_card import TileCard
from ..tile_scores import calibrated, decision_scores
from .reader import Tile

#: Pixels of a batch. Every batch has as many tiles, the last one filled up: a tile's scores do not depend on
#: what else is screened.
_BATCH_PX = 40_000
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Screener(nn.Module):
    """Normalisation, network and calibration of a card as one module on a device."""

    def __init__(self, card: TileCard, network: nn.Module, execution: Execution):
        super().__init__()
        self.card, self.dtype = card, _DTYPES.get(execution.precision)
        self.device = execution.torch_device
        self.normaliser, self.network = Normaliser(card.sources), network
        self.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return decision scores and probabilities `[B, C]`, float32, of raw `[B, n_bands, S, S]`."""
        x = self.normaliser(raw).contiguous(memory_format=torch.channels_last)
        with self._cast():
            logits = self.network(x)
        scores = decision_scores(logits.float(), self.card.link)
        return scores, calibrated(scores, self.card.calibration)

    def screen(
        self, tiles: Iterable[Tile]
    ) -> Iterator[list[tuple[Tile, NDArray[np.float32], NDArray[np.float32]]]]:
        """Yield tiles with their scores and probabilities `[C]`, a batch at a time."""
        coming, size = iter(tiles), batch_size(self.card.window)
        with torch.inference_mode():
            while batch := list(islice(coming, size)):
                raw = np.zeros((size, *batch[0].raw.shape), np.float32)
                for place, tile in enumerate(batch):
                    raw[place] = tile.raw
                scores, chances = (
                    found.cpu().numpy() for found in self(torch.from_numpy(raw).to(self.device))
                )
                yield [(tile, scores[i], chances[i]) for i, tile in enumerate(batch)]

    def _cast(self) -> AbstractContextManager[object]:
        return nullcontext() if self.dtype is None else torch.autocast(self.device.type, self.dtype)


def batch_size(window: int) -> int:
    """Return how many tiles of `window` pixels a side go through the network at once."""
    return max(1, _BATCH_PX // window**2)
