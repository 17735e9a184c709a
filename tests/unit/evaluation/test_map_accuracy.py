import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.evaluation.map_accuracy import (
    Estimate,
    estimate_accuracy,
    estimate_by_strata,
)

#: The example of Olofsson et al. 2014, tables 8 and 9: deforestation, gain, stable forest and non-forest.
COUNTS = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
PIXELS = [200_000, 150_000, 3_200_000, 6_450_000]
PIXEL_HA = 0.09


def test_published_example() -> None:
    got = estimate_accuracy(COUNTS, PIXELS)
    assert got.overall.value == pytest.approx(0.9465, abs=5e-5)
    assert got.overall.half_width() == pytest.approx(0.0185, abs=5e-5)
    np.testing.assert_allclose(got.users.value, [0.8800, 0.7333, 0.9273, 0.9631], atol=5e-5)
    np.testing.assert_allclose(got.users.half_width(), [0.074, 0.101, 0.040, 0.021], atol=1e-3)
    np.testing.assert_allclose(got.producers.value, [0.7487, 0.8472, 0.9345, 0.9616], atol=5e-5)
    areas = got.areas(PIXEL_HA)
    np.testing.assert_allclose(areas.value, [21158, 11686, 285770, 581386], atol=1)
    np.testing.assert_allclose(areas.half_width(), [6158, 3756, 15510, 16281], atol=1)


def test_producers_variance_is_the_printed_formula() -> None:
    n, N = np.array(COUNTS, float), np.array(PIXELS, float)  # noqa: N806 - the paper's names
    got = estimate_accuracy(COUNTS, PIXELS)
    rows, users, p = n.sum(axis=1), np.diag(n) / n.sum(axis=1), got.producers.value
    for j in range(4):
        estimated = (N * n[:, j] / rows).sum()
        own = N[j] ** 2 * (1 - p[j]) ** 2 * users[j] * (1 - users[j]) / (rows[j] - 1)
        others = sum(
            N[i] ** 2 * n[i, j] / rows[i] * (1 - n[i, j] / rows[i]) / (rows[i] - 1)
            for i in range(4)
            if i != j
        )
        assert got.producers.error[j] ** 2 == pytest.approx((own + p[j] ** 2 * others) / estimated**2)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 6))
def test_shares_sum_to_one_and_errors_of_two_classes_are_equal(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 20, (n, n)) + 2 * np.eye(n, dtype=int)
    got = estimate_accuracy(counts, rng.integers(1000, 10**9, n))
    assert got.shares.value.sum() == pytest.approx(1)
    for estimate in (got.overall, got.users, got.producers, got.shares):
        assert ((estimate.value >= 0) & (estimate.value <= 1 + 1e-12)).all()
    if n == 2:  # what one class gains the other loses
        assert got.shares.error[0] == pytest.approx(got.shares.error[1])


def test_proportional_sample_gives_plain_shares() -> None:
    """With points in proportion to the strata the estimates are those of a simple random sample."""
    counts = np.array([[30, 10], [5, 55]])
    got = estimate_accuracy(counts, counts.sum(axis=1) * 1000)
    assert got.overall.value == pytest.approx(0.85)
    np.testing.assert_allclose(got.producers.value, np.diag(counts) / counts.sum(axis=0))
    np.testing.assert_allclose(got.shares.value, counts.sum(axis=0) / 100)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """2,000 samples of 300 points per stratum from one known population: no bias, and 95 % coverage.

    (With 60 points the normal approximation covers 91 %.)
    """
    rng = np.random.default_rng(0)
    population = 10 * np.array([[8000, 1500, 500], [900, 25000, 2100], [100, 3000, 58900]])  # map in rows
    mapped, total = population.sum(axis=1), population.sum()
    truth = {
        "overall": np.trace(population) / total,
        "users": np.diag(population) / mapped,
        "producers": np.diag(population) / population.sum(axis=0),
        "shares": population.sum(axis=0) / total,
    }
    found = [
        estimate_accuracy([rng.multivariate_hypergeometric(row, 300) for row in population], mapped)
        for _ in range(2000)
    ]
    for name, true in truth.items():
        values = np.array([getattr(f, name).value for f in found])
        widths = np.array([getattr(f, name).half_width() for f in found])
        errors = np.array([getattr(f, name).error for f in found])
        np.testing.assert_allclose(values.mean(axis=0), true, atol=0.002)
        np.testing.assert_allclose(np.sqrt((errors**2).mean(axis=0)), values.std(axis=0), rtol=0.06)
        assert (abs((abs(values - true) <= widths).mean(axis=0) - 0.95) < 0.025).all()


def test_a_whole_class_leaves_no_error_and_an_unmapped_class_is_found() -> None:
    """Both pixels of class 0 were looked at; class 2 is not mapped, yet 1 of 50 points of class 1 is it."""
    got = estimate_accuracy([[2, 0, 0], [0, 49, 1], [0, 0, 0]], [2, 1000, 0])
    assert got.users.error[0] == 0
    assert np.isnan(got.users.value[2]) and got.producers.value[2] == 0
    assert got.shares.value[2] == pytest.approx(1000 / 1002 / 50)
    assert got.shares.error[2] > 0


def test_json_is_plain_and_rounded() -> None:
    got = estimate_accuracy([[2, 0, 0], [0, 49, 1], [0, 0, 0]], [2, 1000, 0], ("a", "b", "c"))
    text = json.loads(json.dumps(got.as_json(pixel_area_m2=0.25), allow_nan=False))
    assert text["points"] == 52
    assert text["classes"]["c"]["users_accuracy"] == [None, None]
    assert text["classes"]["a"]["users_accuracy"] == [1.0, 0.0]
    assert text["classes"]["b"]["mapped_ha"] == 0.03
    assert text["counts"] == [[2, 0, 0], [0, 49, 1], [0, 0, 0]]


def test_confidence_widens_the_interval() -> None:
    estimate = Estimate(np.array(0.5), np.array(0.1))
    assert estimate.half_width(0.95) == pytest.approx(0.1959964)
    assert estimate.half_width(0.99) == pytest.approx(0.2575829)


@pytest.mark.parametrize(
    ("counts", "pixels", "says"),
    [
        ([[1, 0], [0, 9]], [50, 50], "class a is mapped, but has 1 interpreted point:"),
        ([[0, 0], [0, 9]], [50, 50], "class a is mapped, but has 0 interpreted points"),
        ([[9, 0], [2, 9]], [50, 0], "11 points of b, but its map has 0 pixels"),
        ([[0, 0], [0, 0]], [0, 0], "no mapped pixel"),
    ],
)
def test_samples_that_say_too_little_are_refused(counts: list, pixels: list, says: str) -> None:
    with pytest.raises(InputError, match=says):
        estimate_accuracy(counts, pixels, ("a", "b"))


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit 3 strata"):
        estimate_accuracy([[1, 2], [3, 4]], [1, 2, 3])


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), h=st.integers(1, 4), c=st.integers(2, 4))
def test_any_strata_give_the_formulas_of_stratified_sampling(seed: int, h: int, c: int) -> None:
    """Against means and covariances that NumPy takes of the points themselves."""
    rng = np.random.default_rng(seed)
    counts, pixels = rng.integers(0, 5, (h, c, c)) + 1, rng.integers(10_000, 10**7, h)
    names = [str(k) for k in range(c)]
    got = estimate_by_strata(counts, pixels, np.ones(c), [str(k) for k in range(h)], names)
    weight = pixels / pixels.sum()
    points = [
        np.array([(i, j) for i in range(c) for j in range(c) for _ in range(counts[s, i, j])])
        for s in range(h)
    ]

    def ratio(numerator, denominator):
        y = [numerator(p[:, 0], p[:, 1]).astype(float) for p in points]
        x = [denominator(p[:, 0], p[:, 1]).astype(float) for p in points]
        r = sum(w * v.mean() for w, v in zip(weight, y, strict=True))
        below = sum(w * v.mean() for w, v in zip(weight, x, strict=True))
        r /= below
        variance = sum(w**2 * (a - r * b).var(ddof=1) / len(a) for w, a, b in zip(weight, y, x, strict=True))
        return pytest.approx(r), pytest.approx(np.sqrt(variance) / below, abs=1e-9)

    everything = np.vectorize(lambda i, j: True)
    assert (got.overall.value, got.overall.error) == ratio(lambda i, j: i == j, everything)
    for k in range(c):
        for estimate, y, x in (
            (got.users, lambda i, j, k=k: (i == k) & (j == k), lambda i, j, k=k: i == k),
            (got.producers, lambda i, j, k=k: (i == k) & (j == k), lambda i, j, k=k: j == k),
            (got.shares, lambda i, j, k=k: j == k, everything),
        ):
            assert (estimate.value[k], estimate.error[k]) == ratio(y, x)
