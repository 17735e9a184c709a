"""The door of MetaFusion's jobs: what they refuse, and what they hand on to `core/metafusion/`."""

import dataclasses
import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mce_landcover.core.errors import InputError
from mce_landcover.core.progress import SilentReporter
from mce_landcover.core.service import metafusion_jobs
from mce_landcover.core.service.jobs import JOB_TABLE, run_job
from mce_landcover.core.service.mapping_jobs import MappingJob, PredictJob
from mce_landcover.core.service.metafusion_jobs import FlagCandidatesJob

SILENT = SilentReporter()
#: Job -> module of `core/metafusion/`, its request class and its function.
DOERS = {
    "flag_candidates": ("flag", "FlagRequest", "flag_candidates"),
    "fit_meta_classifier": ("fit", "FitRequest", "fit_meta_classifier"),
    "apply_review": ("apply", "ApplyRequest", "apply_review"),
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Lets a recorder stand in for the library; returns what it was asked, in order."""
    seen: list[dict[str, Any]] = []
    answers = {
        "flag": {
            "candidates": Path("c.gpkg"),
            "n": 3,
            "per_class": {"glacier": 3},
            "ranked_by": "margin",
            "message": "Three.",
        },
        "fit": {
            "meta": Path("m.skops"),
            "report_json": Path("m.json"),
            "report_html": Path("m.html"),
            "auc": 0.9,
            "auc_std": 0.1,
            "n_candidates": 8,
            "n_true": 2,
            "message": "Fitted.",
        },
        "apply": {
            "land_cover": Path("l.tif"),
            "change_log": Path("l.csv"),
            "n_applied": 2,
            "n_pixels": 60,
            "message": "Two.",
        },
    }
    for module, request, function in DOERS.values():

        def do(request: dict[str, Any], _reporter: object, module: str = module) -> SimpleNamespace:
            seen.append({"did": module, **request})
            return SimpleNamespace(**answers[module])

        library = import_module(f"mce_landcover.core.metafusion.{module}")
        monkeypatch.setattr(library, request, dict)
        monkeypatch.setattr(library, function, do)

    def predict(job: PredictJob, _reporter: object) -> dict[str, Any]:
        seen.append({"did": "predict", **dict(job)})
        return {"output_dir": str(job.output)}

    monkeypatch.setattr(metafusion_jobs, "do_predict", predict)
    return seen


def refusal(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        run_job(name, parameters, SILENT)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize("job", DOERS)
def test_job_and_library_know_the_same_parameters_and_defaults(job: str) -> None:
    module, request, _ = DOERS[job]
    library = import_module(f"mce_landcover.core.metafusion.{module}")
    theirs = {f.name: f.default for f in dataclasses.fields(getattr(library, request))}
    fields = {
        name: field
        for name, field in JOB_TABLE[job].request.model_fields.items()
        if name not in MappingJob.model_fields
    }
    assert theirs.keys() == fields.keys()
    optional = {name: default for name, default in theirs.items() if default is not dataclasses.MISSING}
    assert {name: fields[name].default for name in optional} == optional


def test_a_finished_run_is_flagged_without_mapping(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    value = run_job("flag_candidates", {"run": str(tmp_path), "classes": "glacier, 7"}, SILENT)
    (request,) = asked
    assert (request["did"], request["run"]) == ("flag", tmp_path)
    assert request["output"] == tmp_path / "candidates.gpkg"
    assert request["classes"] == ("glacier", "7")
    assert not request.keys() & MappingJob.model_fields.keys()
    assert value["prediction"] is None
    assert json.loads(json.dumps(value)) == value


def test_sources_are_mapped_first_with_logits_and_the_same_alpha(
    asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    parameters = {"run": str(tmp_path), "image": "a.tif", "dem": "d.tif", "alpha": 0.99, "overwrite": True}
    value = run_job("flag_candidates", parameters, SILENT)
    mapped, flagged = asked
    assert (mapped["did"], flagged["did"]) == ("predict", "flag")
    assert mapped["image"] == (Path("a.tif"),)
    assert mapped["output"] == flagged["run"] == tmp_path
    assert (mapped["alpha"], mapped["logits"], mapped["overwrite"]) == (0.99, True, True)
    assert flagged["alpha"] == 0.99
    assert value["prediction"] == {"output_dir": str(tmp_path)}
    usual = FlagCandidatesJob(run=tmp_path, image=(Path("a.tif"),)).prediction
    assert usual.alpha == PredictJob.model_fields["alpha"].default


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
    asked: list[dict[str, Any]],
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
    assert FlagCandidatesJob.model_validate({"run": "r", **blank}) == FlagCandidatesJob(run=Path("r"))


@pytest.mark.parametrize(
    ("classes", "names"),
    [("", ()), (None, ()), ("a,b ,", ("a", "b")), ([3, "a"], ("3", "a")), (("a",), ("a",))],
)
def test_classes_come_as_text_or_list(classes: object, names: tuple[str, ...]) -> None:
    assert FlagCandidatesJob.model_validate({"run": "r", "classes": classes}).classes == names


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


def test_a_classifier_is_fitted_from_runs_or_reviews(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    output = str(tmp_path / "m.skops")
    run_job("fit_meta_classifier", {"runs": ["r"], "labels": ["l.tif"], "output": output}, SILENT)
    value = run_job("fit_meta_classifier", {"reviewed": "c.gpkg", "output": output}, SILENT)
    from_labels, from_reviews = asked
    assert (from_labels["runs"], from_labels["labels"]) == ((Path("r"),), (Path("l.tif"),))
    assert (from_reviews["runs"], from_reviews["reviewed"]) == ((), (Path("c.gpkg"),))
    assert value["meta"] == "m.skops" and value["auc"] == 0.9
    assert json.loads(json.dumps(value)) == value


def test_a_measure_that_is_unknown_is_null(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = import_module("mce_landcover.core.metafusion.fit")
    answer = fit.fit_meta_classifier({}, SILENT)
    answer.auc_std = float("nan")
    monkeypatch.setattr(fit, "fit_meta_classifier", lambda *_: answer)
    value = run_job("fit_meta_classifier", {"reviewed": "c.gpkg", "output": "m.skops"}, SILENT)
    assert (value["auc"], value["auc_std"]) == (0.9, None)


def test_a_classifier_needs_something_to_learn_from() -> None:
    assert "runs with labels" in refusal("fit_meta_classifier", {"output": "m.skops"})


def test_a_review_is_applied(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    given = {"run": "r", "candidates": "c.gpkg", "output": str(tmp_path / "l.tif"), "decide_by": "both"}
    value = run_job("apply_review", given, SILENT)
    (request,) = asked
    assert request == {
        "did": "apply",
        "run": Path("r"),
        "candidates": Path("c.gpkg"),
        "output": tmp_path / "l.tif",
        "decide_by": "both",
        "accepted_per_find": None,
        "overwrite": False,
    }
    assert (value["n_applied"], value["n_pixels"]) == (2, 60)


def test_a_reviewed_map_without_a_name_lies_beside_the_map(
    asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    run_job("apply_review", {"run": str(tmp_path), "candidates": "c.gpkg"}, SILENT)
    assert asked[0]["output"] == tmp_path / "land_cover_reviewed.tif"
