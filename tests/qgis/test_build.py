"""`plugin/build.py`: a real `venv`, with a requirement list short enough to need no network."""

import sys
import zipfile

import pytest
from conftest import FAKE_BACKEND, Feedback
from mce_landcover.plugin import build, environment, worker
from qgis.core import QgsProcessingException


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
    monkeypatch.setattr(environment.requirements_hash, "__defaults__", ((file,),))
    monkeypatch.setattr(build, "REQUIREMENTS", (file,))
    monkeypatch.setattr(worker, "BOOTSTRAP", FAKE_BACKEND)
    monkeypatch.setenv("FAKE_BACKEND_REQUESTS", str(tmp_path / "requests.jsonl"))
    return file


def test_build_is_found_afterwards_and_replaces_the_outdated(requirements, feedback):
    old = environment.environments_folder() / "venv-00000000"
    old.mkdir(parents=True)
    python, info = build.build_backend(feedback)
    assert environment.find_backend() == environment.Backend(python, "built")
    assert info["versions"]["torch"] == "2.13.0"
    assert (environment.environment_folder() / environment.STAMP).is_file()
    assert list(environment.environment_folder().glob("**/tiny_backend.py"))
    assert not old.exists()
    assert feedback.percents == sorted(feedback.percents)
    assert any(line.startswith("Successfully installed") for line in feedback.said)


def test_progress_counts_downloads_and_local_wheels(tmp_path, feedback):
    pins = tmp_path / "pins.txt"
    pins.write_text("torch==2.13.0\nscikit-learn==1.9.1\n")
    progress = build._PipProgress(feedback, (pins,))
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
    monkeypatch.setattr(build, "TRAINING_REQUIREMENTS", more)
    python, _ = build.build_backend(feedback)
    assert environment.can_train(python) is False and not environment.could_train()
    info = build.install_training(python, feedback)
    assert info["python"] and environment.can_train(python) is True and environment.could_train()
    assert list(environment.environment_folder().glob("**/tiny_backend.py"))
    python, _ = build.build_backend(feedback, training=True)
    assert environment.can_train(python) is True


def test_whether_an_environment_can_train_is_known_where_it_sees_its_own_packages_only(tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    assert environment.can_train(python) is None
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    settings = tmp_path / "env" / "pyvenv.cfg"
    settings.write_text("include-system-site-packages = false\n")
    assert environment.can_train(python) is False
    settings.write_text("include-system-site-packages = true\n")
    assert environment.can_train(python) is None
    settings.write_text("include-system-site-packages = false\n")
    (packages / "lightning").mkdir()
    assert environment.can_train(python) is True


def test_failed_build_leaves_nothing_and_keeps_the_old(requirements, feedback):
    old = environment.environments_folder() / "venv-00000000"
    old.mkdir(parents=True)
    requirements.write_text("--no-index\nno_such_package==1.0\n")
    with pytest.raises(
        QgsProcessingException, match="installing the packages failed.*no_such_package"
    ) as caught:
        build.build_backend(feedback)
    assert "\n" not in str(caught.value)
    assert not environment.environment_folder().exists()
    assert old.exists()


def test_backend_that_does_not_answer_is_not_kept(requirements, feedback, monkeypatch):
    monkeypatch.setenv("FAKE_BACKEND_MODE", "crash")
    with pytest.raises(QgsProcessingException, match="No module named"):
        build.build_backend(feedback)
    assert not environment.environment_folder().exists()


def test_cancelled_build_leaves_nothing(requirements, monkeypatch):
    class CancelInPip(Feedback):
        def pushInfo(self, info):
            if info.startswith("Building the backend"):
                self.cancel()

    monkeypatch.setattr(build, "find_base_python", lambda feedback: "/usr/bin/python3")
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        build.build_backend(CancelInPip())
    assert not environment.environment_folder().exists()


def test_base_python_is_never_qgis_itself(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/qgis/bin/qgis")
    for platform in ("linux", "darwin", "win32"):
        assert "/opt/qgis/bin/qgis" not in build.base_candidates(platform)


def test_unusable_base_pythons_are_named_with_their_reason(tmp_path, monkeypatch, feedback):
    def script(name, body):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    old, bare, broken = script("old", "echo 3 9"), script("bare", "exit 1"), str(tmp_path)
    monkeypatch.setattr(build, "base_candidates", lambda: [old, bare, broken])
    with pytest.raises(QgsProcessingException) as caught:
        build.find_base_python(feedback)
    sentence = str(caught.value)
    assert f"{old} is Python 3.9" in sentence
    assert f"{bare} lacks the modules" in sentence
    assert f"{broken} does not start" in sentence
    assert "python3-venv" in sentence
    monkeypatch.setattr(build, "base_candidates", lambda: [old, script("new", "echo 3 12")])
    assert build.find_base_python(feedback) == str(tmp_path / "new")
