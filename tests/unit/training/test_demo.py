from pathlib import Path

import pytest
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.core.model.card import Architecture
from mce_landcover.training import demo, jobs
from mce_landcover.training.data.patches import SceneBlock, render_area
from mce_landcover.training.data.tiles import count_pixels
from mce_landcover.training.demo import DemoPlan, train_demo_model
from mce_landcover.training.requests import TrainDemoRequest
from mce_landcover.training.trainer import TrainSettings

pytestmark = pytest.mark.slow

PLAN = DemoPlan(
    training=(SceneBlock(101, 0, 0, 96, 96), SceneBlock(102, 64, 32, 64, 96)),
    validation=(SceneBlock(201, 0, 0, 64, 64),),
    test=(SceneBlock(7, 0, 0, 64, 80),),
    architecture=Architecture(
        decoder="deeplabv3plus", encoder="tu-mobilenetv3_small_100", decoder_channels=16, expert_channels=16
    ),
    window=32,
    stride=16,
    settings=TrainSettings(steps=2, batch_size=2, warmup=0),
)


def test_scene_blocks_are_brought_to_the_grid_of_the_dem() -> None:
    area = render_area(SceneBlock(7, 10, 20, 6, 8))
    assert area.raw.shape == (4, 6, 8) and area.labels.shape == (6, 8)
    assert (area.raw[3] > 1000).all()  # metres above sea level
    larger = render_area(SceneBlock(7, 8, 18, 12, 12))
    assert (larger.raw[:, 2:8, 2:10] == area.raw).all()


def test_the_plan_never_trains_on_the_scene_that_it_is_tested_on() -> None:
    plan = DemoPlan()
    seeds = [{b.seed for b in blocks} for blocks in (plan.training, plan.validation, plan.test)]
    assert not seeds[0] & seeds[1] and not seeds[0] & seeds[2] and not seeds[1] & seeds[2]
    assert seeds[2] == {7}


def test_the_bundle_says_that_it_is_synthetic_and_how_good(tmp_path: Path) -> None:
    class Quiet:
        def __init__(self) -> None:
            self.units: list[str] = []

        def progress(self, done: int, total: int, unit: str) -> None:
            self.units.append(unit)

        def log(self, message: str) -> None:
            assert message

    quiet = Quiet()
    result = train_demo_model(tmp_path / "demo.safetensors", PLAN, quiet)
    card = load_bundle(tmp_path / "demo.safetensors").card
    assert "SYNTHETIC" in card.description and "SYNTHETIC" in card.provenance["data"]
    assert card.provenance["best_step"] == result.best.step == 2
    assert card.pixel_counts == count_pixels([render_area(b) for b in PLAN.training], range(1, 10))
    assert [len(e.classes) for e in card.experts] == [9, 5, 2]
    rules = {"mean_responsible", "expert_1", "expert_2", "expert_3", "oracle"}
    assert card.scores.keys() == rules | {"test"}
    assert {"training scenes", "steps", "windows"} <= set(quiet.units)


def test_the_job_writes_where_it_is_told_or_to_the_embedded_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "DemoPlan", lambda: PLAN)
    monkeypatch.setitem(jobs.EMBEDDED, "demo", tmp_path / "models" / "demo.safetensors")
    asked = TrainDemoRequest(output=tmp_path / "mine.safetensors", steps=1, seed=3)
    assert jobs.train_demo(asked, SilentReporter()).model == tmp_path / "mine.safetensors"
    settings = load_bundle(tmp_path / "mine.safetensors").card.provenance["settings"]
    assert (settings["steps"], settings["seed"]) == (1, 3)
    usual = jobs.train_demo(TrainDemoRequest(steps=1), SilentReporter())
    assert usual.model == tmp_path / "models" / "demo.safetensors"
