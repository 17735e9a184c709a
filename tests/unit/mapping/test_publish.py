"""The final files: what a GIS finds in them."""

import struct
import threading
import xml.etree.ElementTree as Xml

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from mce_landcover.core.base.errors import Cancelled
from mce_landcover.core.mapping.plan import Settings
from rasterio.enums import ColorInterp
from support.engine import Recorder, predict_with, read, scene, tiny_model

ROWS, COLS = 1100, 700


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A raster large enough for overviews, from a network with a stride of a whole window."""
    folder = tmp_path_factory.mktemp("publish")
    model = tiny_model(window=64, stride=64)
    return predict_with(
        model, scene(folder, ROWS, COLS, gap=True), folder / "out", Settings(band_px=300, chunk_rows=200)
    )


def test_only_results_are_left(result):
    names = {p.name for p in result.output_dir.iterdir()}
    stems = ("land_cover", "expert_1", "expert_2", "expert_3")
    expected = {f"{stem}{suffix}" for stem in stems for suffix in (".tif", ".tif.aux.xml", ".qml")}
    assert names - {"evidence.tif.aux.xml"} == expected | {"evidence.tif", "run.json"}


@pytest.mark.parametrize("name", ["land_cover", "expert_2", "evidence"])
def test_files_are_cloud_optimised(result, name):
    path = result.products[name]
    with rasterio.open(path) as dataset:
        assert dataset.profile["tiled"] and dataset.block_shapes[0] == (512, 512)
        assert dataset.compression.name == "zstd"
        assert dataset.overviews(1) == [2, 4]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        smaller = dataset.read(out_shape=(dataset.count, -(-ROWS // 2), -(-COLS // 2)))
        np.testing.assert_array_equal(smaller, dataset.read()[:, ::2, ::2])
    offsets, blocks = layout_of(path.read_bytes())
    assert offsets == sorted(offsets) and max(offsets) < min(blocks[0]), (
        "all directories come before all pixels"
    )
    assert max(blocks[-1]) < min(blocks[0]), "the smallest overview's pixels come first"


def test_what_is_finished_after_a_cancel_is_removed(tmp_path, monkeypatch):
    copying, go_on = threading.Event(), threading.Event()
    real = rasterio.shutil.copy

    def slow_copy(*args, **options):
        copying.set()
        assert go_on.wait(60)
        real(*args, **options)

    class Impatient(Recorder):
        def progress(self, done, total, unit):
            if copying.is_set():
                raise Cancelled("stop")

    monkeypatch.setattr(rasterio.shutil, "copy", slow_copy)
    model = tiny_model(window=64, stride=64)
    with pytest.raises(Cancelled):
        predict_with(model, scene(tmp_path, 70, 80), tmp_path / "out", reporter=Impatient())
    writers = [thread for thread in threading.enumerate() if thread.name.startswith("publish-")]
    assert writers
    go_on.set()
    for thread in writers:
        thread.join(60)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".mce-run"]


def layout_of(content: bytes) -> tuple[list[int], list[list[int]]]:
    """Return the offsets of a TIFF's directories, and of each one's tiles."""
    assert content[:4] == b"II*\0"
    directories, tiles = [], []
    at = struct.unpack_from("<I", content, 4)[0]
    while at:
        directories.append(at)
        count = struct.unpack_from("<H", content, at)[0]
        for entry in range(count):
            tag, kind, n, value = struct.unpack_from("<HHII", content, at + 2 + 12 * entry)
            if tag == 324:  # TileOffsets
                assert kind == 4
                tiles.append([value] if n == 1 else list(struct.unpack_from(f"<{n}I", content, value)))
        at = struct.unpack_from("<I", content, at + 2 + 12 * count)[0]
    return directories, tiles


@pytest.mark.parametrize("name", ["land_cover", "expert_1", "expert_3"])
def test_class_rasters_carry_their_legend(result, name):
    path = result.products[name]
    with rasterio.open(path) as dataset:
        assert dataset.count == 1 and dataset.dtypes == ("uint8",) and dataset.nodata == 255
        assert dataset.colorinterp == (ColorInterp.palette,)
        colours = dataset.colormap(1)
        assert dataset.descriptions[0].endswith("(class id)")
    for entry in result.classes:
        assert colours[entry.id] == (*entry.rgb, 255)
    sidecar = Xml.parse(f"{path}.aux.xml")
    names = [c.text or "" for c in sidecar.iter("Category")]
    assert {i: n for i, n in enumerate(names) if n} == {c.id: c.name for c in result.classes}
    table = [[f.text for f in row] for row in sidecar.iter("Row")]
    assert table == [[str(c.id), c.name, c.group, *map(str, c.rgb)] for c in result.classes]
    style = Xml.parse(path.with_suffix(".qml")).getroot()
    entries = {int(e.get("value")): (e.get("label"), e.get("color")) for e in style.iter("paletteEntry")}
    assert entries == {c.id: (c.name, c.color.lower()) for c in result.classes}
    assert style.find("pipe/rasterrenderer").get("type") == "paletted"


def test_evidence_describes_its_bands(result):
    with rasterio.open(result.products["evidence"]) as dataset:
        assert dataset.descriptions == (
            "ML class (class id)",
            "Entropy",
            "Margin",
            "Variation ratio",
            "Expert agreement",
            "Support of the ML class",
            "Support by expert 1, all",
            "Support by expert 2, body and tail",
            "Support by expert 3, tail",
        )
        assert dataset.dtypes == ("uint16",) * 9 and dataset.nodatavals == (65535,) * 9
        assert dataset.scales == (1.0, *(1 / 50_000,) * 8) and dataset.offsets == (0.0,) * 9
        values = dataset.read(masked=True)
        assert values.mask.any() and not values.mask.all()
        assert values[1:].max() <= 50_000
        assert set(np.unique(values[0].compressed())) <= {c.id for c in result.classes}


def test_provenance_is_in_the_files_and_tells_no_time_or_place(result):
    with rasterio.open(result.products["land_cover"]) as dataset:
        tags = dataset.tags()
    assert tags["MCE_MODEL"] == "test" and tags["MCE_MODEL_SHA256"] == "0" * 64
    assert tags["MCE_AGGREGATION"] == "mean_responsible" and tags["MCE_PRODUCT"] == "land_cover"
    assert not any(str(result.output_dir) in value for value in tags.values())
    assert set(tags) == {
        "AREA_OR_POINT",
        "MCE_AGGREGATION",
        "MCE_MODEL",
        "MCE_MODEL_SHA256",
        "MCE_PRODUCT",
        "MCE_VERSION",
    }


def test_georeference(result):
    with rasterio.open(result.products["evidence"]) as dataset:
        assert dataset.crs.to_epsg() == 2056 and dataset.shape == (ROWS, COLS)
        assert dataset.transform.a == 0.5 and dataset.transform.e == -0.5


def test_agreement_is_the_share_of_experts_that_say_what_the_map_says(result):
    land_cover = read(result.products["land_cover"])[0]
    experts = [read(result.products[f"expert_{k}"])[0] for k in (1, 2, 3)]
    agreement = read(result.products["evidence"])[4]
    valid = land_cover != 255
    expected = np.mean([expert == land_cover for expert in experts], axis=0)
    np.testing.assert_allclose(agreement[valid] / 50_000, expected[valid], atol=1.1e-5)
