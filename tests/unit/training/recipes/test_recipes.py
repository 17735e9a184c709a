from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.training.data.rasters import Bounds, read_area
from mce_landcover.training.recipes.ign import IGN
from mce_landcover.training.recipes.lake import LAKE
from mce_landcover.training.recipes.rasters import SceneRecipe, Source, fit_rasters, main
from mce_landcover.training.trainer import TrainSettings
from rasterio.transform import from_origin
from support.places import SHARED

pytestmark = pytest.mark.slow

FEW = TrainSettings(steps=2, batch_size=2, warmup=0)
TINY = SceneRecipe(
    name="tiny",
    why="made in a test",
    sources=(
        Source("image", "image.tif", ("R", "G", "B"), scale=1 / 255),
        Source("dem", "dem.tif", ("height",), relief=True, unit="m"),
    ),
    labels="labels.tif",
    classes=((1, "one", "#000001"), (5, "five", "#000005"), (7, "seven", "#000007")),
    training=Bounds(0, 0, 48, 64),
    test=Bounds(48, 0, 80, 64),
    gsd_m=1.0,
    window=32,
    stride=16,
    settings=FEW,
)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 5, 7], (1, 64, 80), p=[0.1, 0.6, 0.25, 0.05]).astype(np.uint8)
    bands = {
        "image": np.concatenate([labels * 30, 255 - labels * 30, labels]).astype(np.uint8),
        "dem": (1000 + rng.random((1, 64, 80))).astype(np.float32),
        "labels": labels,
    }
    for name, values in bands.items():
        profile = {"driver": "GTiff", "height": 64, "width": 80, "count": len(values), "dtype": values.dtype}
        place = {"crs": "EPSG:2056", "transform": from_origin(0, 64, 1, 1)}
        with rasterio.open(tmp_path / f"{name}.tif", "w", **profile, **place) as dataset:
            dataset.write(values)
    return tmp_path


def test_a_fitted_bundle_tells_its_parts_and_scores(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.safetensors"
    found = fit_rasters(TINY, scene, output)
    card = load_bundle(output).card
    with rasterio.open(scene / "labels.tif") as dataset:
        labels = dataset.read(1)
    assert card.pixel_counts == tuple(int((labels[:, :48] == i).sum()) for i in (1, 5, 7))
    assert [c.group for c in card.classes] == ["head", "body", "tail"]
    assert [e.classes for e in card.experts] == [(1, 5, 7), (5, 7), (7,)]
    assert card.sources[1].normalisation.kind == "window_min"
    assert card.scores["oracle"] == found["oracle"].as_json(["one", "five", "seven"])
    assert set(found) == {"mean_responsible", "expert_1", "expert_2", "expert_3", "oracle"}
    assert card.provenance["training"]["right"] == 48


def test_labels_of_the_test_part_are_never_trained_on(scene: Path, tmp_path: Path) -> None:
    """Scrambled labels in the test part change nothing but the scores."""
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    fit_rasters(TINY, scene, one)
    with rasterio.open(scene / "labels.tif", "r+") as dataset:
        labels = dataset.read()
        labels[:, :, 48:] = labels[:, ::-1, 48:]
        dataset.write(labels)
    fit_rasters(TINY, scene, two)
    first, second = load_bundle(one), load_bundle(two)
    assert all((first.weights[n] == second.weights[n]).all() for n in first.weights)
    assert first.card.scores != second.card.scores


def test_the_command_prints_a_table_or_one_sentence(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(TINY, [str(scene), str(tmp_path / "m.safetensors")]) == 0
    table = capsys.readouterr().out
    assert all(word in table for word in ("seven", "oracle", "mIoU"))
    assert main(TINY, [str(tmp_path / "absent"), str(tmp_path / "n.safetensors")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "n.safetensors").exists()


@pytest.mark.shared_data
@pytest.mark.parametrize(("recipe", "folder"), [(LAKE, "swiss_lake_scene"), (IGN, "ign_scene")])
def test_recipes_fit_the_real_scenes(recipe: SceneRecipe, folder: str, tmp_path: Path) -> None:
    data = SHARED / folder
    if not data.is_dir():
        pytest.skip(f"the shared data are not at {SHARED}")
    found = fit_rasters(replace(recipe, settings=FEW), data, tmp_path / "m.safetensors")
    assert not np.isnan(found["mean_responsible"].recall).any()  # every class is in the test part
    card = load_bundle(tmp_path / "m.safetensors").card
    assert min(card.pixel_counts) > 0  # ... and in the training part
    assert {c.group for c in card.classes} == {"head", "body", "tail"}
    files = {source.role: data / source.file for source in recipe.sources}
    parts = [read_area(files, card.sources, data / recipe.labels, b) for b in (recipe.training, recipe.test)]
    whole = read_area(files, card.sources, data / recipe.labels)
    assert sum(part.labels.size for part in parts) == whole.labels.size  # the parts share no pixel
