"""`scripts/export_jobs.py`: `resources/jobs.json` is what the jobs take now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mce_landcover.core.mapping.requests import DEFAULT_ALPHA

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "export_jobs.py"


@pytest.fixture(scope="module")
def jobs() -> dict[str, dict[str, dict]]:
    return json.loads((ROOT / "resources" / "jobs.json").read_text(encoding="utf-8"))


def test_the_committed_file_is_current() -> None:
    checked = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr  # which says to run `make jobs`


def test_it_tells_defaults_bounds_and_choices(jobs: dict[str, dict[str, dict]]) -> None:
    predict = jobs["predict"]
    assert predict["alpha"] == {"type": "number", "default": DEFAULT_ALPHA, "minimum": 0, "maximum": 1}
    assert predict["tiles_first"] == {"type": "number", "default": 0.2, "maximum": 1, "above": 0}
    assert predict["device"]["choices"] == ["auto", "cpu", "cuda"]
    assert "composed" in predict["aggregation"]["choices"]
    assert "composed" not in jobs["fit_aggregation"]["reference"]["choices"]
    assert predict["output"] == {"required": True, "type": "string"}
    assert jobs["train"]["loss"]["choices"][0] == "mce"


def test_a_file_that_is_not_current_is_said_with_the_command_that_mends_it(tmp_path: Path) -> None:
    source = SCRIPT.read_text(encoding="utf-8").replace(
        "Path(__file__).resolve().parents[1]", f"Path({str(tmp_path)!r})"
    )
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "jobs.json").write_text("{}")
    copy = tmp_path / "export_jobs.py"
    copy.write_text(source)
    checked = subprocess.run(
        [sys.executable, str(copy), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert checked.stderr.strip().endswith("run `make jobs` and commit the file.")
    assert (tmp_path / "resources" / "jobs.json").read_text() == "{}"
