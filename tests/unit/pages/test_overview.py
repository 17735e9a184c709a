"""The overview picture: all panels and shares of a run, read back from its pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.core.mapping.record import read_record
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.pages.overview import WIDTH, class_palette, draw_overview, draw_run, round_length
from PIL import Image

CLASSES = load_catalogue()
SIDE = 64


def write(path: Path, data: np.ndarray) -> Path:
    count, height, width = data.shape
    transform = Affine(0.5, 0, 2_600_000, 0, -0.5, 1_200_000)
    form = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": data.dtype}
    with rasterio.open(path, "w", crs="EPSG:2056", transform=transform, **form) as dataset:
        dataset.write(data)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The files that `predict` leaves: one class per raster, so that each panel has one colour."""
    folder = tmp_path / "run"
    folder.mkdir()
    ids = {"land_cover": 7, "expert_1": 8, "expert_2": 3, "evidence": 1}
    products = {
        name: write(folder / f"{name}.tif", np.full((1, SIDE, SIDE), c, np.uint8)) for name, c in ids.items()
    }
    inputs = {
        "dem": write(tmp_path / "dem.tif", np.zeros((1, SIDE, SIDE), np.float32)),
        "image": write(tmp_path / "image.tif", np.full((3, SIDE, SIDE), 77, np.uint8)),
    }
    record = {
        "inputs": [{"role": role, "files": [str(path)], "crs": "EPSG:2056"} for role, path in inputs.items()],
        "grid": {"crs": "EPSG:2056", "gsd": 0.5, "shape": [SIDE, SIDE]},
        "model": {"name": "test", "sha256": "0"},
        "device": "cpu",
        "precision": "fp32",
        "classes": [{"id": c.id, "name": c.name, "color": c.color, "group": c.group} for c in CLASSES],
        "experts": ["all", "rare"],
        "expert_classes": [[c.id for c in CLASSES], [CLASSES[-1].id]],
        "pixel_counts": [1] * len(CLASSES),
        "parameters": {"aggregation": "mean", "alpha": 1.0},
        "products": {name: str(path) for name, path in products.items()},
        "windows": {"total": 1},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def colours(picture: Path) -> dict[tuple[int, ...], int]:
    with Image.open(picture) as image:
        return {colour: count for count, colour in image.getcolors(1 << 24)}


def test_a_run_is_drawn_with_every_panel_in_its_colour(run: Path) -> None:
    picture = draw_run(run)
    assert picture == run / "overview.png"
    found = colours(picture)
    panel = 0.8 * (WIDTH / 3) ** 2 * 0.8
    shown = {c.id: found.get(c.rgb, 0) for c in CLASSES}
    assert {id_ for id_, n in shown.items() if n > panel} == {7, 8, 3}
    assert found[(77, 77, 77)] > panel
    assert found[(180, 180, 180)] > panel, "flat ground is sin(45 degrees) bright"
    with Image.open(picture) as image:
        assert image.width == WIDTH


def test_a_run_that_was_moved_is_still_found(run: Path) -> None:
    moved = run.rename(run.with_name("elsewhere"))
    assert read_record(moved).products["land_cover"] == moved / "land_cover.tif"
    assert draw_run(moved, moved / "pictures" / "a.png").is_file()


def test_the_legend_lists_every_class_also_those_not_found(run: Path) -> None:
    assert {c.rgb for c in CLASSES} <= colours(draw_run(run)).keys()


def test_image_and_relief_may_be_missing(run: Path, tmp_path: Path) -> None:
    one = draw_overview([], [], {"Map": run / "land_cover.tif"}, CLASSES, tmp_path / "one.png")
    all_ = draw_run(run)
    with Image.open(one) as small, Image.open(all_) as large:
        assert small.height < large.height


def test_ids_without_a_class_are_not_shown_as_one() -> None:
    palette = class_palette(CLASSES)
    assert palette.shape == (256, 3)
    assert all(tuple(palette[c.id]) == c.rgb for c in CLASSES)
    assert tuple(palette[255]) not in {c.rgb for c in CLASSES}


@pytest.mark.parametrize(
    ("at_most", "length"), [(1, 1), (9.99, 5), (10, 10), (0.3, 0.2), (249, 200), (2500, 2000)]
)
def test_the_scale_bar_has_a_round_length(at_most: float, length: float) -> None:
    assert round_length(at_most) == pytest.approx(length)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"inputs": 3}'])
def test_a_folder_without_a_record_is_one_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json") as caught:
        draw_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_picture_that_cannot_be_written_leaves_nothing(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"Writing to .* failed"):
        draw_run(run, tmp_path / "file" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"Writing to .* failed"):
        draw_run(run, tmp_path / "folder.png")
    assert list(tmp_path.glob(".*")) == []
