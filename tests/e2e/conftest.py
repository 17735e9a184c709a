"""A small synthetic scene, one undisturbed run over it to compare with, and a QGIS profile of our own."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from executables import (
    QGIS_PYTHON,
    ROOT,
    Environment,
    Scene,
    clean_environment,
    make_scene,
    qgis_process,
    run_command,
)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """120 m of the synthetic landscape."""
    return make_scene(tmp_path_factory.mktemp("scene"), 120)


@pytest.fixture(scope="session")
def finished(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with everything left to the program."""
    output = tmp_path_factory.mktemp("finished") / "run"
    done = run_command("predict", *scene.options, "--model", "demo", "--output", output)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with a fresh profile that has this checkout as its plugin, enabled."""
    if not shutil.which("qgis_process"):
        pytest.skip("qgis_process is not installed: make system installs QGIS")
    profile = tmp_path_factory.mktemp("profile")
    plugins = profile / "profiles/default/python/plugins"
    plugins.mkdir(parents=True)
    (plugins / "mce_landcover").symlink_to(ROOT, target_is_directory=True)
    environment = clean_environment(
        # QGIS takes the first python3 on the path for its own: an active environment would lead it astray.
        PATH=os.pathsep.join([str(Path(QGIS_PYTHON).parent), os.environ.get("PATH", "")]),
        QGIS_CUSTOM_CONFIG_PATH=str(profile),
        QT_QPA_PLATFORM="offscreen",
        MCE_LANDCOVER_PYTHON=sys.executable,
    )
    enabled = qgis_process(environment, "plugins", "enable", "mce_landcover")
    assert enabled.returncode == 0, enabled.stderr
    return environment
