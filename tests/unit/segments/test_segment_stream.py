import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments import stream as segment_stream
from mce_landcover.core.segments.metrics import segment_metrics
from mce_landcover.core.segments.stream import IGNORED, PixelBlock, SegmentTable, stream_segments
from support.segments import (
    STEPS,
    Scene,
    assert_metrics,
    brute_heat,
    brute_labels,
    brute_rows,
    make_classes,
    make_probabilities,
    make_scene,
    spiral,
)

shapes = st.tuples(st.integers(1, 13), st.integers(1, 13))
scenes = st.builds(
    lambda shape, n, patch, ignored, seed: make_scene(
        make_classes(shape, n, patch=patch, ignored=ignored, seed=seed), n, seed=seed
    ),
    shapes,
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.integers(0, 10**6),
)


def assert_equal(one: SegmentTable, other: SegmentTable) -> None:
    """Bit for bit."""
    assert list(one.metrics) == list(other.metrics)
    for name, column in one.metrics.items():
        np.testing.assert_array_equal(column, other.metrics[name], err_msg=name)
    for name in ("means", "first", "bounds", "n_pixels", "n_interior"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@settings(deadline=None, max_examples=100)
@given(scenes, st.integers(1, 14), st.integers(1, 14))
def test_any_block_size_gives_the_same_bits(scene, one, other):
    assert_equal(scene.stream(one), scene.stream(other))


@settings(deadline=None, max_examples=50)
@given(scenes, st.integers(1, 6))
def test_agrees_with_the_definitions(scene, block):
    table = scene.stream(block)
    assert_metrics(table.metrics, brute_rows(scene.classes, scene.heat / STEPS, scene.n_classes))
    labels = brute_labels(scene.classes)
    for index, label in enumerate(range(1, labels.max() + 1)):
        rows, cols = np.nonzero(labels == label)
        w = scene.classes.shape[1]
        assert table.first[index] == (rows * w + cols).min()
        bounds = rows.min(), rows.max() + 1, cols.min(), cols.max() + 1
        assert tuple(table.bounds[index]) == bounds
        assert table.n_pixels[index] == rows.size == table.metrics["S"][index]
        assert table.n_interior[index] == table.metrics["S_in"][index]
        np.testing.assert_allclose(table.means[index], scene.layers[:, rows, cols].mean(axis=1), atol=1e-3)
    assert len(table) == labels.max()


@settings(deadline=None, max_examples=30)
@given(scenes, st.integers(1, 6), st.integers(0, 1000))
def test_float_heat_gives_what_segment_metrics_gives(scene, block, seed):
    p = make_probabilities(scene.classes, scene.n_classes, seed)
    _, expected = segment_metrics(p, ignore=scene.classes == IGNORED)
    table = Scene(scene.classes, brute_heat(p), scene.layers, scene.n_classes).stream(block, heat_scale=1.0)
    for name, column in expected.items():
        np.testing.assert_allclose(table.metrics[name], column, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("block", [1, 3, 8, 40])
def test_one_long_segment_through_all_blocks(block):
    scene = make_scene(spiral(33), 2)
    table = scene.stream(block)
    assert len(table) == 2
    assert table.n_pixels[0] == (scene.classes == 1).sum()
    assert_equal(table, scene.stream(33))


def test_segments_that_meet_only_over_the_corner_of_four_blocks():
    classes = np.zeros((4, 4), np.uint8)
    classes[1, 2] = classes[2, 1] = 1
    classes[0, 0] = classes[3, 3] = 2
    table = make_scene(classes, 3).stream(2)
    assert sorted(table.metrics["S"][table.metrics["class"] == 1]) == [2]
    assert sorted(table.metrics["S"][table.metrics["class"] == 2]) == [1, 1]


def test_blocks_are_read_once_in_raster_order_with_a_halo_clipped_to_the_raster():
    scene, seen = make_scene(make_classes((5, 7), 2), 2), []

    def read(region: Region) -> PixelBlock:
        seen.append(region)
        return scene.read(region)

    list(stream_segments((5, 7), 2, read, heat_scale=STEPS, block=3))
    rows, cols = [(0, 4), (2, 5)], [(0, 4), (2, 7), (5, 7)]
    assert seen == [Region(*row, *col) for row in rows for col in cols]


def test_segments_come_as_soon_as_nothing_can_be_added():
    """The left block's inner segment is out before the next block is read, the seam's not."""
    classes = np.zeros((4, 8), np.uint8)
    classes[1, 1], classes[1, 3], classes[2, 4] = 1, 1, 1
    scene, read_blocks, out = make_scene(classes, 2), [0], []

    def read(region: Region) -> PixelBlock:
        read_blocks[0] += 1
        return scene.read(region)

    for table in stream_segments((4, 8), 2, read, heat_scale=STEPS, block=4):
        out += [(int(first), read_blocks[0]) for first in table.first]
    assert dict(out) == {9: 1, 0: 2, 11: 2}


@settings(deadline=None, max_examples=30)
@given(scenes, st.integers(1, 6), st.integers(1, 4))
def test_keep_drops_rows_and_nothing_else(scene, block, least):
    shape, n = scene.classes.shape, scene.n_classes

    def keep(table: SegmentTable) -> np.ndarray:
        return (table.n_pixels >= least) & (table.metrics["class"] > 0)

    kept = list(stream_segments(shape, n, scene.read, heat_scale=STEPS, block=block, keep=keep))
    assert all(len(table) for table in kept)
    whole = scene.stream(block)
    empty = SegmentTable.empty(n, len(scene.layers))
    assert_equal(SegmentTable.join([empty, *kept]).in_raster_order(), whole.take(keep(whole)))


def test_tables_are_made_a_few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(segment_stream, "ROWS", 5)
    scene, sizes = make_scene(make_classes((12, 12), 4), 4), []

    def keep(table: SegmentTable) -> np.ndarray:
        sizes.append(len(table))
        return np.ones(len(table), np.bool_)

    tables = stream_segments((12, 12), 4, scene.read, heat_scale=STEPS, block=6, keep=keep)
    found = SegmentTable.join(tables).in_raster_order()
    assert max(sizes) == 5
    monkeypatch.undo()
    assert_equal(found, scene.stream(12))


def noise(region: Region) -> PixelBlock:
    """Pure noise that is the same wherever it is read."""
    rows, cols = np.ogrid[region.row0 : region.row1, region.col0 : region.col1]
    mixed = (rows.astype(np.uint64) * 0x9E3779B97F4A7C15) ^ (cols.astype(np.uint64) * 0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> 29
    mixed *= 0xBF58476D1CE4E5B9
    mixed ^= mixed >> 32
    heat = np.broadcast_to((mixed % (STEPS + 1)).astype(np.uint16), (3, *mixed.shape))
    return PixelBlock(((mixed >> 20) % 4).astype(np.uint8), heat, np.zeros((0, *mixed.shape)))


def test_memory_is_the_same_for_a_raster_of_noise_eight_times_as_long():
    def peak(rows: int) -> int:
        def keep(table: SegmentTable) -> np.ndarray:
            return table.n_interior > 0

        tracemalloc.start()
        try:
            n = sum(map(len, stream_segments((rows, 256), 4, noise, heat_scale=STEPS, block=64, keep=keep)))
            assert n < rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(128)
    assert peak(2048) < 1.2 * peak(256)


def test_squares_that_could_overflow_64_bits_are_summed_in_float64(monkeypatch):
    scene = make_scene(make_classes((5, 4), 2), 2)
    whole = scene.stream(2)
    monkeypatch.setattr(segment_stream, "EXACT_INTEGER", STEPS**2)
    found = scene.stream(2)
    for name, column in whole.metrics.items():
        np.testing.assert_allclose(found.metrics[name], column, rtol=1e-12, atol=1e-12)


def test_blocks_whose_squares_have_no_exact_sum_are_refused():
    scene = make_scene(make_classes((8, 8), 2), 2)
    steps = 2**24
    scene.heat = scene.heat.astype(np.int64)
    scene.stream(3, heat_scale=steps)
    with pytest.raises(InputError, match="smaller blocks"):
        scene.stream(8, heat_scale=steps)


def test_ignored_pixels_may_hold_any_heat_without_a_warning(recwarn):
    scene = make_scene(make_classes((6, 6), 2, ignored=0.3), 2)
    heat = scene.heat / STEPS
    heat[:, scene.classes == IGNORED] = np.resize(
        [np.inf, -np.inf, np.nan, 1e300], (scene.classes == IGNORED).sum()
    )
    found = Scene(scene.classes, heat, scene.layers, 2).stream(3, heat_scale=1.0)
    for name, column in scene.stream(6).metrics.items():
        np.testing.assert_allclose(found.metrics[name], column, rtol=0, atol=1e-9, err_msg=name)
    assert not recwarn.list


def test_a_reader_may_stop_the_work():
    def read(region: Region) -> PixelBlock:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(stream_segments((4, 4), 2, read))


def block_of(classes=None, heat=None, layers=None) -> PixelBlock:
    return PixelBlock(
        np.zeros((4, 4), np.uint8) if classes is None else classes,
        np.zeros((3, 4, 4)) if heat is None else heat,
        np.zeros((0, 4, 4)) if layers is None else layers,
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (block_of(classes=np.zeros((3, 4), np.uint8)), "classes are uint8"),
        (block_of(classes=np.zeros((4, 4), np.int64)), "classes are int64"),
        (block_of(classes=np.full((4, 4), 2, np.uint8)), "Class 2 is unknown"),
        (block_of(heat=np.zeros((2, 4, 4))), "heat maps have the shape"),
        (block_of(heat=np.full((3, 4, 4), np.nan)), "not finite"),
        (block_of(layers=np.zeros((4, 4))), "layers have the shape"),
    ],
)
def test_a_bad_block_is_refused_in_a_sentence(block, words):
    with pytest.raises(InputError, match=words) as caught:
        list(stream_segments((4, 4), 2, lambda _: block))
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "wrong", [{"shape": (0, 4)}, {"n_classes": 0}, {"n_classes": 255}, {"block": 0}, {"heat_scale": 0.0}]
)
def test_bad_parameters_are_refused(wrong):
    given = {"shape": (4, 4), "n_classes": 2, "read": lambda _: block_of()} | wrong
    with pytest.raises(InputError):
        list(stream_segments(**given))
