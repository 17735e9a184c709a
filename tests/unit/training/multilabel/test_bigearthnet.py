from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.shared import shared_data
from mce_landcover.training.multilabel.bigearthnet import (
    ALL_BANDS,
    Nomenclature,
    bigearthnet_sources,
    labels_of,
    read_bigearthnet,
)
from support.bigearthnet import write_listing, write_patch

REAL = Path("multilabel") / "bigearthnet_patches"

RGB = ("B04", "B03", "B02")  # what paper 001 reads


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "patches"
    write_patch(root, "S2A_1_1", ["Pastures", "Vineyards"], seed=1)
    write_patch(root, "S2A_1_2", ["Airports"], seed=2)
    write_patch(root, "S2B_2_1", ["Sea and ocean", "Estuaries", "Bare rock"], seed=3)
    return root


def named(nomenclature: Nomenclature, row: np.ndarray) -> list[str]:
    return [c.name for c, own in zip(load_catalogue(nomenclature), row, strict=True) if own]


def test_both_nomenclatures(folder: Path) -> None:
    fine = read_bigearthnet(folder, "bigearthnet43")
    assert list(fine.names) == ["S2A_1_1", "S2A_1_2", "S2B_2_1"] and fine.labels.shape == (3, 43)
    assert [named("bigearthnet43", row) for row in fine.labels] == [
        ["Vineyards", "Pastures"],
        ["Airports"],
        ["Bare rock", "Estuaries", "Sea and ocean"],
    ]
    coarse = read_bigearthnet(folder, "bigearthnet19")
    assert list(coarse.names) == ["S2A_1_1", "S2B_2_1"]  # airports are in no class of 19
    assert [named("bigearthnet19", row) for row in coarse.labels] == [
        ["Permanent crops", "Pastures"],
        ["Marine waters"],
    ]


def test_the_19_merge_32_of_the_43_once_each() -> None:
    merged = [code for c in load_catalogue("bigearthnet19") for code in c.codes]
    known = {c.codes[0]: c.name for c in load_catalogue("bigearthnet43")}
    assert len(load_catalogue("bigearthnet43")) == 43 and len(load_catalogue("bigearthnet19")) == 19
    assert len(merged) == len(set(merged)) == 32 and set(merged) <= set(known)
    assert sorted(known[code] for code in set(known) - set(merged)) == [
        "Airports",
        "Bare rock",
        "Burnt areas",
        "Construction sites",
        "Dump sites",
        "Green urban areas",
        "Intertidal flats",
        "Mineral extraction sites",
        "Port areas",
        "Road and rail networks and associated land",
        "Sport and leisure facilities",
    ]


def test_lists_choose_and_exclude(folder: Path, tmp_path: Path) -> None:
    listing = write_listing(tmp_path / "train.csv", ["S2B_2_1", "S2A_1_1"])
    assert list(read_bigearthnet(folder, "bigearthnet43", listing).names) == ["S2B_2_1", "S2A_1_1"]
    cloudy = write_listing(tmp_path / "clouds.csv", ["S2B_2_1", "S2A_9_9"])
    found = read_bigearthnet(folder, "bigearthnet43", listing, excluded=[cloudy])
    assert list(found.names) == ["S2A_1_1"]


def test_coarse_bands_are_repeated_onto_the_fine_grid(folder: Path) -> None:
    patches = read_bigearthnet(folder, "bigearthnet43")
    raw = patches.read(0)
    assert raw.shape == (12, 120, 120) and raw.dtype == np.float32
    for band, factor in (("B02", 1), ("B8A", 2), ("B09", 6)):
        with rasterio.open(folder / "S2A_1_1" / f"S2A_1_1_{band}.tif") as file:
            own = file.read(1)
        got = raw[ALL_BANDS.index(band)]
        np.testing.assert_array_equal(got[::factor, ::factor], own)
        np.testing.assert_array_equal(got, np.kron(own, np.ones((factor, factor))))
    rgb = read_bigearthnet(folder, "bigearthnet43", bands=RGB).read(0)
    np.testing.assert_array_equal(rgb, raw[[2, 1, 0]])


def test_sources_by_pixel_size() -> None:
    assert [(s.gsd_m, len(s.bands)) for s in bigearthnet_sources()] == [(10, 4), (20, 6), (60, 2)]
    assert [s.bands for s in bigearthnet_sources(RGB)] == [RGB]
    with pytest.raises(InputError, match="those of 10 m first"):
        bigearthnet_sources(("B01", "B02"))


def test_missing_bands_are_named(folder: Path) -> None:
    for band in ("B05", "B11"):
        (folder / "S2A_1_2" / f"S2A_1_2_{band}.tif").unlink()
    with pytest.raises(InputError, match=r"S2A_1_2 in .* lacks the bands B05, B11\.$"):
        read_bigearthnet(folder, "bigearthnet43")
    assert len(read_bigearthnet(folder, "bigearthnet43", bands=RGB).names) == 3  # which need not those


def test_bad_input(folder: Path, tmp_path: Path) -> None:
    listing = write_listing(tmp_path / "l.csv", ["S2A_1_1", "S2A_7_7", "S2A_8_8"])
    with pytest.raises(InputError, match=r"patches that .* does not hold: S2A_7_7 and 1 more\.$"):
        read_bigearthnet(folder, "bigearthnet43", listing)
    with pytest.raises(InputError, match="does not exist"):
        read_bigearthnet(tmp_path / "absent", "bigearthnet43")
    with pytest.raises(InputError, match="names no patch"):
        read_bigearthnet(folder, "bigearthnet43", write_listing(tmp_path / "e.csv", []))
    with pytest.raises(InputError, match=r"cannot be read"):
        read_bigearthnet(folder, "bigearthnet43", tmp_path / "none.csv")
    with pytest.raises(InputError, match="no band 'B10'"):
        read_bigearthnet(folder, "bigearthnet43", bands=("B10",))
    with pytest.raises(InputError, match=r"No patch of .* has a label of bigearthnet19"):
        read_bigearthnet(folder, "bigearthnet19", write_listing(tmp_path / "a.csv", ["S2A_1_2"]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"labels": ["Lava fields"]}', "S2A_1_1 has the unknown label 'Lava fields'"),
        ('{"labels": "Pastures"}', "labels are no list of names"),
        ("{}", "has no list of labels"),
        ("[1]", "has no list of labels"),
        ("{", "has no list of labels"),
    ],
)
def test_bad_labels_are_named(folder: Path, text: str, says: str) -> None:
    (folder / "S2A_1_1" / "S2A_1_1_labels_metadata.json").write_text(text)
    with pytest.raises(InputError, match=says):
        read_bigearthnet(folder, "bigearthnet43")


def test_a_missing_label_file_and_a_band_of_another_size(folder: Path) -> None:
    patch = folder / "S2A_1_1"
    (patch / "S2A_1_1_B02.tif").write_bytes((patch / "S2A_1_1_B05.tif").read_bytes())
    with pytest.raises(InputError, match="60 rows and 60 columns where 120 and 120"):
        read_bigearthnet(folder, "bigearthnet43").read(0)
    (patch / "S2A_1_1_labels_metadata.json").unlink()
    with pytest.raises(InputError, match=r"labels_metadata\.json cannot be read"):
        read_bigearthnet(folder, "bigearthnet43")


def test_labels_of_names() -> None:
    assert labels_of([], load_catalogue("bigearthnet19"), "p") == [False] * 19


@pytest.mark.shared_data
@pytest.mark.parametrize(("nomenclature", "n_labels"), [("bigearthnet43", 17), ("bigearthnet19", 17)])
def test_real_patches(nomenclature: Nomenclature, n_labels: int) -> None:
    folder = shared_data() / REAL
    if not folder.exists():
        pytest.skip(f"no real patches at {folder}")
    patches = read_bigearthnet(folder, nomenclature)
    assert len(patches.names) == 6 and patches.labels.sum() == n_labels
    for i in range(6):
        raw = patches.read(i)
        assert raw.shape == (12, 120, 120) and np.isfinite(raw).all() and raw.std() > 0
    at = list(patches.names).index("S2B_MSIL2A_20170924T93020_69_24")
    expected = {
        "bigearthnet43": ["Coniferous forest", "Mixed forest", "Transitional woodland/shrub", "Peatbogs"],
        "bigearthnet19": ["Coniferous forest", "Mixed forest", "Transitional woodland, shrub"],
    }[nomenclature]
    assert named(nomenclature, patches.labels[at])[: len(expected)] == expected
