"""Labels on a run's grid: rasters and polygons of any grid and CRS, what is left out, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.grid import Region, WorldGrid
from mce_landcover.core.geodata.labels import left_out_remark, open_run_labels
from mce_landcover.core.model.classes import LandCoverClass
from rasterio.crs import CRS
from rasterio.warp import transform
from support.engine import write
from support.flag import CLASSES, COL0, GSD, IDS, ROW0

GRID = WorldGrid(CRS.from_epsg(2056), GSD)
EXTENT = Region(ROW0, ROW0 + 40, COL0, COL0 + 60)
KNOWN = tuple(
    LandCoverClass(id=id_, name=name, color="#000000", group=group) for id_, name, group, _ in CLASSES
)
WEST, NORTH = COL0 * GSD, -ROW0 * GSD


WHOLE = Region(0, 40, 0, 60)


def opened(path: Path | str, field: str = "class"):
    return open_run_labels(Path(path), GRID, EXTENT, KNOWN, field)


def read(path: Path | str, region: Region = WHOLE, field: str = "class") -> np.ndarray:
    with opened(path, field) as labels:
        return labels.read(region)


def raster(path: Path, labels: np.ndarray, *, rows: int = 0, cols: int = 0, **changes) -> Path:
    """Write labels whose first pixel stands `rows` above and `cols` left of the run's."""
    place = {"west": WEST - cols * GSD, "north": NORTH + rows * GSD} | changes
    return write(path, labels[None], place.pop("gsd", GSD), **place)


def test_a_larger_raster_is_read_at_its_place(tmp_path):
    random = np.random.default_rng(0)
    labels = random.choice([0, 255, *IDS], (50, 75)).astype(np.int16)
    labels[20, 20] = -1
    file = raster(tmp_path / "labels.tif", labels, rows=7, cols=10, nodata=-1)
    found = read(file, Region(2, 33, 5, 51))
    here = labels[9:40, 15:61]
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.where(np.isin(here, IDS), here, 255))


def test_zero_is_a_class_where_the_map_has_it(tmp_path):
    classes = (LandCoverClass(id=0, name="none", color="#000000", group="head"), *KNOWN)
    file = raster(tmp_path / "labels.tif", np.zeros((40, 60), np.uint8))
    with open_run_labels(file, GRID, EXTENT, classes) as labels:
        assert (labels.read(WHOLE) == 0).all()


def test_coarser_labels_are_taken_at_the_nearest_pixel(tmp_path):
    coarse = np.random.default_rng(1).choice([0, *IDS], (20, 30)).astype(np.uint8)
    found = read(raster(tmp_path / "labels.tif", coarse, gsd=1.0))
    fine = np.kron(coarse, np.ones((2, 2), np.uint8))
    assert np.array_equal(found, np.where(fine == 0, 255, fine))


def test_labels_between_the_pixels_and_of_another_crs_are_taken_at_the_nearest_pixel(tmp_path):
    halves = np.where(np.arange(60) < 30, 2, 7).astype(np.uint8) + np.zeros((40, 1), np.uint8)
    shifted = read(raster(tmp_path / "shifted.tif", halves, west=WEST - 0.2))
    assert np.array_equal(shifted[:, :59], halves[:, :59])
    (x,), (y,) = transform(CRS.from_epsg(2056), CRS.from_epsg(32632), [WEST + 15], [NORTH - 10])
    far = np.where(np.arange(400) < 200, 2, 7).astype(np.uint8) + np.zeros((400, 1), np.uint8)
    place = {"west": x - 100, "north": y + 100, "crs": "EPSG:32632"}
    there = read(raster(tmp_path / "utm.tif", far, **place))
    assert (there[:, :20] == 2).all() and (there[:, 40:] == 7).all()


@pytest.mark.parametrize("place", [{"west": WEST + 5 * GSD}, {"north": NORTH - 4 * GSD}])
def test_beyond_a_raster_nothing_is_labelled(tmp_path, place):
    found = read(raster(tmp_path / "labels.tif", np.full((40, 60), 2, np.uint8), **place))
    expected = np.full((40, 60), 2)
    expected[:, : 5 * ("west" in place)] = 255
    expected[: 4 * ("north" in place)] = 255
    assert np.array_equal(found, expected)


def test_a_raster_without_a_place_is_refused(tmp_path):
    file = raster(tmp_path / "labels.tif", np.full((40, 60), 2, np.uint8), crs=None)
    with pytest.raises(InputError, match="no coordinate reference system"):
        read(file)


def test_rasters_that_are_no_labels_are_refused(tmp_path):
    floats = raster(tmp_path / "floats.tif", np.zeros((40, 60), np.float32))
    bands = write(tmp_path / "bands.tif", np.zeros((3, 40, 60), np.uint8), GSD, west=WEST, north=NORTH)
    for file in (floats, bands):
        with pytest.raises(InputError, match="no class raster"):
            read(file)
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "gone.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match="neither a raster nor a layer of polygons"):
        read(tmp_path / "text.tif")


def test_unknown_classes_are_left_out_and_counted(tmp_path):
    labels = np.full((40, 60), 2, np.uint8)
    labels[30, 30:33] = 77, 88, 77
    labels[0, 0] = 0
    with opened(raster(tmp_path / "labels.tif", labels)) as found:
        here = found.read(WHOLE)
        assert found.left_out() == {"77": 2, "88": 1} and found.any_known()
    assert np.array_equal(here, np.where(labels == 2, 2, 255))
    remark = left_out_remark({"77": 2, "88": 1}, "The labels file")
    assert remark == "The labels file holds classes that the map does not have, left out: 77 (2), 88 (1)."
    assert left_out_remark({}, "The labels file") == ""


def write_polygons(path: Path, polygons, values, crs="EPSG:2056", field="class", **options) -> Path:
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(polygons, object)),
        [np.array(values)],
        [field],
        geometry_type="Unknown",
        crs=crs,
        **options,
    )
    return path


def boxes(seed: int, n: int = 12):
    """Random turned boxes around the run, in its CRS."""
    random = np.random.default_rng(seed)
    polygons = []
    for x, y, w, h, angle in random.random((n, 5)):
        box = shapely.box(0, 0, 2 + 10 * w, 2 + 8 * h)
        turned = shapely.affinity.rotate(box, 180 * angle)
        polygons.append(shapely.affinity.translate(turned, WEST - 4 + 32 * x, NORTH - 22 + 24 * y))
    return polygons, random.choice(IDS, n)


def burn(polygons, values, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """The last polygon over each pixel's centre, and which pixels are clear of every edge."""
    found = np.full(region.shape, 255, np.uint8)
    clear = np.ones(region.shape, np.bool_)
    for index in np.ndindex(region.shape):
        centre = shapely.Point(
            WEST + (region.col0 + index[1] + 0.5) * GSD, NORTH - (region.row0 + index[0] + 0.5) * GSD
        )
        for polygon, value in zip(polygons, values, strict=True):
            if polygon.covers(centre):
                found[index] = value
            clear[index] &= polygon.boundary.distance(centre) > 1e-3
    return found, clear


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_polygons_are_burnt_by_their_centres(tmp_path_factory, seed):
    polygons, values = boxes(seed)
    file = write_polygons(tmp_path_factory.mktemp("polygons") / "p.gpkg", polygons, values)
    region = Region(5, 25, 10, 45)
    expected, clear = burn(polygons, values, region)
    assert np.array_equal(read(file, region)[clear], expected[clear])
    whole = read(file)
    assert np.array_equal(whole[5:25, 10:45], read(file, region))


def test_polygons_of_another_crs_with_names(tmp_path):
    """WGS 84 in a GeoJSON; half of the classes by name, in any case."""
    polygons, values = boxes(3)
    names = {id_: name for id_, name, *_ in CLASSES}

    def away(xy):
        return np.array(transform(CRS.from_epsg(2056), CRS.from_epsg(4326), xy[:, 0], xy[:, 1])).T

    turned = [shapely.transform(polygon, away) for polygon in polygons]
    words = [names[v].upper() if i % 2 else str(v) for i, v in enumerate(values.tolist())]
    file = write_polygons(tmp_path / "p.geojson", turned, words, crs="EPSG:4326", field="was")
    region = Region(0, 40, 0, 60)
    expected, clear = burn(polygons, values, region)
    found = read(file, region, "was")
    assert (found != 255).mean() > 0.2
    assert (found == expected)[clear].mean() > 0.995  # GeoJSON keeps 7 digits of a degree: a centimetre


def test_numbers_as_floats_layers_by_name_and_gaps(tmp_path):
    square = shapely.box(WEST, NORTH - 5, WEST + 5, NORTH)
    other = shapely.box(WEST + 10, NORTH - 5, WEST + 15, NORTH)
    file = tmp_path / "p.gpkg"
    write_polygons(file, [square], ["nothing"], layer="first", field="name")
    write_polygons(file, [square, other, other], [7.0, np.nan, 0.0], layer="second", append=True)
    found = read(f"{file}|layername=second")
    assert (found[:10, :10] == 7).all()
    assert (found != 255).sum() == 100


def test_layers_that_cannot_be_used_are_refused(tmp_path):
    square = shapely.box(WEST, NORTH - 5, WEST + 5, NORTH)
    polygons = write_polygons(tmp_path / "p.gpkg", [square, square, square], [7, 41, 42])
    with opened(polygons) as labels:
        assert labels.left_out() == {"41": 1, "42": 1}
    with pytest.raises(InputError, match=r"no field 'kind'.*they have class"):
        read(polygons, field="kind")
    with pytest.raises(InputError, match="neither a raster nor a layer"):
        read(f"{polygons}|layername=gone")
    points = write_polygons(tmp_path / "points.gpkg", [square.centroid], [7])
    with pytest.raises(InputError, match="other geometries than polygons"):
        read(points)
    lost = write_polygons(tmp_path / "lost.gpkg", [square], [7], crs=None)
    with pytest.raises(InputError, match="no coordinate reference system"):
        read(lost)
    far = tmp_path / "far.geojson"
    ring = [[0, 89], [5, 91], [5, 200], [0, 89]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"class": 7}, "geometry": shape}
    far.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(InputError, match="is not defined"):
        read(far)


def test_a_label_raster_that_breaks_is_said(tmp_path):
    random = np.random.default_rng(0)
    labels = random.choice(IDS, (400, 600)).astype(np.uint8)
    file = raster(tmp_path / "labels.tif", labels, rows=360, cols=540)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 8])
    with pytest.raises(InputError, match=r"labels\.tif"):
        read(file)


def test_a_turned_raster_is_taken_at_its_pixels(tmp_path):
    turned = Affine(GSD, 0.02, WEST, -0.02, -GSD, NORTH + 2)
    file = tmp_path / "labels.tif"
    values = np.random.default_rng(2).choice(IDS, (90, 90)).astype(np.uint8)
    write(file, values[None], GSD, transform=turned)
    found = read(file)
    for row, col in [(5, 7), (20, 30), (39, 59)]:
        x, y = ~turned @ (WEST + (col + 0.5) * GSD, NORTH - (row + 0.5) * GSD)
        assert found[row, col] == values[int(y), int(x)]
