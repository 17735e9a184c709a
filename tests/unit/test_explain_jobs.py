"""The door of `explain`: what it hands on to `core/explain/`, and what it refuses."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from mce_landcover.core.errors import InputError
from mce_landcover.core.explain import explain as library
from mce_landcover.core.progress import SilentReporter
from mce_landcover.core.service.explain_jobs import ExplainJob
from mce_landcover.core.service.jobs import run_job
from mce_landcover.core.service.mapping_jobs import SourcesJob


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[library.ExplainRequest]:
    """Lets a recorder stand in for the library; returns what it was asked."""
    seen: list[library.ExplainRequest] = []

    def explain(request: library.ExplainRequest, _reporter: object) -> library.ExplainResult:
        seen.append(request)
        shares = {"image": 0.8, "dem": 0.2}
        return library.ExplainResult(
            request.output, "forest", "all", None, 1.5, shares, inside=0.4, n_windows=4, message="Seen."
        )

    monkeypatch.setattr(library, "explain", explain)
    return seen


def run(**parameters: Any) -> dict[str, Any]:
    return run_job("explain", parameters, SilentReporter())


def test_the_job_takes_what_the_library_does() -> None:
    own = ExplainJob.model_fields.keys() - SourcesJob.model_fields.keys()
    fields = {field.name: field.default for field in dataclasses.fields(library.ExplainRequest)}
    assert own | {"sources"} == fields.keys()
    defaults = {name: ExplainJob.model_fields[name].default for name in own - {"output"}}
    assert defaults == {name: fields[name] for name in own - {"output"}}


def test_what_is_left_blank_is_left_to_the_library(asked: list[library.ExplainRequest]) -> None:
    """QGIS sends empty texts for fields that nobody filled in."""
    blank = dict.fromkeys(
        ("uuid", "extent", "class_name", "expert", "against", "crs", "model", "candidates"), ""
    )
    result = run(output="heat.tif", point="1,2", image="i.tif", source={"ndsm": "n.tif"}, dem=None, **blank)
    output = Path("heat.tif").absolute()
    sources = {"image": (Path("i.tif"),), "ndsm": (Path("n.tif"),)}
    assert asked == [library.ExplainRequest(output, sources, point="1,2")]
    assert result == {
        "heat_map": str(output),
        "class_name": "forest",
        "expert": "all",
        "against": None,
        "logit": 1.5,
        "shares": {"image": 0.8, "dem": 0.2},
        "inside": 0.4,
        "n_windows": 4,
        "message": "Seen.",
    }


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "needs the parameter 'output'"),
        ({"output": "h.tif", "device": "tpu"}, "'device'"),
        ({"output": "h.tif", "image": "a.tif", "source": {"image": "b.tif"}}, "given twice"),
        ({"output": "h.tif", "alpha": 1}, "no parameter 'alpha'"),
    ],
)
def test_what_the_door_refuses(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run(**parameters)
