from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.data.rasters import Bounds, keep_labels, pixel_slices, read_area
from rasterio.transform import from_origin
from support.cards import tlm_card

SOURCES = tlm_card().sources
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 255, (3, 30, 40)).astype(np.uint8)
DEM = RNG.uniform(400, 500, (1, 30, 40)).astype(np.float32)
LABELS = RNG.integers(0, 10, (1, 30, 40)).astype(np.uint8)


def write(path: Path, bands: np.ndarray, west: float = 2_600_000, nodata: float | None = None) -> Path:
    profile = {
        "driver": "GTiff",
        "height": bands.shape[1],
        "width": bands.shape[2],
        "count": bands.shape[0],
        "dtype": bands.dtype,
        "crs": "EPSG:2056",
        "transform": from_origin(west, 1_200_000, 0.5, 0.5),
        "nodata": nodata,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(bands)
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {"image": write(tmp_path / "rgb.tif", RGB), "dem": write(tmp_path / "dem.tif", DEM, nodata=-9999)}


def test_bands_stand_in_the_order_of_the_sources(tmp_path: Path, files: dict[str, Path]) -> None:
    area = read_area(files, SOURCES, write(tmp_path / "labels.tif", LABELS))
    np.testing.assert_array_equal(area.raw[:3], RGB)
    np.testing.assert_array_equal(area.raw[3:], DEM)
    np.testing.assert_array_equal(area.labels, LABELS[0])


def test_bounds_cut_whole_pixels_and_are_clipped(tmp_path: Path, files: dict[str, Path]) -> None:
    labels = write(tmp_path / "labels.tif", LABELS)
    bounds = Bounds(2_600_005, 1_199_000, 2_600_010, 1_199_990)
    area = read_area(files, SOURCES, labels, bounds)
    np.testing.assert_array_equal(area.labels, LABELS[0, 20:30, 10:20])
    np.testing.assert_array_equal(area.raw[3], DEM[0, 20:30, 10:20])
    whole = read_area(files, SOURCES, labels)
    kept = keep_labels(whole, pixel_slices(labels, bounds))
    np.testing.assert_array_equal(kept.raw, whole.raw)
    np.testing.assert_array_equal(kept.labels[20:30, 10:20], area.labels)
    assert np.count_nonzero(kept.labels) == np.count_nonzero(area.labels)


def test_nodata_is_missing_in_bands_and_unlabelled_in_labels(tmp_path: Path) -> None:
    holes = np.where(DEM < 420, np.float32(-9999), DEM)
    files = {
        "image": write(tmp_path / "rgb.tif", RGB),
        "dem": write(tmp_path / "dem.tif", holes, nodata=-9999),
    }
    area = read_area(files, SOURCES, write(tmp_path / "labels.tif", LABELS, nodata=3))
    np.testing.assert_array_equal(np.isnan(area.raw[3]), holes[0] == -9999)
    assert not (area.labels == 3).any() and ((area.labels == 0) == np.isin(LABELS[0], (0, 3))).all()


def test_what_does_not_fit_is_one_sentence(tmp_path: Path, files: dict[str, Path]) -> None:
    labels = write(tmp_path / "labels.tif", LABELS)
    away = Bounds(0, 0, 1, 1)
    wrong = [
        (files, SOURCES, labels, away, "does not overlap"),
        (files | {"dem": tmp_path / "absent.tif"}, SOURCES, labels, None, "cannot be read"),
        ({"image": files["image"]}, SOURCES, labels, None, "No raster is given for the source 'dem'"),
        (files | {"dem": files["image"]}, SOURCES, labels, None, "has 3 bands, the source 'dem' needs 1"),
        (
            files | {"dem": write(tmp_path / "east.tif", DEM, west=2_600_001)},
            SOURCES,
            labels,
            None,
            "one grid",
        ),
        (files, SOURCES, write(tmp_path / "float.tif", DEM), None, "class ids of one byte"),
    ]
    for files_, sources, labels_, bounds, says in wrong:
        with pytest.raises(InputError, match=says):
            read_area(files_, sources, labels_, bounds)
