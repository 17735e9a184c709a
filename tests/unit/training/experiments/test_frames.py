"""Candidates of frames against a restatement with loops over components and pixels."""

import numpy as np
import pytest
from mce_landcover.core.flagging.features import paper_names
from mce_landcover.training.experiments.metafusion.frames import (
    FrameCandidates,
    find_frame_candidates,
    fuse_frame,
)
from mce_landcover.training.experiments.metafusion.study import agreeing_mask
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
    candidates = find_frame_candidates(weighed, bayes, truth, CHANNEL, frame=7)
    assert [set(p.tolist()) for p in candidates.pixels] == expected_candidates(weighed, bayes)
    for row, pixels in enumerate(candidates.pixels):
        labels = truth.ravel()[pixels]
        assert candidates.targets[row] == (labels == CHANNEL).any()
        assert candidates.labelled[row] == (labels < N_CLASSES).any()
    assert (candidates.frame == 7).all()
    assert candidates.features.names == paper_names(N_CLASSES, position=True)
    sizes = candidates.features.select(["S"]).values[:, 0]
    assert sizes.tolist() == [len(p) for p in candidates.pixels]


def test_some_of_the_scenes_have_candidates_of_each_kind() -> None:
    parts = [find_frame_candidates(*decided(seed), CHANNEL, seed) for seed in range(6)]
    joined = FrameCandidates.join(parts)
    assert joined.targets.any() and not joined.targets.all() and not joined.labelled.all()
    assert len(joined) == sum(len(p) for p in parts)
    known = joined.take(joined.labelled)
    assert known.labelled.all() and len(known) == len(known.pixels) == joined.labelled.sum()


def test_fusion_changes_accepted_candidates_of_its_frame_only() -> None:
    weighed, bayes, truth = decided(1)
    one, two = (find_frame_candidates(weighed, bayes, truth, CHANNEL, frame) for frame in (0, 1))
    candidates = FrameCandidates.join([one, two])
    assert len(one) >= 2
    accepted = np.zeros(len(candidates), np.bool_)
    accepted[1] = True
    fused = fuse_frame(bayes, CHANNEL, candidates.pixels_of(0, accepted))
    changed = set(np.flatnonzero(fused != bayes).tolist())
    assert changed == set(candidates.pixels[1].tolist()) and (fused[fused != bayes] == CHANNEL).all()
    np.testing.assert_array_equal(fuse_frame(bayes, CHANNEL, candidates.pixels_of(1, accepted)), bayes)


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
