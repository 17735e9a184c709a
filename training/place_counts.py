"""Rare places found, missed and false on the tiles that a training is judged by, summed over batches and
processes. Places are counted tile by tile: one that a border cuts counts in both.
"""

import numpy as np
import torch
from torch import Tensor

from ..core.evaluation.places import Places, rare_classes
from ..core.geodata.class_table import MapClass
from ..core.model.card import ModelCard
from ..core.segments.counting import count_errors
from .lightning_setup import Metric
from .losses.cross_entropy import IGNORE_INDEX

_UNKNOWN = 255


class PlaceCounts(Metric):
    """Counts the places of a card's rare classes."""

    full_state_update = False

    def __init__(self, card: ModelCard):
        super().__init__()
        rare = {c.id for c in rare_classes([MapClass(c.id, c.name, c.group, c.color) for c in card.classes])}
        self.channels = [index for index, c in enumerate(card.classes) if c.id in rare]
        self.names = [card.classes[index].name for index in self.channels]
        self.pixel_km2 = card.gsd_m**2 / 1e6
        self.counts: Tensor
        self.pixels: Tensor
        self.add_state("counts", torch.zeros(len(self.channels), 3, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, labels: Tensor) -> None:
        """Add channels `[B, H, W]` and labels, IGNORE_INDEX where there is none."""
        said = predicted.cpu().numpy().astype(np.uint8)
        true = labels.cpu().numpy()
        true = np.where(true == IGNORE_INDEX, _UNKNOWN, true).astype(np.uint8)
        for tile, truth in zip(said, true, strict=True):
            found = [count_errors(tile, truth, channel, nodata=_UNKNOWN) for channel in self.channels]
            self.counts += torch.tensor(found, dtype=torch.long, device=self.counts.device).view(-1, 3)
        self.pixels += int((true != _UNKNOWN).sum())

    def compute(self) -> Tensor:
        """Return false, missed and found places of each class and the labelled pixels, `[n, 4]`."""
        return torch.cat([self.counts, self.pixels.expand(len(self.channels), 1)], dim=1)

    def places(self) -> dict[str, Places]:
        """Return the places by class name; none before the first update."""
        if not self.update_called:
            return {}
        rows = zip(self.names, self.compute().tolist(), strict=True)
        return {
            name: Places(found, missed, false, pixels * self.pixel_km2)
            for name, (false, missed, found, pixels) in rows
        }


def false_per_found(places: dict[str, Places]) -> float:
    """Return the false places for each one found, all classes together; NaN where none is found."""
    found = sum(one.found for one in places.values())
    return sum(one.false for one in places.values()) / found if found else float("nan")
