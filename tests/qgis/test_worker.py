"""`plugin/worker.py`: the conversation with a backend that works, fails, dies, talks nonsense, or hangs; and
the environment of its process.
"""

import os
from pathlib import Path

import pytest
from conftest import FAKE_BACKEND, Feedback
from mce_landcover.plugin import worker
from mce_landcover.plugin.worker import child_environment, run_job, run_lines
from qgis.core import QgsProcessingException

PYTHON = Path("/usr/bin/python3")


@pytest.fixture
def run(monkeypatch, tmp_path, feedback):
    monkeypatch.setattr(worker, "BOOTSTRAP", FAKE_BACKEND)
    monkeypatch.setenv("FAKE_BACKEND_REQUESTS", str(tmp_path / "requests.jsonl"))

    def run(mode, job="model_info", parameters=None, to=feedback):
        monkeypatch.setenv("FAKE_BACKEND_MODE", mode)
        return run_job(PYTHON, job, parameters or {}, to)

    return run


def failure(run, mode, **kwargs) -> str:
    with pytest.raises(QgsProcessingException) as caught:
        run(mode, **kwargs)
    sentence = str(caught.value)
    assert "Traceback" not in sentence and "\n" not in sentence
    return sentence


def test_request_and_clean_environment_reach_the_worker(run, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("GDAL_DATA", "/nowhere")
    monkeypatch.setenv("PROJ_LIB", "/nowhere")
    answer = run("echo", "predict", {"image": '/data/Zürich "A".tif', "alpha": 0.5, "extent": None})
    assert answer["request"]["job"] == "predict"
    assert answer["request"]["parameters"] == {"image": '/data/Zürich "A".tif', "alpha": 0.5, "extent": None}
    assert answer["environment"].keys() == {"FAKE_BACKEND_MODE", "FAKE_BACKEND_REQUESTS"}
    assert answer["flags"] == 1


def test_progress_and_log_reach_the_feedback(run, feedback):
    assert run("work")["card"]["name"] == "demo"
    assert feedback.percents[-1] == 100.0
    assert feedback.said == ["Mapping"]
    # One text per tenth of the way, not one per message.
    assert feedback.texts == ["0 of 4 windows", "4 of 4 windows"]


def test_failure_is_the_jobs_own_sentence(run, feedback):
    assert failure(run, "fail") == "The image has no CRS: set it."
    assert feedback.debug == []


def test_fault_of_the_program_shows_its_details_in_the_log(run, feedback):
    assert failure(run, "fault") == "Please report this."
    assert feedback.debug == ["Traceback: the details"]


def test_crash_is_summarised_and_its_stderr_kept(run, feedback):
    assert "No module named 'torch'" in failure(run, "crash")
    assert any("Traceback" in text for text in feedback.debug)


def test_exit_without_a_word(run):
    assert "exit code 7" in failure(run, "silent_exit")


def test_killed_by_the_system(run):
    assert "SIGKILL" in failure(run, "killed")


def test_much_stderr_neither_blocks_nor_floods(run):
    sentence = failure(run, "noisy")
    assert "last words" in sentence


def test_garbage_is_passed_over(run, feedback):
    assert run("garbage") == {"fine": True}
    assert "library chatter" in feedback.debug


def test_worker_that_lingers_after_its_result_is_ended(run, monkeypatch):
    monkeypatch.setattr(worker, "FAREWELL_S", 0.1)
    assert run("linger") == {"fine": True}


@pytest.mark.parametrize("mode", ["hang", "stubborn"])
def test_cancel_ends_a_silent_worker(run, monkeypatch, tmp_path, mode):
    monkeypatch.setattr(worker, "GRACE_S", 0.2)
    pid_file = tmp_path / "requests.jsonl"

    class CancelOnceStarted(Feedback):
        def isCanceled(self):
            if pid_file.exists() and pid_file.read_text():
                self.cancel()
            return super().isCanceled()

    feedback = CancelOnceStarted()
    assert failure(run, mode, to=feedback).startswith("Cancelled")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_job_that_is_given_time_says_what_it_kept(run, monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "GRACE_S", 0.1)
    pid_file = tmp_path / "requests.jsonl"

    class CancelOnceStarted(Feedback):
        def isCanceled(self):
            if pid_file.exists() and pid_file.read_text():
                self.cancel()
            return super().isCanceled()

    monkeypatch.setenv("FAKE_BACKEND_MODE", "careful")
    with pytest.raises(QgsProcessingException, match="the best so far is kept"):
        run_job(PYTHON, "train", {}, CancelOnceStarted(), grace_s=30.0)
    pid_file.unlink()
    assert failure(run, "careful", to=CancelOnceStarted()) == "Cancelled: the job was stopped before its end."


def test_a_result_that_comes_with_the_cancel_is_not_used(run):
    assert failure(run, "linger", to=Feedback(cancel_after=0)).startswith("Cancelled")


def test_python_that_cannot_start(feedback, tmp_path):
    for python in (tmp_path / "nothing", tmp_path):
        with pytest.raises(QgsProcessingException, match="cannot be started"):
            run_job(python, "model_info", {}, feedback)


def run_script(script: str):
    lines: list[str] = []
    ended = run_lines(
        ["/bin/sh", "-c", script], env=os.environ, on_line=lines.append, is_cancelled=lambda: False
    )
    return ended, lines


def test_exit_code_is_the_childs_own_though_its_streams_close_first():
    ended, lines = run_script("echo one; echo two >&2; exec >&- 2>&-; sleep 0.3; exit 5")
    assert (ended.exit_code, ended.stderr, lines) == (5, ("two",), ["one"])


def test_grandchild_that_keeps_the_streams_does_not_hold_us():
    ended, lines = run_script("echo before; sleep 60 & echo $!; exit 3")
    os.kill(int(lines[1]), 9)
    assert (ended.exit_code, lines[0]) == (3, "before")


def test_qgis_variables_are_cleaned_and_nothing_else():
    base = {
        "PYTHONPATH": "/qgis/python",
        "PYTHONHOME": "/qgis",
        "GDAL_DATA": "/qgis/share/gdal",
        "PROJ_DATA": "/qgis/share/proj",
        "PROJ_LIB": "/qgis/share/proj",
        "__PYVENV_LAUNCHER__": "/qgis/python3",
        "PATH": "/qgis/bin:/usr/bin",
        "HOME": "/home/a",
        "PIP_INDEX_URL": "file:///mirror",
        "CUDA_VISIBLE_DEVICES": "0",
        "HTTPS_PROXY": "proxy:8080",
    }
    kept = child_environment("/qgis", base)
    assert kept.keys() == {"PATH", "HOME", "PIP_INDEX_URL", "CUDA_VISIBLE_DEVICES", "HTTPS_PROXY"}
    assert kept["PATH"] == base["PATH"]


def test_only_entries_inside_a_bundled_qgis_leave_the_library_path():
    base = {"LD_LIBRARY_PATH": "/opt/qgis/lib:/usr/local/cuda/lib64:/opt/qgis-other/lib"}
    assert child_environment("/opt/qgis", base) == {
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64:/opt/qgis-other/lib"
    }
    assert child_environment("/opt/qgis", {"LD_LIBRARY_PATH": "/opt/qgis/lib"}) == {}
    # A QGIS of the distribution lives under /usr, where the libraries of everybody are.
    shared = {"LD_LIBRARY_PATH": "/usr/lib/cuda"}
    assert child_environment("/usr", shared) == shared
