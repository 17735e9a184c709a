"""The door of `explain`: what it hands on to `core/explain/`, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.explain import explain as library
from mce_landcover.service.jobs import run_job


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


def test_what_is_left_blank_is_left_to_the_library(asked: list[library.ExplainRequest]) -> None:
    """QGIS sends empty texts for fields that nobody filled in."""
    blank = dict.fromkeys(
        ("uuid", "extent", "class_name", "expert", "against", "crs", "model", "candidates"), ""
    )
    result = run(output="heat.tif", point="1,2", image="i.tif", source={"ndsm": "n.tif"}, dem=None, **blank)
    output = Path("heat.tif").absolute()
    assert asked == [
        library.ExplainRequest(output=output, image="i.tif", source={"ndsm": "n.tif"}, point="1,2")
    ]
    assert asked[0].sources == {"image": (Path("i.tif"),), "ndsm": (Path("n.tif"),)}
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
