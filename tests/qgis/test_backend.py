"""`plugin/backend.py`: the order in which a backend is looked for, and what is never passed over; and
building one, a real `venv`, with a requirement list short enough to need no network.
"""

import os
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import FAKE_BACKEND, Feedback
from mce_landcover.plugin import backend, worker
from mce_landcover.plugin.backend import BackendMissing, find_backend
from qgis.core import QgsProcessingException


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
        "built": make_environment(backend.environment_folder()),
        "clone": make_environment(backend.ROOT / ".venv"),
    }
    backend.store_python(pythons["setting"])
    monkeypatch.setenv(backend.VARIABLE, str(pythons["variable"]))
    backend.write_stamp(backend.environment_folder(), {})
    return pythons


def test_order(everywhere, monkeypatch):
    def found():
        found = find_backend()
        assert found.python == everywhere[found.origin]
        return found.origin

    assert found() == "setting"
    backend.store_python(None)
    assert found() == "variable"
    monkeypatch.delenv(backend.VARIABLE)
    assert found() == "built"
    (backend.environment_folder() / backend.STAMP).unlink()
    assert found() == "clone"
    everywhere["clone"].unlink()
    with pytest.raises(BackendMissing, match="not built to its end.*Set up the backend"):
        find_backend()


def test_named_but_absent_is_an_error_and_not_passed_over(everywhere, monkeypatch, tmp_path):
    backend.store_python(tmp_path / "gone")
    with pytest.raises(BackendMissing, match="setting.*gone"):
        find_backend()
    backend.store_python(None)
    monkeypatch.setenv(backend.VARIABLE, str(tmp_path / "gone_too"))
    with pytest.raises(BackendMissing, match="MCE_LANDCOVER_PYTHON.*gone_too"):
        find_backend()


def test_nothing_at_all_says_what_to_do():
    with pytest.raises(BackendMissing, match="not installed yet.*Set up the backend"):
        find_backend()


def test_environment_for_other_requirements_is_outdated(tmp_path, monkeypatch):
    make_environment(backend.environment_folder())
    backend.write_stamp(backend.environment_folder(), {})
    assert find_backend().origin == "built"
    assert backend.other_environments() == []
    newer = tmp_path / "backend.txt"
    newer.write_text("torch==99\n")
    monkeypatch.setattr(backend.requirements_hash, "__defaults__", ((newer,),))
    with pytest.raises(BackendMissing, match="another version"):
        find_backend()
    assert len(backend.other_environments()) == 1


@pytest.mark.parametrize("layout", ["bin/python", "bin/python3", "Scripts/python.exe", "python.exe"])
def test_an_environment_folder_stands_for_its_python(tmp_path, layout):
    python = make_environment(tmp_path / "env", layout)
    assert backend.python_of(tmp_path / "env") == python == backend.python_of(python)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no execute bit")
def test_a_file_that_cannot_be_run_is_no_python(tmp_path):
    python = make_environment(tmp_path / "env")
    python.chmod(0o644)
    assert backend.python_of(python) is None
    assert backend.python_of(tmp_path / "absent") is None


def test_line_ends_do_not_change_the_hash(tmp_path):
    unix, windows = tmp_path / "a.txt", tmp_path / "b.txt"
    unix.write_bytes(b"torch==1\nnumpy==2\n")
    windows.write_bytes(b"torch==1\r\nnumpy==2\r\n")
    assert backend.requirements_hash([unix]) == backend.requirements_hash([windows])
    assert backend.requirements_hash([unix]) != backend.requirements_hash([unix, windows])


def make_wheel(folder, name="tiny_backend"):
    """Write the smallest wheel that pip installs."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py" if name == "tiny_backend" else f"{name}/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def requirements(tmp_path, monkeypatch):
    """Let one file of requirements stand for ours, installable from a folder."""
    make_wheel(tmp_path)
    file = tmp_path / "requirements.txt"
    file.write_text(f"--no-index\n--find-links {tmp_path}\ntiny_backend==1.0\n")
    monkeypatch.setattr(backend.requirements_hash, "__defaults__", ((file,),))
    monkeypatch.setattr(backend, "REQUIREMENTS", (file,))
    monkeypatch.setattr(worker, "BOOTSTRAP", FAKE_BACKEND)
    monkeypatch.setenv("FAKE_BACKEND_REQUESTS", str(tmp_path / "requests.jsonl"))
    return file


def test_build_is_found_afterwards_and_replaces_the_outdated(requirements, feedback):
    old = backend.environments_folder() / "venv-00000000"
    old.mkdir(parents=True)
    python, info = backend.build_backend(feedback)
    assert backend.find_backend() == backend.Backend(python, "built")
    assert info["versions"]["torch"] == "2.13.0"
    assert (backend.environment_folder() / backend.STAMP).is_file()
    assert list(backend.environment_folder().glob("**/tiny_backend.py"))
    assert not old.exists()
    assert feedback.percents == sorted(feedback.percents)
    assert any(line.startswith("Successfully installed") for line in feedback.said)


def test_progress_counts_downloads_and_local_wheels(tmp_path, feedback):
    pins = tmp_path / "pins.txt"
    pins.write_text("torch==2.13.0\nscikit-learn==1.9.1\n")
    progress = backend._PipProgress(feedback, (pins,))
    seen = []
    for line in (
        "Looking in links: /wheels",
        "Processing /wheels/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "Collecting filelock (from torch==2.13.0)",
        "Collecting scikit-learn==1.9.1 (from -r pins.txt (line 2))",
        "Collecting scikit-learn==1.9.1 (from -r pins.txt (line 2))",
    ):
        progress.hear(line)
        seen.append(feedback.percents[-1])
    assert seen == [5.0, 32.5, 32.5, 60.0, 60.0]


def test_training_is_added_or_built_in(requirements, feedback, monkeypatch, tmp_path):
    more = tmp_path / "training.txt"
    make_wheel(tmp_path, "lightning")
    more.write_text(f"--no-index\n--find-links {tmp_path}\nlightning==1.0\n")
    monkeypatch.setattr(backend, "TRAINING_REQUIREMENTS", more)
    python, _ = backend.build_backend(feedback)
    assert backend.can_train(python) is False and not backend.could_train()
    info = backend.install_training(python, feedback)
    assert info["python"] and backend.can_train(python) is True and backend.could_train()
    assert list(backend.environment_folder().glob("**/tiny_backend.py"))
    python, _ = backend.build_backend(feedback, training=True)
    assert backend.can_train(python) is True


def test_whether_an_environment_can_train_is_known_where_it_sees_its_own_packages_only(tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    assert backend.can_train(python) is None
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    settings = tmp_path / "env" / "pyvenv.cfg"
    settings.write_text("include-system-site-packages = false\n")
    assert backend.can_train(python) is False
    settings.write_text("include-system-site-packages = true\n")
    assert backend.can_train(python) is None
    settings.write_text("include-system-site-packages = false\n")
    (packages / "lightning").mkdir()
    assert backend.can_train(python) is True


def test_failed_build_leaves_nothing_and_keeps_the_old(requirements, feedback):
    old = backend.environments_folder() / "venv-00000000"
    old.mkdir(parents=True)
    requirements.write_text("--no-index\nno_such_package==1.0\n")
    with pytest.raises(
        QgsProcessingException, match="installing the packages failed.*no_such_package"
    ) as caught:
        backend.build_backend(feedback)
    assert "\n" not in str(caught.value)
    assert not backend.environment_folder().exists()
    assert old.exists()


def test_backend_that_does_not_answer_is_not_kept(requirements, feedback, monkeypatch):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "crash")
    with pytest.raises(QgsProcessingException, match="No module named"):
        backend.build_backend(feedback)
    assert not backend.environment_folder().exists()


def test_cancelled_build_leaves_nothing(requirements, monkeypatch):
    class CancelInPip(Feedback):
        def pushInfo(self, info):
            if info.startswith("Building the backend"):
                self.cancel()

    monkeypatch.setattr(backend, "find_base_python", lambda feedback: "/usr/bin/python3")
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        backend.build_backend(CancelInPip())
    assert not backend.environment_folder().exists()


def test_base_python_is_never_qgis_itself(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/qgis/bin/qgis")
    for platform in ("linux", "darwin", "win32"):
        assert "/opt/qgis/bin/qgis" not in backend.base_candidates(platform)


def test_unusable_base_pythons_are_named_with_their_reason(tmp_path, monkeypatch, feedback):
    def script(name, body):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    old, bare, broken = script("old", "echo 3 9"), script("bare", "exit 1"), str(tmp_path)
    monkeypatch.setattr(backend, "base_candidates", lambda: [old, bare, broken])
    with pytest.raises(QgsProcessingException) as caught:
        backend.find_base_python(feedback)
    sentence = str(caught.value)
    assert f"{old} is Python 3.9" in sentence
    assert f"{bare} lacks the modules" in sentence
    assert f"{broken} does not start" in sentence
    assert "python3-venv" in sentence
    monkeypatch.setattr(backend, "base_candidates", lambda: [old, script("new", "echo 3 12")])
    assert backend.find_base_python(feedback) == str(tmp_path / "new")
