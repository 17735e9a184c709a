"""What is refused at the door, and in which words."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.mosaic import BandStyle, Mosaic
from mce_landcover.core.geodata.sources import declared_unit, open_source, open_sources, same_unit
from support.cards import tlm_card
from support.engine import NORTH, WEST, write

CARD = tlm_card()
IMAGE, DEM = CARD.sources
RGB = np.zeros((3, 64, 64), np.uint8)
HEIGHTS = np.zeros((1, 64, 64), np.float32)


def refused(spec, *paths: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_source(spec, list(paths))
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence and ". " not in sentence
    return sentence


def test_describes_a_raster(tmp_path):
    raster = open_source(IMAGE, [write(tmp_path / "a.tif", RGB, 0.25, nodata=3)])
    assert (raster.n_bands, raster.dtype, raster.nodata, raster.gsd) == (3, "uint8", 3, 0.25)
    assert raster.bounds == (WEST, NORTH - 16, WEST + 16, NORTH)
    assert raster.files == (tmp_path / "a.tif",)


def test_roles_must_be_those_of_the_model(tmp_path):
    image = write(tmp_path / "a.tif", RGB, 0.25)
    dem = write(tmp_path / "b.tif", HEIGHTS, 0.5)
    assert list(open_sources(CARD, {"dem": [dem], "image": [image]})) == ["image", "dem"]
    with pytest.raises(InputError, match=r"no source 'nir'.*image, dem"):
        open_sources(CARD, {"image": [image], "dem": [dem], "nir": [dem]})
    with pytest.raises(InputError, match="needs a raster for its source 'dem'"):
        open_sources(CARD, {"image": [image]})
    with pytest.raises(InputError, match="needs a raster"):
        open_sources(CARD, {"image": [image], "dem": []})


def test_missing_file(tmp_path):
    assert "does not exist" in refused(IMAGE, tmp_path / "nothing.tif")


def test_not_a_raster(tmp_path):
    path = tmp_path / "text.tif"
    path.write_text("no raster")
    assert str(path) in refused(IMAGE, path)


def test_missing_crs(tmp_path):
    assert "coordinate reference system" in refused(IMAGE, write(tmp_path / "a.tif", RGB, 0.25, crs=None))


def test_missing_georeference(tmp_path):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path = write(tmp_path / "a.tif", RGB, 1, transform=Affine.identity())
        assert "not georeferenced" in refused(IMAGE, path)


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_wrong_band_count(tmp_path, count):
    sentence = refused(
        IMAGE,
        write(
            tmp_path / "a.tif",
            np.zeros((count, 64, 64), np.uint8),
            0.25,
            photometric="MINISBLACK",
            alpha="NO",
        ),
    )
    assert f"{count} band" in sentence and "R, G, B" in sentence


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Affine(0.5, 0, WEST, 0, 0.5, NORTH), "upside down"),
        (Affine(-0.5, 0, WEST, 0, -0.5, NORTH), "mirrored"),
        (Affine(0.5, 0.1, WEST, -0.1, -0.5, NORTH), "rotated"),
    ],
)
def test_only_north_up(tmp_path, transform, words):
    assert words in refused(IMAGE, write(tmp_path / "a.tif", RGB, 0, transform=transform))


@pytest.mark.parametrize("unit", ["ft", "foot", "US survey foot"])
def test_dem_in_feet_by_its_bands(tmp_path, unit):
    path = write(tmp_path / "a.tif", HEIGHTS, 0.5)
    with rasterio.open(path, "r+") as dataset:
        dataset.units = [unit]
    assert f"is in {unit}" in refused(DEM, path)


def test_dem_in_feet_by_its_vertical_crs(tmp_path):
    assert "foot" in refused(DEM, write(tmp_path / "a.tif", HEIGHTS, 0.5, crs="EPSG:2056+6360"))
    open_source(DEM, [write(tmp_path / "b.tif", HEIGHTS, 0.5, crs="EPSG:2056+5728")])


def test_dem_in_metres(tmp_path):
    path = write(tmp_path / "a.tif", HEIGHTS, 0.5)
    with rasterio.open(path, "r+") as dataset:
        dataset.units = ["metre"]
    assert open_source(DEM, [path]).n_bands == 1


def test_units_by_other_names():
    assert (
        same_unit("m", "Metres") and same_unit("US survey foot", "us-ft") and same_unit("furlong", "Furlong")
    )
    assert not same_unit("m", "ft") and not same_unit("ft", "us-ft")


def test_no_unit_declared(tmp_path):
    with rasterio.open(write(tmp_path / "a.tif", HEIGHTS, 0.5)) as dataset:
        assert declared_unit(dataset) is None


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.97])
@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_truncated_tiff_is_named(tmp_path, keep, compress):
    noise = np.random.default_rng(0).integers(0, 256, (3, 300, 300), dtype=np.uint8)
    path = write(tmp_path / "cut.tif", noise, 0.25, compress=compress)
    content = path.read_bytes()
    open_source(IMAGE, [path])
    path.write_bytes(content[: int(len(content) * keep)])
    assert str(path) in refused(IMAGE, path)


def test_complex_values(tmp_path):
    assert "real data type" in refused(DEM, write(tmp_path / "a.tif", HEIGHTS.astype(np.complex64), 0.5))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crs": "EPSG:21781"}, "coordinate reference system"),
        ({"nodata": 7}, "nodata"),
        ({"gsd": 0.3}, "pixel size"),
        ({"west": WEST + 16.1}, "pixel grid"),
    ],
)
def test_files_that_cannot_be_one_mosaic(tmp_path, changes, words):
    one = write(tmp_path / "a.tif", RGB, 0.25)
    two = write(tmp_path / "b.tif", RGB, **({"gsd": 0.25, "west": WEST + 16} | changes))
    sentence = refused(IMAGE, one, two)
    assert words in sentence and "a.tif" in sentence and "b.tif" in sentence


def test_files_of_different_types_cannot_be_one_mosaic(tmp_path):
    one = write(tmp_path / "a.tif", RGB, 0.25)
    assert "data type" in refused(
        IMAGE, one, write(tmp_path / "b.tif", RGB.astype(np.uint16), 0.25, west=WEST + 16)
    )


def test_names_with_markup_survive_the_mosaic(tmp_path):
    folder = tmp_path / "a & b <c> 'é'"
    folder.mkdir()
    tiles = [write(folder / f"{k}.tif", RGB + k, 0.25, west=WEST + 16 * k) for k in range(3)]
    raster = open_source(IMAGE, tiles)
    with rasterio.open(raster.name) as dataset:
        assert dataset.width == 3 * 64
        np.testing.assert_array_equal(dataset.read(1)[0, ::64], [0, 1, 2])


def test_an_empty_mosaic_is_a_valid_document():
    document = Mosaic(4, 3, "", Affine(1, 0, 0, 0, -1, 0), "uint8", [BandStyle("x")], []).document()
    with rasterio.open(document) as dataset:
        assert dataset.shape == (3, 4)
