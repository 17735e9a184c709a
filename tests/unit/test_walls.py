"""Holds the walls of the house: which room may import which, read from the source without running it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.places import ROOT

PACKAGE = "mce_landcover"
#: Every room and its floor, in the words of `docs/developing/house.md`: a room imports only from floors below
#: its own. The plugin stands apart: it starts the backend as a process and imports the protocol alone.
FLOORS = {
    "core.base": 1,
    "core.model": 2,
    "core.geodata": 3,
    "core.mapping": 4,
    "core.segments": 4,
    "core.pages": 5,
    "core.flagging": 6,
    "core.evaluation": 6,
    "core.explain": 7,
    "core.screening": 7,
    "scene": 8,
    "training": 9,
    "service": 10,
}
TOP = ("core", "scene", "training", "service", "plugin", "resources")
HEAVY = ("torch", "rasterio", "numpy", "sklearn", "scipy", "pydantic", "openvino", "typer", "rich", "qgis")


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join((PACKAGE, *parts[: -1 if parts[-1] == "__init__" else None]))


def imports(source: str, package: str) -> Iterator[str]:
    """Absolute names of all that a source imports, in functions and by `importlib` or `__import__` too.

    `package` is the package the module lives in. `from a import b` gives both `a` and `a.b`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called_name(node) in ("import_module", "__import__", "find_spec"):
            for text in [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]:
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield absolute(text.value, package)


def called_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - level + 1], *filter(None, [name[level:]])])


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def room_of(name: str) -> str:
    """The room of a module: `core.model` of `mce_landcover.core.model.card`."""
    parts = name.split(".")[1:]
    return ".".join(parts[: 2 if parts[:1] == ["core"] else 1])


def is_forbidden(module: str, name: str) -> bool:
    """Does `module` break a wall by importing `name`?"""
    room, theirs = room_of(module), room_of(name) if within(name, PACKAGE) else ""
    if room == "plugin":
        foreign = within(name, "torch", "rasterio", "numpy", "sklearn", "pydantic", "openvino")
        protocol = name == f"{PACKAGE}.service" or within(name, f"{PACKAGE}.service.protocol")
        return foreign or (theirs not in ("", "plugin", "resources") and not protocol)
    if not room:
        return False  # the root opens the plugin
    if within(name, "qgis", "PyQt5", "PyQt6"):
        return True
    if theirs in ("", "core", "resources", room):
        return False
    return FLOORS.get(theirs, 99) >= FLOORS.get(room, 0)


def breaches(path: Path, root: Path) -> list[str]:
    module = module_name(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = imports(path.read_text(encoding="utf-8"), package)
    return [f"{module} imports {name}" for name in found if is_forbidden(module, name)]


def test_no_module_breaks_a_wall() -> None:
    files = [ROOT / "__init__.py", *(f for top in TOP for f in (ROOT / top).rglob("*.py"))]
    assert len(files) > 15, "the rooms were not found"
    assert [breach for file in files for breach in breaches(file, ROOT)] == []


def test_core_is_nothing_but_its_rooms() -> None:
    assert {p.stem for p in (ROOT / "core").glob("*.py")} == {"__init__"}
    rooms = {f"core.{p.parent.name}" for p in (ROOT / "core").glob("*/__init__.py")}
    assert rooms == {room for room in FLOORS if room.startswith("core.")}


def test_the_unit_tests_stand_in_the_rooms_that_they_test() -> None:
    folders = {
        p.parent.relative_to(ROOT / "tests" / "unit") for p in (ROOT / "tests" / "unit").rglob("test_*.py")
    }
    places = {p for p in folders if p != Path()}
    missing = [p for p in places if not ((ROOT / p).is_dir() or (ROOT / "core" / p).is_dir())]
    assert missing == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/mapping/windows.py", "import qgis.core"),
        ("core/mapping/windows.py", "def f():\n    from ...plugin import worker"),
        ("core/mapping/predict.py", "from ... import training"),
        ("core/mapping/predict.py", "from ...scene.write import make_scene"),
        ("core/model/card.py", "from ..mapping import plan"),
        ("core/mapping/plan.py", "from ..segments.metrics import metrics"),
        ("core/flagging/flag.py", "def f():\n    from ..evaluation import compare"),
        ("core/base/files.py", "import importlib\nimportlib.import_module('...service.jobs', __package__)"),
        ("training/jobs.py", "from qgis.PyQt import QtCore"),
        ("training/jobs.py", "from ..service import cli"),
        ("scene/write.py", "from ..training import train"),
        ("service/jobs.py", "from qgis import core"),
        ("service/jobs.py", "from ..plugin import worker"),
        ("plugin/algorithms/predict.py", "import numpy as np"),
        ("plugin/algorithms/predict.py", "from ...core.base.errors import MceError"),
        ("plugin/worker.py", "from ..core import model"),
        ("plugin/worker.py", "from ..training import train"),
        ("plugin/__init__.py", "from ..service.jobs import run_job"),
        ("plugin/worker.py", "__import__('torch')"),
    ],
)
def test_the_check_sees_each_kind_of_breach(module: str, source: str, tmp_path: Path) -> None:
    path = tmp_path / module
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert breaches(path, tmp_path)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("plugin/worker.py", "from ..service.protocol import Request"),
        ("plugin/worker.py", "from ..service import protocol"),
        ("plugin/__init__.py", "from . import worker\nimport json"),
        ("core/flagging/flag.py", "from ..mapping.record import read_record"),
        ("training/jobs.py", "from ..core.model import network"),
        ("service/jobs.py", "def f():\n    from ..training import train"),
    ],
)
def test_the_check_lets_what_is_allowed_pass(module: str, source: str, tmp_path: Path) -> None:
    path = tmp_path / module
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert breaches(path, tmp_path) == []


def test_importing_the_package_and_the_worker_loads_nothing_heavy() -> None:
    names = (
        "",
        ".core",
        ".service",
        ".service.protocol",
        ".service.worker",
        ".training",
        ".plugin",
    )
    lines = [f"import {PACKAGE}{name}" for name in names]
    code = "\n".join(["import sys", *lines, f"print([m for m in {HEAVY} if m in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
