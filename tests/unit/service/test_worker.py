"""The worker as QGIS starts it: a real process through bootstrap, isolated, spoken to over its pipes."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mce_landcover.core.base.errors import DeviceError, ModelError
from mce_landcover.service.protocol import (
    Failure,
    Log,
    Message,
    Progress,
    Request,
    Result,
    decode,
    encode_request,
)
from mce_landcover.service.worker import exit_code, failure_of
from support.places import ROOT

BOOTSTRAP = ROOT / "service/bootstrap.py"

Drive = Callable[[str], "subprocess.Popen[str]"]

# A worker whose `predict` is a job of ours; registered as bootstrap does it, then served as always.
DRIVER = """
import os, runpy, sys
runpy.run_path({bootstrap!r})
from mce_landcover.core.base.requests import JobRequest
from mce_landcover.service import info, jobs, worker

class Value:
    def __init__(self, value):
        self.as_json = lambda: value

def job(request, reporter):
{body}

info.backend_info = lambda *arguments: Value(job(*arguments))
jobs.JOB_TABLE = {{"predict": jobs.Job(JobRequest, "service.info:backend_info")}}
sys.exit(worker.main())
"""


def start(command: list[str], request: str | None, **options: object) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **options,
    )
    assert child.stdin
    if request is not None:
        child.stdin.write(request + "\n")
        child.stdin.flush()
    return child


def finish(child: subprocess.Popen[str]) -> tuple[list[Message], str, int]:
    stdout, stderr = child.communicate(timeout=120)
    return [decode(line) for line in stdout.splitlines()], stderr, child.returncode


def ask(request: str, bootstrap: Path = BOOTSTRAP, **options: object) -> tuple[list[Message], str, int]:
    return finish(start([sys.executable, "-I", str(bootstrap)], request, **options))


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Drive]:
    """Start a worker whose job `predict` runs the given lines."""
    children: list[subprocess.Popen[str]] = []

    def drive(body: str) -> subprocess.Popen[str]:
        script = tmp_path / "driver.py"
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        script.write_text(DRIVER.format(bootstrap=str(BOOTSTRAP), body=lines))
        children.append(start([sys.executable, "-I", str(script)], encode_request(Request("predict"))))
        return children[-1]

    yield drive
    for child in children:
        child.kill()
        child.communicate()


def test_an_unknown_job_is_one_error_line_and_exit_2() -> None:
    messages, stderr, code = ask(encode_request(Request("paint")))
    assert [type(m) for m in messages] == [Failure]
    assert messages[0].kind == "InputError"
    assert (code, stderr.count("Traceback")) == (2, 1), "the traceback is for the log"


@pytest.mark.parametrize(
    "request_line", ["", "garbage", "[]", '{"job": "predict", "protocol": 99}', "\udcff"]
)
def test_what_is_no_request_is_refused(request_line: str) -> None:
    child = subprocess.run(
        [sys.executable, "-I", str(BOOTSTRAP)],
        input=request_line.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
    )
    message = decode(child.stdout.decode().strip())
    assert isinstance(message, Failure)
    assert (message.kind, message.exit_code, child.returncode) == ("InputError", 2, 2)


@pytest.mark.parametrize("name", ["mce_landcover", "a folder, of another näme"])
def test_the_folder_may_be_a_link_of_any_name(name: str, tmp_path: Path) -> None:
    link = tmp_path / name
    link.symlink_to(ROOT, target_is_directory=True)
    messages, _, code = ask(encode_request(Request("paint")), link / "service/bootstrap.py")
    assert (code, messages[0].kind) == (2, "InputError")


def test_a_copy_of_any_name_runs_its_own_code_before_an_installed_one(tmp_path: Path) -> None:
    copy, skipped = tmp_path / "plugin-0.1", shutil.ignore_patterns("__pycache__", "models", "reports")
    for part in ("core", "resources", "scene", "service", "training"):
        shutil.copytree(ROOT / part, copy / part, ignore=skipped)
    shutil.copy(ROOT / "__init__.py", copy)
    jobs = copy / "service/jobs.py"
    jobs.write_text(jobs.read_text().replace("There is no job", "The copy has no job"))
    messages, _, _ = ask(encode_request(Request("paint")), copy / "service/bootstrap.py", cwd=tmp_path)
    assert messages[0].message.startswith("The copy has no job")


def test_a_python_that_is_too_old_is_refused_in_one_sentence() -> None:
    child = subprocess.run(
        [
            sys.executable,
            "-Ic",
            "import runpy, sys; sys.version_info = (3, 9, 18); "
            f"runpy.run_path({str(BOOTSTRAP)!r}, run_name='__main__')",
        ],
        input=encode_request(Request("backend_info")),
        capture_output=True,
        text=True,
        check=False,
    )
    failure = decode(child.stdout.strip())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.exit_code, child.returncode, child.stderr) == ("BackendError", 1, 1, "")
    assert "needs Python 3.11 or newer" in failure.message
    assert "is Python 3.9: run" in failure.message


def test_messages_come_in_order_and_whatever_prints_goes_to_stderr(driven: Drive) -> None:
    child = driven(
        "print('a library prints')\n"
        "os.write(1, b'a C library prints\\n')\n"
        "os.system('echo a child prints')\n"
        "reporter.log('Grüße')\n"
        "reporter.progress(1, 2, 'windows')\n"
        "reporter.progress(2, 2, 'windows')\n"
        "return {'answer': 42}\n"
    )
    messages, stderr, code = finish(child)
    assert [type(m) for m in messages] == [Log, Progress, Progress, Result]
    assert messages[0] == Log("Grüße")
    assert messages[-1] == Result({"answer": 42})
    assert code == 0
    assert all(f"a {who} prints" in stderr for who in ("library", "C library", "child"))


def test_the_end_of_stdin_is_no_cancel(driven: Drive) -> None:
    child = driven(
        "reporter.progress(1, 2, 'windows')\nsys.stdin.read()\nreporter.progress(2, 2, 'windows')\nreturn {}"
    )
    child.stdin.close()
    child.stdin = None
    messages, _, code = finish(child)
    assert (messages[-1], code) == (Result({}), 0)


FOREVER = """
i = 0
try:
    while True:
        i += 1
        reporter.progress(i, 10**12, 'windows')
finally:
    print('cleaned up')
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal that it could handle")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_with_130_after_cleaning_up(driven: Drive, number: int) -> None:
    child = driven(FOREVER)
    assert isinstance(decode(child.stdout.readline()), Progress)
    child.send_signal(number)
    messages, stderr, code = finish(child)
    assert code == 130
    assert (messages[-1].kind, messages[-1].exit_code) == ("Cancelled", 130)
    assert sum(isinstance(m, Result | Failure) for m in messages) == 1
    assert "cleaned up" in stderr
    assert "Traceback" not in stderr


def test_a_reader_that_has_gone_cancels(driven: Drive) -> None:
    child = driven(FOREVER)
    child.stdout.readline()
    child.stdout.close()
    stderr = child.stderr.read()
    assert child.wait(timeout=60) == 130
    assert "cleaned up" in stderr


def test_an_unexpected_fault_is_an_internal_error_with_its_traceback_on_stderr(driven: Drive) -> None:
    messages, stderr, code = finish(driven("return {'x': 1 / 0}"))
    failure = messages[-1]
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.exit_code, code) == ("InternalError", 1, 1)
    assert "ZeroDivisionError (division by zero)" in failure.message
    assert "\n" not in failure.message
    assert "Traceback" in stderr


def test_a_result_that_is_no_json_is_an_internal_error(driven: Drive) -> None:
    messages, _, code = finish(driven("return {'x': object()}"))
    assert (messages[-1].kind, code) == ("InternalError", 1)


def test_a_missing_package_says_how_to_get_it(driven: Drive) -> None:
    messages, _, code = finish(driven("import a_package_that_nobody_has"))
    failure = messages[-1]
    assert isinstance(failure, Failure)
    assert (failure.kind, code) == ("BackendError", 1)
    assert "a_package_that_nobody_has" in failure.message
    assert "Set up the backend" in failure.message


def test_a_python_without_the_backend_still_answers(tmp_path: Path) -> None:
    """`-S` leaves out site-packages: as bare as an environment can be."""
    child = start([sys.executable, "-I", "-S", str(BOOTSTRAP)], encode_request(Request("backend_info")))
    messages, _, code = finish(child)
    assert (messages[-1].kind, code) == ("BackendError", 1)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ModelError("Bad\n model."), "ModelError", 2),
        (DeviceError("No GPU."), "DeviceError", 2),
        (OSError(errno.ENOSPC, "No space left on device"), "OutputError", 1),
        (MemoryError(), "MceError", 1),
        (ImportError("broken", name="torch"), "BackendError", 1),
        (ImportError("ours", name="mce_landcover.core.x"), "InternalError", 1),
        (KeyError("x"), "InternalError", 1),
    ],
)
def test_every_error_has_a_kind_a_code_and_one_sentence(error: Exception, kind: str, code: int) -> None:
    failure = failure_of(error)
    assert (failure.kind, exit_code(failure)) == (kind, code)
    assert failure.message.endswith(".")
    assert "\n" not in failure.message
    assert json.loads(json.dumps(failure.message)) == failure.message
