"""The backend that QGIS's tests talk to promises what the real one does."""

import ast
from dataclasses import fields

import pytest
from mce_landcover.core.base.results import JobResult
from mce_landcover.service.jobs import JOB_TABLE
from support.places import ROOT

FAKE = ast.parse((ROOT / "tests" / "qgis" / "fake_backend.py").read_text(encoding="utf-8"))
#: Job -> the literal that the fake returns for it.
ANSWERS = {
    function.name: returned.value
    for function in FAKE.body
    if isinstance(function, ast.FunctionDef) and function.name in JOB_TABLE
    for returned in function.body
    if isinstance(returned, ast.Return) and isinstance(returned.value, ast.Dict)
}
#: Results whose JSON has exactly their fields.
PLAIN = [name for name in ANSWERS if JOB_TABLE[name].result().as_json is JobResult.as_json]


def test_most_answers_are_looked_at() -> None:
    assert {"flag_candidates", "fit_meta_classifier", "screen_tiles", "explain", "train"} <= set(PLAIN)


@pytest.mark.parametrize("job", [*PLAIN, "predict"])
def test_the_fake_answers_with_the_fields_of_the_real_result(job: str) -> None:
    keys = {ast.literal_eval(key) for key in ANSWERS[job].keys if key is not None}
    assert keys == {field.name for field in fields(JOB_TABLE[job].result())}
