from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.class_raster import open_class_raster
from mce_landcover.core.geodata.class_table import MapClass
from mce_landcover.core.geodata.labels import open_labels
from rasterio.warp import transform
from rasterio.windows import Window
from support.places import SHARED
from support.run import ORIGIN, write_ids

SHAPE = (60, 80)
CLASSES = (MapClass(1, "rock"), MapClass(2, "Scree"), MapClass(7, "water"))


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    return write_ids(tmp_path / "map.tif", np.ones(SHAPE, np.uint8))


def read_all(
    reference: Path, map_file: Path, window: Window | None = None, **settings
) -> tuple[np.ndarray, dict]:
    """The whole reference on the map's grid in one window, and what was unknown."""
    arguments = {"classes": CLASSES} | settings
    with ExitStack() as stack:
        raster = stack.enter_context(open_class_raster(map_file))
        opened = stack.enter_context(open_labels(reference, raster, **arguments))
        rows, cols = raster.shape
        return opened.read(window or Window(0, 0, cols, rows)), dict(opened.unknown)


def centres(transform_: Affine = ORIGIN, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.indices(shape) + 0.5
    return transform_.c + transform_.a * cols, transform_.f + transform_.e * rows


def looked_up(ids: np.ndarray, grid: Affine, x: np.ndarray, y: np.ndarray, nodata: int = 255) -> np.ndarray:
    """The value of the pixel that each point lies in, 255 beyond the raster."""
    cols, rows = (np.floor(v).astype(int) for v in ((x - grid.c) / grid.a, (y - grid.f) / grid.e))
    inside = (rows >= 0) & (rows < ids.shape[0]) & (cols >= 0) & (cols < ids.shape[1])
    found = np.where(inside, ids[rows.clip(0, ids.shape[0] - 1), cols.clip(0, ids.shape[1] - 1)], 255)
    return np.where(found == nodata, 255, found)


@pytest.mark.parametrize("nodata", [255, 2, None])
@pytest.mark.parametrize(
    ("gsd", "shift", "shape"),
    [
        (0.5, 0.0, (60, 80)),
        (0.5, 5.0, (30, 40)),
        (0.5, -6.5, (100, 120)),
        (2.0, 4.3, (12, 15)),
        (0.2, 0.06, (170, 210)),
    ],
)
def test_pixels_take_the_value_under_their_centre(
    map_file: Path, nodata: int | None, gsd: float, shift: float, shape: tuple[int, int]
) -> None:
    ids = np.random.default_rng(1).choice([0, 1, 2, 7], shape).astype(np.uint8)
    grid = Affine(gsd, 0, ORIGIN.c + shift, 0, -gsd, ORIGIN.f - shift)
    file = write_ids(map_file.with_name("ref.tif"), ids, transform=grid, nodata=nodata)
    got, unknown = read_all(file, map_file)
    np.testing.assert_array_equal(got, looked_up(ids, grid, *centres(), -1 if nodata is None else nodata))
    part, _ = read_all(file, map_file, Window(17, 9, 21, 30))
    np.testing.assert_array_equal(part, got[9:39, 17:38])
    assert unknown == {}


def test_a_raster_in_another_crs_is_warped(tmp_path: Path, map_file: Path) -> None:
    x, y = transform("EPSG:2056", "EPSG:32632", *(v.ravel() for v in centres()))
    grid = Affine(0.3, 0, min(x) - 5, 0, -0.3, max(y) + 5)
    ids = np.random.default_rng(2).integers(1, 5, (200, 200)).repeat(3, 0).repeat(3, 1)[:250, :300]
    file = write_ids(tmp_path / "ref.tif", ids.astype(np.uint8), transform=grid, crs="EPSG:32632")
    expected = looked_up(ids, grid, np.reshape(x, SHAPE), np.reshape(y, SHAPE))
    got, _ = read_all(file, map_file)
    assert (got != expected).mean() < 0.01  # centres within a hundredth of a pixel of an edge
    assert (expected != 255).any()


def write_polygons(
    path: Path,
    polygons: list,
    values: list,
    *,
    field: str = "class",
    crs: str | None = "EPSG:2056",
    layer: str = "cover",
) -> Path:
    kind = object if any(v is None or isinstance(v, str) for v in values) else None
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(polygons, object)),
        [np.array(values, kind)],
        [field],
        driver="GPKG",
        geometry_type="Unknown",
        crs=crs,
        layer=layer,
    )
    return path


def blobs(n: int = 12, seed: int = 3) -> list[shapely.Polygon]:
    """Overlapping quadrilaterals, some of which reach beyond the map."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        middle = rng.uniform((ORIGIN.c, ORIGIN.f - 30), (ORIGIN.c + 40, ORIGIN.f))
        found.append(shapely.convex_hull(shapely.MultiPoint(middle + rng.uniform(-8, 8, (6, 2)))))
    return found


@pytest.mark.parametrize("crs", ["EPSG:2056", "EPSG:32632"])
def test_pixels_take_the_last_polygon_over_their_centre(tmp_path: Path, map_file: Path, crs: str) -> None:
    polygons = blobs()
    ids = np.random.default_rng(4).choice([1, 2, 7], len(polygons)).tolist()
    expected = np.full(SHAPE, 255)
    x, y = centres()
    for polygon, class_id in zip(polygons, ids, strict=True):
        expected[shapely.contains_xy(polygon, x, y)] = class_id
    given = [
        shapely.transform(p, lambda xy: np.array(transform("EPSG:2056", crs, xy[:, 0], xy[:, 1])).T)
        for p in polygons
    ]
    file = write_polygons(tmp_path / "ref.gpkg", given, ids, crs=crs)
    got, _ = read_all(file, map_file)
    assert (got != expected).mean() < (0 if crs == "EPSG:2056" else 2e-3) + 1e-9
    part, _ = read_all(file, map_file, Window(31, 12, 20, 25))
    np.testing.assert_array_equal(part, got[12:37, 31:51])


def test_polygons_say_ids_or_names_and_unknown_ones_are_counted(tmp_path: Path, map_file: Path) -> None:
    squares = [shapely.box(ORIGIN.c + 5 * i, ORIGIN.f - 5, ORIGIN.c + 5 * i + 5, ORIGIN.f) for i in range(7)]
    values = ["1", "scree ", "WATER", "road", None, "0", "road"]
    file = write_polygons(tmp_path / "ref.gpkg", squares, values, field="cover")
    got, unknown = read_all(Path(f"{file}|layername=cover"), map_file, field="cover")
    assert got[0, ::10].tolist()[:7] == [1, 2, 7, 255, 255, 255, 255]
    assert unknown == {"road": 2}


def test_without_known_classes_polygons_say_ids(tmp_path: Path, map_file: Path) -> None:
    file = write_polygons(
        tmp_path / "ref.gpkg", [shapely.box(ORIGIN.c, ORIGIN.f - 5, ORIGIN.c + 5, ORIGIN.f)], [42]
    )
    got, _ = read_all(file, map_file, classes=())
    assert set(got[:10, :10].ravel().tolist()) == {42}


def test_what_is_no_reference_is_refused(tmp_path: Path, map_file: Path) -> None:
    (tmp_path / "text.gpkg").write_text("text")
    square = shapely.box(0, 0, 1, 1)
    points = write_polygons(tmp_path / "points.gpkg", [shapely.Point(0, 0)], [1])
    nowhere = write_polygons(tmp_path / "nowhere.gpkg", [square], [1], crs=None)
    other = write_polygons(tmp_path / "other.gpkg", [square], [1], field="id")
    beyond = write_polygons(tmp_path / "beyond.gpkg", [shapely.box(0, 0, 200, 95)], [1], crs="EPSG:4326")
    floats = write_ids(tmp_path / "float.tif", np.ones((5, 5), np.float32))
    high = write_ids(tmp_path / "high.tif", np.full(SHAPE, 700, np.int16), nodata=-1)
    cases = {
        tmp_path / "none.tif": "does not exist",
        tmp_path / "text.gpkg": "neither a raster nor a layer of polygons",
        Path(f"{points}|layername=none"): "neither a raster nor a layer of polygons",
        points: "other geometries than polygons",
        nowhere: "no coordinate reference system",
        other: "no field 'class' with the class; they have id",
        beyond: "is not defined; check their coordinate",
        floats: "one band of whole numbers",
        high: "holds the value 700",
    }
    for path, says in cases.items():
        with pytest.raises(InputError, match=says):
            read_all(path, map_file)


@pytest.mark.shared_data
def test_real_polygons_are_as_large_as_their_pixels(tmp_path: Path) -> None:
    """Hand-drawn land cover: the pixels of each class cover what its polygons do."""
    layer = SHARED / "soil_labels" / "0-vd" / "AOI_10.gpkg"
    if not layer.is_file():
        pytest.skip("the real data is not here: soil_labels")
    info = pyogrio.read_info(layer)
    left, bottom, right, top = info["total_bounds"]
    rows, cols = round(2 * (top - bottom)) + 2, round(2 * (right - left)) + 2
    grid = Affine(0.5, 0, left - 0.3, 0, -0.5, top + 0.3)
    map_file = write_ids(tmp_path / "map.tif", np.ones((rows, cols), np.uint8), transform=grid)
    got, unknown = read_all(layer, map_file, classes=(), field="classe_num")
    _, _, wkb, columns = pyogrio.raw.read(layer, columns=["classe_num"])
    areas = shapely.area(shapely.from_wkb(wkb))
    for class_id in np.unique(columns[0]):
        drawn = areas[columns[0] == class_id].sum()
        if drawn > 500:
            assert (got == class_id).sum() / 4 == pytest.approx(drawn, rel=0.02)
    assert unknown == {}
    with rasterio.open(map_file) as dataset:
        assert dataset.shape == got.shape
