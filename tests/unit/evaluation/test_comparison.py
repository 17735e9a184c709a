import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.evaluation.compare import CompareRequest, compare
from mce_landcover.core.evaluation.draw_sample import SampleRequest, draw_sample
from mce_landcover.core.evaluation.scores import confusion_matrix, scores
from mce_landcover.core.geodata.class_raster import ClassRaster
from mce_landcover.core.mapping.record import read_record
from mce_landcover.core.model.classes import load_catalogue
from support.engine import predict_with, tiny_model, write
from support.run import ORIGIN, run_record, write_ids
from unit.evaluation.test_sample_layer import interpreted

IDS = [c.id for c in load_catalogue()]
GROUPS = {c.id: c.group for c in load_catalogue()}
SHAPE = (90, 110)


class Telling(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def log(self, message: str) -> None:
        self.said.append(message)


def make_run(folder: Path, experts: int = 3) -> dict[str, np.ndarray]:
    """Write a run's class rasters, a run file and a reference of which a third is unlabelled."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    truth = rng.choice(IDS, SHAPE).astype(np.uint8)
    maps = {}
    for k, name in enumerate(["land_cover", *(f"expert_{k}" for k in range(1, experts + 1))]):
        said = np.where(rng.random(SHAPE) < 0.2 + 0.2 * k, rng.choice(IDS, SHAPE), truth).astype(np.uint8)
        said[:9] = 255
        maps[name] = said
        write_ids(folder / f"{name}.tif", said)
    reference = np.where(rng.random(SHAPE) < 0.33, 0, truth).astype(np.uint8)
    write_ids(folder / "reference.tif", reference, nodata=None)
    (folder / "run.json").write_text(json.dumps(run_record(folder, experts)))
    return maps | {"reference": reference}


def by_hand(maps: dict[str, np.ndarray], experts: int) -> dict[str, np.ndarray]:
    truth = maps["reference"]
    counted = (truth > 0) & (maps["land_cover"] != 255)
    rows = {"map": maps["land_cover"], **{f"expert_{k}": maps[f"expert_{k}"] for k in range(1, experts + 1)}}
    answers = {"head": 1, "body": min(2, experts), "tail": min(3, experts)}
    oracle = np.zeros_like(truth)
    for class_id in IDS:
        own = truth == class_id
        oracle[own] = rows[f"expert_{answers[GROUPS[class_id]]}"][own]
    rows["oracle"] = oracle
    return {row: confusion_matrix(truth[counted], said[counted], IDS) for row, said in rows.items()}


@pytest.mark.parametrize("experts", [1, 2, 3])
@pytest.mark.parametrize("side", [2048, 32])
def test_rows_are_the_map_the_experts_and_the_oracle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, experts: int, side: int
) -> None:
    whole = ClassRaster.parts
    monkeypatch.setattr(ClassRaster, "parts", lambda raster: whole(raster, side))
    maps = make_run(tmp_path / "run", experts)
    request = CompareRequest(prediction=tmp_path / "run", reference=tmp_path / "run" / "reference.tif")
    found = compare(request, SilentReporter())
    expected = by_hand(maps, experts)
    assert list(found.matrices) == list(expected)
    for row, matrix in expected.items():
        np.testing.assert_array_equal(found.matrices[row], matrix)
        assert found.scores[row].as_json() == scores(matrix, list(GROUPS.values())).as_json()
    assert [c.id for c in found.classes] == IDS
    assert found.labelled == (maps["reference"] > 0).sum()
    assert found.compared == ((maps["reference"] > 0) & (maps["land_cover"] != 255)).sum()
    assert found.left_out == {}  # 0 of a reference means unlabelled
    assert found.titles["expert_1"].startswith("expert 1 (head")


@pytest.mark.parametrize("missing", [False, True])
def test_the_map_of_a_run_brings_its_classes_and_the_experts_that_are_there(
    tmp_path: Path, missing: bool
) -> None:
    maps = make_run(tmp_path / "run")
    if missing:
        (tmp_path / "run" / "expert_2.tif").unlink()
    telling = Telling()
    reference = tmp_path / "run" / "reference.tif"
    found = compare(
        CompareRequest(prediction=tmp_path / "run" / "land_cover.tif", reference=reference), telling
    )
    expected = by_hand(maps, 3)
    assert list(found.matrices) == (["map"] if missing else list(expected))
    assert any("only the map is compared" in said for said in telling.said) == missing
    for row, matrix in found.matrices.items():
        np.testing.assert_array_equal(matrix, expected[row])
    assert found.colors == {c.name: c.color for c in load_catalogue()}


def test_an_expert_of_a_run_is_compared_alone(tmp_path: Path) -> None:
    maps = make_run(tmp_path / "run")
    expert, reference = (tmp_path / "run" / f"{name}.tif" for name in ("expert_2", "reference"))
    found = compare(CompareRequest(prediction=expert, reference=reference), SilentReporter())
    assert list(found.matrices) == ["map"]
    np.testing.assert_array_equal(found.matrices["map"], by_hand(maps, 3)["expert_2"])


def test_a_copy_is_compared_with_the_experts_of_the_run_it_is_given(tmp_path: Path) -> None:
    maps = make_run(tmp_path / "run")
    maps["land_cover"][20:] = 5  # a reviewer's work
    copy = write_ids(tmp_path / "copy.tif", maps["land_cover"])
    request = CompareRequest(
        prediction=copy, run=tmp_path / "run", reference=tmp_path / "run" / "reference.tif"
    )
    found = compare(request, SilentReporter())
    expected = by_hand(maps, 3)
    assert list(found.matrices) == list(expected)
    for row, matrix in found.matrices.items():
        np.testing.assert_array_equal(matrix, expected[row])
    assert [c.id for c in found.classes] == IDS


def test_any_class_raster_is_compared_by_its_ids(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth, said = rng.choice([0, 3, 200], (2, 40, 50)).astype(np.uint8)
    said[said == 0] = 9
    request = CompareRequest(
        prediction=write_ids(tmp_path / "map.tif", said),
        reference=write_ids(tmp_path / "ref.tif", truth, nodata=None),
    )
    found = compare(request, SilentReporter())
    assert [(c.id, c.name, c.group) for c in found.classes] == [(i, f"class {i}", "") for i in (3, 9, 200)]
    np.testing.assert_array_equal(found.matrices["map"], confusion_matrix(truth, said, [3, 9, 200]))
    assert found.scores["map"].groups == {}
    said[0, 0] = 0  # now 0 is a class of the map
    write_ids(tmp_path / "map.tif", said)
    assert [c.id for c in compare(request, SilentReporter()).classes] == [0, 3, 9, 200]


def test_a_table_names_groups_and_other_labels_are_left_out_and_counted(tmp_path: Path) -> None:
    truth = np.array([[1, 2, 3, 3], [1, 2, 9, 0]], np.uint8)
    said = np.array([[1, 1, 2, 1], [1, 2, 2, 2]], np.uint8)
    (tmp_path / "t.csv").write_text("id,name,group\n2,b,rare\n1,a,common")
    request = CompareRequest(
        prediction=write_ids(tmp_path / "map.tif", said),
        reference=write_ids(tmp_path / "ref.tif", truth, nodata=None),
        classes=tmp_path / "t.csv",
    )
    found = compare(request, SilentReporter())
    assert found.matrices["map"].tolist() == [[1, 1], [0, 2]]
    assert found.scores["map"].groups == {"rare": 0.5, "common": 1.0}
    assert found.left_out == {"3": 2, "9": 1}


def test_the_paper_convention_averages_one_class_more(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    request = {"prediction": tmp_path / "run", "reference": tmp_path / "run" / "reference.tif"}
    plain, paper = (
        compare(CompareRequest(**request, paper_convention=p), SilentReporter()).scores["map"]
        for p in (False, True)
    )
    assert paper.mean_recall == pytest.approx(plain.mean_recall * 9 / 10)


def test_a_real_run_is_compared_with_its_experts(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    image = write(tmp_path / "rgb.tif", rng.integers(0, 255, (3, 120, 160)).astype(np.uint8), 0.25)
    dem = write(tmp_path / "dem.tif", rng.normal(2000, 9, (1, 60, 80)).astype(np.float32), 0.5)
    predict_with(tiny_model(), {"image": [image], "dem": [dem]}, tmp_path / "run")
    found = compare(
        CompareRequest(prediction=tmp_path / "run", reference=tmp_path / "run" / "expert_1.tif"),
        SilentReporter(),
    )
    assert found.scores["expert_1"].overall == 1
    assert found.scores["map"].overall < 1
    assert found.titles["expert_2"] == f"expert 2 ({read_record(tmp_path / 'run').experts[1]})"


def test_a_sample_is_estimated_beside_or_without_a_reference(tmp_path: Path) -> None:
    layer, truth = interpreted(tmp_path, lambda t: "class 1" if t == 2 else f"class {t}", skip=7)
    reference = write_ids(tmp_path / "ref.tif", truth)
    telling = Telling()
    both = compare(
        CompareRequest(prediction=tmp_path / "map.tif", reference=reference, sample=layer), telling
    )
    alone = compare(CompareRequest(prediction=tmp_path / "map.tif", sample=layer), SilentReporter())
    assert both.accuracy is not None and alone.accuracy is not None
    assert both.accuracy.overall.value == alone.accuracy.overall.value
    assert both.scores and not alone.scores and alone.compared == 0
    assert both.pixel_m2 == 0.25
    assert telling.said == ["7 points of the sample are not interpreted, and count nowhere."]


def test_a_sample_of_another_map_is_refused(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1")
    other = np.random.default_rng(9).choice([1, 5], (200, 300)).astype(np.uint8)
    request = CompareRequest(prediction=write_ids(tmp_path / "other.tif", other), sample=layer)
    with pytest.raises(InputError, match=r"of 400 points of the sample have another class in .*other.tif"):
        compare(request, SilentReporter())


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    ids = np.ones(SHAPE, np.uint8)
    map_file = write_ids(tmp_path / "map.tif", ids)
    far = write_ids(tmp_path / "far.tif", ids, transform=ORIGIN @ ORIGIN.translation(500, 0))
    (tmp_path / "t.csv").write_text("id,name\n2,b")
    make_run(tmp_path / "run")
    write_ids(tmp_path / "run" / "expert_2.tif", ids[:50])
    reference = tmp_path / "run" / "reference.tif"
    ones = write_ids(tmp_path / "two.tif", 2 * ids)
    run_map = tmp_path / "run" / "expert_1.tif"
    strange = write_ids(tmp_path / "strange.tif", np.arange(40, 42, dtype=np.uint8).repeat(50)[None])
    beyond = write_ids(tmp_path / "beyond.tif", ids[:9])  # where the run has nodata
    cases = [
        ({"prediction": map_file}, "nothing to compare the map with"),
        ({"prediction": map_file, "reference": far}, "check that they show the same place"),
        ({"prediction": run_map, "reference": strange}, r"does not have \(40, 41\); check its class field"),
        ({"prediction": run_map, "reference": beyond}, "labelled only where .* has no class"),
        (
            {"prediction": map_file, "reference": ones, "classes": tmp_path / "t.csv"},
            "holds the class 1, which is none of 2",
        ),
        ({"prediction": tmp_path / "run", "reference": reference}, "differ in their grid"),
        ({"prediction": tmp_path, "reference": reference}, "holds no finished run"),
        ({"prediction": map_file, "run": tmp_path, "reference": reference}, "holds no finished run"),
    ]
    for arguments, says in cases:
        with pytest.raises(InputError, match=says):
            compare(CompareRequest(**arguments), SilentReporter())


def test_a_sample_drawn_from_a_run_fits_it(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    drawn = draw_sample(
        SampleRequest(raster=tmp_path / "run", output=tmp_path / "s.gpkg", size=200, minimum=10)
    )
    assert sum(drawn.points.values()) == 200
    with pytest.raises(InputError, match="is interpreted yet"):
        compare(CompareRequest(prediction=tmp_path / "run", sample=drawn.output), SilentReporter())
