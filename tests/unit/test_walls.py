"""Holds the walls of the house: which room may import which, read from the source without running it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "mce_landcover"
ROOMS = ("core", "plugin", "training", "resources")
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


def is_forbidden(module: str, name: str) -> bool:
    """Does `module` break a wall by importing `name`?"""
    room = module.split(".")[1] if "." in module else ""
    plugin, core, training = (f"{PACKAGE}.{r}" for r in ("plugin", "core", "training"))
    if room == "core":
        by_name = module == f"{core}.service.jobs" and name == f"{training}.jobs"
        return within(name, "qgis", "PyQt5", "PyQt6", plugin, training) and not by_name
    if room == "training":
        return within(name, "qgis", "PyQt5", "PyQt6", plugin, f"{core}.service")
    if room == "plugin":
        foreign = within(name, "torch", "rasterio", "numpy", "sklearn", "pydantic", "openvino", training)
        protocol = f"{core}.service.protocol"
        on_the_way = name in (core, f"{core}.service")
        return foreign or (within(name, core) and not on_the_way and not within(name, protocol))
    return False


def breaches(path: Path, root: Path) -> list[str]:
    module = module_name(path, root)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = imports(path.read_text(encoding="utf-8"), package)
    return [f"{module} imports {name}" for name in found if is_forbidden(module, name)]


def test_no_module_breaks_a_wall() -> None:
    files = [ROOT / "__init__.py", *(f for room in ROOMS for f in (ROOT / room).rglob("*.py"))]
    assert len(files) > 15, "the rooms were not found"
    assert [breach for file in files for breach in breaches(file, ROOT)] == []


def test_core_names_training_only_inside_a_function() -> None:
    tree = ast.parse((ROOT / "core/service/jobs.py").read_text(encoding="utf-8"))
    outside = [n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)]
    named = [n for top in outside for n in ast.walk(top) if isinstance(n, ast.Call)]
    assert "import_module" not in {called_name(call) for call in named}
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not [n for n in statements if "training" in ast.dump(n)], "training is named by text only"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/windows.py", "import qgis.core"),
        ("core/windows.py", "def f():\n    from ..plugin import worker"),
        (
            "core/service/worker.py",
            "import importlib\nimportlib.import_module('...training.jobs', __package__)",
        ),
        ("core/service/jobs.py", "from ...training import jobs"),
        ("core/predict.py", "from .. import training"),
        ("training/jobs.py", "from qgis.PyQt import QtCore"),
        ("training/jobs.py", "from ..core.service import cli"),
        ("plugin/algorithms/predict.py", "import numpy as np"),
        ("plugin/algorithms/predict.py", "from ...core.errors import MceError"),
        ("plugin/worker.py", "from ..core import catalogue"),
        ("plugin/__init__.py", "from ..core.service.jobs import run_job"),
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
        ("plugin/worker.py", "from ..core.service.protocol import Request"),
        ("plugin/worker.py", "from ..core.service import protocol"),
        ("plugin/__init__.py", "from . import worker\nimport json"),
        ("training/jobs.py", "from ..core import network"),
        (
            "core/service/jobs.py",
            "import importlib\nimportlib.import_module('...training.jobs', __package__)",
        ),
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
        ".core.service",
        ".core.service.protocol",
        ".core.service.worker",
        ".training",
        ".plugin",
    )
    lines = [f"import {PACKAGE}{name}" for name in names]
    code = "\n".join(["import sys", *lines, f"print([m for m in {HEAVY} if m in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
