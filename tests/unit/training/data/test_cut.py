"""Reading a folder of tiles that people may have edited, copied or damaged."""

from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.config import read_config
from mce_landcover.training.data.cut import read_cut_tiles, read_manifest
from mce_landcover.training.prepare import prepare
from support.tile_files import write_tif
from support.tiling import SIDE, cut, write_landscape
from unit.training.test_fit import Recording

pytestmark = pytest.mark.slow

SILENT = SilentReporter()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return cut(write_landscape(tmp_path), tmp_path / "tiles").folder


def first_tile(folder: Path, role: str) -> Path:
    tiles = read_cut_tiles(folder, read_manifest(folder), "train")
    assert tiles is not None
    return folder / tiles.rows[0][role]


def refusal(folder: Path, *changes: str) -> str:
    with pytest.raises(InputError) as caught:
        prepare(read_config(folder, ["load.workers=0", *changes]), SILENT)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return str(caught.value)


def test_labels_outside_the_catalogue_name_their_tile(folder: Path) -> None:
    file = first_tile(folder, "labels")
    write_tif(file, np.full((1, SIDE, SIDE), 44, np.uint8))
    assert f"The labels {file} hold the ids 44" in refusal(folder)


@pytest.mark.parametrize("role", ["image", "dem", "labels"])
def test_sizes_and_bands_that_do_not_match_name_their_tile(folder: Path, role: str) -> None:
    file = first_tile(folder, role)
    bands = 3 if role == "image" else 1
    write_tif(file, np.zeros((bands, SIDE, SIDE + 1), np.uint8))
    assert f"{file} has {SIDE} rows and {SIDE + 1} columns" in refusal(folder)
    write_tif(file, np.zeros((bands + 1, SIDE, SIDE), np.uint8))
    assert f"{file} has {bands + 1} bands where" in refusal(folder)
    file.unlink()
    assert str(file) in refusal(folder)


def test_tiles_without_labels_are_left_out_and_told(folder: Path) -> None:
    write_tif(first_tile(folder, "labels"), np.zeros((1, SIDE, SIDE), np.uint8))
    n = len((folder / "train.csv").read_text().splitlines()) - 1
    diary = Recording()
    assert len(prepare(read_config(folder, ["load.workers=0"]), diary).data.train) == n - 1
    assert any(f"1 of {n} tiles of the split train have no label" in line for line in diary.lines)


def test_a_class_missing_from_training_is_named(folder: Path) -> None:
    """A list may be edited until a class is gone from it."""
    rows = (folder / "train.csv").read_text().splitlines()
    for row in rows[1:]:
        file = folder / row.split(",")[3]
        write_tif(file, np.ones((1, SIDE, SIDE), np.uint8))
    assert "no pixel of class 3, class 5, class 7" in refusal(folder)


def test_a_window_larger_than_the_tiles_is_refused(folder: Path) -> None:
    assert f"fewer than the window of {2 * SIDE}" in refusal(folder, f"model.window={2 * SIDE}")


def test_rows_may_be_moved_between_lists(folder: Path) -> None:
    head, *rows = (folder / "val.csv").read_text().splitlines()
    (folder / "val.csv").write_text("\n".join([head, *rows[1:]]) + "\n")
    with (folder / "train.csv").open("a") as file:
        file.write(rows[0] + "\n")
    manifest = read_manifest(folder)
    train, val = (read_cut_tiles(folder, manifest, split) for split in ("train", "val"))
    assert train is not None and train.names[-1] == rows[0].split(",")[0]
    assert val is not None and len(val.names) == len(rows) - 1
    assert prepare(read_config(folder, ["load.workers=0"]), SILENT).card.window == SIDE


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,image\n", "names no tile"),
        ("name,image,dem\na,b,c\n", "Line 2 of .* has nothing under 'labels'"),
        ("name,image,dem,labels,left,bottom,right,top\na,b,c,d,1,2,3,east\n", "gives no number"),
        ("\xff", "save it as CSV in UTF-8"),
    ],
)
def test_a_broken_list_is_one_sentence(folder: Path, text: str, sentence: str) -> None:
    (folder / "train.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=sentence):
        read_cut_tiles(folder, read_manifest(folder), "train")


def test_a_folder_without_manifest_or_training_list_is_refused(folder: Path) -> None:
    (folder / "train.csv").unlink()
    assert "has no train.csv" in refusal(folder)
    (folder / "tiles.json").write_text("{}")
    assert "cannot be understood" in refusal(folder)
    (folder / "tiles.json").unlink()
    assert "is no folder of tiles" in refusal(folder)
