"""The height field, its form, and the light on it, against closed forms and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.scene.cover import Kind, sites
from mce_landcover.scene.noise import Window
from mce_landcover.scene.terrain import (
    FORM_HALO,
    SUN_TANGENT,
    box_mean,
    form,
    lambert,
    piecewise,
    relief,
    shade_height,
    slopes,
    smoothstep,
)
from scipy import ndimage


def test_relief_depends_on_the_point_alone():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-100, 25_000, (2, 500))
    height, valley = relief(3, x, y)
    order = rng.permutation(500)[:123]
    again = relief(3, x[order].reshape(3, 41), y[order].reshape(3, 41))
    assert np.array_equal(again[0].ravel(), height[order])
    assert np.array_equal(again[1].ravel(), valley[order])


def test_relief_spans_the_belts_in_a_kilometre():
    x, y = np.meshgrid(np.arange(0, 1000, 8.0), np.arange(0, 1000, 8.0))
    for seed in (1, 7, 8):
        height, _ = relief(seed, x, y)
        assert height.min() < 8 and height.max() > 190
        assert height.min() > -10 and height.max() < 320


def test_valley_floors_follow_the_valley_field():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 20_000, (2, 20_000))
    height, valley = relief(5, x, y)
    on_axis = np.abs(valley) < 0.01
    assert on_axis.sum() > 100
    assert np.median(height[on_axis]) < 5 < np.median(height[~on_axis])


@settings(max_examples=50)
@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=20))
def test_piecewise_is_linear_interpolation(x: list[float]):
    knots, values = (0.0, 0.1, 0.5, 1.0), (0.0, 2.0, 1.0, 7.0)
    assert piecewise(np.array(x), knots, values) == pytest.approx(np.interp(x, knots, values))


def test_smoothstep_rises_or_falls_between_its_limits():
    x = np.linspace(-1, 2, 301, dtype=np.float32)
    up, down = smoothstep(x, 0.0, 1.0), smoothstep(x, 1.0, 0.0)
    assert up[0] == 0 and up[-1] == 1 and np.all(np.diff(up) >= 0)
    assert up + down == pytest.approx(np.ones_like(x), abs=1e-6)


def test_slopes_and_light_of_a_plane():
    y, x = np.mgrid[0:10, 0:12].astype(np.float32) * 0.5
    right, down = slopes(2 * x - y, 0.5)
    assert right == pytest.approx(np.full((8, 10), 2.0)) and down == pytest.approx(np.full((8, 10), -1.0))
    altitude = np.arctan(SUN_TANGENT)
    # A plane turned at right angles to the rays has cosine 1: it rises to the south-east by cot(altitude).
    tilt = np.float32(1 / SUN_TANGENT / np.sqrt(2))
    cosine, flat = lambert(tilt * (x + y), 0.5)
    assert cosine == pytest.approx(np.ones((8, 10)), abs=2e-3)
    assert flat == pytest.approx(np.full((8, 10), np.sin(altitude)), abs=2e-3)
    assert lambert(np.zeros((3, 3), np.float32), 1.0)[0] == pytest.approx(np.sin(altitude), abs=2e-3)


def test_shadows_equal_a_search_along_the_ray():
    surface = np.random.default_rng(2).uniform(0, 30, (40, 37)).astype(np.float32)
    reach, drop = 8, 0.5 * np.sqrt(2) * SUN_TANGENT
    found = shade_height(surface, 0.5, 3)
    for r in range(reach, 40):
        for c in range(reach, 37):
            brute = max(surface[r - k, c - k] - k * drop for k in range(1, reach + 1))
            assert found[r - reach, c - reach] == pytest.approx(brute, abs=1e-4)


def test_box_mean_and_form_agree_with_scipy():
    height = np.random.default_rng(3).normal(0, 5, (40, 50)).astype(np.float32)
    size = 2 * FORM_HALO + 1
    oracle = ndimage.uniform_filter(height.astype(np.float64), size)[
        FORM_HALO:-FORM_HALO, FORM_HALO:-FORM_HALO
    ]
    assert box_mean(height, FORM_HALO) == pytest.approx(oracle, abs=1e-4)
    land = form(height)
    inner = height[FORM_HALO:-FORM_HALO, FORM_HALO:-FORM_HALO]
    assert np.array_equal(land.height, inner)
    assert land.hollow == pytest.approx(oracle - inner, abs=1e-4)
    gy, gx = np.gradient(height.astype(np.float64), 4.0)
    assert land.slope == pytest.approx(np.hypot(gx, gy)[FORM_HALO:-FORM_HALO, FORM_HALO:-FORM_HALO], abs=1e-4)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_cell_has_one_site_and_a_part_sees_its_own(kind: Kind):
    recipe = kind.value
    whole = Window(0, 0, 4000, 4000)
    inside = [s for s in sites(4, kind, whole) if 0 <= s.x < 2000 and 0 <= s.y < 2000]
    cells = {(int(s.x // recipe.cell_m), int(s.y // recipe.cell_m)) for s in inside}
    assert len(inside) == len(cells) == (2000 / recipe.cell_m) ** 2
    part = Window(700, 1300, 900, 800)
    reach = recipe.reach * recipe.radius_m[1]
    near = [
        s
        for s in sites(4, kind, whole)
        if 650 - reach <= s.x <= 1050 + reach and 350 - reach <= s.y <= 800 + reach
    ]
    assert sites(4, kind, part) == near
    assert all(recipe.radius_m[0] <= s.radius_m <= recipe.radius_m[1] for s in inside)
