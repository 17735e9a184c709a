"""The door to screening: what the job takes and returns, and the card of a screening model as text."""

from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError, ModelError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.service.jobs import run_job
from support.screen import bright_model, bright_scene


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return bright_model(tmp_path / "bright.safetensors")


def test_screen_tiles_returns_plain_data(tmp_path: Path, model: Path) -> None:
    image = bright_scene(tmp_path / "i.tif", np.full((3, 2, 2), 0.7))
    given = {"image": str(image), "model": str(model), "output": str(tmp_path / "t.gpkg"), "device": "cpu"}
    value = run_job("screen_tiles", {**given, "classes": "water, 3", "grid_m": 32}, SilentReporter())
    assert value["tiles"] == str(tmp_path / "t.gpkg") and value["n"] == 1
    assert sorted(value["ranked_by"]) == ["large blocks", "water"]
    assert all(isinstance(v, str | int | float | list) for v in value.values())


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs at least one raster"):
        run_job("screen_tiles", {"output": str(tmp_path / "t.gpkg")}, SilentReporter())
    with pytest.raises(InputError, match="'grid_m' of 'screen_tiles' cannot be 0"):
        run_job("screen_tiles", {"output": "t.gpkg", "image": "i.tif", "grid_m": 0}, SilentReporter())
    with pytest.raises(ModelError, match="no model file"):
        run_job("screen_tiles", {"output": "t.gpkg", "image": "i.tif", "model": "absent"}, SilentReporter())


def test_the_card_of_a_screening_model_as_text(model: Path) -> None:
    value = run_job("model_info", {"model": str(model)}, SilentReporter())
    assert value["card"]["name"] == "bright"
    for text in ("Screening model bright", "tiles of 16 px (16 m)", "large blocks", "patch_cnn"):
        assert text in value["text"]
