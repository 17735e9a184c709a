import math

import numpy as np
import pytest
import torch
from mce_landcover.core.segments.counting import count_errors
from mce_landcover.training.losses.cross_entropy import IGNORE_INDEX
from mce_landcover.training.place_counts import PlaceCounts, false_per_found
from scipy import ndimage
from support.cards import tlm_card


def smooth(seed: int, n_classes: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(4, n_classes, 24, 30))
    return ndimage.gaussian_filter(noise, (0, 0, 1.5, 1.5)).argmax(axis=1)


def test_they_are_those_of_the_tiles_one_by_one():
    card = tlm_card()
    rare = [c for c, one in enumerate(card.classes) if one.group == "tail"]
    assert rare
    said, true = smooth(1, len(card.classes)), smooth(2, len(card.classes))
    true[:, 3:7] = IGNORE_INDEX
    counts = PlaceCounts(card)
    for part in (slice(0, 1), slice(1, 4)):
        counts.update(torch.from_numpy(said[part]), torch.from_numpy(true[part]))
    found = counts.places()
    assert list(found) == [card.classes[c].name for c in rare]
    for channel, places in zip(rare, found.values(), strict=True):
        known = np.where(true == IGNORE_INDEX, 255, true)
        errors = [count_errors(s, t, channel) for s, t in zip(said, known, strict=True)]
        assert places.false == sum(e.fp for e in errors)
        assert places.missed == sum(e.fn for e in errors)
        assert places.found == sum(e.tp for e in errors)
        assert places.km2 == pytest.approx((true != IGNORE_INDEX).sum() * card.gsd_m**2 / 1e6)
    total = [sum(getattr(p, name) for p in found.values()) for name in ("false", "found")]
    assert false_per_found(found) == pytest.approx(total[0] / total[1])
    counts.reset()
    assert counts.places() == {} and math.isnan(false_per_found({}))
