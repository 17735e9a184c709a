"""The logits of frozen experts: worked out once for whole areas, and a sample of their pixels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...core.model.card import ModelCard
from ...core.model.network import MceNetwork
from ...core.model.normalise import Normaliser
from ..data.area import Area
from ..data.patches import channel_table
from ..data.windows import cut, places

#: Pixels, rare ones and as many others, that a bundle's rule is learnt from: thousands for each number.
PIXELS = 100_000


@dataclass(frozen=True)
class LogitSample:
    """N labelled pixels.

    Attributes:
        logits: `[N, K, C]` float32.
        labels: `[N]` int64, channels.
        weights: `[N]` float32, how many pixels of the areas each stands for.
    """

    logits: Tensor
    labels: Tensor
    weights: Tensor


def logit_area(network: MceNetwork, card: ModelCard, area: Area) -> Area:
    """Return an area whose bands `[K C, H, W]` are the logits, each pixel's from the window in whose middle
    it lies."""
    device = next(network.parameters()).device
    normaliser = Normaliser(card.sources)
    n_bands = len(card.experts) * len(card.classes)
    rows, cols = area.labels.shape
    stacked = np.zeros((n_bands, rows, cols), np.float32)
    for place in places(0, (rows, cols), card.window, card.window):
        raw = torch.from_numpy(cut(area.raw, place, card.window)[None])
        with torch.inference_mode():
            logits = network(normaliser(raw).to(device))[0].flatten(0, 1).float().cpu().numpy()
        down = slice(place.top + place.rows.start, place.top + place.rows.stop)
        across = slice(place.left + place.cols.start, place.left + place.cols.stop)
        stacked[:, down, across] = logits[:, place.rows, place.cols]
    return Area(stacked, area.labels)


def sample_pixels(areas: Iterable[Area], card: ModelCard, each: int, seed: int = 0) -> LogitSample:
    """Draw labelled pixels: of each area up to `each` of the narrowest expert's classes, which are few and
    matter most, and as many of all others.

    Args:
        areas: of `logit_area`, one at least.
    """
    rng = np.random.default_rng(seed)
    rare = card.experts[-1].classes
    chosen, labels, weights = [], [], []
    for area in areas:
        flat = area.labels.ravel()
        bands = area.raw.reshape(len(area.raw), -1)
        is_rare = np.isin(flat, rare)
        is_common = np.isin(flat, [c.id for c in card.classes]) & ~is_rare
        for mask in (is_rare, is_common):
            there = np.flatnonzero(mask)
            taken = rng.choice(there, min(len(there), each), replace=False)
            chosen.append(bands[:, taken].T)
            labels.append(flat[taken])
            weights.append(np.full(len(taken), len(there) / max(1, len(taken)), np.float32))
    channel = channel_table([c.id for c in card.classes])
    shape = -1, len(card.experts), len(card.classes)
    return LogitSample(
        torch.from_numpy(np.concatenate(chosen)).reshape(shape),
        torch.from_numpy(channel[np.concatenate(labels)]).long(),
        torch.from_numpy(np.concatenate(weights)),
    )
