from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from mce_landcover.core.class_table import MapClass
from mce_landcover.core.errors import InputError
from mce_landcover.core.map_sample import SampleRequest, draw_sample
from mce_landcover.core.sample_layer import read_sample
from run_support import write_ids

TRUTH = {1: 0.2, 5: 0.05}  # share of each mapped class that is class 2 in truth


def interpreted(tmp_path: Path, answer=str, skip: int = 0) -> tuple[Path, np.ndarray]:
    """Draw a sample of a map of classes 1 and 5, fill in the truth, and return the layer and the truth."""
    rng = np.random.default_rng(0)
    ids = rng.choice([1, 5], (200, 300), p=[0.6, 0.4]).astype(np.uint8)
    wrong = rng.random(ids.shape) < np.where(ids == 1, TRUTH[1], TRUTH[5])
    truth = np.where(wrong, 2, ids)
    raster = write_ids(tmp_path / "map.tif", ids)
    layer = draw_sample(SampleRequest(raster, tmp_path / "s.gpkg", 400, 50)).output
    meta, _, wkb, columns = pyogrio.raw.read(layer)
    fields = meta["fields"].tolist()
    xy = shapely.get_coordinates(shapely.from_wkb(wkb))
    cols, rows = (xy[:, 0] - 2_600_000) / 0.5, (1_200_000 - xy[:, 1]) / 0.5
    true = truth[rows.astype(int), cols.astype(int)]
    columns[fields.index("reference")] = np.array(
        [None if k < skip else answer(int(t)) for k, t in enumerate(true)], object
    )
    pyogrio.raw.write(
        layer, wkb, columns, fields, driver="GPKG", geometry_type="Point", crs=meta["crs"], layer="sample"
    )
    return layer, truth


@pytest.mark.parametrize(
    "answer", [str, lambda t: {1: " Rock", 2: "GRASS", 5: "scree"}[t], lambda t: f"{t} "]
)
def test_reads_ids_and_names_and_estimates_the_truth(tmp_path: Path, answer) -> None:
    layer, truth = interpreted(tmp_path, answer)
    classes = (MapClass(1, "rock"), MapClass(2, "grass"), MapClass(5, "scree"))
    sample = read_sample(layer, classes)
    assert [c.name for c in sample.classes] == ["rock", "grass", "scree"]
    assert (sample.counts.sum(), sample.n_open, sample.pixel_m2) == (400, 0, 0.25)
    assert sample.mapped_pixels[1] == 0 and sample.mapped_pixels.sum() == truth.size
    got = sample.accuracy()
    for index, class_id in enumerate((1, 2, 5)):
        true = (truth == class_id).mean()
        assert abs(got.shares.value[index] - true) < 3 * got.shares.error[index]


def test_points_without_a_reference_are_left_out_and_counted(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, skip=30)
    sample = read_sample(layer, (MapClass(2, "grass"),))
    assert (sample.counts.sum(), sample.n_open, len(sample.points)) == (370, 30, 400)


def test_mapped_names_alone_need_no_table(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1" if t == 2 else f"class {t}")
    assert [c.name for c in read_sample(layer).classes] == ["class 1", "class 5"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda t: "grass", "names the reference class 'grass', which is not known"),
        (lambda t: None, "No point of .* is interpreted yet"),
    ],
)
def test_answers_that_say_nothing_are_refused(tmp_path: Path, answer, says: str) -> None:
    layer, _ = interpreted(tmp_path, answer)
    with pytest.raises(InputError, match=says):
        read_sample(layer)


def test_what_is_no_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_sample(tmp_path / "none.gpkg")
    (tmp_path / "text.gpkg").write_text("text")
    with pytest.raises(InputError, match="no layer of points"):
        read_sample(tmp_path / "text.gpkg")
    other = tmp_path / "other.gpkg"
    points = shapely.to_wkb(shapely.points([[0.0, 0.0]]))
    pyogrio.raw.write(
        other, points, [np.array([1])], ["id"], driver="GPKG", geometry_type="Point", crs="EPSG:2056"
    )
    with pytest.raises(InputError, match="no field 'map_class'"):
        read_sample(other)
