"""The command line: the same jobs and parameters as the worker, exit codes, sentences, the right stream."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mce_landcover.core.base.package import package_version
from mce_landcover.core.base.requests import JobRequest
from mce_landcover.core.mapping import predict as mapping
from mce_landcover.core.mapping.predict import PredictResult
from mce_landcover.service import cli
from mce_landcover.service.jobs import JOB_TABLE
from mce_landcover.service.protocol import Failure, Log, Progress, Result, decode
from typer.main import get_command

pytestmark = pytest.mark.slow

# The command line with a `backend_info` of ours.
DRIVER = """
import os, sys
from mce_landcover.core.base import errors
from mce_landcover.service import cli, info

def job(request, reporter):
    {body}
    return info.BackendInfo("3", {{}}, ["cpu"])

info.backend_info = job
cli.main()
"""
WORK = (
    "print('a library prints'); reporter.log('a sentence'); "
    "[reporter.progress(i, 100, 'windows') for i in range(101)]"
)


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", cli.__name__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def drive(body: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DRIVER.format(body=body), *arguments, "backend-info"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ") or done.returncode == 130
    return line.removeprefix("error: ")


def test_every_job_is_a_command_with_the_jobs_parameters_and_defaults() -> None:
    commands = get_command(cli.app).commands
    assert {name.replace("-", "_") for name in commands} == set(JOB_TABLE)
    for name, job in JOB_TABLE.items():
        options = {p.name: p for p in commands[name.replace("_", "-")].params if p.name != "as_json"}
        fields = job.request.model_fields
        assert set(options) == set(fields), name
        for key, field in fields.items():
            assert options[key].required == field.is_required(), (name, key)
            assert field.is_required() or (options[key].default or None) == (field.default or None), (
                name,
                key,
            )


@pytest.mark.parametrize("name", JOB_TABLE)
def test_every_command_and_every_option_explains_itself(name: str) -> None:
    command = get_command(cli.app).commands[name.replace("_", "-")]
    assert len(command.help or "") > 20
    assert [p.name for p in command.params if not p.help] == []


def test_options_reach_the_job_as_the_worker_would_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[JobRequest] = []

    def predict(request: JobRequest, _reporter: object) -> PredictResult:
        seen.append(request)
        return PredictResult(Path(), {}, Path("r"), 0, 0.0, "", "", "", ())

    request_type = JOB_TABLE["predict"].request
    monkeypatch.setattr(mapping, "predict", predict)
    text = (
        "predict --image a.tif --image b.tif --dem d.tif --source ndsm=h.tif --source ndsm=i.tif "
        "--model m.safetensors --output out --extent 1,2,3,4 --crs EPSG:2056 --aggregation max --alpha 0.5 "
        "--device cpu --precision fp32 --engine torch --overlap 0.25 --batch-size 3 --overwrite "
        "--destination land_cover=m.tif"
    )
    monkeypatch.setattr(sys, "argv", ["mce-landcover", *text.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert seen == [
        request_type(
            image=("a.tif", "b.tif"),
            dem=("d.tif",),
            source={"ndsm": ("h.tif", "i.tif")},
            model="m.safetensors",
            output="out",
            extent="1,2,3,4",
            crs="EPSG:2056",
            aggregation="max",
            alpha=0.5,
            device="cpu",
            precision="fp32",
            engine="torch",
            overlap=0.25,
            batch_size=3,
            overwrite=True,
            destinations={"land_cover": "m.tif"},
        )
    ]


def test_version_is_that_of_the_plugin() -> None:
    done = run("--version")
    assert (done.stdout, done.stderr, done.returncode) == (f"mce-landcover {package_version()}\n", "", 0)
    assert re.fullmatch(r"\d+\.\d+\.\d+", package_version())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict"], "--output"),
        (["predict", "--output", "o", "--image", "a", "--alpha", "much"], "--alpha"),
        (["predict", "--output", "o", "--image", "a", "--alpha", "3"], "alpha"),
        (["predict", "--output", "o", "--image", "a", "--colour", "red"], "--colour"),
        (["predict", "--output", "o", "--image", "a", "--source", "dem"], "NAME=FILE"),
        (["predict", "--output", "o"], "at least one raster"),
        (["paint"], "paint"),
        (["make-scene"], "OUT_DIR"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in sentence(done)


def test_without_a_command_the_help_is_shown() -> None:
    done = run()
    assert done.returncode == 2
    assert "predict" in done.stdout + done.stderr
    assert "error" not in done.stderr


def test_piped_progress_is_a_few_plain_lines_on_stderr() -> None:
    done = drive(WORK)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0] == "a sentence"
    assert len([line for line in lines if " windows" in line]) == 11
    assert "\x1b" not in done.stderr
    assert "cpu" in done.stdout


def test_json_gives_the_workers_lines_alone_on_stdout() -> None:
    done = drive(WORK, "--debug")
    with_json = subprocess.run(
        [sys.executable, "-c", DRIVER.format(body=WORK), "backend-info", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    messages = [decode(line) for line in with_json.stdout.splitlines()]
    assert {type(m) for m in messages[:-1]} == {Log, Progress}
    assert messages[-1] == Result({"python": "3", "versions": {}, "devices": ["cpu"]})
    assert "a library prints" in with_json.stderr
    assert done.returncode == with_json.returncode == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("errors.InputError('Bad raster.')", 2),
        ("errors.OutputError('Full disk.')", 1),
        ("errors.Cancelled('Stopped.')", 130),
    ],
)
def test_failures_are_a_sentence_and_the_errors_exit_code(error: str, code: int) -> None:
    done = drive(f"raise {error}")
    assert done.returncode == code
    assert sentence(done) in error
    as_json = subprocess.run(
        [sys.executable, "-c", DRIVER.format(body=f"raise {error}"), "backend-info", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    failure = decode(as_json.stdout)
    assert isinstance(failure, Failure)
    assert (failure.exit_code, as_json.returncode, failure.message) == (code, code, sentence(done))


def test_an_unexpected_fault_shows_its_traceback_only_on_request() -> None:
    assert "Traceback" not in drive("1 / 0").stderr
    assert "ZeroDivisionError" in sentence(drive("1 / 0"))
    for done in (drive("1 / 0", "--debug"), drive("1 / 0", env={**os.environ, cli.DEBUG_VARIABLE: "1"})):
        assert "Traceback" in done.stderr
        assert done.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminal")
def test_ctrl_c_is_answered_and_ends_with_130() -> None:
    body = "reporter.progress(0, 9, 'windows'); os.kill(os.getpid(), 2); reporter.progress(1, 9, 'windows')"
    done = drive(body)
    assert done.returncode == 130
    assert "Stopping after this batch" in done.stderr
    assert "Cancelled before the job was done" in done.stderr
    assert "error" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminal")
def test_on_a_terminal_a_bar_shows_speed_and_stdout_stays_clean(tmp_path: Path) -> None:
    """stderr is a pseudo-terminal, stdout a file."""
    main, terminal = pty.openpty()
    out = tmp_path / "out.txt"
    with out.open("wb") as stdout:
        child = subprocess.Popen(
            [sys.executable, "-c", DRIVER.format(body=WORK), "backend-info"],
            stdout=stdout,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(terminal)
        shown = b""
        while chunk := _read(main):
            shown += chunk
        assert child.wait() == 0
    os.close(main)
    assert b"100 of 100 windows" in shown
    assert b"windows/s" in shown
    assert b"\x1b[" in shown
    assert "windows" not in out.read_text()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that the other side of a pseudo-terminal is closed
        return b""


def test_json_lines_are_ascii_json() -> None:
    done = run("backend-info", "--json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["type"] == "result"
