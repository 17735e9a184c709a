"""`prepare_tiles`: the folder holds what rasters and labels hold, appears whole or not at all, and trains."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.config import read_config
from mce_landcover.training.data.cut import CutTiles, read_cut_tiles, read_manifest
from mce_landcover.training.prepare import prepare
from mce_landcover.training.splits import SPLITS
from mce_landcover.training.tiling import cutting
from support.tile_files import write_tif
from support.tiling import (
    GSD,
    LEFT,
    PIXELS,
    PLACE,
    SIDE,
    TOP,
    N,
    cut,
    stripes,
    write_landscape,
    write_polygons,
)
from unit.training.test_fit import Recording

pytestmark = pytest.mark.slow

SILENT = SilentReporter()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_landscape(tmp_path)


def read_all(folder: Path) -> dict[str, CutTiles]:
    manifest = read_manifest(folder)
    lists = {split: read_cut_tiles(folder, manifest, split) for split in SPLITS}
    return {split: tiles for split, tiles in lists.items() if tiles is not None}


def test_tiles_hold_what_the_rasters_hold(files: dict[str, Path], tmp_path: Path) -> None:
    """Against plain slices of the whole rasters; the image is averaged and rounded, heights are kept."""
    cut(files, tmp_path / "tiles")
    whole = {role: rasterio.open(file).read() for role, file in files.items()}
    mean = whole["image"].reshape(3, PIXELS, 2, PIXELS, 2).mean(axis=(2, 4))
    seen = np.zeros((PIXELS, PIXELS), int)
    for tiles in read_all(tmp_path / "tiles").values():
        for i, (left, bottom, right, top) in enumerate(tiles.bounds.tolist()):
            assert (right - left, top - bottom) == (SIDE * GSD, SIDE * GSD)
            row, col = round((TOP - top) / GSD), round((left - LEFT) / GSD)
            part = np.s_[row : row + SIDE, col : col + SIDE]
            seen[part] += 1
            area = tiles.read(i)
            np.testing.assert_allclose(area.raw[:3], mean[:, *part], atol=0.5)
            np.testing.assert_array_equal(area.raw[:3], np.rint(area.raw[:3]))
            np.testing.assert_array_equal(area.raw[3], whole["dem"][0][part])
            np.testing.assert_array_equal(area.labels, whole["labels"][0][part])
    assert (seen == 1).all()


@pytest.mark.parametrize("strategy", ["random", "dominant", "iterative", "blocked", "blocked_iterative"])
def test_each_tile_is_in_one_list_with_its_share(
    files: dict[str, Path], tmp_path: Path, strategy: str
) -> None:
    split = {"strategy": strategy, "val_share": 0.25, "test_share": 0.25}
    first = cut(files, tmp_path / "one", split=split)
    cut(files, tmp_path / "two", split=split)
    lists = read_all(tmp_path / "one")
    names = [name for tiles in lists.values() for name in tiles.names]
    assert len(names) == len(set(names)) == N * N == first.report.tiles.sum()
    assert [len(lists[s].names) for s in SPLITS] == pytest.approx([32, 16, 16], abs=4)
    for split_name in SPLITS:  # the same seed deals the same
        assert (tmp_path / f"one/{split_name}.csv").read_bytes() == (
            tmp_path / f"two/{split_name}.csv"
        ).read_bytes()


def test_report_statistics_and_page_tell_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    result = cut(files, tmp_path / "tiles", split={"strategy": "random"})
    with (tmp_path / "tiles/statistics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = rasterio.open(files["labels"]).read(1)
    for i, c in enumerate(result.classes):
        assert (
            sum(int(row[c.name]) for row in rows)
            == (labels == c.id).sum()
            == result.report.pixels[:, i].sum()
        )
    assert Counter(row["split"] for row in rows) == dict(
        zip(SPLITS, result.report.tiles.tolist(), strict=True)
    )
    page = result.page.read_text(encoding="utf-8")
    assert "neighbouring tiles" in page and all(c.name in page for c in result.classes)
    assert read_manifest(result.folder).made_with["report"] == json.loads(json.dumps(result.report.as_json()))


def test_without_validation_and_test_there_are_no_such_lists(files: dict[str, Path], tmp_path: Path) -> None:
    cut(files, tmp_path / "tiles", split={"val_share": 0.0, "test_share": 0.0})
    assert read_all(tmp_path / "tiles").keys() == {"train"}


def test_a_moved_folder_is_a_training(files: dict[str, Path], tmp_path: Path) -> None:
    result = cut(files, tmp_path / "tiles", name='my "land"', split={"val_share": 0.2, "test_share": 0.2})
    shutil.move(result.folder, tmp_path / "elsewhere")
    config = read_config(tmp_path / "elsewhere", ["load.workers=0"])
    assert config.output == tmp_path / "elsewhere" / "model.safetensors"
    ready = prepare(config, SILENT)
    card = ready.card
    assert (card.name, card.gsd_m, card.window, card.stride) == ('my "land"', GSD, SIDE, SIDE // 2)
    assert [s.role for s in card.sources] == ["image", "dem"]
    assert card.source("dem").normalisation.kind == "window_min" and card.source("dem").unit == "m"
    assert card.source("image").normalisation.mean == pytest.approx([0.5] * 3, abs=0.02)
    assert list(card.pixel_counts) == result.report.pixels[0].tolist()
    assert card.pixel_counts == ready.counts
    assert ready.data.validation is not None and ready.data.test is not None


def test_pixels_that_miss_a_source_are_unlabelled_and_missing(files: dict[str, Path], tmp_path: Path) -> None:
    with rasterio.open(files["dem"], "r+") as file:
        dem = file.read()
        dem[0, :SIDE, : SIDE // 2] = -9999  # half of the first tile
        dem[0, :SIDE, -SIDE:] = -9999  # the whole of the last in its row
        file.write(dem)
    result = cut(files, tmp_path / "tiles")
    assert result.report.tiles.sum() == N * N - 1
    lists = read_all(tmp_path / "tiles").values()
    (area,) = (
        tiles.read(i) for tiles in lists for i, b in enumerate(tiles.bounds) if (b[0], b[3]) == (LEFT, TOP)
    )
    assert np.isnan(area.raw[3, :, : SIDE // 2]).all() and not area.labels[:, : SIDE // 2].any()
    assert not np.isnan(area.raw[:3]).any() and area.labels[:, SIDE // 2 :].any()


def test_images_stay_bytes_and_more_bits_are_scaled(files: dict[str, Path], tmp_path: Path) -> None:
    cut(files, tmp_path / "bytes")
    with rasterio.open(next((tmp_path / "bytes/image").iterdir())) as file:
        assert file.dtypes == ("uint8",) * 3 and file.crs.to_epsg() == 2056
        assert file.descriptions == ("R", "G", "B")
    deep = np.full((3, PIXELS, PIXELS), 9000, np.uint16)
    deep[:, 0, 0] = 12000
    files["image"] = write_tif(tmp_path / "deep.tif", deep, PLACE)
    cut(files, tmp_path / "deep")
    assert read_manifest(tmp_path / "deep").sources[0].normalisation.scale == pytest.approx(1 / 12000)


def test_the_grid_follows_the_labels_the_image_or_the_user(files: dict[str, Path], tmp_path: Path) -> None:
    drawn = write_polygons(
        tmp_path / "p.gpkg",
        [shapely.box(LEFT, TOP - 64, LEFT + 32, TOP), shapely.box(LEFT + 32, TOP - 64, LEFT + 64, TOP)],
        ["ice", "rock"],
    )
    found = [
        read_manifest(cut(files, tmp_path / "a").folder),
        read_manifest(cut(files, tmp_path / "b", labels={"files": [drawn]}).folder),
        read_manifest(cut(files, tmp_path / "c", gsd_m=1.0, crs="EPSG:2056").folder),
    ]
    assert [manifest.gsd_m for manifest in found] == [0.5, 0.25, 1.0]
    assert {manifest.crs for manifest in found} == {"EPSG:2056"}


def test_labels_count_within_the_extent_only(files: dict[str, Path], tmp_path: Path) -> None:
    inside = f"{LEFT + 4},{LEFT + 40},{TOP - 40},{TOP - 4}"
    result = cut(files, tmp_path / "tiles", extent=inside)
    labels = rasterio.open(files["labels"]).read(1)[8:80, 8:80]
    assert result.report.pixels.sum() == (labels > 0).sum()
    assert result.report.tiles.sum() == 25


def test_tiles_with_too_few_labels_are_left_out(files: dict[str, Path], tmp_path: Path) -> None:
    sparse = stripes()
    sparse[: SIDE // 2] = 0  # half of the first row of tiles
    write_tif(files["labels"], sparse[None], PLACE)
    assert cut(files, tmp_path / "all").report.tiles.sum() == N * N
    assert cut(files, tmp_path / "full", min_labelled=0.8).report.tiles.sum() == N * (N - 1)


def test_classes_that_no_tile_holds_are_left_out_and_told(files: dict[str, Path], tmp_path: Path) -> None:
    diary = Recording()
    result = cut(files, tmp_path / "tiles", diary, labels={"classes": "swisstlm3d"})
    assert [c.id for c in result.classes] == [1, 3, 5, 7]
    assert [c.group for c in result.classes] == ["head", "tail", "head", "body"]
    assert any(line.startswith("No tile holds bedrock with grass, large blocks") for line in diary.lines)
    assert read_config(result.folder).model.experts == 3


def test_a_cancelled_cut_leaves_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    class Stop(SilentReporter):
        def progress(self, done: int, total: int, unit: str) -> None:
            if unit == "tiles":
                raise Cancelled("stopped")

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        cut(files, tmp_path / "tiles", Stop())
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_the_old_tiles(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(files, tmp_path / "tiles")
    before = sorted(tmp_path.rglob("*"))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cutting.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="full"):
        cut(files, tmp_path / "tiles", overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_there_is_replaced_only_if_asked_and_only_tiles(
    files: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    cut(files, folder)
    with pytest.raises(InputError, match="holds tiles already"):
        cut(files, folder)
    names = set(read_all(folder)["train"].names)
    cut(files, folder, overwrite=True, split={"seed": 1})
    assert set(read_all(folder)["train"].names) != names
    (folder / "model.safetensors").touch()
    with pytest.raises(InputError, match=r"model\.safetensors besides its tiles"):
        cut(files, folder, overwrite=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    with pytest.raises(InputError, match=r"letter\.txt, which is no tile"):
        cut(files, other, overwrite=True)
    with pytest.raises(InputError, match="is a file"):
        cut(files, other / "letter.txt")


def alter(files: dict[str, Path], name: str) -> dict[str, Any]:
    """Spoil the input in one way; return changes of the request."""
    labels, folder = stripes(), files["labels"].parent
    if name == "outside the catalogue":
        labels[labels > 0] = 77
    elif name == "a class in one tile":
        labels[labels == 7] = 0
        labels[3, 3] = 7
        write_tif(files["labels"], labels[None], PLACE)
        return {"split": {"val_share": 0.45, "test_share": 0.45}}
    elif name == "one class":
        labels[:] = labels > 0
    elif name == "no label":
        labels[:] = 0
    elif name == "far away":
        files["labels"] = write_tif(folder / "far.tif", labels[None], PLACE @ PLACE.translation(9e4, 0))
        return {}
    elif name == "an image":
        files["labels"] = files["image"]
        return {}
    elif name == "heights":
        files["labels"] = files["dem"]
        return {}
    elif name == "no raster":
        files["image"].write_text("no raster")
    elif name == "degrees":
        return {"crs": "EPSG:4326"}
    write_tif(files["labels"], labels[None], PLACE)
    return {"labels": {"classes": "swisstlm3d"}} if name == "outside the catalogue" else {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("outside the catalogue", "left out: 77 .* Nothing else is labelled; the classes are 1 "),
        ("one class", "at least two classes; the labels have 1, class 1"),
        ("no label", "No tile has 1 labelled pixels"),
        ("far away", "do not overlap"),
        ("an image", "has 3 bands, so it holds no labels"),
        ("heights", "hold values from 20.* not ids"),
        ("no raster", "not a raster"),
        ("degrees", "not projected"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    files: dict[str, Path], tmp_path: Path, name: str, sentence: str
) -> None:
    changes = alter(files, name)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=sentence) as caught:
        cut(files, tmp_path / "tiles", **changes)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"split": {"val_share": 0.5, "test_share": 0.45}}, "less than a tenth"),
        ({"split": {"strategy": "blocked", "block_m": 1000.0}}, "smaller blocks"),
        ({"extent": "0,1,0,1"}, "extent and the labels do not overlap"),
        ({"labels": {"files": []}}, "No labels are given"),
        ({"labels": {"files": [Path("/nowhere/l.tif")]}}, "do not exist"),
        ({"labels": {"ignored": ["water"]}}, "are numbers"),
        ({"labels": {"codes": True}}, "need the classes"),
        ({"labels": {"classes": "moon"}}, "no catalogue 'moon'"),
        ({"source": {}}, "at least one raster"),
        ({"tile": 512}, "labels in 1 of the tiles, but it takes 4"),
        ({"min_labelled": 1.0, "extent": f"{LEFT},{LEFT + 4},{TOP - 4},{TOP}"}, "labelled pixels"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(
    files: dict[str, Path], tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        cut(files, tmp_path / "tiles", **changes)
    assert not (tmp_path / "tiles").exists()


def test_a_class_without_a_training_tile_is_refused_before_cutting(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stratified dealing gives the one tile of a class to training, random dealing need not."""
    alter(files, "a class in one tile")
    monkeypatch.setattr(cutting.Cutter, "cut", lambda *_: pytest.fail("cut"))
    split = {"strategy": "random", "val_share": 0.4, "test_share": 0.4}
    refused = 0
    for seed in range(4):
        with pytest.raises((InputError, pytest.fail.Exception)) as caught:
            cut(files, tmp_path / "tiles", split={**split, "seed": seed})
        refused += "No training tile holds class 7, which is in 1 of 64" in str(caught.value)
    assert refused > 0
