"""Labels on a run's grid: rasters with whole shifts, polygons of any CRS, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging.labels import open_labels
from mce_landcover.core.geodata.grid import Region, WorldGrid
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


def opened(path: Path | str, field: str = "class"):
    return open_labels(Path(path), GRID, EXTENT, KNOWN, field)


def raster(path: Path, labels: np.ndarray, *, rows: int = 0, cols: int = 0, **changes) -> Path:
    """Write labels whose first pixel stands `rows` above and `cols` left of the run's."""
    place = {"west": WEST - cols * GSD, "north": NORTH + rows * GSD} | changes
    return write(path, labels[None], place.pop("gsd", GSD), **place)


def test_a_larger_raster_is_read_at_its_place(tmp_path):
    random = np.random.default_rng(0)
    labels = random.choice([0, 255, *IDS], (50, 75)).astype(np.int16)
    labels[20, 20] = -1
    file = raster(tmp_path / "labels.tif", labels, rows=7, cols=10, nodata=-1)
    reader = opened(file)
    found = reader.read(Region(2, 33, 5, 51))
    here = labels[9:40, 15:61]
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.where(np.isin(here, IDS), here, 255))
    reader.close()


def test_zero_is_a_class_where_the_map_has_it(tmp_path):
    classes = (LandCoverClass(id=0, name="none", color="#000000", group="head"), *KNOWN)
    file = raster(tmp_path / "labels.tif", np.zeros((40, 60), np.uint8))
    reader = open_labels(file, GRID, EXTENT, classes)
    assert (reader.read(Region(0, 40, 0, 60)) == 0).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"gsd": 1.0}, "do not stand on the run's grid of 0.5 m"),
        ({"west": WEST - 0.2}, "do not stand on the run's grid"),
        ({"crs": "EPSG:32632"}, "EPSG:32632, but the run has EPSG:2056"),
        ({"crs": None}, "no coordinate reference system"),
        ({"west": WEST + GSD}, "do not cover the whole run"),
        ({"north": NORTH - GSD}, "do not cover the whole run"),
    ],
)
def test_rasters_elsewhere_are_refused(tmp_path, changes, sentence):
    file = raster(tmp_path / "labels.tif", np.full((40, 60), 2, np.uint8), **changes)
    with pytest.raises(InputError, match=sentence):
        opened(file)


def test_rasters_that_are_no_labels_are_refused(tmp_path):
    floats = raster(tmp_path / "floats.tif", np.zeros((40, 60), np.float32))
    bands = write(tmp_path / "bands.tif", np.zeros((3, 40, 60), np.uint8), GSD, west=WEST, north=NORTH)
    for file in (floats, bands):
        with pytest.raises(InputError, match="no label raster"):
            opened(file)
    with pytest.raises(InputError, match="do not exist"):
        opened(tmp_path / "gone.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match="neither a raster nor a layer of polygons"):
        opened(tmp_path / "text.tif")


def test_unknown_classes_are_named(tmp_path):
    labels = np.full((40, 60), 2, np.uint8)
    labels[30, 30:33] = 77, 88, 77
    reader = opened(raster(tmp_path / "labels.tif", labels))
    assert (reader.read(Region(0, 30, 0, 60)) == 2).all()
    with pytest.raises(InputError, match=r"\(77, 88\); it has 2, 3, 5, 7, 9"):
        reader.read(Region(0, 40, 0, 60))


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
    reader = opened(file)
    region = Region(5, 25, 10, 45)
    expected, clear = burn(polygons, values, region)
    assert np.array_equal(reader.read(region)[clear], expected[clear])
    whole = reader.read(Region(0, 40, 0, 60))
    assert np.array_equal(whole[5:25, 10:45], reader.read(region))


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
    found = opened(file, "was").read(region)
    assert (found != 255).mean() > 0.2
    assert (found == expected)[clear].mean() > 0.995  # GeoJSON keeps 7 digits of a degree: a centimetre


def test_numbers_as_floats_layers_by_name_and_gaps(tmp_path):
    square = shapely.box(WEST, NORTH - 5, WEST + 5, NORTH)
    other = shapely.box(WEST + 10, NORTH - 5, WEST + 15, NORTH)
    file = tmp_path / "p.gpkg"
    write_polygons(file, [square], ["nothing"], layer="first", field="name")
    write_polygons(file, [square, other, other], [7.0, np.nan, 0.0], layer="second", append=True)
    found = opened(f"{file}|layername=second").read(Region(0, 40, 0, 60))
    assert (found[:10, :10] == 7).all()
    assert (found != 255).sum() == 100


def test_layers_that_cannot_be_used_are_refused(tmp_path):
    square = shapely.box(WEST, NORTH - 5, WEST + 5, NORTH)
    polygons = write_polygons(tmp_path / "p.gpkg", [square, square, square], [7, 41, 42])
    with pytest.raises(InputError, match=r"\(41, 42\).*7 \(large blocks\)"):
        opened(polygons)
    with pytest.raises(InputError, match=r"no field 'kind'.*they have class"):
        opened(polygons, "kind")
    with pytest.raises(InputError, match="neither a raster nor a layer"):
        opened(f"{polygons}|layername=gone")
    points = write_polygons(tmp_path / "points.gpkg", [square.centroid], [7])
    with pytest.raises(InputError, match="other geometries than polygons"):
        opened(points)
    lost = write_polygons(tmp_path / "lost.gpkg", [square], [7], crs=None)
    with pytest.raises(InputError, match="no coordinate reference system"):
        opened(lost)
    far = tmp_path / "far.geojson"
    ring = [[0, 89], [5, 91], [5, 200], [0, 89]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"class": 7}, "geometry": shape}
    far.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(InputError, match="is not defined"):
        opened(far)


def test_a_label_raster_that_breaks_is_said(tmp_path):
    random = np.random.default_rng(0)
    labels = random.choice(IDS, (400, 600)).astype(np.uint8)
    file = raster(tmp_path / "labels.tif", labels, rows=360, cols=540)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 8])
    with pytest.raises(InputError, match=r"labels\.tif"):
        open_labels(file, GRID, EXTENT, KNOWN).read(Region(0, 40, 0, 60))


def test_a_turned_raster_is_refused(tmp_path):
    turned = Affine(GSD, 0.02, WEST, -0.02, -GSD, NORTH)
    file = tmp_path / "labels.tif"
    write(file, np.full((1, 90, 90), 2, np.uint8), GSD, transform=turned)
    with rasterio.open(file) as dataset:
        assert dataset.transform.b != 0
    with pytest.raises(InputError, match="do not stand on the run's grid"):
        opened(file)
