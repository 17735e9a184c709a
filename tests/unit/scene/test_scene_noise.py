"""Noise is a function of absolute coordinates, and of the statistics it claims."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.scene.noise import (
    Window,
    double,
    gradient,
    hash2,
    node_window,
    smooth,
    stream,
    unit,
    upsample,
    white,
)

windows = st.builds(
    Window, st.integers(-300, 10**6), st.integers(-300, 10**6), st.integers(8, 40), st.integers(8, 40)
)


@settings(max_examples=40, deadline=None)
@given(windows, st.sampled_from([2, 3, 8, 40]), st.integers(0, 6), st.integers(0, 6))
def test_a_part_of_smooth_noise_is_the_noise_of_the_part(window: Window, spacing: int, dr: int, dc: int):
    part = Window(window.row0 + dr, window.col0 + dc, window.rows - dr - 1, window.cols - dc - 2)
    assert np.array_equal(window.cut(smooth(5, spacing, window), part), smooth(5, spacing, part))
    assert np.array_equal(window.cut(white(5, window), part), white(5, part))


def test_white_noise_is_uniform_and_uncorrelated():
    noise = white(stream(1, 2), Window(-200, 50, 400, 400)).astype(np.float64)
    assert abs(noise.mean()) < 0.01
    assert noise.var() == pytest.approx(1 / 3, abs=0.01)
    for a, b in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1]), (noise[1:, 1:], noise[:-1, :-1])):
        assert abs(np.mean(a * b)) < 0.01


def test_hash_spreads_over_all_bits():
    bits = hash2(7, np.arange(256)[:, None], np.arange(256)[None, :])
    assert len(np.unique(bits)) > 65_500
    for k in range(32):
        assert np.mean((bits >> np.uint32(k)) & 1) == pytest.approx(0.5, abs=0.02)
    assert unit(bits).min() >= 0 and unit(bits).max() < 1


def test_streams_differ_by_seed_and_channel():
    keys = {stream(seed, channel) for seed in range(100) for channel in range(100)}
    assert len(keys) > 9_990


@pytest.mark.parametrize("spacing", [2, 4, 8])
def test_smooth_noise_has_unit_deviation(spacing: int):
    noise = smooth(3, spacing, Window(0, 0, 100 * spacing, 100 * spacing))
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1.0, abs=0.06)


@settings(max_examples=30, deadline=None)
@given(windows, st.sampled_from([2, 5, 8]))
def test_upsampling_reproduces_planes(window: Window, factor: int):
    window = Window(window.row0 % 100, window.col0 % 100, window.rows, window.cols)
    nodes = node_window(window, factor)
    row = np.arange(nodes.row0, nodes.row0 + nodes.rows, dtype=np.float32)[:, None] * factor
    col = np.arange(nodes.col0, nodes.col0 + nodes.cols, dtype=np.float32)[None, :] * factor
    fine_row = np.arange(window.row0, window.row0 + window.rows)[:, None] + 0.5
    fine_col = np.arange(window.col0, window.col0 + window.cols)[None, :] + 0.5
    plane = upsample((2 * row - 3 * col).astype(np.float32), factor, window)
    assert plane == pytest.approx(2 * fine_row - 3 * fine_col, abs=2e-3)


def test_doubling_reproduces_planes_at_cell_centres():
    rows, cols = np.arange(7, dtype=np.float32)[:, None], np.arange(9, dtype=np.float32)[None, :]
    fine = double(4 * rows + cols)
    centres_r = (np.arange(10)[:, None] + 0.5) / 2 - 0.5 + 1
    centres_c = (np.arange(14)[None, :] + 0.5) / 2 - 0.5 + 1
    assert fine == pytest.approx(4 * centres_r + centres_c)


def test_gradient_noise_is_zero_on_the_lattice_and_smooth_between():
    x, y = (a.astype(np.float64) for a in np.meshgrid(np.arange(-20, 20), np.arange(-20, 20)))
    assert np.all(gradient(9, x, y) == 0)
    fine = np.linspace(-5, 5, 4001)
    line = gradient(9, fine, np.full_like(fine, 0.3))
    assert np.abs(np.diff(line)).max() < 0.02
    assert 0.15 < gradient(9, x + 0.5, y + 0.5).std() < 0.8


def test_windows_cover_and_cut():
    window = Window(-3, 5, 10, 20)
    coarse = window.coarser(8).finer(8)
    assert coarse.row0 <= window.row0 and coarse.row0 + coarse.rows >= window.row0 + window.rows
    grown = window.extend(4, 2)
    index = np.arange(grown.rows * grown.cols).reshape(grown.rows, grown.cols)
    assert np.array_equal(grown.cut(index, window), index[4:-2, 4:-2])
