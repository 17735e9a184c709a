"""What QGIS itself runs works with Python 3.9, which its macOS bundle brings; the backend may be newer."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from mce_landcover.service import protocol

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugin"
REVIEW = sorted((PLUGIN / "review").glob("*.py"))
REST = [
    ROOT / "__init__.py",
    *(file for file in sorted(PLUGIN.rglob("*.py")) if file not in REVIEW),
    Path(protocol.__file__),
    Path(protocol.__file__).with_name("bootstrap.py"),
]


def too_new(files: list[Path], copies: Path) -> str:
    """Return what needs a newer Python, by file and feature, or nothing.

    Copies are looked at, without what vermin takes for unions of types that Python would have to make.
    """
    for file in files:
        copy = copies / (file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(what_runs(file.read_text(encoding="utf-8")), encoding="utf-8")
    found = subprocess.run(
        [
            *(sys.executable, "-c", "import vermin; vermin.main()"),
            *("--target=3.9-", "--eval-annotations", "--feature", "union-types"),
            *("--no-tips", "--violations", "--processes=1", str(copies)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout + found.stderr if found.returncode else ""


def what_runs(source: str) -> str:
    lazy = "from __future__ import annotations" in source
    return ast.unparse(_WhatRuns(lazy).visit(ast.parse(source)))


class _WhatRuns(ast.NodeTransformer):
    """Leaves out annotations that are never evaluated, and flags of Qt, `Qt.A | Qt.B`, which are no types."""

    def __init__(self, lazy: bool) -> None:
        self.lazy = lazy

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None if self.lazy else node.returns
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None if self.lazy else node.annotation
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant("any") if self.lazy else node.annotation
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        flags = isinstance(node.left, ast.Attribute) and isinstance(node.right, ast.Attribute)
        return node.left if flags and isinstance(node.op, ast.BitOr) else self.generic_visit(node)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(REST, id="plugin, protocol, bootstrap"),
        pytest.param(REVIEW, id="review"),
    ],
)
def test_what_qgis_runs_works_with_python_3_9(files: list[Path], tmp_path: Path) -> None:
    assert len(files) > 10, "the modules were not found"
    found = too_new(files, tmp_path)
    assert not found, found


@pytest.mark.parametrize(
    ("source", "feature"),
    [
        ("from enum import StrEnum", "StrEnum"),
        ("from datetime import UTC", "UTC"),
        ("for a, b in zip([1], [2], strict=True):\n    pass", "zip(strict)"),
        ("match 1:\n    case 1:\n        pass", "pattern matching"),
        ("isinstance(1, int | str)", "union types"),
        ("from __future__ import annotations\nisinstance(1, int | str)", "union types"),
        ("def f(x: int | None) -> None: ...", "union types"),
    ],
)
def test_the_check_names_file_and_feature(source: str, feature: str, tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text(source)
    found = too_new([tmp_path / "newer.py"], tmp_path / "copies")
    assert "newer.py" in found
    assert feature in found
