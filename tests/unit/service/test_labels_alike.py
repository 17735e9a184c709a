"""One file of labels, one answer: jobs that read labels take the same ones and say the same of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from mce_landcover.core.base.errors import InputError
from mce_landcover.service.jobs import run_job
from support.engine import Recorder, write
from support.fit import COLS, ROWS, labelled_run
from support.flag import CLASSES, COL0, GSD, ROW0
from support.tiling import write_polygons

pytestmark = pytest.mark.slow

SEED = 1
WEST, NORTH = COL0 * GSD, -(ROW0 + SEED * 1000) * GSD


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A run without logits, and true classes on its grid."""
    run, labels = labelled_run(tmp_path_factory.mktemp("run"), SEED, keep_logits=False)
    with rasterio.open(labels) as file:
        return run, file.read(1)


def coarse(folder: Path, labels: np.ndarray) -> Path:
    """Labels of pixels of twice the side, with one of a class that nobody knows."""
    half = labels[::2, ::2].copy()
    half[3, 3] = 77
    return write(folder / "labels.tif", half[None], 2 * GSD, west=WEST, north=NORTH, nodata=255)


def drawn(folder: Path, labels: np.ndarray) -> Path:
    """The same as polygons, one of them of a class that nobody knows."""
    place = rasterio.Affine(GSD, 0, WEST, 0, -GSD, NORTH)
    shapes = rasterio.features.shapes(labels, labels != 255, transform=place)
    found = [(shapely.geometry.shape(shape), str(int(value))) for shape, value in shapes]
    strange = shapely.box(WEST + 1, NORTH - 2, WEST + 2, NORTH - 1)
    polygons, values = zip(*found, (strange, "77"), strict=True)
    return write_polygons(folder / "labels.gpkg", list(polygons), list(values))


def strange(folder: Path) -> Path:
    """Labels of a class that nobody knows."""
    labels = np.full((1, ROWS, COLS), 77, np.uint8)
    return write(folder / "labels.tif", labels, GSD, west=WEST, north=NORTH)


def evaluate(run: Path, labels: Path, folder: Path) -> dict[str, Any]:
    return {"prediction": run, "reference": labels, "output": folder / "out"}


def fit_meta_classifier(run: Path, labels: Path, folder: Path) -> dict[str, Any]:
    return {"runs": [run], "labels": [labels], "output": folder / "m.skops", "tile_m": 20}


def prepare_tiles(run: Path, labels: Path, folder: Path) -> dict[str, Any]:
    table = folder / "classes.csv"
    rows = [f"{id_},{name},{group}" for id_, name, group, _ in CLASSES]
    table.write_text("\n".join(["id,name,group", *rows]))
    image = write(folder / "image.tif", np.zeros((3, ROWS, COLS), np.uint8) + 9, GSD, west=WEST, north=NORTH)
    asked = {"image": image, "labels": [labels], "classes": str(table), "output": folder / "tiles"}
    return asked | {"gsd_m": GSD, "tile": 16, "split": "random"}


JOBS = [evaluate, fit_meta_classifier, prepare_tiles]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(("labels", "n"), [(coarse, 4), (drawn, 1)])
def test_labels_of_other_pixels_are_taken_and_an_unknown_class_is_left_out_with_a_remark(
    job: Any, labels: Any, n: int, run: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    folder, truth = run
    recorder = Recorder()
    value = run_job(job.__name__, job(folder, labels(tmp_path, truth), tmp_path), recorder)
    assert f"left out: 77 ({n})" in " ".join([*recorder.messages, str(value.get("message"))])


@pytest.mark.parametrize("job", JOBS)
def test_labels_of_unknown_classes_alone_are_refused_by_name(
    job: Any, run: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    asked = job(run[0], strange(tmp_path), tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="77"):
        run_job(job.__name__, asked, Recorder())
    assert sorted(tmp_path.iterdir()) == before
