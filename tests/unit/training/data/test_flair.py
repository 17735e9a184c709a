from pathlib import Path

import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.flair import flair_labels, read_flair
from support.tile_files import flair_tile


def test_tiles_of_some_domains_are_read(tmp_path: Path) -> None:
    for domain, number, mask in (("D004_2021", 1, 13), ("D004_2021", 2, 19), ("D013_2020", 3, 1)):
        flair_tile(tmp_path, domain, number, mask, seed=number)
    tiles = read_flair(tmp_path / "images", tmp_path / "masks", ["D004_2021"])
    assert tiles.names == ["D004_2021/Z1_UF/IMG_000001", "D004_2021/Z1_UF/IMG_000002"]
    assert tiles.read(0).raw.shape == (5, 512, 512)
    assert [set(tiles.read_labels(i).ravel().tolist()) for i in (0, 1)] == [{13}, {0}]  # 19 is ignored
    assert len(read_flair(tmp_path / "images", tmp_path / "masks").names) == 3
    assert tiles.shapes == [(512, 512)] * 2 and tiles.bounds is None


def test_groups_are_those_of_the_methods() -> None:
    groups = {
        name: [c.id for c in load_catalogue("flair") if c.group == name] for name in ("head", "body", "tail")
    }
    assert groups == {"head": [1, 2, 3, 7, 8, 10, 11], "body": [4, 5, 6, 9, 12], "tail": list(range(13, 19))}
    assert flair_labels().table[:20].tolist() == [*range(19), 0]


def test_missing_parts_are_one_sentence(tmp_path: Path) -> None:
    flair_tile(tmp_path, "D004_2021", 1, 1)
    for domains, sentence in ((["D099_2020"], "domain D099_2020"), ([], "no mask")):
        if not domains:
            next(tmp_path.rglob("MSK_*.tif")).unlink()
        with pytest.raises(InputError, match=sentence):
            read_flair(tmp_path / "images", tmp_path / "masks", domains)
    flair_tile(tmp_path, "D004_2021", 1, 20)
    with pytest.raises(InputError, match="ids 20"):
        read_flair(tmp_path / "images", tmp_path / "masks").read_labels(0)
