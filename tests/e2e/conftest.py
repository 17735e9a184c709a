"""A small synthetic scene, and one undisturbed run over it to compare with."""

from pathlib import Path

import pytest
from executables import Scene, make_scene, run_command


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
