"""`plugin/rasters.py`: which layers are files, what is exported of those that are none, extents and CRSs."""

import math
import struct
from pathlib import Path

import processing
import pytest
from conftest import write_raster
from mce_landcover.plugin.rasters import (
    SERVICE_GSD_M,
    Area,
    crs_text,
    extent_text,
    local_file,
    localise,
    read_layer,
    snap,
)
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsProcessingException,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtGui import QColor, QImage

SWISS = QgsCoordinateReferenceSystem("EPSG:2056")
MERCATOR = QgsCoordinateReferenceSystem("EPSG:3857")
NO_AREA = Area(None, QgsCoordinateReferenceSystem(), QgsCoordinateTransformContext())


def area(text: str, crs: QgsCoordinateReferenceSystem = SWISS) -> Area:
    xmin, xmax, ymin, ymax = (float(part) for part in text.split(","))
    return Area(QgsRectangle(xmin, ymin, xmax, ymax), crs, QgsCoordinateTransformContext())


@pytest.fixture
def virtual(image):
    """A layer without a file: QGIS computes it from another one."""
    layer = QgsRasterLayer(str(image), "ortho")
    uri = (
        "?crs=EPSG:2056&extent=2600000,1199990,2600010,1200000&width=20&height=20"
        f'&formula="ortho@1" * 2&ortho:uri={image}&ortho:provider=gdal'
    )
    virtual = QgsRasterLayer(uri, "doubled", "virtualraster")
    assert virtual.isValid(), virtual.error().message()
    virtual.keep = layer
    return virtual


@pytest.fixture
def tiles(tmp_path):
    """A tile service of local files: one green picture for the whole world."""
    picture = QImage(256, 256, QImage.Format.Format_ARGB32)
    picture.fill(QColor(10, 200, 30))
    (tmp_path / "tile.png").parent.mkdir(exist_ok=True)
    assert picture.save(str(tmp_path / "tile.png"))
    uri = f"type=xyz&url=file://{tmp_path}/tile.png?{{x}}%26{{y}}%26{{z}}&zmin=0&zmax=20"
    layer = QgsRasterLayer(uri, "tiles", "wms")
    assert layer.isValid()
    return layer


def test_plain_file_is_used_as_it_is(image):
    assert local_file(QgsRasterLayer(str(image))) == image


def test_not_plain_files(image, tmp_path):
    assert local_file(QgsRasterLayer(f"{image}|option:NUM_THREADS=1")) is None
    gdal.Translate(
        str(tmp_path / "two.gpkg"), str(image), format="GPKG", creationOptions=["RASTER_TABLE=a b"]
    )
    assert local_file(QgsRasterLayer(f"GPKG:{tmp_path}/two.gpkg:a b")) is None
    layer = QgsRasterLayer(f"/vsigzip/{image}.gz")
    assert layer.dataProvider() is None or local_file(layer) is None


def test_crs_that_the_user_gave_the_layer_counts(tmp_path, context, feedback):
    bare = write_raster(tmp_path / "bare.tif", epsg=None)
    layer = QgsRasterLayer(str(bare), "bare")
    layer.setCrs(QgsCoordinateReferenceSystem())
    assert local_file(layer) == bare
    layer.setCrs(SWISS)
    assert local_file(layer) is None
    exported = gdal.Open(str(localise(read_layer(layer, "IMAGE", NO_AREA), context, feedback)))
    original = gdal.Open(str(bare))
    assert exported.GetSpatialRef().GetAuthorityCode(None) == "2056"
    assert exported.GetGeoTransform() == original.GetGeoTransform()
    assert exported.ReadRaster() == original.ReadRaster()


def test_missing_pixels_stay_missing(tmp_path, context, feedback):
    file = write_raster(tmp_path / "holes.tif", kind=gdal.GDT_Float32)
    dataset = gdal.Open(str(file), gdal.GA_Update)
    dataset.GetRasterBand(1).SetNoDataValue(-9999.0)
    dataset.GetRasterBand(1).WriteRaster(2, 3, 1, 1, struct.pack("f", -9999.0))
    dataset.FlushCache()
    del dataset
    raster = read_layer(QgsRasterLayer(f"{file}|option:NUM_THREADS=1", "holes"), "DEM", NO_AREA)
    exported = gdal.Open(str(localise(raster, context, feedback)))
    values, nodata = exported.ReadAsArray(), exported.GetRasterBand(1).GetNoDataValue()
    assert (values == nodata).sum() == 1
    assert values[3, 2] == nodata


def test_layer_with_open_options_is_exported_whole(image, context, feedback):
    raster = read_layer(QgsRasterLayer(f"{image}|option:NUM_THREADS=1", "ortho"), "IMAGE", NO_AREA)
    exported = gdal.Open(str(localise(raster, context, feedback)))
    original = gdal.Open(str(image))
    assert exported.GetGeoTransform() == original.GetGeoTransform()
    assert exported.RasterCount == 3
    assert exported.GetRasterBand(1).DataType == gdal.GDT_Byte
    assert exported.ReadRaster() == original.ReadRaster()


def test_virtual_raster_keeps_its_pixels(virtual, image, context, feedback):
    file = localise(read_layer(virtual, "IMAGE", NO_AREA), context, feedback)
    exported, original = gdal.Open(str(file)), gdal.Open(str(image))
    assert exported.GetGeoTransform() == original.GetGeoTransform()
    values = exported.GetRasterBand(1).ReadAsArray()
    assert (values == 2 * original.GetRasterBand(1).ReadAsArray().astype(float)).all()


def test_extent_takes_only_the_part_and_its_margin(tmp_path, context, feedback):
    large = write_raster(tmp_path / "large.tif", size=250, pixel=10.0)
    layer = QgsRasterLayer(f"{large}|option:NUM_THREADS=1", "large")
    raster = read_layer(layer, "IMAGE", area("2600503,2600507,1199495,1199499"))
    exported, original = gdal.Open(str(localise(raster, context, feedback))), gdal.Open(str(large))
    # 100 m on each side of columns 50 and rows 50, on the layer's own pixels.
    assert exported.GetGeoTransform() == (2600400.0, 10.0, 0.0, 1199600.0, 0.0, -10.0)
    assert (exported.RasterXSize, exported.RasterYSize) == (21, 21)
    assert exported.ReadRaster() == original.ReadRaster(40, 40, 21, 21)


def test_extent_beside_the_layer_is_refused(virtual):
    with pytest.raises(QgsProcessingException, match="does not overlap DEM"):
        read_layer(virtual, "DEM", area("2700000,2700010,1199990,1200000"))


def test_service_needs_an_extent_in_metres(tiles):
    with pytest.raises(QgsProcessingException, match="IMAGE is a service.*choose EXTENT"):
        read_layer(tiles, "IMAGE", NO_AREA)
    with pytest.raises(QgsProcessingException, match="not in metres"):
        read_layer(tiles, "IMAGE", area("7.4,7.41,46.9,46.91", QgsCoordinateReferenceSystem("EPSG:4326")))


def test_service_is_exported_in_the_extents_crs(tiles, context, feedback):
    raster = read_layer(tiles, "IMAGE", area("2600000,2600020,1199980,1200000"))
    exported = gdal.Open(str(localise(raster, context, feedback)))
    assert exported.GetSpatialRef().GetAuthorityCode(None) == "2056"
    assert exported.GetGeoTransform() == (2599900.0, SERVICE_GSD_M, 0.0, 1200100.0, 0.0, -SERVICE_GSD_M)
    assert (exported.RasterXSize, exported.RasterYSize) == (880, 880)
    # Red, green, blue and an alpha band that says so, which the backend takes as validity.
    assert exported.RasterCount == 4
    assert exported.GetRasterBand(4).GetColorInterpretation() == gdal.GCI_AlphaBand
    assert [exported.GetRasterBand(b).ReadRaster(440, 440, 1, 1) for b in (1, 2, 3, 4)] == [
        b"\x0a",
        b"\xc8",
        b"\x1e",
        b"\xff",
    ]


def test_predict_hands_the_export_on(provider, fake_backend, virtual, tmp_path):
    processing.run("mce:predict", {"IMAGE": virtual, "OUTPUT_DIR": str(tmp_path / "out")})
    (request,) = fake_backend()
    exported = Path(request["parameters"]["image"])
    assert exported.suffix == ".tif" and gdal.Open(str(exported)).RasterXSize == 20


def test_cancelled_export(virtual, context, feedback):
    raster = read_layer(virtual, "IMAGE", NO_AREA)
    feedback.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        localise(raster, context, feedback)


def test_layer_without_crs_is_refused(tmp_path):
    bare = write_raster(tmp_path / "bare.tif", epsg=None)
    layer = QgsRasterLayer(f"{bare}|option:NUM_THREADS=1", "bare")
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(QgsProcessingException, match="IMAGE has no CRS"):
        read_layer(layer, "IMAGE", NO_AREA)


@pytest.mark.parametrize("shift", [0.0, 0.1, -7.3])
def test_snapped_grid_covers_the_extent_with_less_than_a_pixel_to_spare(shift):
    extent, size = QgsRectangle(100.2 + shift, 50.4, 130.6 + shift, 80.9), (0.25, 0.5)
    grid = snap(extent, SWISS, (3.0, 7.0), size)
    assert grid.extent.contains(extent)
    assert grid.extent.width() == pytest.approx(grid.n_cols * size[0])
    assert grid.extent.height() == pytest.approx(grid.n_rows * size[1])
    assert grid.extent.width() - extent.width() < 2 * size[0]
    for edge, corner, pixel in (
        (grid.extent.xMinimum(), 3.0, size[0]),
        (grid.extent.yMaximum(), 7.0, size[1]),
    ):
        pixels = (edge - corner) / pixel
        assert math.isclose(pixels, round(pixels), abs_tol=1e-6)


def swiss_coordinates(latitude: float, longitude: float) -> tuple[float, float]:
    """Return LV95 east and north by the approximation of swisstopo (good to about a metre)."""
    phi, lam = (latitude * 3600 - 169028.66) / 10000, (longitude * 3600 - 26782.5) / 10000
    east = 2600072.37 + 211455.93 * lam - 10938.51 * lam * phi - 0.36 * lam * phi**2 - 44.54 * lam**3
    north = 1200147.07 + 308807.95 * phi + 3745.25 * lam**2 + 76.63 * phi**2 - 194.56 * lam**2 * phi
    return east, north + 119.79 * phi**3


def test_extent_keeps_its_epsg_code():
    transforms = QgsCoordinateTransformContext()
    other = QgsCoordinateReferenceSystem("EPSG:4326")
    extent = QgsRectangle(7.4, 46.9, 7.45, 46.95)
    assert extent_text(extent, other, SWISS, transforms) == "7.4,7.45,46.9,46.95 [EPSG:4326]"
    assert extent_text(extent, QgsCoordinateReferenceSystem(), SWISS, transforms).endswith("[EPSG:2056]")
    assert extent_text(QgsRectangle(), other, SWISS, transforms) is None


def test_extent_without_a_code_goes_to_the_images_crs():
    transforms = QgsCoordinateTransformContext()
    custom = QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=47 +lon_0=8 +datum=WGS84 +units=m")
    assert custom.isValid() and not custom.authid().startswith("EPSG")
    text = extent_text(QgsRectangle(-100, -100, 100, 100), custom, SWISS, transforms)
    xmin, xmax, ymin, ymax = (float(edge) for edge in text.removesuffix(" [EPSG:2056]").split(","))
    # The rectangle around the turned square is a little larger than it.
    assert 200 <= xmax - xmin < 203 and 200 <= ymax - ymin < 203
    east, north = swiss_coordinates(47.0, 8.0)
    assert abs((xmin + xmax) / 2 - east) < 2 and abs((ymin + ymax) / 2 - north) < 2
    # Where neither has a code, the numbers alone mean the image's CRS.
    assert "[" not in extent_text(QgsRectangle(-100, -100, 100, 100), custom, custom, transforms)
    with pytest.raises(QgsProcessingException, match="no EPSG code"):
        extent_text(QgsRectangle(-1, -1, 1, 1), custom, QgsCoordinateReferenceSystem(), transforms)


def test_crs_goes_by_code_or_in_full():
    custom = QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=47 +lon_0=8 +datum=WGS84 +units=m")
    assert crs_text(QgsCoordinateReferenceSystem()) is None
    assert crs_text(SWISS) == "EPSG:2056"
    assert QgsCoordinateReferenceSystem.fromWkt(crs_text(custom)) == custom
