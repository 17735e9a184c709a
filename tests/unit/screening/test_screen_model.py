"""The recipe of the screening model that ships, in small, and the hectares it learns from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.bundle import load_tile_bundle
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.model.file import EMBEDDED
from mce_landcover.training.data.patches import SceneBlock, render_area
from mce_landcover.training.fit import TrainerSettings
from mce_landcover.training.multilabel.samples import MIN_PIXELS, scene_tiles
from mce_landcover.training.multilabel.screen import ScreenPlan, found_by_share, train_screen_model

pytestmark = pytest.mark.slow


def test_hectares_of_a_scene() -> None:
    tiles = scene_tiles((5,), 400, SilentReporter())
    area = render_area(SceneBlock(5, 0, 0, 400, 400))
    assert len(tiles.names) == 4 and tiles.pictures[0].shape == (4, 100, 100)
    np.testing.assert_allclose(
        tiles.pictures[3][:, 0, 0], area.raw[:, 200:202, 200:202].mean(axis=(1, 2)), rtol=1e-5
    )
    for c, one in enumerate(load_catalogue()):
        held = (area.labels[:200, 200:400] == one.id).sum() > MIN_PIXELS
        assert tiles.labels[1, c] == held


def test_shares_found_are_those_of_the_ranking() -> None:
    classes = load_catalogue()
    tail = [c.group == "tail" for c in classes]
    labels = np.zeros((10, len(classes)), bool)
    labels[[2, 5], tail.index(True)] = True
    chances = np.full((10, len(classes)), 0.01)
    chances[2, tail.index(True)], chances[7, tail.index(True)], chances[5, tail.index(True)] = 0.9, 0.8, 0.7
    assert found_by_share(chances, labels, classes, (0.1, 0.2, 0.3)) == [0.5, 0.5, 1.0]


@pytest.fixture(scope="module")
def small() -> ScreenPlan:
    plan = ScreenPlan()
    settings = replace(plan.settings, batch_size=4, trainer=TrainerSettings(epochs=1, device="cpu"))
    return replace(plan, training=(3,), validation=(4,), test=(5,), side=400, per_epoch=8, settings=settings)


def test_the_recipe_writes_a_model_with_its_scores(small: ScreenPlan, tmp_path: Path) -> None:
    train_screen_model(tmp_path / "s.safetensors", small, SilentReporter())
    card = load_tile_bundle(tmp_path / "s.safetensors").card
    assert "SYNTHETIC" in card.description and "SYNTHETIC" in card.provenance["data"]
    assert card.scores["test"]["scenes"] == [5] and "tail_found_in_first" in card.scores["test"]
    assert len(card.calibration) == len(card.thresholds) == 9 and card.tile_m == 25


def test_the_embedded_model_is_labelled_synthetic_and_never_saw_the_scene_of_users() -> None:
    card = load_tile_bundle().card
    assert EMBEDDED["screen"].stat().st_size < 2**20
    assert "SYNTHETIC" in card.description
    scenes = card.provenance["scenes"]
    assert 7 in scenes["test"] and 7 not in (*scenes["training"], *scenes["validation"])
    assert card.scores["test"]["tail_found_in_first"]["0.2"] > 0.3  # a random order finds a fifth
