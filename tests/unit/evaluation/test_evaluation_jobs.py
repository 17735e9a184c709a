"""The door of `evaluate` and `draw_sample`: what they hand on to the library, give back, and refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.evaluation.requests import EvaluateRequest
from mce_landcover.service.jobs import run_job
from unit.evaluation.test_comparison import make_run
from unit.evaluation.test_sample_layer import interpreted

SILENT = SilentReporter()


def refusal(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises((InputError, OutputError)) as caught:
        run_job(name, parameters, SILENT)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_a_run_is_evaluated(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    given = {"prediction": str(tmp_path / "run"), "reference": str(tmp_path / "run" / "reference.tif")}
    value = run_job("evaluate", {**given, "output": str(tmp_path / "out")}, SILENT)
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert set(value["files"]) == {"evaluation", "page", "classes", "confusion", "experts", "places"}
    assert all(Path(file).parent == tmp_path / "out" for file in value["files"].values())
    told = json.loads(Path(value["files"]["evaluation"]).read_text())
    for name in ("overall", "mean_recall", "mean_iou"):
        assert value[name] == value["rows"][0][name] == pytest.approx(told["scores"]["map"][name], abs=5e-5)
    assert value["groups"] == pytest.approx(told["scores"]["map"]["groups"], abs=5e-5)
    assert [row["title"] for row in value["rows"]][::4] == ["map", "oracle"]
    assert value["n_pixels"] == told["pixels"]["compared"]
    assert (value["n_points"], value["sample_overall"], value["sample_overall_ci95"]) == (0, None, None)


def test_a_sample_alone_gives_no_counted_numbers(tmp_path: Path) -> None:
    layer, _ = interpreted(tmp_path, lambda t: "class 1" if t == 2 else f"class {t}")
    given = {"prediction": str(tmp_path / "map.tif"), "sample": str(layer), "reference": "", "field": ""}
    value = run_job("evaluate", {**given, "output": str(tmp_path / "out")}, SILENT)
    assert (value["overall"], value["mean_iou"], value["rows"], value["groups"]) == (None, None, [], {})
    told = json.loads(Path(value["files"]["evaluation"]).read_text())["accuracy"]["overall"]
    assert [value["sample_overall"], value["sample_overall_ci95"]] == pytest.approx(told, abs=5e-5)
    assert value["n_points"] == 400


def test_a_sample_is_drawn(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    given = {"raster": str(tmp_path / "run"), "output": str(tmp_path / "s.gpkg"), "size": 90, "minimum": 5}
    value = run_job("draw_sample", given, SILENT)
    assert json.loads(json.dumps(value)) == value
    assert value["n"] == sum(value["per_class"].values()) == 90
    assert value["per_class"].keys() == value["pixels"].keys()
    assert Path(value["sample"]).is_file()


def test_names_left_blank_are_the_usual_ones() -> None:
    blank = {"field": "", "sample_field": None, "reference": "", "sample": "", "run": "", "classes": ""}
    job = EvaluateRequest.model_validate({"prediction": "m.tif", "output": "o", **blank})
    assert job == EvaluateRequest(prediction=Path("m.tif"), output=Path("o"))


@pytest.mark.parametrize(
    ("job", "given", "says"),
    [
        ("draw_sample", {"size": 0}, "The parameter 'size'"),
        ("draw_sample", {"minimum": 1}, "The parameter 'minimum'"),
        ("draw_sample", {"seed": -1}, "The parameter 'seed'"),
        ("draw_sample", {}, "r does not exist"),
        ("evaluate", {}, "nothing to compare the map with"),
        ("evaluate", {"paper_convention": "perhaps"}, "The parameter 'paper_convention'"),
        ("evaluate", {"reference": "t.tif"}, "r does not exist"),
    ],
)
def test_bad_values_are_one_sentence(
    job: str, given: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    required = {
        "evaluate": {"prediction": "r", "output": "o"},
        "draw_sample": {"raster": "r", "output": "o.gpkg"},
    }
    assert says in refusal(job, {**required[job], **given})
    assert list(tmp_path.iterdir()) == []
