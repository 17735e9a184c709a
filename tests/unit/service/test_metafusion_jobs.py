"""The door of MetaFusion's jobs: what they refuse, and what they hand on to `core/flagging/`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.flagging import apply, fit, flag
from mce_landcover.core.flagging.requests import FlagRequest
from mce_landcover.core.mapping import predict as mapping
from mce_landcover.core.mapping.requests import PredictRequest
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.service.jobs import JOB_TABLE, run_job

SILENT = SilentReporter()
CLASSES = load_catalogue()[:2]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Lets recorders stand in for the library; returns what they were asked, in order."""
    seen: list[tuple[str, Any]] = []
    answers: dict[tuple[Any, str], Any] = {
        (flag, "flag_run"): flag.FlagResult(
            Path("r"), Path("c.gpkg"), 3, {"glacier": 3}, 1, "margin", "Three."
        ),
        (fit, "fit_meta_classifier"): FITTED,
        (apply, "apply_review"): apply.ApplyResult(Path("l.tif"), Path("l.csv"), 2, 60, "Two."),
        (mapping, "predict"): mapping.PredictResult(
            Path("r"), {}, Path("r/run.json"), 1, 0.5, "cpu", "fp32", "demo", CLASSES
        ),
    }
    for (module, name), answer in answers.items():

        def do(request: Any, *_: Any, name: str = name, answer: Any = answer, **__: Any) -> Any:
            seen.append((name, request))
            return answer

        monkeypatch.setattr(module, name, do)
    return seen


FITTED = fit.FitResult(
    meta=Path("m.skops"),
    report_json=Path("m.json"),
    report_html=Path("m.html"),
    auc=0.9,
    auc_std=0.1,
    n_candidates=8,
    n_true=2,
    auc_doubtful=0.8,
    n_doubtful=5,
    n_false=3,
    learnt=True,
    message="Fitted.",
)


def refusal(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        run_job(name, parameters, SILENT)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_a_finished_run_is_flagged_without_mapping(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    value = run_job("flag_candidates", {"run": str(tmp_path), "classes": "glacier, 7"}, SILENT)
    ((did, request),) = asked
    assert (did, request.run) == ("flag_run", tmp_path)
    assert request.target == tmp_path / "candidates.gpkg"
    assert request.classes == ("glacier", "7")
    assert value["prediction"] is None
    assert json.loads(json.dumps(value)) == value


def test_sources_are_mapped_first_with_logits_and_the_same_alpha(
    asked: list[tuple[str, Any]], tmp_path: Path
) -> None:
    parameters = {"run": str(tmp_path), "image": "a.tif", "dem": "d.tif", "alpha": 0.99, "overwrite": True}
    value = run_job("flag_candidates", parameters, SILENT)
    (first, mapped), (second, flagged) = asked
    assert (first, second) == ("predict", "flag_run")
    assert mapped.image == (Path("a.tif"),)
    assert mapped.output == flagged.run == tmp_path
    assert (mapped.alpha, mapped.logits, mapped.overwrite) == (0.99, True, True)
    assert flagged.alpha == 0.99
    assert value["prediction"]["output_dir"] == "r"
    usual = FlagRequest(run=tmp_path, image=(Path("a.tif"),)).prediction
    assert usual.alpha == PredictRequest.model_fields["alpha"].default


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"classes": "moon"}, "no class 'moon'"),
        ({"meta": "absent.skops"}, "absent.skops"),
        ({"output": "there.gpkg"}, "already there"),
        ({"model": "absent.safetensors"}, "absent.safetensors"),
    ],
)
def test_what_flagging_would_refuse_is_refused_before_mapping(
    asked: list[tuple[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.gpkg").touch()
    assert said in refusal("flag_candidates", {"run": "r", "image": "a.tif", **given})
    assert asked == []
    assert not Path("r").exists()


@pytest.mark.parametrize(("parameter", "value"), [("model", "own.safetensors"), ("extent", "1,2,3,4")])
def test_a_setting_of_the_mapping_without_anything_to_map_is_refused(parameter: str, value: str) -> None:
    assert f"'{parameter}' is for mapping" in refusal("flag_candidates", {"run": "r", parameter: value})


def test_fields_left_blank_are_no_wish_to_map() -> None:
    blank = {"image": "", "dem": None, "source": {}, "model": "", "extent": "", "meta": "", "priors": ""}
    assert FlagRequest.model_validate({"run": "r", **blank}) == FlagRequest(run=Path("r"))


@pytest.mark.parametrize(
    ("classes", "names"),
    [("", ()), (None, ()), ("a,b ,", ("a", "b")), ([3, "a"], ("3", "a")), (("a",), ("a",))],
)
def test_classes_come_as_text_or_list(classes: object, names: tuple[str, ...]) -> None:
    assert FlagRequest.model_validate({"run": "r", "classes": classes}).classes == names


@pytest.mark.parametrize(
    ("job", "parameter", "value"),
    [
        ("flag_candidates", "alpha", 1.5),
        ("flag_candidates", "min_area_m2", -1),
        ("flag_candidates", "accepted_per_find", -1),
        ("flag_candidates", "simplify_m", float("nan")),
        ("flag_candidates", "classes", [True]),
        ("flag_candidates", "classes", 5),
        ("fit_meta_classifier", "features", "few"),
        ("fit_meta_classifier", "folds", 1),
        ("fit_meta_classifier", "tile_m", 0),
        ("fit_meta_classifier", "seed", -1),
        ("apply_review", "decide_by", "nobody"),
        ("apply_review", "output", 3),
    ],
)
def test_a_bad_value_is_one_sentence_with_its_parameter(job: str, parameter: str, value: object) -> None:
    given = {name: "x" for name, field in JOB_TABLE[job].request.model_fields.items() if field.is_required()}
    assert f"The parameter '{parameter}'" in refusal(job, {**given, parameter: value})


def test_a_classifier_is_fitted_from_runs_or_reviews(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    output = str(tmp_path / "m.skops")
    run_job("fit_meta_classifier", {"runs": ["r"], "labels": ["l.tif"], "output": output}, SILENT)
    value = run_job("fit_meta_classifier", {"reviewed": "c.gpkg", "output": output}, SILENT)
    (_, from_labels), (_, from_reviews) = asked
    assert (from_labels.runs, from_labels.labels) == ((Path("r"),), (Path("l.tif"),))
    assert (from_reviews.runs, from_reviews.reviewed) == ((), (Path("c.gpkg"),))
    assert value["meta"] == "m.skops" and value["auc"] == 0.9
    assert json.loads(json.dumps(value)) == value


def test_a_measure_that_is_unknown_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "fit_meta_classifier", lambda *_: replace(FITTED, auc_std=float("nan")))
    value = run_job("fit_meta_classifier", {"reviewed": "c.gpkg", "output": "m.skops"}, SILENT)
    assert (value["auc"], value["auc_std"]) == (0.9, None)


def test_a_classifier_needs_something_to_learn_from() -> None:
    assert "runs with labels" in refusal("fit_meta_classifier", {"output": "m.skops"})


def test_a_review_is_applied(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    given = {"run": "r", "candidates": "c.gpkg", "output": str(tmp_path / "l.tif"), "decide_by": "both"}
    value = run_job("apply_review", given, SILENT)
    ((_, request),) = asked
    assert dict(request) == {
        "run": Path("r"),
        "candidates": Path("c.gpkg"),
        "output": tmp_path / "l.tif",
        "decide_by": "both",
        "accepted_per_find": None,
        "kept_per_loss": 20.0,
        "overwrite": False,
    }
    assert (value["n_applied"], value["n_pixels"]) == (2, 60)


def test_a_reviewed_map_without_a_name_lies_beside_the_map(
    asked: list[tuple[str, Any]], tmp_path: Path
) -> None:
    run_job("apply_review", {"run": str(tmp_path), "candidates": "c.gpkg"}, SILENT)
    assert asked[0][1].target == tmp_path / "land_cover_reviewed.tif"
