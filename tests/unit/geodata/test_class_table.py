import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.geodata.class_table import MapClass, class_key, ids_by_key, named, read_class_table
from mce_landcover.core.mapping.record import classes_of, record_of
from support.run import run_record, write_ids


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_reads_a_table(tmp_path: Path, separator: str) -> None:
    rows = [("group", "id", "name"), ("head", "5", " Scree "), ("tail", "0", "Blöcke, große")]
    text = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "t.csv").write_text("\ufeff" + text, encoding="utf-8")
    found = read_class_table(tmp_path / "t.csv")
    assert found == (MapClass(5, "Scree", "head"), MapClass(0, "Blöcke, große", "tail"))


def test_a_table_may_name_some_colours(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,name,color\n1,a,#AA00ff\n2,b,\n")
    assert read_class_table(tmp_path / "t.csv") == (MapClass(1, "a", color="#aa00ff"), MapClass(2, "b"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,title\n1,a", "needs the columns id and name"),
        ("id,name\n", "has no row"),
        ("id,name\n1,a\n1,b", "an id twice"),
        ("id,name\n255,a", "the id '255'"),
        ("id,name\n-1,a", "the id '-1'"),
        ("id,name\n,a", "the id ''"),
        ("id,name\n3,", "no name for class 3"),
        ("id,name,group\n1,a,head\n2,b,", "classes without a group"),
        ("id,name,color\n1,a,red", "the color 'red'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_class_table(tmp_path / "t.csv")


def test_a_table_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00id")
    for name in ("none.csv", "b.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            read_class_table(tmp_path / name)


def test_a_raster_knows_the_run_that_made_it(tmp_path: Path) -> None:
    record = run_record(tmp_path, experts=2)
    (tmp_path / "run.json").write_text(json.dumps(record))
    for path in (tmp_path, tmp_path / "land_cover.tif", tmp_path / "expert_2.tif"):
        found = record_of(path)
        assert found is not None
        assert [c.id for c in classes_of(found, None)] == [c["id"] for c in record["classes"]]
        assert classes_of(found, None)[0].group == record["classes"][0]["group"]
    assert record_of(tmp_path / "other.tif") is None
    assert record_of(tmp_path / "elsewhere" / "land_cover.tif") is None
    assert classes_of(None, None) == ()


def test_a_reviewed_map_beside_its_run_has_the_classes_of_the_run(tmp_path: Path) -> None:
    record = run_record(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(record))
    copy = write_ids(tmp_path / "copy.tif", np.ones((2, 2), np.uint8))
    assert record_of(copy) is None
    for sha256, known in ((record["model"]["sha256"], True), ("1" * 64, False)):
        with rasterio.open(copy, "r+") as dataset:
            dataset.update_tags(MCE_MODEL_SHA256=sha256)
        assert (record_of(copy) is not None) == known


def test_a_table_goes_before_the_record(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(run_record(tmp_path)))
    (tmp_path / "t.csv").write_text("id,name\n7,lake")
    assert classes_of(record_of(tmp_path), tmp_path / "t.csv") == (MapClass(7, "lake"),)


def test_names_of_ids() -> None:
    classes = (MapClass(1, "a", "head"), MapClass(4, "b", "tail"))
    assert named([4, 1], classes, "map.tif") == classes[::-1]
    assert named([4, 2], (), "map.tif") == (MapClass(4, "class 4"), MapClass(2, "class 2"))
    with pytest.raises(InputError, match=r"map.tif holds the class 2, which is none of 1, 4"):
        named([4, 2], classes, "map.tif")


def test_keys_are_ids_or_names_and_the_id_wins() -> None:
    ids = ids_by_key([MapClass(1, "Water"), MapClass(2, "1")])
    assert [ids[class_key(v)] for v in (1, 1.0, "1", " wATER", 2)] == [1, 1, 1, 1, 2]
    assert [class_key(v) for v in (None, float("nan"), "", "  ", 2.5)] == ["", "", "", "", "2.5"]
