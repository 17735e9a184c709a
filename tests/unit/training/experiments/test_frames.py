"""Candidates of frames against a restatement with loops over components and pixels."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.features import paper_names
from mce_landcover.training.experiments.metafusion.frames import (
    SCORES,
    FrameMaps,
    decide_frames,
    find_frame_candidates,
)
from mce_landcover.training.experiments.metafusion.study import STRICT, agreeing_mask
from scipy.ndimage import binary_erosion, gaussian_filter, label

N_CLASSES, CHANNEL = 4, 2


def decided(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ML probabilities, Bayes map and truth that often differ."""
    rng = np.random.default_rng(seed)
    fields = np.stack([gaussian_filter(rng.normal(size=(40, 50)), 1.5) for _ in range(N_CLASSES)])
    weighed = np.exp(30 * fields)
    prior = np.zeros((N_CLASSES, 1, 50))
    prior[CHANNEL, 0, :35] = 1  # Bayes never says the class on the left
    bayes = (fields - prior).argmax(0)
    truth = np.roll(fields, 2, axis=2).argmax(0)
    truth[:8] = 255
    return (weighed / weighed.sum(0)).astype(np.float32), bayes, truth


def expected_candidates(weighed: np.ndarray, bayes: np.ndarray) -> list[set[int]]:
    mask = weighed.argmax(0) == CHANNEL
    parts, n = label(mask, np.ones((3, 3)))
    inside = binary_erosion(mask, np.ones((3, 3)), border_value=1)
    found = []
    for index in range(1, n + 1):
        part = parts == index
        if (part & inside).any() and not (bayes[part] == CHANNEL).any():
            found.append(set(np.flatnonzero(part).tolist()))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_candidates_targets_and_pixels(seed: int) -> None:
    weighed, bayes, truth = decided(seed)
    found = find_frame_candidates(weighed, bayes, truth, CHANNEL)
    labels = truth.ravel()
    expected = [p for p in expected_candidates(weighed, bayes) if (labels[list(p)] < N_CLASSES).any()]
    numbers = found.numbers.ravel()
    assert numbers.max() == len(found.targets) == len(expected)
    pixels = [np.flatnonzero(numbers == number) for number in range(1, len(expected) + 1)]
    assert [set(p.tolist()) for p in pixels] == expected
    assert found.targets.tolist() == [bool((labels[p] == CHANNEL).any()) for p in pixels]
    assert found.features.names == paper_names(N_CLASSES, position=True)
    assert found.features.select(["S"]).values[:, 0].tolist() == [len(p) for p in pixels]


def test_some_of_the_scenes_have_candidates_of_each_kind() -> None:
    targets = np.concatenate([find_frame_candidates(*decided(seed), CHANNEL).targets for seed in range(6)])
    assert targets.any() and not targets.all()
    everything = sum(len(expected_candidates(*decided(seed)[:2])) for seed in range(6))
    assert len(targets) < everything  # the others have no label


def test_fusion_changes_accepted_candidates_of_its_frame_only() -> None:
    weighed, bayes, truth = decided(1)
    both = [[frame] * 2 for frame in (bayes.astype(np.uint8), truth, weighed)]
    maps = FrameMaps(both[0], both[1], range(N_CLASSES), both[2], np.arange(2), CHANNEL, tuple("abcd"))
    found = decide_frames(maps, np.ones(N_CLASSES) / N_CLASSES, 0.0, MetaSettings(folds=2))
    n = len(found.targets) // 2
    assert n >= 2
    accepted = np.zeros(2 * n)
    accepted[1] = 1
    chosen = replace(found, validations={SCORES: SimpleNamespace(scores=accepted)})
    first, second = chosen.fused(SCORES, STRICT, 1.0)
    changed = first != bayes
    np.testing.assert_array_equal(changed, find_frame_candidates(weighed, bayes, truth, CHANNEL).numbers == 2)
    assert changed.any() and (first[changed] == CHANNEL).all()
    np.testing.assert_array_equal(second, bayes)


@pytest.mark.parametrize("seed", range(3))
def test_segments_that_agree_are_those_that_touch_the_bayes_mask(seed: int) -> None:
    weighed, bayes, _ = decided(seed)
    ml = weighed.argmax(0)
    parts, n = label(ml == CHANNEL, np.ones((3, 3)))
    expected = np.zeros(ml.shape, np.bool_)
    for index in range(1, n + 1):
        if (bayes[parts == index] == CHANNEL).any():
            expected |= parts == index
    np.testing.assert_array_equal(agreeing_mask(ml, bayes, CHANNEL), expected)
    assert expected.any() and not agreeing_mask(ml, bayes, 99).any()
