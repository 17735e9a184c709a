import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.tiles import Area, count_pixels, frequency_groups, measure_normalisation


def test_bands_and_labels_must_fit() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        Area(np.zeros((1, 3, 4), np.float32), np.zeros((4, 3), np.uint8))


def test_counts_add_up_over_areas() -> None:
    labels = np.array([[1, 1, 9], [0, 255, 4]], np.uint8)
    areas = [Area(np.zeros((1, 2, 3), np.float32), labels)] * 3
    assert count_pixels(areas, [9, 1, 2]) == (3, 6, 0)


def test_groups_of_the_tlm_are_those_of_the_paper() -> None:
    classes = load_catalogue()
    counts = [round(1e6 * (c.share or 0)) for c in classes]
    assert frequency_groups(counts) == tuple(c.group for c in classes)


@given(counts=st.lists(st.integers(0, 10**6), min_size=3, max_size=12))
def test_groups_are_never_empty_and_follow_frequency(counts: list[int]) -> None:
    groups = frequency_groups(counts)
    assert set(groups) == {"head", "body", "tail"}
    order = {"head": 0, "body": 1, "tail": 2}
    for a, n_a in enumerate(counts):
        for b, n_b in enumerate(counts):
            assert n_a <= n_b or order[groups[a]] <= order[groups[b]]


def test_two_classes_have_no_three_groups() -> None:
    with pytest.raises(ValueError, match="at least three"):
        frequency_groups([1, 2])


def test_normalisation_makes_zero_mean_and_unit_deviation() -> None:
    rng = np.random.default_rng(0)
    bands = [rng.uniform(50, 200, (2, 24, 30)).astype(np.float32) for _ in range(2)]
    bands[0][1, :5] = np.nan
    norm = measure_normalisation(bands, relief=False, window=8, scale=1 / 255)
    for i in range(2):
        values = np.concatenate([b[i].ravel() for b in bands]) / 255
        assert norm.mean[i] == pytest.approx(np.nanmean(values), rel=1e-4)
        assert norm.std[i] == pytest.approx(np.nanstd(values), rel=1e-4)


def test_relief_is_measured_above_the_lowest_pixel_of_each_tile() -> None:
    high = np.full((1, 16, 16), 2000, np.float32)
    high[0, 8:] += 500
    high[0, ::8] -= 6  # one row of eight in every tile lies 6 m lower
    norm = measure_normalisation([high], relief=True, window=8)
    assert norm.kind == "window_min"
    assert norm.mean == pytest.approx((6 * 7 / 8,))
    assert norm.std == pytest.approx((6 * (7 / 8 * 1 / 8) ** 0.5,))


def test_flat_bands_and_empty_tiles_still_give_usable_numbers() -> None:
    flat = np.zeros((1, 16, 8), np.float32)
    flat[0, 8:] = np.nan
    norm = measure_normalisation([flat], relief=True, window=8)
    assert (norm.mean, norm.std) == ((0.0,), (1.0,))
