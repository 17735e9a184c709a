import csv
import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.evaluation.evaluate import EvaluateRequest, evaluate
from support.run import write_ids
from unit.evaluation.test_comparison import Telling, make_run
from unit.evaluation.test_sample_layer import interpreted


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def request_(tmp_path: Path) -> EvaluateRequest:
    make_run(tmp_path / "run")
    return EvaluateRequest(
        prediction=tmp_path / "run",
        reference=tmp_path / "run" / "reference.tif",
        output=tmp_path / "deep" / "out",
    )


def test_files_say_the_same(request_: EvaluateRequest) -> None:
    result = evaluate(request_)
    found, score = result.found, result.found.scores["map"]
    assert {p.name for p in request_.output.iterdir()} == {p.name for p in result.files.values()}
    assert set(result.files) == {"evaluation", "page", "classes", "confusion", "experts", "places"}
    value = json.loads(result.files["evaluation"].read_text())
    assert value["scores"]["map"]["overall"] == pytest.approx(score.overall, abs=5e-5)
    assert value["confusion"]["oracle"] == found.matrices["oracle"].tolist()
    assert value["pixels"] == {"labelled": found.labelled, "compared": found.compared, "left_out": {}}
    assert Path(value["prediction"]) == request_.prediction
    rows = table(result.files["classes"])
    for c, row in enumerate(rows):
        assert (row["class"], row["group"]) == (found.classes[c].name, found.classes[c].group)
        assert int(row["reference_pixels"]) == found.matrices["map"][c].sum()
        assert int(row["mapped_pixels"]) == found.matrices["map"][:, c].sum()
        for name in ("precision", "recall", "f1", "iou"):
            assert float(row[name]) == pytest.approx(getattr(score, name)[c], rel=1e-5)
    matrix = [list(row.values()) for row in table(result.files["confusion"])]
    assert [[int(v) for v in row[1:]] for row in matrix] == found.matrices["map"].tolist()


def test_the_table_of_experts_is_that_of_the_paper(request_: EvaluateRequest) -> None:
    result = evaluate(request_)
    rows = table(result.files["experts"])
    assert [row["row"] for row in rows] == [
        "map",
        "expert 1 (head and body and tail)",
        "expert 2 (body and tail)",
        "expert 3 (tail)",
        "oracle",
    ]
    oracle, first, third = rows[4], rows[1], rows[3]
    assert (oracle["head"], oracle["tail"]) == (first["head"], third["tail"])  # whom it listens to
    assert oracle["glacier"] == first["glacier"]
    assert list(oracle)[:7] == ["row", "overall", "mean_recall", "mean_iou", "head", "body", "tail"]


def test_the_page_tells_people(request_: EvaluateRequest) -> None:
    result = evaluate(request_)
    page = result.files["page"].read_text()
    score = result.found.scores["map"]
    for text in ("Overall accuracy", f"{100 * score.overall:.1f} %", "oracle", "large blocks", "Confusions"):
        assert text in page
    assert page.count("<svg") == 2 and "http" not in page.replace("http://www.w3.org", "")
    assert "What did not count" in page  # a tenth of the run is not mapped
    assert f'background:{result.found.classes[0].color}"' in page
    matrix = result.found.matrices["map"]
    largest = int((matrix * (1 - np.eye(len(matrix), dtype=int))).max())
    assert page.index("cost most pixels") < page.index(f'<td class="number">{largest}</td>')
    assert result.message.startswith(f"Overall accuracy {100 * score.overall:.1f} %")


def test_a_sample_adds_estimates(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1" if t == 2 else f"class {t}")
    request = EvaluateRequest(prediction=tmp_path / "map.tif", sample=layer, output=tmp_path / "out")
    result = evaluate(request)
    assert set(result.files) == {"evaluation", "page", "areas", "points"}
    accuracy = result.found.accuracy
    assert accuracy is not None
    rows = table(result.files["areas"])
    assert [row["class"] for row in rows] == ["class 1", "class 5", "overall accuracy"]
    assert float(rows[0]["area_ha"]) == pytest.approx(accuracy.areas(0.25 / 1e4).value[0], rel=1e-5)
    assert float(rows[0]["area_ha_ci95"]) == pytest.approx(
        accuracy.areas(0.25 / 1e4).half_width()[0], rel=1e-5
    )
    assert float(rows[2]["users_accuracy"]) == pytest.approx(float(accuracy.overall.value), rel=1e-5)
    assert rows[2]["area_ha"] == ""
    value = json.loads(result.files["evaluation"].read_text())
    assert value["accuracy"]["points"] == 400 and "scores" not in value
    assert "95 % confidence" in result.files["page"].read_text()
    counted = [list(row.values()) for row in table(result.files["points"])]
    assert [[int(n) for n in row[1:]] for row in counted] == accuracy.counts.tolist()
    overall = 100 * float(accuracy.overall.value)
    assert f"400 interpreted points: overall accuracy {overall:.1f} ±" in result.message


def test_what_does_not_count_is_logged(tmp_path: Path) -> None:
    truth = np.array([[1, 2, 3, 3], [1, 2, 9, 1]], np.uint8)
    said = np.array([[1, 1, 2, 1], [1, 2, 2, 255]], np.uint8)
    (tmp_path / "t.csv").write_text("id,name\n2,b\n1,a")
    telling = Telling()
    evaluate(
        EvaluateRequest(
            prediction=write_ids(tmp_path / "map.tif", said),
            reference=write_ids(tmp_path / "ref.tif", truth),
            classes=tmp_path / "t.csv",
            output=tmp_path / "out",
        ),
        telling,
    )
    assert telling.said == [
        "The reference holds classes that the map does not have, left out: 3 (2), 9 (1).",
        "1 of 5 labelled pixels are not mapped, and count nowhere.",
        "Overall accuracy 75.0 %, mean accuracy 75.0 %, mean IoU 58.3 % over 4 pixels.",
    ]
    assert "left out: 3 (2), 9 (1)" in (tmp_path / "out" / "evaluation.html").read_text()


def test_an_evaluation_stays_unless_said_otherwise(request_: EvaluateRequest) -> None:
    first = evaluate(request_).files["evaluation"].read_bytes()
    with pytest.raises(OutputError, match="holds an evaluation already"):
        evaluate(request_)
    (request_.output / "areas.csv").write_text("of a sample that is not given any more")
    again = evaluate(request_.but(overwrite=True))
    assert {p.name for p in request_.output.iterdir()} == {p.name for p in again.files.values()}
    assert again.files["evaluation"].read_bytes() == first


def test_a_cancelled_or_failed_evaluation_writes_nothing(request_: EvaluateRequest) -> None:
    class Stop(SilentReporter):
        def progress(self, done: int, total: int, unit: str) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        evaluate(request_, Stop())
    with pytest.raises(InputError):
        evaluate(request_.but(reference=Path("none.tif")))
    assert not request_.output.exists()
