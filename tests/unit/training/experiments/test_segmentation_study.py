"""Studies: runs trained once and judged, their tables, and what is said about them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.config import Config
from mce_landcover.training.data.shared import VARIABLE
from mce_landcover.training.experiments.command import read_settings, run_experiment
from mce_landcover.training.experiments.report import spread
from mce_landcover.training.experiments.runner import Row
from mce_landcover.training.experiments.segmentation import runs
from mce_landcover.training.experiments.segmentation.__main__ import study_outcome
from mce_landcover.training.experiments.segmentation.learnt import fit_rules
from mce_landcover.training.experiments.segmentation.runs import judged_runs
from mce_landcover.training.experiments.segmentation.study import (
    CONFIGS,
    ComposedRuleSpec,
    FittedRules,
    Study,
    for_training,
    run_config,
)
from mce_landcover.training.experiments.segmentation.tables import PUBLISHED, findings, make_table
from support.streets import write_frames

pytestmark = pytest.mark.slow

BASE = """
output: x.safetensors
model:
  architecture: {decoder: unet, encoder: tu-mobilenetv3_small_100, decoder_channels: 16, expert_channels: 16}
  window: 32
data: {kind: camvid, folder: .}
load: {batch_size: 2, patches: 4, workers: 0, jitter: 0.0}
trainer: {epochs: 1, device: cpu}
"""


def study(folder: Path, **changes: Any) -> Study:
    """Return a study of two tiny runs on frames that it writes."""
    base = folder / "base.yaml"
    if not base.exists():
        for part, n in (("train", 4), ("val", 2), ("test", 2)):
            write_frames(folder / "camvid", part, tuple(f"{part}_{i}" for i in range(n)), (64, 64), cell=16)
        base.write_text(BASE.replace("folder: .", f"folder: {folder / 'camvid'}"))
    fields: dict[str, Any] = {
        "reduction": "tiny",
        "title": "Tiny",
        "data": "made up",
        "base": str(base),
        "seeds": (1,),
        "runs": {"ce": ("model.experts=1", "loss.name=ce"), "mce3": ()},
        "fitted": {
            "runs": ("mce3",),
            "rules": {"learnt": {"name": "calibrated", "balance": 0.5, "window": 16}},
            "epochs": 1,
            "patches": 8,
        },
        "claim": {"better": ("mce3",), "than": "ce"},
        "tables": (
            {
                "caption": "I",
                "published": "I unet",
                "rows": (
                    {"label": "CEL", "run": "ce"},
                    {"label": "ours", "run": "mce3", "rule": "learnt"},
                ),
            },
        ),
    }
    return Study.model_validate(fields | changes)


def test_a_study_trains_once_and_judges_by_every_rule(tmp_path: Path) -> None:
    told, out = study(tmp_path), tmp_path / "out"
    assert told.fitted is not None
    rules = {**told.fitted.rules, "in_bundle": ComposedRuleSpec(name="composed")}
    told = told.model_copy(update={"fitted": told.fitted.model_copy(update={"rules": rules})})
    first = judged_runs(told, out, SilentReporter())
    assert [(j["run"], j["seed"]) for j in first] == [("ce", 1), ("mce3", 1)]
    assert set(first[0]["matrices"]) == {"default", "mean_responsible"}
    assert {
        *told.rules,
        "learnt",
        "in_bundle",
        "oracle",
        "expert_1",
        "expert_2",
        "expert_3",
        "default",
    } == set(first[1]["matrices"])
    labelled = {int(np.sum(m)) for j in first for m in j["matrices"].values()}
    assert len(labelled) == 1 and 0 < labelled.pop() <= 2 * 64 * 64
    bundles = {p: p.stat().st_mtime_ns for p in out.glob("*.safetensors")}
    again = judged_runs(told, out, SilentReporter())
    assert [j["matrices"]["default"] for j in again] == [j["matrices"]["default"] for j in first]
    judged_runs(
        study(tmp_path, rules=("mean", "max")), out, SilentReporter()
    )  # judged anew, not trained anew
    assert bundles == {p: p.stat().st_mtime_ns for p in out.glob("*.safetensors")}
    assert "max" in json.loads((out / "mce3_1.json").read_text())["matrices"]
    other = study(tmp_path, runs={"ce": ("model.experts=1", "loss.name=focal"), "mce3": ()})
    with pytest.raises(InputError, match="another training"):
        judged_runs(other, out, SilentReporter())


def test_a_new_rule_is_judged_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, out = study(tmp_path), tmp_path / "out"
    assert told.fitted is not None
    judged_runs(told, out, SilentReporter())
    file = out / "mce3_1.json"
    before = json.loads(file.read_text())
    before["matrices"]["learnt"][0][0] += 1000  # what is kept is not made again
    file.write_text(json.dumps(before))
    asked = []

    def fit(fitted: FittedRules, *rest: Any, **more: Any) -> Any:
        asked.append(fitted)
        return fit_rules(fitted, *rest, **more)

    monkeypatch.setattr(runs, "fit_rules", fit)
    learnt = ComposedRuleSpec(name="composed", as_rare_as="mean")
    rules = {**told.fitted.rules, "in_bundle": learnt}
    more = told.model_copy(update={"fitted": told.fitted.model_copy(update={"rules": rules})})
    found = judged_runs(more, out, SilentReporter())[1]["matrices"]
    assert [list(fitted.rules) for fitted in asked] == [["in_bundle"]]
    assert found["learnt"] == before["matrices"]["learnt"]
    assert np.sum(found["in_bundle"]) == np.sum(found["default"])
    changed = {**rules, "in_bundle": learnt.model_copy(update={"as_rare_as": "max"})}
    judged_runs(
        told.model_copy(update={"fitted": told.fitted.model_copy(update={"rules": changed})}),
        out,
        SilentReporter(),
    )
    assert [list(fitted.rules) for fitted in asked] == [["in_bundle"], ["in_bundle"]]


def test_the_report_is_markdown_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tiny.toml"
    told = study(tmp_path, fitted=None)
    config.write_text(
        f'title = "Tiny"\nreduction = "tiny"\ndata = "made up"\nbase = "{told.base}"\nseeds = [1, 2]\n'
        '[runs]\nce = ["model.experts=1", "loss.name=ce"]\n'
        '[[tables]]\ncaption = "Losses"\npublished = "I unet"\nrows = [{ label = "CEL", run = "ce" }]\n'
    )
    arguments = [str(config), str(tmp_path / "out")]
    assert run_experiment(None, Study, study_outcome, CONFIGS, arguments) == 0
    text = (tmp_path / "out" / "tiny.md").read_text()
    assert text == capsys.readouterr().out
    assert re.search(r"\| CEL \| [\d.]+ ± [\d.]+ \|.*\| 45.2 \| 51.1 \| 86.8 \| 89.6 \| 50.9 \| 0.0 \|", text)
    assert len(json.loads((tmp_path / "out" / "tiny.json").read_text())["results"]["runs"]) == 2
    page = (tmp_path / "out" / "tiny.html").read_text()
    assert "<svg" in page and "Losses" in page and "http" not in page.replace("http://www.w3.org", "")


def judged(run: str, seed: int, default: list[list[int]], **rules: list[list[int]]) -> Row:
    names = {"class_names": ["a", "b", "c"], "groups": ["head", "body", "tail"]}
    return {"run": run, "seed": seed, **names, "matrices": {"default": default, **rules}}


CE = [[90, 5, 5], [5, 5, 0], [5, 0, 5]]
GOOD = [[89, 5, 6], [5, 5, 0], [2, 0, 8]]
COSTLY = [[60, 20, 20], [5, 5, 0], [2, 0, 8]]


def test_the_claim_is_judged_seed_by_seed(tmp_path: Path) -> None:
    told = study(tmp_path, fitted=None)
    both = [judged("ce", 1, CE), judged("mce3", 1, GOOD), judged("ce", 2, CE), judged("mce3", 2, COSTLY)]
    (sentence, *_) = findings(told, both)
    assert "holds for 1 of 2 seeds" in sentence
    assert "tail +30.0 ± 0.0" in sentence


def test_a_rule_must_beat_a_mean_with_every_seed(tmp_path: Path) -> None:
    told = study(tmp_path, rules=("mean", "mean_responsible"))
    better = [[95, 2, 3], [3, 7, 0], [2, 0, 8]]
    won = [judged("mce3", s, GOOD, mean=better, mean_responsible=GOOD, learnt=better) for s in (1, 2)]
    of_mean, of_responsible = findings(told, won)[-2:]
    assert "mean of mce3" in of_mean and "no rule" in of_mean  # it is no better than its equal
    assert "learnt (mIoU +" in of_responsible and "tail +0.0 ± 0.0" in of_responsible
    mixed = [won[0], judged("mce3", 2, GOOD, mean=GOOD, mean_responsible=GOOD, learnt=COSTLY)]
    assert all("no rule" in sentence for sentence in findings(told, mixed)[-2:])


def test_tables_give_mean_and_deviation_over_seeds(tmp_path: Path) -> None:
    assert spread([1.0, 3.0]) == "2.0 ± 1.4"  # sqrt(2), the deviation of a sample
    assert spread([2.0]) == "2.0"
    table = make_table(study(tmp_path).tables[0], [judged("ce", 1, CE)])
    assert table.heads[:4] == ("", "mIoU", "mAcc", "OA")
    assert table.rows[0][3] == f"{100 * 100 / 120:.1f}"
    assert table.rows[1][1] == "–"  # not finished
    with pytest.raises(InputError, match="no rule 'learnt'"):
        make_table(study(tmp_path).tables[0], [judged("mce3", 1, GOOD)])


def test_a_row_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run 'seesaw'"):
        study(tmp_path, claim={"better": ("seesaw",), "than": "ce"})


@pytest.mark.parametrize("name", sorted(p.stem for p in CONFIGS.glob("*.toml")))
def test_shipped_studies_can_be_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run is a valid training, every published row exists, and no training sees the test set."""
    told = read_settings(Path(name), Study, CONFIGS)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    if told.shared is not None:
        (tmp_path / told.shared).mkdir()
    for run in told.runs:
        config = run_config(told, run, 1, tmp_path / "x.safetensors")
        assert isinstance(config, Config)
        given = for_training(told, config).data
        splits = next(getattr(given, n) for n in ("parts", "seeds", "domains", "lists") if hasattr(given, n))
        assert splits.test is None and (splits.val is None or told.validated)
    for table in told.tables:
        assert table.published is None or table.published in PUBLISHED
        if table.published is not None:
            known = set(PUBLISHED[table.published])
            used = {row.published or row.label for row in table.rows}
            assert len(used & known) >= len(known) - 1
