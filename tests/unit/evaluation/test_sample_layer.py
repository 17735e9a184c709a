import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pyogrio
import pytest
import shapely
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.core.evaluation.draw_sample import SampleRequest, draw_sample
from mce_landcover.core.evaluation.sample_layer import read_sample
from mce_landcover.core.geodata.class_table import MapClass
from support.run import write_ids

TRUTH = {1: 0.2, 5: 0.05}  # share of each mapped class that is class 2 in truth


def interpreted(tmp_path: Path, answer=str, skip: int = 0) -> tuple[Path, np.ndarray]:
    """Draw a sample of a map of classes 1 and 5, fill in the truth, and return the layer and the truth."""
    rng = np.random.default_rng(0)
    ids = rng.choice([1, 5], (200, 300), p=[0.6, 0.4]).astype(np.uint8)
    wrong = rng.random(ids.shape) < np.where(ids == 1, TRUTH[1], TRUTH[5])
    truth = np.where(wrong, 2, ids)
    raster = write_ids(tmp_path / "map.tif", ids)
    layer = draw_sample(SampleRequest(raster=raster, output=tmp_path / "s.gpkg", size=400, minimum=50)).output
    meta, _, wkb, columns = pyogrio.raw.read(layer, layer="sample")
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


@pytest.mark.parametrize("nothing", ["0", 255, " "])
def test_what_means_no_class_in_a_raster_is_no_answer(tmp_path: Path, nothing) -> None:
    layer, _ = interpreted(tmp_path, lambda t: str(nothing) if t == 2 else str(t))
    sample = read_sample(layer, (MapClass(2, "grass"),))
    assert sample.n_open > 20 and sample.counts.sum() == 400 - sample.n_open


def test_a_class_zero_is_an_answer(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "0" if t == 2 else str(t))
    assert read_sample(layer, (MapClass(0, "grass"),)).n_open == 0


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


def test_any_field_may_hold_the_answers_and_any_layer_the_points(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1" if t == 2 else f"class {t}")
    first = read_sample(layer)
    meta, _, wkb, columns = pyogrio.raw.read(layer, layer="sample")
    fields = meta["fields"].tolist()
    answers = columns[fields.index("reference")]
    columns[fields.index("reference")] = np.full(len(answers), None, object)
    other = tmp_path / "other.gpkg"
    settings = {"driver": "GPKG", "geometry_type": "Point", "crs": meta["crs"]}
    pyogrio.raw.write(other, wkb, [*columns, answers], [*fields, "second"], layer="drawn", **settings)
    second = read_sample(Path(f"{other}|layername=drawn"), (), "second")
    np.testing.assert_array_equal(second.counts, first.counts)
    with pytest.raises(InputError, match="into its field 'reference'"):
        read_sample(other)
    with pytest.raises(InputError, match="has no field 'third' with the true class; it has point, map_class"):
        read_sample(other, (), "third")


def test_the_layer_brings_a_form_that_lists_the_classes_and_hides_the_map(tmp_path: Path) -> None:
    raster = write_ids(tmp_path / "map.tif", np.repeat([[1], [5]], 50, axis=1).astype(np.uint8))
    (tmp_path / "t.csv").write_text('id,name\n1,rock & "stone"\n5,scree\n7,water')
    request = SampleRequest(
        raster=raster, output=tmp_path / "s.gpkg", size=20, minimum=10, classes=tmp_path / "t.csv"
    )
    layer = draw_sample(request).output
    with closing(sqlite3.connect(layer)) as database:
        (row,) = database.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        )
    assert row[:3] == ("sample", "geometry", 1)
    style = Xml.fromstring(row[3].partition("\n")[2])
    widgets = {f.get("name"): f.find("editWidget") for f in style.iter("field") if f.find("editWidget")}
    assert {name: widget.get("type") for name, widget in widgets.items()} == {
        "reference": "ValueMap",
        **dict.fromkeys(("fid", "map_class", "map_name", "stratum_pixels", "pixel_m2"), "Hidden"),
    }
    choices = [o.get("value") for o in widgets["reference"].iter("Option") if o.get("type") == "QString"]
    assert choices == ['rock & "stone"', "scree", "water"]


def test_nothing_but_a_sample_without_answers_is_replaced(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, skip=399)  # one answer
    strange = tmp_path / "strange.gpkg"
    strange.write_bytes(b"somebody's work")
    for file, says in ((layer, "is interpreted already"), (strange, "is no sample, so it is not replaced")):
        before = file.read_bytes()
        with pytest.raises(OutputError, match=says):
            draw_sample(
                SampleRequest(raster=tmp_path / "map.tif", output=file, size=400, minimum=50, overwrite=True)
            )
        assert file.read_bytes() == before
    with pytest.raises(OutputError, match=r"let its name end in \.gpkg"):
        draw_sample(SampleRequest(raster=tmp_path / "map.tif", output=tmp_path / "s.shp"))


def test_rows_that_nobody_drew_are_refused(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1")
    with closing(sqlite3.connect(layer)) as database, database:
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute("UPDATE sample SET map_class = NULL WHERE point IN (3, 4)")
        database.execute("UPDATE sample SET geom = NULL WHERE point = 9")
    with pytest.raises(InputError, match=r"3 rows of .* were not drawn"):
        read_sample(layer)
