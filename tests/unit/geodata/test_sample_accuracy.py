from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.evaluation.compare import JudgedSample, judge
from mce_landcover.core.evaluation.sample_layer import Sample, read_sample
from mce_landcover.core.geodata.class_raster import open_class_raster
from mce_landcover.core.geodata.class_table import MapClass
from rasterio.warp import transform
from support.run import ORIGIN, write_ids
from unit.evaluation.test_sample_layer import interpreted

CLASSES = tuple(MapClass(i, f"class {i}") for i in (1, 2, 5))


def judged(sample: Sample, raster: Path, drawn_from: Path | None = None) -> JudgedSample:
    with open_class_raster(raster) as opened:
        return judge(sample, opened, CLASSES, drawn_from, SilentReporter())


def ids_of(raster: Path) -> np.ndarray:
    with rasterio.open(raster) as dataset:
        return dataset.read(1)


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[Sample, Path, np.ndarray]:
    """An interpreted sample, the map that it was drawn from, and the truth."""
    layer, truth = interpreted(tmp_path)
    return read_sample(layer, CLASSES), tmp_path / "map.tif", truth


def test_a_sample_judges_its_own_map_alike_whether_it_is_named_or_not(drawn) -> None:
    sample, raster, _ = drawn
    own, named = judged(sample, raster), judged(sample, raster, raster)
    assert own.accuracy.as_json(own.pixel_m2) == named.accuracy.as_json(named.pixel_m2)
    assert own.classes == named.classes
    np.testing.assert_allclose(own.accuracy.producers.error, named.accuracy.producers.error)


def test_a_sample_judges_another_map_of_the_area(drawn, tmp_path: Path) -> None:
    sample, raster, truth = drawn
    better = np.where(np.random.default_rng(5).random(truth.shape) < 0.6, truth, ids_of(raster))
    other = write_ids(tmp_path / "better.tif", better.astype(np.uint8))
    found = judged(sample, other, raster)
    assert [c.id for c in found.classes] == [1, 2, 5]
    np.testing.assert_array_equal(found.accuracy.mapped_pixels, [(better == i).sum() for i in (1, 2, 5)])
    overall = found.accuracy.overall
    assert abs(overall.value - (better == truth).mean()) < 3 * overall.error
    assert overall.value > judged(sample, raster).accuracy.overall.value
    for k, i in enumerate((1, 2, 5)):
        for estimate, true in (
            (found.accuracy.users, (truth == i)[better == i].mean()),
            (found.accuracy.producers, (better == i)[truth == i].mean()),
            (found.accuracy.shares, (truth == i).mean()),
        ):
            assert abs(estimate.value[k] - true) <= 3.5 * estimate.error[k] + 1e-12
    perfect = judged(sample, write_ids(tmp_path / "p.tif", truth.astype(np.uint8)), raster).accuracy
    assert (float(perfect.overall.value), float(perfect.overall.error)) == (1, 0)
    np.testing.assert_allclose(perfect.producers.value, 1)


def test_another_resolution_is_no_other_area(drawn, tmp_path: Path) -> None:
    sample, raster, _ = drawn
    fine = np.kron(ids_of(raster), np.ones((2, 2), np.uint8))
    other = write_ids(tmp_path / "fine.tif", fine, transform=ORIGIN @ ORIGIN.scale(0.5))
    own, found = judged(sample, raster), judged(sample, other, raster)
    assert found.pixel_m2 == own.pixel_m2 / 4
    assert found.accuracy.as_json(found.pixel_m2) == own.accuracy.as_json(own.pixel_m2)


def test_a_sample_in_another_crs_finds_its_map(drawn, tmp_path: Path) -> None:
    sample, raster, _ = drawn
    meta, _, wkb, columns = pyogrio.raw.read(tmp_path / "s.gpkg", layer="sample")
    xy = shapely.get_coordinates(shapely.from_wkb(wkb))
    lon, lat = transform("EPSG:2056", "EPSG:4326", xy[:, 0], xy[:, 1])
    moved = shapely.to_wkb(shapely.points(lon, lat))
    settings = {"driver": "GPKG", "geometry_type": "Point", "crs": "EPSG:4326", "layer": "sample"}
    pyogrio.raw.write(tmp_path / "84.gpkg", moved, columns, meta["fields"].tolist(), **settings)
    found = judged(read_sample(tmp_path / "84.gpkg", CLASSES), raster)
    assert found.accuracy.as_json(1) == judged(sample, raster).accuracy.as_json(1)


def test_a_map_that_differs_anywhere_is_not_the_one_of_the_sample(drawn, tmp_path: Path) -> None:
    sample, raster, _ = drawn
    ids = ids_of(raster)
    free = np.ones(ids.shape, bool)
    cols, rows = ~ORIGIN @ (sample.points[:, 0], sample.points[:, 1])
    free[rows.astype(int), cols.astype(int)] = False
    ids[tuple(np.argwhere(free & (ids == 5))[0])] = 1
    with pytest.raises(InputError, match=r"Class 1 has .* pixels in .*: this was drawn from another map"):
        judged(sample, write_ids(tmp_path / "touched.tif", ids))
    ids[:] = 5
    with pytest.raises(InputError, match="have another class in"):
        judged(sample, write_ids(tmp_path / "touched.tif", ids))


def test_maps_of_different_areas_are_refused(drawn, tmp_path: Path) -> None:
    sample, raster, truth = drawn
    ids = ids_of(raster)
    smaller = write_ids(tmp_path / "smaller.tif", ids[:150])
    larger = write_ids(tmp_path / "larger.tif", np.pad(ids, ((0, 30), (0, 0)), mode="edge"))
    for other in (smaller, larger):
        with pytest.raises(InputError, match="cover different areas"):
            judged(sample, other, raster)
    with pytest.raises(InputError, match="have another class"):
        judged(sample, raster, write_ids(tmp_path / "t.tif", truth.astype(np.uint8)))
