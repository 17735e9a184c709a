"""The door of the jobs: requests are checked once, and a fault is one sentence naming the parameter."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.base.results import JobResult
from mce_landcover.core.mapping import predict as mapping
from mce_landcover.core.mapping.predict import PredictResult
from mce_landcover.core.mapping.requests import PredictRequest
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.service import terminal
from mce_landcover.service.jobs import JOB_TABLE, run_job
from mce_landcover.training import jobs as training

SILENT = SilentReporter()
REQUIRED = {
    name: [key for key, field in job.request.model_fields.items() if field.is_required()]
    for name, job in JOB_TABLE.items()
}


def sentence(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        run_job(name, parameters, SILENT)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", JOB_TABLE)
def test_a_job_names_a_function_of_its_request_and_what_shows_its_result(name: str) -> None:
    job = JOB_TABLE[name]
    asked = next(iter(get_type_hints(job.function()).values()))
    assert asked is job.request and job.request.job == name
    assert issubclass(job.result(), JobResult)
    assert callable(getattr(terminal, job.shown_by))


def test_an_unknown_job_is_told_the_known_ones() -> None:
    assert all(name in sentence("paint", {}) for name in ("'paint'", *JOB_TABLE))


@pytest.mark.parametrize("name", JOB_TABLE)
def test_every_job_refuses_a_parameter_it_does_not_know(name: str) -> None:
    given_ones = dict.fromkeys(REQUIRED[name], "somewhere")
    assert f"'{name}' has no parameter 'colour'" in sentence(name, {**given_ones, "colour": "red"})


@pytest.mark.parametrize("name", [name for name, keys in REQUIRED.items() if keys])
def test_every_job_names_the_parameter_it_misses(name: str) -> None:
    assert sentence(name, {}) == f"'{name}' needs the parameter '{REQUIRED[name][0]}'."


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("alpha", 1.01),
        ("alpha", float("nan")),
        ("alpha", "much"),
        ("device", "tpu"),
        ("precision", "int4"),
        ("engine", ""),
        ("overlap", 1),
        ("overlap", -0.1),
        ("batch_size", -1),
        ("batch_size", 2.5),
        ("overwrite", "perhaps"),
        ("image", 5),
        ("image", [None]),
        ("source", "dem.tif"),
        ("source", ["dem.tif"]),
        ("source", ["=dem.tif"]),
        ("destinations", {"land_cover": 3}),
        ("destinations", ["evidence=a.tif", "evidence=b.tif"]),
        ("output", None),
        ("model", 3),
    ],
)
def test_a_bad_value_of_predict_is_one_sentence_with_its_parameter(parameter: str, value: object) -> None:
    message = sentence("predict", {"image": "a.tif", "output": "out", parameter: value})
    assert f"parameter '{parameter}'" in message
    assert "'predict'" in message


anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=5), max_size=2)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*PredictRequest.model_fields, "x"]), anything))
def test_whatever_comes_is_a_request_or_one_sentence(values: dict[str, Any]) -> None:
    arrived = list[PredictRequest]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapping, "predict", lambda request, _: arrived.append(request) or RESULT)
        try:
            run_job("predict", values, SILENT)
        except InputError as error:
            assert "\n" not in str(error)
            assert str(error).endswith(".")
        else:
            assert arrived[0].sources


def test_a_path_a_list_and_options_give_the_same_sources() -> None:
    one = PredictRequest.model_validate({"image": "a.tif", "source": {"ndsm": "h.tif"}, "output": "out"})
    many = PredictRequest.model_validate({"image": ["a.tif"], "source": {"ndsm": ["h.tif"]}, "output": "out"})
    options = PredictRequest.model_validate({"image": ["a.tif"], "source": ["ndsm=h.tif"], "output": "out"})
    assert one == many == options
    assert one.sources == {"image": (Path("a.tif"),), "ndsm": (Path("h.tif"),)}


def test_tiles_keep_their_order_and_a_path_may_hold_an_equals_sign() -> None:
    job = PredictRequest.model_validate(
        {"source": ["image=b=1.tif", "dem=d.tif", "image=a.tif"], "output": "out"}
    )
    assert job.sources == {"image": (Path("b=1.tif"), Path("a.tif")), "dem": (Path("d.tif"),)}


def test_fields_left_blank_in_a_form_mean_the_default() -> None:
    blank = dict.fromkeys(("model", "extent", "crs", "aggregation", "dem"), "")
    assert PredictRequest.model_validate(
        {"image": "a", "output": "o", **blank}
    ) == PredictRequest.model_validate({"image": "a", "output": "o"})


def test_a_source_given_twice_and_no_source_are_refused() -> None:
    assert "given twice" in sentence("predict", {"image": "a", "source": {"image": "b"}, "output": "o"})
    assert "at least one raster" in sentence("predict", {"output": "o"})


RESULT = PredictResult(
    output_dir=Path("out"),
    products={"land_cover": Path("out") / "land_cover.tif"},
    run_file=Path("out") / "run.json",
    windows=4,
    seconds=0.5,
    device="cpu",
    precision="fp32",
    model="demo",
    classes=load_catalogue()[:2],
)


def test_predict_hands_everything_on_and_returns_plain_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(mapping, "predict", lambda *arguments: seen.extend(arguments) or RESULT)
    parameters = {"image": "a.tif", "dem": "b.tif", "output": str(tmp_path), "alpha": 0.5, "batch_size": 8}
    value = run_job("predict", parameters, SILENT)
    request, reporter = seen
    assert request.sources == {"image": (Path("a.tif"),), "dem": (Path("b.tif"),)}
    assert (request.alpha, request.batch_size, request.device, reporter) == (0.5, 8, "auto", SILENT)
    assert json.loads(json.dumps(value)) == value
    assert value["products"] == {"land_cover": str(Path("out") / "land_cover.tif")}
    assert value["classes"][0] == {"id": 1, "name": "bedrock", "color": "#8d8478", "group": "head"}
    assert value.keys() == {
        *(
            "output_dir",
            "products",
            "run_file",
            "windows",
            "seconds",
            "device",
            "precision",
            "model",
            "classes",
        )
    }


def test_what_is_not_known_is_null_in_json() -> None:
    assert RESULT.as_json() | {"seconds": None} == replace(RESULT, seconds=float("nan")).as_json()


def test_a_model_is_trained_as_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def train_demo(request: Any, reporter: object) -> training.ModelResult:
        return training.ModelResult(request.output.with_name(f"{request.seed}-{request.steps}.safetensors"))

    monkeypatch.setattr(training, "train_demo", train_demo)
    value = run_job("train_demo", {"output": str(tmp_path / "x"), "seed": 3, "steps": 5}, SILENT)
    assert value == {"model": str(tmp_path / "3-5.safetensors")}


def test_backend_info_tells_versions_and_devices() -> None:
    torch = pytest.importorskip("torch")
    value = run_job("backend_info", {}, SILENT)
    assert value["versions"]["torch"] == torch.__version__
    assert value["python"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert value["devices"][0].startswith("cpu")
    assert len(value["devices"]) == 1 + torch.cuda.device_count()
    assert json.loads(json.dumps(value)) == value
