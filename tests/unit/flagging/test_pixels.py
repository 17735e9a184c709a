"""What is read of a run is what its rasters say; what is decided anew is what float64 says."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.flagging.pixels import RunPixels
from mce_landcover.core.flagging.redecide import slope_deg
from mce_landcover.core.geodata.grid import Region
from support.engine import Recorder, read
from support.flag import CLASSES, COL0, EXPERTS, GSD, IDS, ROW0, make_run, rule, small_run, smooth_logits

WHOLE = Region(0, 70, 0, 90)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    missing = np.zeros((70, 90), np.bool_)
    missing[:5, 80:] = missing[33, 44] = True
    return small_run(tmp_path_factory.mktemp("run"), missing=missing)


def layer(pixels: RunPixels, block, name: str) -> np.ndarray:
    (index,) = [i for i, each in enumerate(pixels.layers) if each.name == name]
    return block.layers[index] * pixels.layers[index].scale


def test_blocks_are_what_the_rasters_say(made):
    region = Region(3, 41, 60, 90)
    rows, cols = slice(3, 41), slice(60, 90)
    evidence = read(made.folder / "evidence.tif")[:, rows, cols].astype(np.int64)
    bayes = read(made.folder / "land_cover.tif")[0, rows, cols]
    valid = evidence[0] != 65535
    assert 0.9 < valid.mean() < 1
    with RunPixels(made.folder) as pixels:
        block = pixels.read(region)
        assert pixels.class_ids.tolist() == list(IDS)
        assert (pixels.extent, pixels.shape) == (Region(ROW0, ROW0 + 70, COL0, COL0 + 90), (70, 90))
        assert np.array_equal(block.classes == 255, ~valid)
        assert np.array_equal(np.array(IDS)[block.classes[valid]], evidence[0][valid])
        assert np.array_equal(pixels.classes(region), block.classes)
        assert np.array_equal(block.heat[:, valid], evidence[1:4, valid])
        for k in range(1, 1 + len(EXPERTS)):
            says = read(made.folder / f"expert_{k}.tif")[0, rows, cols] == evidence[0]
            assert np.array_equal(layer(pixels, block, f"expert_{k}")[valid], says[valid])
            np.testing.assert_allclose(
                layer(pixels, block, f"support_{k}")[valid], evidence[5 + k][valid] / 50000, rtol=1e-6
            )
        support = layer(pixels, block, "support")[valid]
        np.testing.assert_allclose(support, evidence[5][valid] / 50000, rtol=1e-6)
        np.testing.assert_allclose(
            layer(pixels, block, "log_support")[valid], np.log(np.maximum(support, 1e-5)), atol=6e-4
        )
        for id_ in IDS:
            assert np.array_equal(layer(pixels, block, f"bayes_{id_}")[valid], (bayes == id_)[valid])
        dem = made.dem[8 + 3 - 1 : 8 + 41 + 1, 8 + 60 - 1 : 8 + 90 + 1]
        np.testing.assert_allclose(layer(pixels, block, "altitude_m"), dem[1:-1, 1:-1], atol=0.006)
        np.testing.assert_allclose(layer(pixels, block, "slope_deg"), slope_deg(dem, GSD), atol=0.006)
        assert (block.layers == np.round(block.layers)).all()  # so that sums are exact


def test_a_run_decided_anew_with_its_own_priors_is_the_same(made, tmp_path):
    """Through a copy that claims another alpha, so that the evidence cannot just be read."""
    copy = tmp_path / "run"
    shutil.copytree(made.folder, copy)
    record = json.loads((copy / "run.json").read_text())
    record["parameters"]["alpha"] = 0.5
    record["products"] = {id_: str(copy / f"{id_}.tif") for id_ in record["products"]}
    (copy / "run.json").write_text(json.dumps(record))
    recorder = Recorder()
    with RunPixels(copy, 0.99, reporter=recorder) as anew, RunPixels(made.folder) as own:
        one, other = anew.read(WHOLE), own.read(WHOLE)
        assert np.array_equal(one.classes, other.classes)
        valid = one.classes != 255
        assert np.array_equal(one.heat[:, valid], other.heat[:, valid])
        assert np.array_equal(one.layers[:, valid], other.layers[:, valid])
    assert recorder.calls == [(0, 1, "windows decided anew")]


@pytest.mark.parametrize("alpha", [0.0, 0.9, 1.0])
def test_another_alpha_decides_as_float64_does(made, alpha):
    log_priors = np.array(rule(alpha).log_priors)
    responsible = np.array(rule(alpha).responsible)
    logits = made.logits.astype(np.float64)
    scores = logits.sum(axis=0) / responsible.sum(axis=0)[:, None, None] - log_priors[:, None, None]
    p = np.exp(scores - scores.max(axis=0))
    p /= p.sum(axis=0)
    ordered = np.sort(p, axis=0)
    with RunPixels(made.folder, alpha) as pixels:
        block = pixels.read(WHOLE)
        assert pixels.alpha == alpha
    valid = block.classes != 255
    clear = valid & (ordered[-1] - ordered[-2] > 1e-5)
    assert clear[valid].mean() > 0.99
    assert np.array_equal(block.classes[clear], scores.argmax(axis=0)[clear])
    heat = np.stack(
        [-(p * np.log(p)).sum(axis=0) / np.log(len(IDS)), 1 - ordered[-1] + ordered[-2], 1 - ordered[-1]]
    )
    np.testing.assert_allclose(block.heat[:, valid] / 50000, heat[:, valid], atol=3e-5)


def clear_ml_classes(made, classes, priors):
    """Return the pixels whose ML class is beyond doubt, and that class, straight from the logits."""
    responsible = np.array(rule(1.0).responsible)
    logits = made.logits.astype(np.float64)
    scores = logits.sum(axis=0) / responsible.sum(axis=0)[:, None, None] - np.log(priors)
    ordered = np.sort(scores, axis=0)
    clear = (classes != 255) & (ordered[-1] - ordered[-2] > 1e-4)
    assert clear.mean() > 0.95
    return clear, scores.argmax(axis=0)[clear]


def test_priors_by_altitude_decide_each_band_by_its_own(made, tmp_path):
    names = [name for _, name, *_ in CLASSES]
    middle = float(np.median(made.dem))
    low, high = [60, 30, 8, 1, 1], [1, 1, 8, 30, 60]
    table = tmp_path / "priors.csv"
    rows = [["from_m", "to_m", *names], [0, middle, *low], [middle, 9000, *high]]
    table.write_text("\n".join(",".join(map(str, row)) for row in rows))
    with RunPixels(made.folder, 1.0, table) as pixels:
        block = pixels.read(WHOLE)
        assert len(pixels.priors_sha256) == 64
    altitude = made.dem[8:-8, 8:-8]
    priors = np.where((altitude < middle)[..., None], low, high).transpose(2, 0, 1) / 100
    clear, expected = clear_ml_classes(made, block.classes, priors)
    assert np.array_equal(block.classes[clear], expected)


def write_priors(made, path, shares):
    with rasterio.open(made.folder / "evidence.tif") as run:
        profile = {"crs": run.crs, "transform": run.transform, "width": run.width, "height": run.height}
    with rasterio.open(path, "w", driver="GTiff", count=len(shares), dtype="float32", **profile) as file:
        file.write(shares.astype(np.float32))
    return path


def test_a_raster_of_priors_decides_each_pixel_by_its_own(made, tmp_path):
    shares = np.random.default_rng(5).uniform(0.1, 20, (len(CLASSES), *WHOLE.shape))
    with RunPixels(made.folder, 1.0, write_priors(made, tmp_path / "priors.tif", shares)) as pixels:
        block = pixels.read(WHOLE)
        assert len(pixels.priors_sha256) == 64
    clear, expected = clear_ml_classes(made, block.classes, shares / shares.sum(axis=0))
    assert np.array_equal(block.classes[clear], expected)


def test_a_raster_of_priors_must_have_a_positive_band_per_class(made, tmp_path):
    shares = np.ones((len(CLASSES), *WHOLE.shape))
    with pytest.raises(InputError, match="band"):
        RunPixels(made.folder, 1.0, write_priors(made, tmp_path / "few.tif", shares[1:]))
    shares[2, 3, 4] = 0
    with pytest.raises(InputError, match="not above 0"):
        RunPixels(made.folder, 1.0, write_priors(made, tmp_path / "zero.tif", shares))
    with pytest.raises(InputError, match=r"none\.tif cannot be read"):
        RunPixels(made.folder, 1.0, tmp_path / "none.tif")


def test_without_an_elevation_model_there_is_no_relief(tmp_path):
    run = make_run(tmp_path / "run", smooth_logits(20, 20), dem=tmp_path / "moved_away.tif")
    with RunPixels(run) as pixels:
        assert not pixels.has_relief
        assert not [each for each in pixels.layers if each.name in ("altitude_m", "slope_deg")]
        assert pixels.read(Region(0, 20, 0, 20)).layers.shape[0] == len(pixels.layers)
    table = tmp_path / "priors.csv"
    names = ",".join(name for _, name, *_ in CLASSES)
    table.write_text(f"from_m,to_m,{names}\n0,9000,1,1,1,1,1\n")
    with pytest.raises(InputError, match="elevation model"):
        RunPixels(run, priors=table)


def test_what_a_run_does_not_have_is_said(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        RunPixels(tmp_path)
    run = make_run(tmp_path / "run", smooth_logits(20, 20), keep_logits=False)
    with pytest.raises(InputError, match=r"keeps no logits.*0\.99.*map it again"):
        RunPixels(run, 0.9)
    with pytest.raises(InputError, match=r"Alpha 1\.5"):
        RunPixels(run, 1.5)
    RunPixels(run, 0.99).close()
    other = make_run(tmp_path / "other", smooth_logits(20, 21), keep_logits=False)
    shutil.copy(other / "expert_2.tif", run / "expert_2.tif")
    with pytest.raises(InputError, match="not the expert_2 raster"):
        RunPixels(run)
    (run / "evidence.tif").unlink()
    shutil.copy(other / "expert_2.tif", other / "land_cover.tif")
    (run / "expert_2.tif").write_bytes(b"")
    with pytest.raises(InputError, match=r"expert_2 raster .* cannot be read"):
        RunPixels(run)


def test_a_truncated_raster_is_said_when_it_is_read(tmp_path):
    run = make_run(tmp_path / "run", smooth_logits(200, 200))
    whole = (run / "evidence.tif").read_bytes()
    (run / "evidence.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="evidence"), RunPixels(run) as pixels:
        pixels.read(Region(0, 200, 0, 200))


def test_deciding_anew_can_be_stopped_and_leaves_nothing(made, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(Cancelled):
        RunPixels(made.folder, 0.5, reporter=Recorder(stop_at=1, error=Cancelled("stop")))
    assert list(tmp_path.iterdir()) == []
    with RunPixels(made.folder, 0.5):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_temporary_files_that_takes_none_is_said(made, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="TMPDIR"):
        RunPixels(made.folder, 0.5)
