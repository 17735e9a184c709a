"""Any block is the same part of any larger block; classes lie where they belong and hold their shares."""

import hashlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.scene.block import Block, label_block, render_block
from mce_landcover.scene.cover import Label
from mce_landcover.scene.write import LANDSCAPE_VERSION
from scipy import ndimage

pytestmark = pytest.mark.slow

CLASSES = load_catalogue()


@cache
def scene() -> Block:
    """Half a kilometre of the default scene."""
    return render_block(7, 0, 0, 1000, 1000)


def cut(block: Block, row: int, col: int, rows: int, cols: int) -> Block:
    """Return a part of a block, offsets counted from the block's corner."""
    here = np.s_[..., row : row + rows, col : col + cols]
    fine = np.s_[..., 2 * row : 2 * (row + rows), 2 * col : 2 * (col + cols)]
    return Block(block.image[fine], block.dem[here], block.labels[here])


def assert_same(a: Block, b: Block) -> None:
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.dem, b.dem)
    assert np.array_equal(a.labels, b.labels)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_part_is_the_part_of_the_whole(data: st.DataObject):
    row, rows, col, cols = (
        data.draw(st.integers(lo, hi)) for lo, hi in ((0, 939), (1, 60), (0, 939), (1, 60))
    )
    assert_same(render_block(7, row, col, rows, cols), cut(scene(), row, col, rows, cols))


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    corner=st.tuples(st.integers(0, 199_000), st.integers(0, 199_000)),
    size=st.tuples(st.integers(2, 90), st.integers(2, 90)),
    data=st.data(),
)
def test_neighbours_join_anywhere(
    seed: int, corner: tuple[int, int], size: tuple[int, int], data: st.DataObject
):
    (row, col), (rows, cols) = corner, size
    at = data.draw(st.integers(1, cols - 1))
    whole = render_block(seed, row, col, rows, cols)
    assert_same(render_block(seed, row, col, rows, at), cut(whole, 0, 0, rows, at))
    assert_same(render_block(seed, row, col + at, rows, cols - at), cut(whole, 0, at, rows, cols - at))


def test_shapes_types_and_class_ids():
    block = render_block(1, 10, 20, 30, 50)
    assert (block.image.shape, block.image.dtype) == ((3, 60, 100), np.uint8)
    assert (block.dem.shape, block.dem.dtype) == ((30, 50), np.float32)
    assert (block.labels.shape, block.labels.dtype) == ((30, 50), np.uint8)


def test_labels_are_the_ids_of_the_catalogue():
    ours = {
        c: c.name.lower().replace("_grass", " with grass").replace("blocks", "large blocks") for c in Label
    }
    assert ours.pop(Label.BACKGROUND) == "background"
    assert {int(c): name for c, name in ours.items()} == {c.id: c.name for c in CLASSES}


def test_seeds_give_other_landscapes():
    blocks = [render_block(seed, 0, 0, 60, 60) for seed in (0, 1, 2**40)]
    for i, a in enumerate(blocks):
        for b in blocks[i + 1 :]:
            assert np.mean(a.dem == b.dem) < 0.1
            assert np.mean(a.image == b.image) < 0.3


def test_labels_alone_are_the_labels_of_the_block():
    assert np.array_equal(label_block(7, 100, 50, 70, 80), render_block(7, 100, 50, 70, 80).labels)


@pytest.mark.parametrize("window", [(-1, 0, 5, 5), (0, -3, 5, 5), (0, 0, 0, 5), (0, 0, 5, -2)])
def test_impossible_blocks_are_refused(window: tuple[int, int, int, int]):
    with pytest.raises(InputError, match="block of the scene"):
        render_block(7, *window)


def counts(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels.ravel(), minlength=10)


def assert_shares(n: np.ndarray) -> None:
    """Shares of the labelled pixels within a factor of two of the TLM's, and little unlabelled ground."""
    assert 0 < n[0] / n.sum() < 0.03
    for c in CLASSES:
        ratio = n[c.id] / n[1:].sum() / c.share
        assert 0.5 < ratio < 2, f"{c.name}: {ratio:.2f} of its share"


def test_default_scene_has_the_shares_of_the_tlm():
    assert_shares(counts(label_block(7, 0, 0, 2000, 2000)))


@pytest.mark.parametrize("seed", [11, 2**50 + 3])
@pytest.mark.parametrize("side_px", [10_000, 50_000])
def test_large_scenes_have_the_shares_of_the_tlm(seed: int, side_px: int):
    rng = np.random.default_rng(seed + side_px)
    # Whole cells of the landmarks' lattices (500 m), drawn at random: rare classes need no luck.
    cells = rng.choice(side_px // 1000, (10, 2))
    assert_shares(sum(counts(label_block(seed, 1000 * r, 1000 * c, 1000, 1000)) for r, c in cells))


def test_classes_follow_altitude_and_slope():
    labels = scene().labels
    dem = scene().dem
    gy, gx = np.gradient(ndimage.uniform_filter(dem, 9), 0.5)
    slope = np.hypot(gx, gy)
    altitude = {c: dem[labels == c].mean() for c in Label if (labels == c).any()}
    steep = {c: slope[labels == c].mean() for c in altitude}
    assert altitude[Label.FOREST] < altitude[Label.SCREE_GRASS] < altitude[Label.GLACIER]
    assert altitude[Label.FOREST] < altitude[Label.SCREE] < altitude[Label.BEDROCK]
    assert steep[Label.BEDROCK] > 1.5 * max(steep[Label.GLACIER], steep[Label.SCREE], steep[Label.FOREST])
    assert dem.min() > 1800 and dem.max() < 2200


def test_lakes_are_level_and_lie_in_hollows():
    lakes = render_block(7, 500, 300, 300, 300)
    water = lakes.labels == Label.WATER
    bodies, n = ndimage.label(ndimage.binary_opening(water, iterations=5))
    assert n >= 1
    for k in range(1, n + 1):
        lake = bodies == k
        assert lake.sum() > 500
        assert np.ptp(lakes.dem[lake]) == 0
        ring = ndimage.binary_dilation(lake, iterations=14) & ~ndimage.binary_dilation(lake, iterations=9)
        assert np.median(lakes.dem[ring]) > lakes.dem[lake][0]


def test_materials_look_their_part_in_the_sun():
    image = scene().image.astype(np.float32).reshape(3, 1000, 2, 1000, 2).mean((2, 4))
    labels = scene().labels
    mean = {c: image[:, labels == c].mean(1) for c in (Label.GLACIER, Label.FOREST, Label.SCREE, Label.WATER)}
    assert mean[Label.GLACIER].min() > 1.2 * mean[Label.SCREE].max()
    assert mean[Label.FOREST][1] > mean[Label.FOREST][0] and mean[Label.FOREST][1] > mean[Label.FOREST][2]
    assert mean[Label.WATER][2] > 1.2 * mean[Label.WATER][0]
    grey = image.mean(0)
    # Grey classes overlap: neither bedrock nor scree is told by its brightness alone.
    low, high = np.percentile(grey[labels == Label.SCREE], [5, 95])
    assert np.mean((grey[labels == Label.BEDROCK] > low) & (grey[labels == Label.BEDROCK] < high)) > 0.3


def test_ground_turned_to_the_north_west_is_brighter():
    gy, gx = np.gradient(ndimage.uniform_filter(scene().dem, 9), 0.5)
    toward, steep = (gx + gy) / np.sqrt(2), scene().labels == Label.BEDROCK
    grey = scene().image.astype(np.float32).mean(0).reshape(1000, 2, 1000, 2).mean((1, 3))
    assert grey[steep & (toward > 0.5)].mean() > 1.5 * grey[steep & (toward < -0.5)].mean()


def test_this_version_of_the_landscape_stays_as_it_is():
    digest = hashlib.sha256()
    for corner in ((0, 0), (1100, 600), (90_000, 150_001)):
        block = render_block(7, *corner, 70, 110)
        for array in (block.image, block.dem, block.labels):
            digest.update(array.tobytes())
    # Another digest is another landscape: raise LANDSCAPE_VERSION, train the demo model anew, renew it here.
    assert (LANDSCAPE_VERSION, digest.hexdigest()) == (
        1,
        "e32a1df03ca8e2c045c65cc3cbb0bca815a3b01767ccbf75727b8e368b66146f",
    )
