from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.data.statistics import count_tiles, default_cache, measure_sources
from mce_landcover.training.data.tiles import Area, MemoryTiles, SomeTiles
from support.cards import tlm_card


def memory_tiles(seed: int = 0, n: int = 5) -> MemoryTiles:
    rng = np.random.default_rng(seed)
    areas = [
        Area(rng.uniform(0, 255, (4, 8, 8)).astype(np.float32), rng.integers(0, 10, (8, 8), dtype=np.uint8))
        for _ in range(n)
    ]
    return MemoryTiles(areas, [f"t{i}" for i in range(n)], "test")


class CountingTiles(MemoryTiles):
    reads = 0

    def read_labels(self, index: int):  # type: ignore[no-untyped-def]
        CountingTiles.reads += 1
        return super().read_labels(index)


def test_counts_are_per_tile_and_class_and_read_once(tmp_path: Path) -> None:
    plain = memory_tiles()
    tiles = CountingTiles(plain.areas, plain.names, "test")
    ids = list(range(1, 10))
    counts = count_tiles(tiles, ids, tmp_path, SilentReporter())
    expected = [[int((area.labels == i).sum()) for i in ids] for area in plain.areas]
    assert counts.tolist() == expected and CountingTiles.reads == 5
    assert count_tiles(tiles, ids, tmp_path, SilentReporter()).tolist() == expected
    assert CountingTiles.reads == 5
    assert count_tiles(tiles, ids[::-1], tmp_path, SilentReporter()).tolist() == [
        row[::-1] for row in expected
    ]
    plain.areas[0].labels[:] = 1
    assert count_tiles(tiles, ids, tmp_path, SilentReporter())[0].tolist() == [64] + [0] * 8


def test_a_part_of_a_set_is_that_part() -> None:
    tiles = memory_tiles()
    part = SomeTiles(tiles, np.array([3, 1]))
    assert part.names == ["t3", "t1"] and part.shapes == [(8, 8)] * 2
    assert part.read(0) is tiles.areas[3] and part.read_labels(1) is tiles.areas[1].labels
    assert part.fingerprint() != SomeTiles(tiles, np.array([1, 3])).fingerprint() != tiles.fingerprint()


def test_normalisation_is_measured_as_the_network_sees_it() -> None:
    tiles = memory_tiles()
    image, dem = measure_sources(tiles, tlm_card().sources, window=8)
    rgb = np.stack([area.raw[:3] for area in tiles.areas]) / 255
    assert image.normalisation.mean == pytest.approx(rgb.mean(axis=(0, 2, 3)), rel=1e-4)
    relief = np.stack([area.raw[3] - area.raw[3].min() for area in tiles.areas])
    assert dem.normalisation.kind == "window_min"
    assert dem.normalisation.std[0] == pytest.approx(relief.std(), rel=1e-4)


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/mce-landcover/statistics")
