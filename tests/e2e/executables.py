"""How the end-to-end tests call the executables, and how they look at what was left."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Run the command line to its end."""
    return subprocess.run(command_line(*arguments), capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


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
