"""The door of the jobs: requests are checked once, and a fault is one sentence naming the parameter."""

import dataclasses
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mce_landcover.core.catalogue import load_catalogue
from mce_landcover.core.errors import InputError
from mce_landcover.core.progress import SilentReporter
from mce_landcover.core.service import jobs, protocol
from mce_landcover.core.service.jobs import JOB_TABLE, Job, run_job
from mce_landcover.core.service.mapping_jobs import PredictJob

SILENT = SilentReporter()
REQUIRED = {
    name: [key for key, field in job.request.model_fields.items() if field.is_required()]
    for name, job in JOB_TABLE.items()
}


def fake_module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> None:
    module = ModuleType(f"mce_landcover.{name}")
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, module.__name__, module)


def sentence(name: str, parameters: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        run_job(name, parameters, SILENT)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_the_table_has_just_the_jobs_of_the_protocol() -> None:
    assert tuple(JOB_TABLE) == protocol.JOBS


def test_an_unknown_job_is_told_the_known_ones() -> None:
    assert all(name in sentence("paint", {}) for name in ("'paint'", *protocol.JOBS))


@pytest.mark.parametrize("name", protocol.JOBS)
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
@given(st.dictionaries(st.sampled_from([*PredictJob.model_fields, "x"]), anything))
def test_whatever_comes_is_a_request_or_one_sentence(values: dict[str, Any]) -> None:
    arrived = list[PredictJob]()
    job = Job(PredictJob, lambda request, _: arrived.append(request) or {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "JOB_TABLE", {"predict": job})
        try:
            run_job("predict", values, SILENT)
        except InputError as error:
            assert "\n" not in str(error)
            assert str(error).endswith(".")
        else:
            assert arrived[0].sources


def test_a_path_a_list_and_options_give_the_same_sources() -> None:
    one = PredictJob.model_validate({"image": "a.tif", "source": {"ndsm": "h.tif"}, "output": "out"})
    many = PredictJob.model_validate({"image": ["a.tif"], "source": {"ndsm": ["h.tif"]}, "output": "out"})
    options = PredictJob.model_validate({"image": ["a.tif"], "source": ["ndsm=h.tif"], "output": "out"})
    assert one == many == options
    assert one.sources == {"image": (Path("a.tif"),), "ndsm": (Path("h.tif"),)}


def test_tiles_keep_their_order_and_a_path_may_hold_an_equals_sign() -> None:
    job = PredictJob.model_validate(
        {"source": ["image=b=1.tif", "dem=d.tif", "image=a.tif"], "output": "out"}
    )
    assert job.sources == {"image": (Path("b=1.tif"), Path("a.tif")), "dem": (Path("d.tif"),)}


def test_fields_left_blank_in_a_form_mean_the_default() -> None:
    blank = dict.fromkeys(("model", "extent", "crs", "aggregation", "dem"), "")
    assert PredictJob.model_validate({"image": "a", "output": "o", **blank}) == PredictJob.model_validate(
        {"image": "a", "output": "o"}
    )


def test_a_source_given_twice_and_no_source_are_refused() -> None:
    assert "given twice" in sentence("predict", {"image": "a", "source": {"image": "b"}, "output": "o"})
    assert "at least one raster" in sentence("predict", {"output": "o"})


def test_the_job_and_the_engine_know_the_same_parameters_and_defaults() -> None:
    from mce_landcover.core.predict import PredictRequest

    engine = {field.name: field for field in dataclasses.fields(PredictRequest)}
    door = {
        name: field
        for name, field in PredictJob.model_fields.items()
        if name not in ("image", "dem", "source")
    }
    assert engine.keys() - {"sources"} == door.keys()
    plain = [name for name, field in engine.items() if field.default is not dataclasses.MISSING]
    assert {name: engine[name].default for name in plain} == {name: door[name].default for name in plain}


def test_predict_hands_everything_on_and_returns_plain_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, Any] = {}
    classes = load_catalogue()[:2]

    def predict(request: dict[str, Any], reporter: object) -> SimpleNamespace:
        seen.update(request, reporter=reporter)
        return SimpleNamespace(
            output_dir=tmp_path,
            products={"land_cover": tmp_path / "land_cover.tif"},
            run_file=tmp_path / "run.json",
            windows=4,
            seconds=0.5,
            device="cpu",
            precision="fp32",
            model="demo",
            classes=classes,
        )

    fake_module(monkeypatch, "core.predict", PredictRequest=dict, predict=predict)
    parameters = {"image": "a.tif", "dem": "b.tif", "output": str(tmp_path), "alpha": 0.5, "batch_size": 8}
    value = run_job("predict", parameters, SILENT)
    assert seen["sources"] == {"image": (Path("a.tif"),), "dem": (Path("b.tif"),)}
    assert (seen["alpha"], seen["batch_size"], seen["device"], seen["reporter"]) == (0.5, 8, "auto", SILENT)
    assert json.loads(json.dumps(value)) == value
    assert value["products"] == {"land_cover": str(tmp_path / "land_cover.tif")}
    assert value["classes"][0] == {"id": 1, "name": "bedrock", "color": "#8d8478", "group": "head"}


def test_training_is_resolved_by_name_when_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def train_demo(output: Path, *, seed: int, reporter: object, steps: int = 1) -> Path:
        return output.with_name(f"{seed}-{steps}.safetensors")

    fake_module(monkeypatch, "training.jobs", train_demo=train_demo)
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
