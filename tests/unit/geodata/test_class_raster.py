from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata import class_raster
from mce_landcover.core.geodata.class_raster import as_ids, open_class_raster
from rasterio.transform import Affine
from rasterio.windows import Window
from support.run import ORIGIN, write_ids

IDS = np.random.default_rng(0).choice([0, 3, 200, 255], (70, 90)).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint16])
def test_reads_ids_and_what_is_missing(tmp_path: Path, dtype: type) -> None:
    nodata = 3 if dtype == np.uint8 else 999
    values = IDS.astype(dtype)
    values[IDS == 3] = nodata
    path = write_ids(tmp_path / "c.tif", values, nodata=nodata)
    with open_class_raster(path) as raster:
        assert (raster.shape, raster.transform, raster.crs.to_epsg()) == ((70, 90), ORIGIN, 2056)
        got = raster.read(Window(10, 5, 40, 30))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, np.where(IDS == 3, 255, IDS)[5:35, 10:50])


@pytest.mark.parametrize(
    "profile", [{}, {"tiled": True, "blockxsize": 32, "blockysize": 16}, {"blockysize": 7}]
)
@pytest.mark.parametrize("part", [1, 1000, 10**6])
def test_strips_and_parts_cover_the_raster_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: dict, part: int
) -> None:
    monkeypatch.setattr(class_raster, "_PART", part)
    with open_class_raster(write_ids(tmp_path / "c.tif", IDS, **profile)) as raster:
        np.testing.assert_array_equal(np.concatenate([raster.read(s) for s in raster.strips()]), IDS)
        assert all(s.width == 90 for s in raster.strips())
        seen = np.zeros(IDS.shape, int)
        for window in raster.parts(32):
            seen[window.toslices()] += 1
        assert (seen == 1).all()


@given(values=st.lists(st.integers(-300, 300), min_size=1), valid=st.integers(0, 1))
def test_numbers_that_are_no_ids_are_refused_where_they_count(values: list[int], valid: int) -> None:
    array, mask = np.array([values], np.int16), np.full((1, len(values)), 255 * valid, np.uint8)
    if valid and (min(values) < 0 or max(values) > 255):
        with pytest.raises(InputError, match="holds the value"):
            as_ids(array, mask, Path("c.tif"))
    else:
        np.testing.assert_array_equal(as_ids(array, mask, Path("c.tif")), array if valid else 255)


def test_what_is_no_class_raster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    upside_down = Affine(0.5, 0, 2_600_000, 0, 0.5, 1_200_000)
    cases = {
        "none.tif": "does not exist",
        "text.tif": "is no raster that can be read",
        write_ids(tmp_path / "float.tif", IDS.astype(np.float32)).name: "one band of whole numbers",
        write_ids(tmp_path / "plain.tif", IDS, crs=None).name: "no coordinate reference system",
        write_ids(tmp_path / "down.tif", IDS, transform=upside_down).name: "not north-up",
    }
    for name, says in cases.items():
        with pytest.raises(InputError, match=says), open_class_raster(tmp_path / name):
            pass


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, 200, (600, 600)).astype(np.uint8)
    path = write_ids(tmp_path / "cut.tif", ids, compress="deflate")
    path.write_bytes(path.read_bytes()[:150_000])
    says = r"cut.tif (cannot be read to its end|is no raster)"
    with pytest.raises(InputError, match=says), open_class_raster(path) as raster:
        raster.read(Window(0, 0, 600, 600))
