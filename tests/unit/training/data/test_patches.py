import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.data.patches import PatchSampler, drawn_pixels
from mce_landcover.training.data.tiles import Area


def numbered(height: int, width: int, seed: int = 0) -> Area:
    """An area whose only band tells area, row and column of each pixel, with a rare class 7 in one corner."""
    raw = (seed * 1e4 + np.arange(height)[:, None] * 100 + np.arange(width)).astype(np.float32)[None]
    labels = np.ones((height, width), np.uint8)
    labels[0, -2:] = 7
    labels[-1] = 0
    return Area(raw, labels)


AREAS = [numbered(20, 30), numbered(16, 16, seed=1)]


def test_patches_are_windows_of_the_areas_with_channels_for_labels() -> None:
    sampler, rng = PatchSampler(AREAS, [7, 1], 8), np.random.default_rng(0)
    for _ in range(50):
        patch = sampler.draw(rng)
        assert patch.raw.shape == (1, 8, 8) and patch.channels.shape == (8, 8)
        a, place = divmod(int(patch.raw[0, 0, 0]), 10**4)
        row, col = divmod(place, 100)
        at = np.s_[row : row + 8, col : col + 8]
        np.testing.assert_array_equal(patch.raw[0], AREAS[a].raw[0][at])
        expected = np.select([AREAS[a].labels[at] == 7, AREAS[a].labels[at] == 1], [0, 1], 255)
        np.testing.assert_array_equal(patch.channels, expected)


def test_balanced_draws_meet_rare_classes_and_unlabelled_classes_do_not_matter() -> None:
    sampler = PatchSampler(AREAS, [7, 1, 3], 8, balanced=1.0)
    rng = np.random.default_rng(1)
    held = np.mean([(sampler.draw(rng).channels == 0).any() for _ in range(400)])
    assert 0.42 < held < 0.7  # half of the draws ask for it, some others meet it by chance


def test_uniform_draws_cover_all_windows_alike() -> None:
    sampler, rng = PatchSampler(AREAS[:1], [1], 18, balanced=0.0), np.random.default_rng(2)
    starts = [int(sampler.draw(rng).raw[0, 0, 0]) for _ in range(2000)]
    values, counts = np.unique(starts, return_counts=True)
    assert len(values) == 3 * 13
    assert counts.min() > 20 and counts.max() < 90  # 51 expected


def test_same_seed_same_patches() -> None:
    sampler = PatchSampler(AREAS, [1, 7], 8)
    one, two = (sampler.draw(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.raw, two.raw)


def test_drawn_pixels_count_what_a_training_meets() -> None:
    sampler = PatchSampler(AREAS, [7, 1], 8, balanced=0.0)
    counts = drawn_pixels(sampler, 2, np.random.default_rng(0), draws=50)
    rng = np.random.default_rng(0)
    channels = [sampler.draw(rng).channels for _ in range(50)]
    assert counts == tuple(int(sum((c == i).sum() for c in channels)) for i in range(2))


def test_what_cannot_be_sampled_is_refused() -> None:
    with pytest.raises(InputError, match="smaller than the window of 17"):
        PatchSampler(AREAS, [1], 17)
    with pytest.raises(InputError, match="No pixel"):
        PatchSampler(AREAS, [5], 8)
