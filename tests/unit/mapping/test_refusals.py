"""Bad input to the whole job: one sentence each, and nothing written."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mce_landcover.core.base import files
from mce_landcover.core.base.errors import DeviceError, InputError, MceError, OutputError
from mce_landcover.core.mapping import devices
from mce_landcover.core.mapping.predict import PredictRequest, predict
from mce_landcover.core.mapping.store import RUN_FILE
from support.disks import mounted
from support.engine import WEST, predict_with, read, scene, tiny_model, write

pytestmark = pytest.mark.slow

MODEL = tiny_model()


@pytest.fixture
def rasters(tmp_path):
    folder = tmp_path / "rasters"
    folder.mkdir()
    return scene(folder)


def refused(rasters, tmp_path, kind: type[MceError] = InputError, **changes) -> str:
    """Run, expect one sentence, and find no trace of the run."""
    output = tmp_path / "new" / "out"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kind) as caught:
        predict_with(MODEL, rasters, output, **changes)
    assert type(caught.value) is kind
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and ". " not in sentence, sentence
    assert sorted(tmp_path.rglob("*")) == before
    return sentence


def test_rasters_apart(rasters, tmp_path):
    dem = write(tmp_path / "far.tif", read(rasters["dem"][0]), 0.5, west=WEST + 5000)
    assert "does not overlap" in refused({**rasters, "dem": [dem]}, tmp_path)


def test_rasters_that_only_touch(rasters, tmp_path):
    dem = write(tmp_path / "far.tif", read(rasters["dem"][0]), 0.5, west=WEST + 65)
    assert "does not overlap" in refused({**rasters, "dem": [dem]}, tmp_path)


@pytest.mark.parametrize(
    "extent", ["0,10,0,10", "2600000,2600001,1200100,1200200 [EPSG:2056]", "8,8.1,40,41 [EPSG:4326]"]
)
def test_extent_outside(rasters, tmp_path, extent):
    assert "outside" in refused(rasters, tmp_path, extent=extent)


def test_bad_extent(rasters, tmp_path):
    assert "cannot be read" in refused(rasters, tmp_path, extent="everything")


def test_geographic_first_source(rasters, tmp_path):
    image = write(
        tmp_path / "degrees.tif", read(rasters["image"][0]), 1e-5, west=8, north=47, crs="EPSG:4326"
    )
    assert "not projected" in refused({**rasters, "image": [image]}, tmp_path)


def test_crs_in_feet(rasters, tmp_path):
    assert "US survey foot" in refused(rasters, tmp_path, crs="EPSG:2272")


def test_raster_where_the_crs_is_not_defined(rasters, tmp_path):
    image = write(tmp_path / "lost.tif", read(rasters["image"][0]), 1e9, west=1e12)
    refused({**rasters, "image": [image]}, tmp_path, crs="EPSG:32632")


def test_all_nodata(rasters, tmp_path):
    write(rasters["dem"][0], np.full((1, 100, 130), -9999, np.float32), 0.5, nodata=-9999)
    assert "nothing to map" in refused(rasters, tmp_path)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_nowhere_all_sources(rasters, tmp_path, engine):
    dem = read(rasters["dem"][0])
    dem[:, :, :65] = -9999
    write(rasters["dem"][0], dem, 0.5, nodata=-9999)
    image = read(rasters["image"][0])
    image[:, :, 130:] = 0
    write(rasters["image"][0], image, 0.25, nodata=0)
    assert "nothing to map" in refused(rasters, tmp_path, engine=engine)


def test_truncated(rasters, tmp_path):
    path = rasters["image"][0]
    path.write_bytes(path.read_bytes()[:-5000])
    assert str(path) in refused(rasters, tmp_path)


def test_raster_that_breaks_while_being_read(rasters, tmp_path):
    """Damage that the door cannot see: the file has its full length, but not its content."""
    path = write(tmp_path / "broken.tif", read(rasters["image"][0]), 0.25, compress="deflate")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    assert str(path) in refused({**rasters, "image": [path]}, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aggregation": "oracle"}, "labels"),
        ({"aggregation": "median"}, "unknown"),
        ({"alpha": 1.5}, "'alpha'"),
        ({"alpha": float("nan")}, "'alpha'"),
        ({"overlap": 0.95}, "overlap"),
        ({"overlap": -0.5}, "overlap"),
        ({"device": "tpu"}, "device"),
        ({"precision": "int8"}, "precision"),
        ({"engine": "tensorrt"}, "engine"),
        ({"batch_size": -1}, "'batch_size'"),
        ({"crs": "EPSG:nonsense"}, "EPSG:2056"),
        ({"destinations": {"expert_9": Path("x.tif")}}, "expert_9"),
    ],
)
def test_bad_parameters(rasters, tmp_path, changes, words):
    assert words in refused(rasters, tmp_path, **changes)


def test_sources_of_another_model(rasters, tmp_path):
    assert "reads image, dem" in refused({"image": rasters["image"]}, tmp_path)
    assert "reads image, dem" in refused({**rasters, "slope": rasters["dem"]}, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_cuda_asked_for_and_absent(rasters, tmp_path):
    assert "CUDA" in refused(rasters, tmp_path, DeviceError, device="cuda", engine="auto", precision="auto")


def test_precision_that_is_not_there(rasters, tmp_path, monkeypatch):
    assert "fp16" in refused(rasters, tmp_path, DeviceError, precision="fp16")
    monkeypatch.setattr(devices, "has_native_bf16", lambda: False)
    assert "bf16" in refused(rasters, tmp_path, DeviceError, precision="bf16")


def test_missing_openvino(rasters, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert "not installed" in refused(rasters, tmp_path, DeviceError, engine="openvino")


def test_a_pickle_as_a_model(rasters, tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "model.pt")
    output = tmp_path / "out"
    with pytest.raises(InputError):
        predict(PredictRequest(source=rasters, output=output, model=str(tmp_path / "model.pt")))
    assert not output.exists()


def test_output_is_a_file(rasters, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        predict_with(MODEL, rasters, tmp_path / "file")
    with pytest.raises(OutputError):
        predict_with(MODEL, rasters, tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("size", ["4k", "16k", "40k", "64k", "120k", "200k"])
def test_full_disk(rasters, tmp_path, size):
    with mounted(tmp_path / "disk", f"size={size}") as disk:
        with pytest.raises(OutputError, match="full") as caught:
            predict_with(MODEL, rasters, disk / "out")
        assert str(disk) in str(caught.value)
        assert not list(disk.rglob("*.part*")) and not list(disk.glob("out/*.tif"))
        assert not (disk / "out" / RUN_FILE).exists()


def test_read_only_folder(rasters, tmp_path):
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        with pytest.raises(OutputError, match="cannot be written to"):
            predict_with(MODEL, rasters, disk / "out")
        with pytest.raises(OutputError, match="cannot be written to"):
            predict_with(MODEL, rasters, tmp_path / "out", destinations={"evidence": disk / "e.tif"})
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "full"), (errno.EROFS, "cannot be written to"), (errno.EIO, "failed")]
)
def test_errors_of_the_disk_become_sentences(tmp_path, monkeypatch, code, words):
    def broken(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", broken)
    with pytest.raises(OutputError, match=words):
        files.write_whole(tmp_path / "a.tif", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_window_is_named_with_its_position(rasters, tmp_path):
    class Fragile(torch.nn.Module):
        def forward(self, x):
            raise ValueError("no such layer")

    model = tiny_model()
    broken = type(model)(model.card, Fragile())
    with pytest.raises(MceError, match=r"window .* 26000\d\d\.\d\d, 12000\d\d\.\d\d failed: no such layer"):
        predict_with(broken, rasters, tmp_path / "out")
    assert not (tmp_path / "out").exists()
