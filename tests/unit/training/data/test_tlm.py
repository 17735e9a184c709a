from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.shared import shared_data
from mce_landcover.training.data.tlm import OBJEKTART, read_tlm, tlm_labels
from support.tile_files import tlm_list, tlm_tile, write_tif


def one_tile(tmp_path: Path, label: int = 2) -> Path:
    return tlm_list(tmp_path / "train.csv", [tlm_tile(tmp_path, "25637_11123", label)])


def test_a_tile_is_read_at_half_a_metre_with_its_class(tmp_path: Path) -> None:
    tiles = read_tlm(tmp_path, one_tile(tmp_path))
    area = tiles.read(0)
    assert area.raw.shape == (4, 200, 200) and area.labels.shape == (200, 200)
    fine = np.random.default_rng(0).integers(0, 255, (3, 400, 400), dtype=np.uint8)
    assert area.raw[1, 7, 9] == fine[1, 14:16, 18:20].mean()
    assert (area.raw[3] >= 2000).all()
    assert (area.labels == 2).all()  # raw id 2 is Fels locker, bedrock with grass


def test_raw_ids_number_the_german_names_in_alphabetical_order() -> None:
    """Spot checks by hand against docs/science/methods.md section 1: name -> class."""
    by_raw = tlm_labels("raw").table
    alphabet = ["Fels", "Fels locker", "Felsbloecke", "Felsbloecke locker", "Feuchtgebiet", "Fliessgewaesser"]
    alphabet += ["Gebueschwald", "Gehoelzflaeche", "Gletscher", "Lockergestein", "Lockergestein locker"]
    alphabet += ["Schneefeld Toteis", "Stehende Gewaesser", "Wald", "Wald offen"]
    assert by_raw[1:16].tolist() == [1, 2, 3, 4, 8, 7, 8, 8, 9, 5, 6, 9, 7, 8, 8]
    by_code = tlm_labels("objektart").table
    assert [by_code[OBJEKTART[name]] for name in alphabet] == by_raw[1:16].tolist()
    assert by_raw[0] == by_raw[255] == 0


def test_wetland_can_be_water_or_nothing() -> None:
    assert tlm_labels("raw", wetland=7).table[5] == 7
    assert tlm_labels("objektart", wetland=0).table[11] == 0
    assert tlm_labels("class_ids").table[:10].tolist() == [0, *(c.id for c in load_catalogue())]


def test_names_are_places(tmp_path: Path) -> None:
    tiles = read_tlm(tmp_path, one_tile(tmp_path))
    assert tiles.names == ["25637_11123"]
    assert tiles.bounds is not None
    assert tiles.bounds.tolist() == [[2_563_700, 1_112_300, 2_563_800, 1_112_400]]
    other = tlm_list(tmp_path / "other.csv", [("a_rgb.tif", "a_dem.tif", "a_label.tif")])
    assert read_tlm(tmp_path, other).bounds is None


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda d: write_tif(d / "25637_11123_label.tif", np.full((1, 200, 200), 16, np.uint8)), "ids 16"),
        (lambda d: write_tif(d / "25637_11123_label.tif", np.zeros((1, 100, 200), np.uint8)), "100 rows"),
        (lambda d: write_tif(d / "25637_11123_rgb.tif", np.zeros((4, 400, 400), np.uint8)), "4 bands"),
        (lambda d: (d / "25637_11123_dem.tif").unlink(), "25637_11123_dem.tif cannot be read"),
        (lambda d: (d / "25637_11123_dem.tif").write_bytes(b"no"), "cannot be read"),
    ],
)
def test_bad_tiles_are_one_sentence(tmp_path: Path, spoil, sentence: str) -> None:  # type: ignore[no-untyped-def]
    tiles = read_tlm(tmp_path, one_tile(tmp_path))
    spoil(tmp_path)
    with pytest.raises(InputError, match=sentence):
        tiles.read(0)


def test_bad_lists_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("rbg,dem,mask,mainclass\n")
    (tmp_path / "other.csv").write_text("image,dem,mask\na,b,c\n")
    for name, sentence in (
        ("empty", "names no tile"),
        ("other", "no column 'rbg'"),
        ("none", "cannot be read"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_tlm(tmp_path, tmp_path / f"{name}.csv")


def test_the_fingerprint_tells_changed_labels_and_other_codings(tmp_path: Path) -> None:
    listing = one_tile(tmp_path)
    first = read_tlm(tmp_path, listing).fingerprint()
    assert read_tlm(tmp_path, listing).fingerprint() == first
    assert read_tlm(tmp_path, listing, tlm_labels("objektart")).fingerprint() != first
    write_tif(tmp_path / "25637_11123_label.tif", np.eye(200, dtype=np.uint8)[None])
    assert read_tlm(tmp_path, listing).fingerprint() != first


@pytest.mark.shared_data
def test_the_real_lists_are_read() -> None:
    folder = shared_data() / "alpine_mce_splits"
    if not folder.exists():
        pytest.skip("the shared data are not here")
    tiles = [read_tlm(folder, folder / f"{part}_subset.csv") for part in ("train", "val", "test")]
    assert [len(t.names) for t in tiles] == [
        sum(1 for _ in (folder / f"{part}_subset.csv").open()) - 1 for part in ("train", "val", "test")
    ]
    assert all(t.bounds is not None for t in tiles)
