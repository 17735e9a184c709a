"""Interrupted runs: what is left, and that going on gives the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.mapping import store as store_module
from mce_landcover.core.mapping.plan import Settings
from mce_landcover.core.mapping.store import RUN_FILE, WORK_FOLDER, RunStore
from support.engine import Recorder, predict_with, scene, tiny_model
from support.places import ROOT

pytestmark = pytest.mark.slow

SMALL = Settings(band_px=48, chunk_rows=24, cell=64)
MODEL = tiny_model()


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    return scene(tmp_path_factory.mktemp("scene"), gap=True)


@pytest.fixture(scope="module")
def undisturbed(rasters, tmp_path_factory):
    return contents(predict_with(MODEL, rasters, tmp_path_factory.mktemp("whole") / "out", SMALL).output_dir)


def contents(folder: Path) -> dict[str, bytes]:
    """Every result file but the run file, which tells times."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != RUN_FILE}


def fail_at_chunk(monkeypatch, number: int, error: BaseException) -> None:
    """Let the store raise when it is to write its chunk of that number."""
    calls = iter(range(10**6))
    original = RunStore.write

    def write(self, *args):
        if next(calls) == number:
            raise error
        original(self, *args)

    monkeypatch.setattr(RunStore, "write", write)


@pytest.mark.parametrize("number", [1, 4, 7, 11])
def test_goes_on_after_an_error_in_any_chunk(rasters, undisturbed, tmp_path, monkeypatch, number):
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        fail_at_chunk(patch, number, ZeroDivisionError())
        predict_with(MODEL, rasters, tmp_path / "out", SMALL)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [WORK_FOLDER]
    recorder = Recorder()
    result = predict_with(MODEL, rasters, tmp_path / "out", SMALL, reporter=recorder)
    assert contents(tmp_path / "out") == undisturbed
    assert any("unfinished" in message for message in recorder.messages)
    report = json.loads(result.run_file.read_text())
    assert report["resumed"] is True
    assert not (tmp_path / "out" / WORK_FOLDER).exists()


@pytest.mark.parametrize("stop_at", [1, 17, 40])
def test_cancelling_leaves_nothing_that_looks_finished(rasters, undisturbed, tmp_path, stop_at):
    recorder = Recorder(stop_at=stop_at, error=Cancelled("stop"))
    with pytest.raises(Cancelled):
        predict_with(MODEL, rasters, tmp_path / "out", SMALL, reporter=recorder)
    assert len(recorder.calls) == stop_at  # stopped at once
    left = {p.name for p in (tmp_path / "out").iterdir()} if (tmp_path / "out").exists() else set()
    assert left <= {WORK_FOLDER}
    predict_with(MODEL, rasters, tmp_path / "out", SMALL)
    assert contents(tmp_path / "out") == undisturbed


def test_cancelling_while_files_are_published(rasters, undisturbed, tmp_path):
    counted = Recorder()
    predict_with(MODEL, rasters, tmp_path / "count", SMALL, reporter=counted)
    mapped = next(n for n, (done, total, _) in enumerate(counted.calls, start=1) if done == total)
    recorder = Recorder(stop_at=mapped + 1, error=Cancelled("stop"))
    with pytest.raises(Cancelled):
        predict_with(MODEL, rasters, tmp_path / "out", SMALL, reporter=recorder)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {WORK_FOLDER}
    predict_with(MODEL, rasters, tmp_path / "out", SMALL)
    assert contents(tmp_path / "out") == undisturbed


def test_a_damaged_or_missing_chunk_is_made_again(rasters, undisturbed, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        fail_at_chunk(patch, 10, ZeroDivisionError())
        predict_with(MODEL, rasters, tmp_path / "out", SMALL)
    work = tmp_path / "out" / WORK_FOLDER
    sorted(work.glob("*.evidence.tif"))[2].write_bytes(b"cut")
    sorted(work.glob("*.done"))[5].unlink()
    sorted(work.glob("*.done"))[0].write_text("{")
    predict_with(MODEL, rasters, tmp_path / "out", SMALL)
    assert contents(tmp_path / "out") == undisturbed


KILLED = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from support import engine as support
from unit.mapping.test_resume import MODEL, SMALL
rasters = {rasters!r}
support.predict_with(MODEL, {{k: [Path(p) for p in v] for k, v in rasters.items()}}, Path({output!r}), SMALL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("n_chunks", [1, 6, 12])
def test_kill_minus_nine_then_the_same_command(rasters, undisturbed, tmp_path, n_chunks):
    output = tmp_path / "out"
    script = KILLED.format(
        tests=str(ROOT / "tests"),
        rasters={k: [str(p) for p in v] for k, v in rasters.items()},
        output=str(output),
    )
    child = subprocess.Popen([sys.executable, "-c", script], env={**os.environ})
    while len(list(output.glob(f"{WORK_FOLDER}/*.done"))) < n_chunks and child.poll() is None:
        time.sleep(
            0.001
        )  # not a delay that a result depends on: wherever the kill falls, the bytes must agree
    child.send_signal(signal.SIGKILL)
    child.wait()
    if not (output / RUN_FILE).exists():
        assert not [p for p in output.glob("*.tif") if p.name != RUN_FILE] or (output / WORK_FOLDER).exists()
        predict_with(MODEL, rasters, output, SMALL)
    assert contents(output) == undisturbed


def interrupted(rasters, output, monkeypatch, number=5, **changes):
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        fail_at_chunk(patch, number, ZeroDivisionError())
        predict_with(MODEL, rasters, output, SMALL, **changes)


def test_other_settings_do_not_go_on_with_a_run(rasters, undisturbed, tmp_path, monkeypatch):
    output = tmp_path / "out"
    interrupted(rasters, output, monkeypatch)
    before = {p.name: p.read_bytes() for p in (output / WORK_FOLDER).iterdir()}
    for changes in ({"alpha": 0.5}, {"overlap": 0.25}, {"aggregation": "max"}, {"engine": "openvino"}):
        with pytest.raises(InputError, match="unfinished run"):
            predict_with(MODEL, rasters, output, SMALL, **changes)
    assert {p.name: p.read_bytes() for p in (output / WORK_FOLDER).iterdir()} == before
    predict_with(MODEL, rasters, output, SMALL, overwrite=True, alpha=0.5)
    assert (output / RUN_FILE).exists()
    assert contents(output)["land_cover.tif"] == undisturbed["land_cover.tif"]
    assert contents(output)["evidence.tif"] != undisturbed["evidence.tif"]


def test_a_changed_input_starts_no_mixture(rasters, tmp_path, monkeypatch):
    copies = {role: [Path(shutil.copy(paths[0], tmp_path))] for role, paths in rasters.items()}
    output = tmp_path / "out"
    interrupted(copies, output, monkeypatch)
    os.utime(copies["dem"][0], ns=(1, 1))
    with pytest.raises(InputError, match="unfinished run"):
        predict_with(MODEL, copies, output, SMALL)


def test_a_finished_folder_is_not_overwritten_unasked(rasters, undisturbed, tmp_path):
    output = tmp_path / "out"
    predict_with(MODEL, rasters, output, SMALL)
    with pytest.raises(InputError, match="finished run"):
        predict_with(MODEL, rasters, output, SMALL)
    with pytest.raises(InputError, match="finished run"):
        predict_with(MODEL, rasters, output, SMALL, alpha=0.5)
    assert contents(output) == undisturbed


def test_a_result_of_unknown_origin_is_not_overwritten_unasked(rasters, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "evidence.tif").write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        predict_with(MODEL, rasters, output, SMALL)
    assert (output / "evidence.tif").read_text() == "precious"
    assert [p.name for p in output.iterdir()] == ["evidence.tif"]


def test_old_results_stay_until_the_new_ones_are_whole(rasters, undisturbed, tmp_path, monkeypatch):
    output = tmp_path / "out"
    predict_with(MODEL, rasters, output, SMALL)
    old_run = (output / RUN_FILE).read_bytes()
    interrupted(rasters, output, monkeypatch, overwrite=True, alpha=0.5)
    assert contents(output) == undisturbed
    assert (output / RUN_FILE).read_bytes() == old_run
    recorder = Recorder(stop_at=20, error=Cancelled("stop"))
    with pytest.raises(Cancelled):
        predict_with(MODEL, rasters, output, SMALL, reporter=recorder, overwrite=True, alpha=0.5)
    assert contents(output) == undisturbed
    predict_with(MODEL, rasters, output, SMALL, overwrite=True, alpha=0.5)
    assert json.loads((output / RUN_FILE).read_text())["parameters"]["alpha"] == 0.5


def test_two_runs_never_share_a_folder(rasters, undisturbed, tmp_path):
    output = tmp_path / "out"

    class Intruder(Recorder):
        def progress(self, done, total, unit):
            super().progress(done, total, unit)
            if len(self.calls) == 30:
                with pytest.raises(InputError, match="Another run"):
                    predict_with(MODEL, rasters, output, SMALL)

    predict_with(MODEL, rasters, output, SMALL, reporter=Intruder())
    assert contents(output) == undisturbed


def test_a_full_disk_in_the_first_chunk_leaves_nothing(rasters, tmp_path, monkeypatch):
    def full(path, content, **_):
        raise OutputError("The disk is full.")

    monkeypatch.setattr(store_module, "write_whole", full)
    with pytest.raises(OutputError):
        predict_with(MODEL, rasters, tmp_path / "new" / "out", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_after_a_full_disk_the_finished_chunks_serve_the_next_try(
    rasters, undisturbed, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        fail_at_chunk(patch, 8, OutputError("The disk is full."))
        predict_with(MODEL, rasters, output, SMALL)
    assert [p.name for p in output.iterdir()] == [WORK_FOLDER]
    predict_with(MODEL, rasters, output, SMALL)
    assert contents(output) == undisturbed
