"""`plugin/environment.py`: the order in which a backend is looked for, and what is never passed over."""

import os
from pathlib import Path

import pytest
from mce_landcover.plugin import environment
from mce_landcover.plugin.environment import BackendMissing, find_backend


def make_environment(folder: Path, layout: str = "bin/python") -> Path:
    python = folder / layout
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return python


@pytest.fixture
def everywhere(tmp_path, monkeypatch):
    """A backend at each of the four places, by origin."""
    pythons = {
        "setting": make_environment(tmp_path / "chosen"),
        "variable": make_environment(tmp_path / "exported"),
        "built": make_environment(environment.environment_folder()),
        "clone": make_environment(environment.ROOT / ".venv"),
    }
    environment.store_python(pythons["setting"])
    monkeypatch.setenv(environment.VARIABLE, str(pythons["variable"]))
    environment.write_stamp(environment.environment_folder(), {})
    return pythons


def test_order(everywhere, monkeypatch):
    def found():
        backend = find_backend()
        assert backend.python == everywhere[backend.origin]
        return backend.origin

    assert found() == "setting"
    environment.store_python(None)
    assert found() == "variable"
    monkeypatch.delenv(environment.VARIABLE)
    assert found() == "built"
    (environment.environment_folder() / environment.STAMP).unlink()
    assert found() == "clone"
    everywhere["clone"].unlink()
    with pytest.raises(BackendMissing, match="not built to its end.*Set up the backend"):
        find_backend()


def test_named_but_absent_is_an_error_and_not_passed_over(everywhere, monkeypatch, tmp_path):
    environment.store_python(tmp_path / "gone")
    with pytest.raises(BackendMissing, match="setting.*gone"):
        find_backend()
    environment.store_python(None)
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "gone_too"))
    with pytest.raises(BackendMissing, match="MCE_LANDCOVER_PYTHON.*gone_too"):
        find_backend()


def test_nothing_at_all_says_what_to_do():
    with pytest.raises(BackendMissing, match="not installed yet.*Set up the backend"):
        find_backend()


def test_environment_for_other_requirements_is_outdated(tmp_path, monkeypatch):
    make_environment(environment.environment_folder())
    environment.write_stamp(environment.environment_folder(), {})
    assert find_backend().origin == "built"
    assert environment.other_environments() == []
    newer = tmp_path / "backend.txt"
    newer.write_text("torch==99\n")
    monkeypatch.setattr(environment.requirements_hash, "__defaults__", ((newer,),))
    with pytest.raises(BackendMissing, match="another version"):
        find_backend()
    assert len(environment.other_environments()) == 1


@pytest.mark.parametrize("layout", ["bin/python", "bin/python3", "Scripts/python.exe", "python.exe"])
def test_an_environment_folder_stands_for_its_python(tmp_path, layout):
    python = make_environment(tmp_path / "env", layout)
    assert environment.python_of(tmp_path / "env") == python == environment.python_of(python)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no execute bit")
def test_a_file_that_cannot_be_run_is_no_python(tmp_path):
    python = make_environment(tmp_path / "env")
    python.chmod(0o644)
    assert environment.python_of(python) is None
    assert environment.python_of(tmp_path / "absent") is None


def test_line_ends_do_not_change_the_hash(tmp_path):
    unix, windows = tmp_path / "a.txt", tmp_path / "b.txt"
    unix.write_bytes(b"torch==1\nnumpy==2\n")
    windows.write_bytes(b"torch==1\r\nnumpy==2\r\n")
    assert environment.requirements_hash([unix]) == environment.requirements_hash([windows])
    assert environment.requirements_hash([unix]) != environment.requirements_hash([unix, windows])
