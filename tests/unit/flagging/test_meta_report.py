import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.flagging.alpha_study import AlphaCurve, AlphaRow, FusedErrors
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.classifier import Origin, fit_with_validation
from mce_landcover.core.flagging.cross_validation import operating_points, review_effort, roc_auc
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.report import (
    Findings,
    calibration_error,
    reliability,
    report_json,
)
from mce_landcover.core.flagging.report_page import report_html
from mce_landcover.core.flagging.scorer import Examples
from mce_landcover.core.flagging.training_set import TrainingSet
from mce_landcover.core.segments.counting import Errors
from support.meta import draw


@pytest.fixture(scope="module")
def findings() -> Findings:
    table, targets, groups = draw(500)
    table = FeatureTable(
        ("M", "S", *table.names[2:], "mce_class"), np.column_stack([table.values, np.full(500, 4.0)])
    )
    origin = Origin((3, 4), "f" * 64)
    meta, validations = fit_with_validation(Examples(table, targets, groups), MetaSettings(), origin)
    nothing = np.full(500, np.nan)
    crs = np.full(500, "EPSG:2056")
    fused = FusedErrors(1.0, 4, Errors(6, 8, 7), 8.5), FusedErrors(3.0, 9, Errors(9, 8, 7), 8.5)
    rows = (
        AlphaRow(0.9, 120, 30, 0.8, Errors(9, 8, 7), fused),
        AlphaRow(1.0, 300, 2, math.nan, Errors(20, 3, 12)),
    )
    plain = ((0.0, Errors(5, 9, 6)), (0.9, rows[0].ml), (1.0, rows[1].ml))
    return Findings(
        meta=meta,
        validations=validations,
        training=TrainingSet(table, targets, np.full(500, 4), nothing, nothing, crs, nothing),
        class_names={3: "blocks <b>", 4: "grass & blocks"},
        comparison={"missed": {"paper": validations["missed"], "all": validations["missed"]}},
        curve=AlphaCurve(plain[0][1], rows, plain),
        no_curve="",
        tile_m=250.0,
        inputs={"runs": ["/a/<run>", "/b"], "alpha": 1.0},
    )


def test_the_json_is_strict_and_says_what_was_measured(findings):
    found = json.loads(json.dumps(report_json(findings), allow_nan=False))
    validation = findings.validations["missed"]
    targets, scores = findings.training.targets, validation.scores
    assert found["candidates"] == 500 and found["missed_places"] == targets.sum()
    assert found["auc"]["mean"] == validation.auc
    assert found["auc"]["pooled"] == roc_auc(targets, scores)
    assert found["auc"]["margin"] == roc_auc(targets, -findings.training.margin)
    assert found["classes"]["3"]["candidates"] == 0 and found["classes"]["3"]["auc"] is None
    assert found["classes"]["4"]["missed_places"] == targets.sum()
    assert found["importances"] == findings.meta.scorers["missed"].importances()
    assert found["doubtful"] is None and found["looks"]["errors"] == targets.sum()
    points = operating_points(targets, scores)
    assert [p["recall"] for p in found["operating_points"]] == [p.recall for p in points]
    assert found["effort"]["score"][-1] == review_effort(targets, scores)[-1] == targets.sum()
    assert len(found["effort"]["score"]) <= 240
    curve = found["alpha_curve"]
    assert curve["bayes"] == {"fp": 5, "fn": 9, "tp": 6}
    first, last = curve["rows"]
    assert [one["better"] for one in first["fused"]] == [True, False] and not first["enough_candidates"]
    assert [one["delta"] for one in first["fused"]] == [1.0, 4.0] and first["ml"]["delta"] == 4.0
    assert last["fused"] == [] and last["auc"] is None
    assert [row["alpha"] for row in curve["plain"]] == [0.0, 0.9, 1.0]


def test_the_page_shows_the_numbers_and_no_markup_of_others(findings):
    page = report_html(findings)
    for text in ("± ", "blocks &lt;b&gt;", "grass &amp; blocks", "/a/&lt;run&gt;", "too few candidates"):
        assert text in page, text
    assert page.count("<figure>") == 6
    assert "<b>" not in page and "<run>" not in page


def test_without_a_curve_the_page_says_why(findings):
    from dataclasses import replace

    without = replace(findings, curve=None, no_curve="Because of <that>.")
    page = report_html(without)
    assert page.count("<figure>") == 5 and "Because of &lt;that&gt;." in page
    assert report_json(without)["alpha_curve_missing"] == "Because of <that>."


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60), st.integers(1, 12))
def test_reliability_is_of_equal_groups(candidates, bins):
    targets = np.array([target for target, _ in candidates])
    scores = np.array([score / 20 for _, score in candidates])
    groups = reliability(targets, scores, bins)
    counts = [n for *_, n in groups]
    assert sum(counts) == len(candidates) and max(counts) - min(counts) <= 1
    assert sum(said * n for said, _, n in groups) == pytest.approx(scores.sum())
    assert sum(found * n for _, found, n in groups) == pytest.approx(targets.sum())
    assert [said for said, *_ in groups] == sorted(said for said, *_ in groups)
    assert 0 <= calibration_error(targets, scores, bins) <= 1


def test_perfect_and_useless_scores_have_known_errors():
    targets = np.arange(100) < 30
    assert calibration_error(targets, targets.astype(float), 10) == 0
    assert calibration_error(targets, 1.0 - targets, 10) == 1
    assert calibration_error(targets, np.full(100, 0.3), 1) == pytest.approx(0)
