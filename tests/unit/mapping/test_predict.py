"""The whole job on small rasters: right, the same however it is cut, and saying what it did."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mce_landcover.core.geodata.grid import WorldGrid
from mce_landcover.core.mapping.plan import Settings
from mce_landcover.core.mapping.record import read_record
from mce_landcover.core.model.decision import decide
from rasterio.crs import CRS
from support.engine import (
    NORTH,
    WEST,
    Recorder,
    TinyNetwork,
    blended,
    predict_with,
    read,
    read_all,
    scene,
    tiny_model,
    write,
)

pytestmark = pytest.mark.slow

ROWS, COLS = 100, 130
ROW0, COL0 = round(-NORTH * 2), round(WEST * 2)
SMALL = Settings(band_px=48, chunk_rows=24, cell=64)
ENGINES = ("torch", "openvino")


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    return scene(tmp_path_factory.mktemp("scene"), ROWS, COLS, gap=True)


@pytest.fixture(scope="module", params=ENGINES)
def whole(request, model, rasters, tmp_path_factory):
    result = predict_with(model, rasters, tmp_path_factory.mktemp("whole") / "out", engine=request.param)
    return request.param, read_all(result)


def raw_values(rasters) -> np.ndarray:
    image = read(rasters["image"][0]).astype(np.float32).reshape(3, ROWS, 2, COLS, 2).mean(axis=(2, 4))
    dem = read(rasters["dem"][0])
    dem[dem == -9999] = np.nan
    return np.concatenate([image, dem])


def extent_of(rows: slice, cols: slice) -> str:
    west, north = WEST + cols.start * 0.5, NORTH - rows.start * 0.5
    return f"{west},{west + (cols.stop - cols.start) * 0.5},{north - (rows.stop - rows.start) * 0.5},{north}"


def test_equals_plain_blending_of_the_whole_raster(model, rasters, whole):
    _, maps = whole
    raw = raw_values(rasters)
    logits = blended(model, raw, ROW0, COL0)
    ids = np.array([c.id for c in model.card.classes])
    responsible = np.array(model.card.responsible)
    scores = logits.sum(axis=0) / responsible.sum(axis=0)[:, None, None]
    valid = np.isfinite(raw).all(axis=0)
    assert 0.9 < valid.mean() < 1
    assert (maps["land_cover"][0] == 255).tolist() == (~valid).tolist()
    for name, expected in [("land_cover", scores), *((f"expert_{k + 1}", z) for k, z in enumerate(logits))]:
        ordered = np.sort(expected, axis=0)
        clear = valid & (ordered[-1] - ordered[-2] > 1e-4)
        assert clear[valid].mean() > 0.99
        np.testing.assert_array_equal(maps[name][0][clear], ids[expected.argmax(axis=0)][clear])
    counts = np.array(model.card.pixel_counts)
    weighed = scores - np.log(0.05 + 0.95 * counts / counts.sum())[:, None, None]
    p = np.exp(weighed - weighed.max(axis=0))
    p /= p.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nansum(np.where(p > 0, p * np.log(p), 0), axis=0) / np.log(len(ids))
    evidence = maps["evidence"]
    assert (evidence[:, ~valid] == 65535).all()
    np.testing.assert_allclose(evidence[1][valid] / 50_000, entropy[valid], atol=1e-3)


@st.composite
def parts(draw):
    top, left = draw(st.integers(0, ROWS - 2)), draw(st.integers(0, COLS - 2))
    return slice(top, draw(st.integers(top + 1, ROWS))), slice(left, draw(st.integers(left + 1, COLS)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts(),
    st.builds(Settings, st.integers(20, 200), st.integers(7, 120), st.sampled_from([16, 64, 100])),
    st.integers(0, 5),
)
def test_the_map_of_a_part_is_the_part_of_the_map(  # noqa: PLR0917 - fixtures
    model, rasters, whole, tmp_path_factory, part, sizes, batch_size
):
    engine, maps = whole
    rows, cols = part
    if (maps["land_cover"][0, rows, cols] == 255).all():
        return
    result = predict_with(
        model,
        rasters,
        tmp_path_factory.mktemp("part") / "out",
        sizes,
        engine=engine,
        extent=extent_of(rows, cols),
        batch_size=batch_size,
    )
    for name, pixels in read_all(result).items():
        np.testing.assert_array_equal(pixels, maps[name][:, rows, cols], err_msg=name)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.75])
def test_part_and_whole_at_other_overlaps(model, rasters, tmp_path, overlap):
    one = read_all(predict_with(model, rasters, tmp_path / "whole", overlap=overlap))
    part = extent_of(slice(13, 71), slice(21, 90))
    two = read_all(predict_with(model, rasters, tmp_path / "part", SMALL, overlap=overlap, extent=part))
    for name, pixels in two.items():
        np.testing.assert_array_equal(pixels, one[name][:, 13:71, 21:90], err_msg=name)


def test_bands_and_chunks_do_not_change_a_byte(model, rasters, tmp_path):
    one = predict_with(model, rasters, tmp_path / "one")
    two = predict_with(model, rasters, tmp_path / "two", SMALL)
    for name, path in one.products.items():
        assert path.read_bytes() == two.products[name].read_bytes(), name


def test_a_mosaic_is_mapped_like_the_single_file(model, rasters, tmp_path):
    image = read(rasters["image"][0])
    tiles = [
        write(tmp_path / f"{k}.tif", image[:, :, k * 65 : (k + 1) * 65], 0.25, west=WEST + k * 65 * 0.25)
        for k in range(4)
    ]
    one = read_all(predict_with(model, rasters, tmp_path / "one"))
    two = read_all(predict_with(model, {"image": tiles, "dem": rasters["dem"]}, tmp_path / "two"))
    for name, pixels in one.items():
        np.testing.assert_array_equal(pixels, two[name], err_msg=name)


def test_adjacent_tiles_one_by_one_are_the_mosaic(model, rasters, tmp_path):
    """Each tile is mapped with its neighbours at hand: no seam between separate runs."""
    mosaic = read(predict_with(model, rasters, tmp_path / "whole").products["land_cover"])
    for k, cols in enumerate((slice(0, 50), slice(50, 100), slice(100, 130))):
        part = predict_with(model, rasters, tmp_path / str(k), extent=extent_of(slice(0, ROWS), cols))
        np.testing.assert_array_equal(read(part.products["land_cover"]), mosaic[:, :, cols])


class Moody(torch.nn.Module):
    """Adds to its logits what depends on the whole window, so neighbouring windows see things differently."""

    def __init__(self, card):
        super().__init__()
        self.net = TinyNetwork(card, 4)
        self.moods = torch.randn(27, card.n_bands, generator=torch.Generator().manual_seed(1))

    def forward(self, x):
        mood = torch.sin(40 * x.mean((2, 3)) @ self.moods.T)
        return 0.3 * self.net(x) + 2 * mood.reshape(len(x), 3, 9, 1, 1)


@pytest.fixture(scope="module")
def seams(tmp_path_factory):
    """Measure how much more often classes change along lattice lines than elsewhere, in standard errors."""

    def measure(overlap: float) -> list[float]:
        folder = tmp_path_factory.mktemp("seams")
        model = tiny_model()
        moody = replace(model, net=Moody(model.card))
        result = predict_with(moody, scene(folder, 400, 400, seed=9), folder / "out", overlap=overlap)
        land_cover = read(result.products["land_cover"])[0]
        stride = round(model.card.window * (1 - overlap))
        scores = []
        for axis, origin in ((1, COL0), (0, ROW0)):
            changes = (np.diff(land_cover.astype(int), axis=axis) != 0).mean(axis=1 - axis)
            on_line = (np.arange(origin + 1, origin + 400) % stride) == 0
            error = changes[~on_line].std() / np.sqrt(on_line.sum())
            scores.append((changes[on_line].mean() - changes[~on_line].mean()) / error)
        return scores

    return measure


def test_no_seam_along_lattice_lines(seams):
    assert max(seams(0.5)) < 2


def test_the_measure_of_seams_finds_those_of_windows_that_only_touch(seams):
    assert min(seams(0.0)) > 4


def test_the_other_grid_of_a_crs_in_the_request(model, rasters, tmp_path):
    result = predict_with(model, rasters, tmp_path / "out", crs="EPSG:21781")
    with rasterio.open(result.products["land_cover"]) as dataset:
        assert dataset.crs.to_epsg() == 21781
        region = WorldGrid(CRS.from_epsg(21781), 0.5).covering(dataset.bounds)
        assert dataset.transform.almost_equals(WorldGrid(CRS.from_epsg(21781), 0.5).transform(region))
        assert (dataset.read(1) != 255).mean() > 0.9


def test_bf16_agrees_with_fp32(model, rasters, tmp_path):
    """A DEM near 2,500 m has steps of 16 m in bf16: only a normaliser in fp32 keeps the classes."""
    from mce_landcover.core.mapping.devices import has_native_bf16

    if not has_native_bf16():
        pytest.skip("this processor has no bf16")
    full = read(predict_with(model, rasters, tmp_path / "fp32").products["land_cover"])
    for engine in ENGINES:
        result = predict_with(model, rasters, tmp_path / engine, engine=engine, precision="bf16")
        assert result.precision == "bf16"
        assert (read(result.products["land_cover"]) == full).mean() > 0.97  # random weights, random image


def test_run_file_tells_everything(model, rasters, tmp_path):
    recorder = Recorder()
    result = predict_with(model, rasters, tmp_path / "out", reporter=recorder, overlap=0.25, alpha=0.9)
    report = json.loads(result.run_file.read_text())
    assert report["device"] == result.device == "cpu"
    assert report["precision"] == "fp32" and report["engine"] == "torch" and report["batch_size"] == 1
    assert report["model"] == {"name": "test", "sha256": model.sha256, "path": str(model.path.absolute())}
    assert [i["role"] for i in report["inputs"]] == ["image", "dem"]
    assert report["inputs"][0]["size"] == [2 * COLS, 2 * ROWS] and report["inputs"][0]["gsd"] == 0.25
    assert report["grid"]["shape"] == [ROWS, COLS] and report["grid"]["crs"] == "EPSG:2056"
    assert report["parameters"]["stride"] == 24 and report["parameters"]["alpha"] == 0.9
    assert report["windows"]["total"] - report["windows"]["skipped"] == result.windows
    assert report["resumed"] is False and report["seconds"] > 0
    assert {"torch", "rasterio", "gdal", "numpy", "python", "mce_landcover", "openvino"} <= set(
        report["versions"]
    )
    assert sum(report["priors"].values()) == pytest.approx(1)
    assert any("cpu" in message and "fp32" in message for message in recorder.messages)
    record = read_record(result.output_dir)
    assert record.experts == ("all", "body and tail", "tail")
    assert [(c.id, c.name) for c in record.classes] == [(c.id, c.name) for c in model.card.classes]
    assert record.products == result.products
    done = [call[0] for call in recorder.calls]
    assert done == sorted(done) and recorder.calls[-1][:2] == (report["windows"]["total"],) * 2
    assert {call[2] for call in recorder.calls} == {"windows"}


def test_results_may_go_elsewhere(model, rasters, tmp_path):
    target = tmp_path / "maps" / "map.tif"
    result = predict_with(model, rasters, tmp_path / "out", destinations={"land_cover": target})
    assert result.products["land_cover"] == target and target.exists() and target.with_suffix(".qml").exists()
    assert not (tmp_path / "out" / "land_cover.tif").exists()
    assert sorted(p.name for p in target.parent.iterdir()) == ["map.qml", "map.tif", "map.tif.aux.xml"]


@pytest.mark.parametrize("engine", ENGINES)
def test_kept_logits_give_the_same_decisions_and_any_other(model, rasters, tmp_path, engine):
    result = predict_with(model, rasters, tmp_path / "out", engine=engine, logits=True, alpha=0.9)
    with rasterio.open(result.products["logits"]) as dataset:
        logits, names = dataset.read(), dataset.descriptions
        assert np.isnan(dataset.nodata)
    n_classes = len(model.card.classes)
    assert names[n_classes + 1] == f"Expert 2, body and tail: {model.card.classes[1].name}"
    maps = read_all(result)
    valid = maps["land_cover"][0] != 255
    assert not np.isfinite(logits[:, ~valid]).any() and np.isfinite(logits[:, valid]).all()
    experts = torch.from_numpy(logits[:, valid].reshape(-1, n_classes, int(valid.sum())))
    record = read_record(result.output_dir)
    classes, evidence = decide(experts, record.rule())
    assert (classes[0].numpy() == maps["land_cover"][0][valid]).all()
    np.testing.assert_array_equal(evidence[0].numpy(), maps["evidence"][0][valid])
    np.testing.assert_allclose(evidence.numpy(), maps["evidence"][:, valid].astype(int), atol=1)
    bayes = decide(experts, record.rule(alpha=0.0))
    np.testing.assert_array_equal(bayes.evidence[0].numpy(), maps["land_cover"][0][valid])


def test_windows_larger_than_the_raster(tmp_path):
    model = tiny_model(window=96, stride=48)
    rasters = scene(tmp_path, 20, 30)
    assert read(predict_with(model, rasters, tmp_path / "out").products["land_cover"]).shape == (1, 20, 30)


def test_empty_windows_are_skipped_and_change_nothing(model, tmp_path):
    rasters = scene(tmp_path, ROWS, COLS)
    dem = read(rasters["dem"][0])
    dem[:, :, 40:] = -9999
    write(rasters["dem"][0], dem, 0.5, nodata=-9999)
    result = predict_with(model, rasters, tmp_path / "out", engine="openvino")
    report = json.loads(result.run_file.read_text())
    assert report["windows"]["skipped"] > 20
    narrow = predict_with(
        model, rasters, tmp_path / "narrow", engine="openvino", extent=extent_of(slice(0, ROWS), slice(0, 40))
    )
    one, two = read(result.products["evidence"]), read(narrow.products["evidence"])
    np.testing.assert_array_equal(one[:, :, :40], two)
    assert (one[:, :, 40:] == 65535).all()


def test_a_network_that_openvino_refuses_runs_with_torch(rasters, tmp_path):
    model = tiny_model()

    class Strange(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft2(x).abs()[:, :1, None].expand(-1, 3, 9, -1, -1) + model.net(x)

    strange = replace(model, net=Strange())
    recorder = Recorder()
    result = predict_with(
        strange, rasters, tmp_path / "out", engine="auto", precision="fp32", reporter=recorder
    )
    engine = json.loads(result.run_file.read_text())["engine"]
    assert engine in ENGINES
    assert any(engine in message for message in recorder.messages)


def test_threads_and_flags_of_torch_are_left_as_they_were(model, rasters, tmp_path):
    before = (
        torch.get_num_threads(),
        torch.backends.cudnn.deterministic,
        torch.backends.cuda.matmul.allow_tf32,
    )
    predict_with(model, rasters, tmp_path / "out", engine="openvino")
    after = torch.get_num_threads(), torch.backends.cudnn.deterministic, torch.backends.cuda.matmul.allow_tf32
    assert before == after


def test_paths_may_be_text_in_a_request(model, rasters, tmp_path):
    result = predict_with(model, {k: [str(p) for p in v] for k, v in rasters.items()}, Path(tmp_path / "out"))
    assert result.windows > 0
