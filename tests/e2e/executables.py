"""How the end-to-end tests call the executables, and how they look at what was left."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The Python that QGIS's own modules are installed for.
QGIS_PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
Environment = dict[str, str]
#: Slow enough to be interrupted, and the same on every machine.
PLAIN = ("--device", "cpu", "--engine", "torch", "--precision", "fp32")


def command_line(*arguments: str | Path) -> list[str]:
    """Return the command line's command: its script in this environment."""
    script = Path(sys.executable).with_name("mce-landcover")
    if not script.exists():
        pytest.skip(f"{script} is not installed: make test builds the environment")
    return [str(script), *map(str, arguments)]


def run_command(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end: a fork of one that has started already, or with options of
    `subprocess.run` a new process. How it starts is tested by those who call `command_line`.
    """
    if options or not hasattr(os, "fork"):
        return subprocess.run(
            command_line(*arguments), capture_output=True, text=True, check=False, **options
        )  # type: ignore[call-overload]
    return started().run([str(argument) for argument in arguments])


#: Imports what takes seconds, then does one command per line of stdin in a process of its own.
STARTED = """
import json, os, sys, traceback
from mce_landcover.core.evaluation import draw_sample, evaluate
from mce_landcover.core.explain import explain
from mce_landcover.core.flagging import apply, fit, flag
from mce_landcover.core.mapping import predict
from mce_landcover.core.screening import screen
from mce_landcover.service import cli

for line in sys.stdin:
    asked = json.loads(line)
    if not (child := os.fork()):
        os.chdir(asked["cwd"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, path in enumerate(asked["streams"], start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        sys.argv = ["mce-landcover", *asked["arguments"]]
        code = 1
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Started:
    """A process that has imported the backend and does commands, one after the other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder = TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-c", STARTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        with self._lock:
            streams = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
            asked = {
                "arguments": arguments,
                "cwd": str(Path.cwd()),
                "streams": [str(path) for path in streams],
            }
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            out, err = (path.read_text(encoding="utf-8") for path in streams)
        return subprocess.CompletedProcess(["mce-landcover", *arguments], code, out, err)

    def close(self) -> None:
        self._process.communicate()
        self._folder.cleanup()


@cache
def started() -> Started:
    """Return the process of this test run; it ends with it."""
    process = Started()
    atexit.register(process.close)
    return process


def sentence_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a failed command: the last line on stderr, with no traceback above it."""
    assert done.returncode not in (0, 130), done.stdout
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert done.stderr.rstrip().endswith(errors[0])
    return errors[0].removeprefix("error: ")


def qgis_process(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["qgis_process", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def results_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return the outputs of a `--json` run."""
    assert done.returncode == 0, done.stdout + done.stderr
    results: dict[str, object] = json.loads(done.stdout)["results"]
    return results


def rasters_of(run: Path) -> dict[str, bytes]:
    """Return the bytes of every raster in a folder of results."""
    return {path.name: path.read_bytes() for path in sorted(run.glob("*.tif"))}


def looks_finished(output: Path) -> list[str]:
    """Return the files that a person would take for results."""
    if not output.exists():
        return []
    return [
        path.name
        for path in output.iterdir()
        if path.suffix in (".tif", ".json", ".qml") and path.name[0] != "."
    ]


@dataclass(frozen=True)
class Scene:
    """The files of `make-scene`."""

    image: Path
    dem: Path
    labels: Path

    @property
    def options(self) -> Sequence[str]:
        """The inputs as options of `predict`."""
        return ("--image", str(self.image), "--dem", str(self.dem))


def make_scene(folder: Path, size: int, seed: int = 7) -> Scene:
    done = run_command("make-scene", folder, "--size", str(size), "--seed", str(seed))
    assert done.returncode == 0, done.stderr
    return Scene(*(folder / f"{name}.tif" for name in ("image", "dem", "labels")))


def clean_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what would lead another Python astray."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return kept | changes
