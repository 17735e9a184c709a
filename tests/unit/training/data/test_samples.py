import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.data.module import TileData
from mce_landcover.training.data.patches import Patch, PatchSampler
from mce_landcover.training.data.samples import (
    Augmentation,
    Colours,
    Draw,
    EpochSampler,
    ScoringWindows,
    TrainingPatches,
    TrainingTiles,
    augmentation,
    find_colours,
    jitter_colours,
    mirror,
    turn,
)
from mce_landcover.training.data.tiles import Area, MemoryTiles
from support.cards import tlm_card

IDS = list(range(1, 10))


def tiles(n: int = 4, shape: tuple[int, int] = (16, 16)) -> MemoryTiles:
    rng = np.random.default_rng(1)
    areas = [
        Area(rng.uniform(0, 255, (4, *shape)).astype(np.float32), rng.integers(0, 10, shape, dtype=np.uint8))
        for _ in range(n)
    ]
    return MemoryTiles(areas, [f"t{i}" for i in range(n)], "test")


def test_a_sample_is_a_function_of_seed_epoch_and_item() -> None:
    dataset = TrainingTiles(tiles(), IDS, 8, augmentation("square", 0.2, tlm_card().sources), seed=3)
    one, again = dataset[Draw(2, 1)], dataset[Draw(2, 1)]
    assert torch.equal(one.raw, again.raw) and torch.equal(one.channels, again.channels)
    assert one.raw.shape == (4, 8, 8) and one.channels.dtype == torch.uint8 and one.name == "t1"
    others = [dataset[Draw(3, 1)], dataset[Draw(2, 2)]]
    assert not any(torch.equal(one.raw, other.raw) for other in others)


def test_without_variation_a_tile_stays_as_it_is() -> None:
    source = tiles()
    sample = TrainingTiles(source, IDS, 16, Augmentation("none"), seed=0)[Draw(0, 2)]
    area = source.areas[2]
    assert torch.equal(sample.raw, torch.from_numpy(area.raw))
    expected = np.where(area.labels == 0, 255, area.labels - 1)
    assert (sample.channels.numpy() == expected).all()


def test_patches_come_anew_each_epoch() -> None:
    source = tiles(2, (20, 24))
    dataset = TrainingPatches(PatchSampler(source.areas, IDS, 8), 10, Augmentation(), seed=0)
    assert len(dataset) == 10
    assert torch.equal(dataset[Draw(0, 4)].raw, dataset[Draw(0, 4)].raw)
    assert not torch.equal(dataset[Draw(0, 4)].raw, dataset[Draw(1, 4)].raw)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(3, 40), cols=st.integers(3, 40), window=st.integers(4, 20), stride=st.integers(2, 20))
def test_windows_score_every_labelled_pixel_once(rows: int, cols: int, window: int, stride: int) -> None:
    source = tiles(2, (rows, cols))
    dataset = ScoringWindows(source, IDS, window, min(stride, window))
    counts = np.zeros(10, np.int64)
    for i in range(len(dataset)):
        channels = dataset[Draw(0, i)].channels.numpy()
        counts += np.bincount(np.where(channels == 255, 9, channels).ravel(), minlength=10)
    labels = np.stack([area.labels for area in source.areas])
    assert counts[:9].tolist() == [int((labels == i).sum()) for i in IDS]


@given(length=st.integers(1, 50), processes=st.integers(1, 5), epoch=st.integers(0, 3))
def test_processes_share_an_epoch(length: int, processes: int, epoch: int) -> None:
    for training in (True, False):
        shares = []
        for process in range(processes):
            sampler = EpochSampler(length, 7, training=training, process=process, processes=processes)
            sampler.set_epoch(epoch)
            shares.append([d.item for d in sampler])
            assert len(sampler) == len(shares[-1])
        items = [item for share in shares for item in share]
        assert len(set(items)) == len(items)
        assert len(items) == (length // processes * processes if training else length)
        if training:
            assert len({len(share) for share in shares}) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_samples_with_one_more_axis(workers: int) -> None:
    train = TrainingTiles(tiles(5), IDS, 16, Augmentation(), seed=0)
    data = TileData(train, ScoringWindows(tiles(3), IDS, 16), batch_size=2, workers=workers, seed=5)
    batches = list(data.train_dataloader())
    assert [batch.raw.shape for batch in batches] == [(2, 4, 16, 16)] * 2
    assert all(isinstance(name, str) for name in batches[0].name)
    assert sum(len(batch.raw) for batch in data.val_dataloader()) == 3
    assert data.test_dataloader() == []


def test_too_few_or_too_small_tiles_are_one_sentence() -> None:
    with pytest.raises(InputError, match="t0 has 16 x 16 pixels"):
        TrainingTiles(tiles(), IDS, 17, Augmentation(), seed=0)
    with pytest.raises(InputError, match="fewer than a batch of 8"):
        TileData(TrainingTiles(tiles(), IDS, 16, Augmentation(), seed=0), batch_size=8)


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
