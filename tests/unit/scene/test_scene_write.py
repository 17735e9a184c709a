"""The scene's files: what they say of themselves, the same bytes from any threads, nothing half done."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.scene import write
from mce_landcover.scene.block import render_block
from mce_landcover.scene.write import make_scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> write.SceneFiles:
    return make_scene(tmp_path_factory.mktemp("scene"), size_m=60, seed=7)


def test_grids_lie_on_the_same_ground(scene: write.SceneFiles):
    with (
        rasterio.open(scene.image) as image,
        rasterio.open(scene.dem) as dem,
        rasterio.open(scene.labels) as labels,
    ):
        assert image.crs == dem.crs == labels.crs == rasterio.CRS.from_epsg(2056)
        assert image.bounds == dem.bounds == labels.bounds == (2_600_000, 1_199_940, 2_600_060, 1_200_000)
        assert image.res == (0.25, 0.25) and dem.res == labels.res == (0.5, 0.5)
        assert image.dtypes == ("uint8",) * 3 and dem.dtypes == ("float32",) and labels.dtypes == ("uint8",)
        assert [c.name for c in image.colorinterp] == ["red", "green", "blue"]
        for file in (image, dem, labels):
            assert file.profile["tiled"] and file.profile["compress"] == "deflate"


def test_files_say_what_they_are(scene: write.SceneFiles):
    for path in (scene.image, scene.dem, scene.labels):
        with rasterio.open(path) as file:
            tags = file.tags()
            assert tags["SYNTHETIC"] == "YES" and tags["SCENE_SEED"] == "7" and tags["LANDSCAPE_VERSION"]
            assert "SYNTHETIC" in tags["TIFFTAG_IMAGEDESCRIPTION"]
            assert all(file.descriptions)
    with rasterio.open(scene.dem) as dem:
        assert dem.units == ("metre",)
    with rasterio.open(scene.labels) as labels:
        palette, names = labels.colormap(1), labels.tags(1)
        for c in load_catalogue():
            assert palette[c.id][:3] == c.rgb and names[f"CLASS_{c.id}"] == c.name
        assert labels.nodata == 255


def test_content_is_the_block(scene: write.SceneFiles):
    block = render_block(7, 0, 0, 120, 120)
    with (
        rasterio.open(scene.image) as image,
        rasterio.open(scene.dem) as dem,
        rasterio.open(scene.labels) as labels,
    ):
        assert np.array_equal(image.read(), block.image)
        assert np.array_equal(dem.read(1), block.dem)
        assert np.array_equal(labels.read(1), block.labels)


def test_a_scene_is_the_corner_of_a_larger_one(scene: write.SceneFiles, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_PX", 48)
    larger = make_scene(tmp_path / "new" / "folder", size_m=75, seed=7)
    for name in ("image", "dem", "labels"):
        with rasterio.open(getattr(scene, name)) as a, rasterio.open(getattr(larger, name)) as b:
            small, large = a.read(), b.read()
            assert np.array_equal(small, large[:, : small.shape[1], : small.shape[2]])


def test_bytes_do_not_depend_on_threads(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_PX", 64)
    monkeypatch.setattr(write.os, "cpu_count", lambda: 4)
    many = make_scene(tmp_path / "many", size_m=100, seed=3)
    monkeypatch.setattr(write.os, "cpu_count", lambda: 1)
    one = make_scene(tmp_path / "one", size_m=100, seed=3)
    for name in ("image", "dem", "labels"):
        assert getattr(many, name).read_bytes() == getattr(one, name).read_bytes()


@pytest.mark.parametrize("size", [0, -5, 0.5, 10.25, 100_001, float("nan"), float("inf")])
def test_bad_sizes_are_refused(tmp_path: Path, size: float):
    with pytest.raises(InputError, match="size"):
        make_scene(tmp_path / "out", size_m=size)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", [-1, 1 << 63, 1.5])
def test_bad_seeds_are_refused(tmp_path: Path, seed: int):
    with pytest.raises(InputError, match="seed"):
        make_scene(tmp_path / "out", size_m=10, seed=seed)


def test_existing_files_stay_unless_overwriting(tmp_path: Path):
    (tmp_path / "dem.tif").write_text("precious")
    with pytest.raises(InputError, match=r"dem\.tif exists already"):
        make_scene(tmp_path, size_m=10)
    assert [p.name for p in tmp_path.iterdir()] == ["dem.tif"]
    assert (tmp_path / "dem.tif").read_text() == "precious"
    make_scene(tmp_path, size_m=10, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dem.tif", "image.tif", "labels.tif"]


def test_folders_that_cannot_be_written_are_output_errors(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        make_scene(tmp_path / "file" / "out", size_m=10)
    with pytest.raises(OutputError):
        make_scene(tmp_path / "file", size_m=10)
    assert (tmp_path / "file").read_text() == ""


def test_a_disk_too_small_is_found_before_the_start(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(OutputError, match="MB free"):
        make_scene(tmp_path / "out", size_m=1000)
    assert not (tmp_path / "out").exists()


class Recorder(SilentReporter):
    """Keeps the progress, and cancels after a number of blocks."""

    def __init__(self, cancel_after: int = 10**9) -> None:
        self.seen: list[tuple[int, int, str]] = []
        self.cancel_after = cancel_after

    def progress(self, done: int, total: int, unit: str) -> None:
        self.seen.append((done, total, unit))
        if done >= self.cancel_after:
            raise Cancelled("stopped")


def test_cancelling_leaves_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_PX", 16)
    kept = tmp_path / "image.tif"
    kept.write_text("old")
    with pytest.raises(Cancelled):
        make_scene(tmp_path, size_m=20, overwrite=True, reporter=Recorder(cancel_after=2))
    assert list(tmp_path.iterdir()) == [kept] and kept.read_text() == "old"
    with pytest.raises(Cancelled):
        make_scene(tmp_path / "new", size_m=20, reporter=Recorder(cancel_after=1))
    assert not (tmp_path / "new").exists()


def test_progress_counts_every_block(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_PX", 32)
    reporter = Recorder()
    make_scene(tmp_path, size_m=40, reporter=reporter)
    assert reporter.seen == [(k, 9, "blocks") for k in range(1, 10)]


def test_memory_does_not_grow_with_the_scene(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(write, "BLOCK_PX", 64)
    monkeypatch.setattr(write.os, "cpu_count", lambda: 1)

    def peak(size_m: int) -> int:
        tracemalloc.start()
        make_scene(tmp_path / str(size_m), size_m=size_m)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(64), peak(128)
    assert large < 1.1 * small


def test_a_file_cut_short_at_closing_fails_the_scene(tmp_path: Path, monkeypatch):
    whole = write._write

    def cut_short(paths: list[Path], *rest: object) -> None:
        whole(paths, *rest)
        paths[1].write_bytes(paths[1].read_bytes()[:-100])

    monkeypatch.setattr(write, "_write", cut_short)
    with pytest.raises(OutputError, match="not written whole"):
        make_scene(tmp_path / "out", size_m=20)
    assert not (tmp_path / "out").exists()
