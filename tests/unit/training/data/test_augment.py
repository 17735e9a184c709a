import numpy as np
from mce_landcover.training.data.patches import Patch
from mce_landcover.training.data.samples import Colours, find_colours, jitter_colours, mirror, turn
from support.cards import tlm_card


def test_turning_gives_the_eight_symmetries_of_bands_and_labels_together() -> None:
    raw = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(300):
        patch = turn(Patch(raw, raw[0].astype(np.int64)), rng)
        np.testing.assert_array_equal(patch.raw[0], patch.channels)
        seen.add(patch.channels.tobytes())
    assert len(seen) == 8


def test_mirroring_swaps_left_and_right_of_bands_and_labels_together() -> None:
    raw = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(30):
        patch = mirror(Patch(raw, raw[0].astype(np.int64)), rng)
        np.testing.assert_array_equal(patch.raw[0], patch.channels)
        seen.add(tuple(patch.channels.ravel().tolist()))
    assert seen == {(0, 1, 2, 3, 4, 5), (2, 1, 0, 5, 4, 3)}


def test_colours_are_found_by_name_with_their_white() -> None:
    assert find_colours(tlm_card().sources) == Colours((0, 1, 2), 255.0)
    assert find_colours(tlm_card().sources[1:]) is None


def test_jitter_changes_colours_only_and_stays_in_range() -> None:
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 255, (5, 8, 8)).astype(np.float32)
    raw[:3, 0, 0] = np.nan
    colours = Colours((3, 1, 0), 255.0)
    for _ in range(20):
        out = jitter_colours(raw, colours, 0.5, rng)
        np.testing.assert_array_equal(out[[2, 4]], raw[[2, 4]])
        assert np.isnan(out[:2, 0, 0]).all() and np.nanmin(out) >= 0 and np.nanmax(out) <= 255
        assert not np.allclose(out[0, 1:], raw[0, 1:])


def test_no_strength_changes_nothing() -> None:
    raw = np.random.default_rng(0).uniform(0, 255, (3, 8, 8)).astype(np.float32)
    out = jitter_colours(raw, Colours((0, 1, 2), 255.0), 0.0, np.random.default_rng(1))
    np.testing.assert_allclose(out, raw, atol=1e-3)
