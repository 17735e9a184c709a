import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.flagging.alpha_study import (
    AlphaCurve,
    CurveRequest,
    FusedErrors,
    LabelledRun,
    _fp_at,
    alpha_curve,
    filled_outline,
)
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.candidates import find_candidates
from mce_landcover.core.flagging.cross_validation import cross_validate
from mce_landcover.core.flagging.fusion import fuse
from mce_landcover.core.flagging.outlines import outline
from mce_landcover.core.flagging.pixels import RunPixels
from mce_landcover.core.flagging.training_set import TrainingSet, enough_tiles, known_candidates
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.geodata.labels import open_run_labels
from mce_landcover.core.model.decision import decide
from mce_landcover.core.segments.counting import Errors, count_errors
from scipy import ndimage
from support.fit import labelled_run, read
from support.flag import rule, smooth_logits
from torch import from_numpy

NAMES = ("M", "E", "S", "mce_support", "mce_class")
SETTINGS = MetaSettings(folds=3)
ALPHAS = (0.95, 0.99, 1.0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    return [LabelledRun(*labelled_run(folder, seed)) for seed in (1, 2)]


@pytest.fixture(scope="module")
def curve(runs) -> AlphaCurve:
    settings = {"tile_m": 15, "prices": (1, 4), "alphas": ALPHAS, "between": (0.5,)}
    request = CurveRequest(runs, [7, 9], NAMES, SETTINGS, **settings)
    return alpha_curve(request, SilentReporter())


def ml_map(seed: int, alpha: float) -> np.ndarray:
    """Decide a run's logits in memory."""
    logits = smooth_logits(150, 160, seed)
    found = decide(from_numpy(logits).reshape(*logits.shape[:2], -1), rule(alpha))
    return found.evidence[0].numpy().reshape(logits.shape[2:]).astype(np.uint8)


def errors(maps: list[np.ndarray], runs) -> Errors:
    total = Errors()
    for predicted, run in zip(maps, runs, strict=True):
        for id_ in (7, 9):
            total = total.plus(count_errors(predicted, read(run.labels), id_))
    return total


def test_the_plain_rules_are_counted_as_in_memory(curve, runs):
    bayes = [read(run.run / "land_cover.tif") for run in runs]
    assert curve.bayes == errors(bayes, runs)
    assert [alpha for alpha, _ in curve.plain] == [0, 0.5, *ALPHAS]
    for alpha, found in curve.plain[1:]:
        assert found == errors([ml_map(seed, alpha) for seed in (1, 2)], runs)
    assert [row.ml for row in curve.rows] == [found for _, found in curve.plain[2:]]


@pytest.mark.parametrize("alpha", ALPHAS)
def test_fusion_is_counted_as_in_memory(curve, runs, alpha):
    found, parts = [], []
    for run in runs:
        with (
            RunPixels(run.run, alpha) as pixels,
            open_run_labels(run.labels, pixels.grid, pixels.extent, pixels.record.classes) as labels,
        ):
            found.append(find_candidates(pixels, [7, 9], labels=labels))
        parts.append(known_candidates(found[-1], "EPSG:2056"))
    training = TrainingSet.join(parts)
    groups, _ = enough_tiles(training, 15, 3)
    values = training.features.select(NAMES).values
    scores = cross_validate(values, training.targets, groups, SETTINGS, training.class_ids).scores
    row = next(row for row in curve.rows if row.alpha == alpha)
    assert (row.n_candidates, row.n_true) == (len(training), training.targets.sum())
    assert [one.accepted_per_find for one in row.fused] == [1, 4]
    for one, threshold in zip(row.fused, (0.5, 0.2), strict=True):
        assert one.n_accepted == (scores >= threshold).sum()
        accepted = np.split(scores >= threshold, [len(found[0])])
        maps = [fused_map(*each, alpha) for each in zip(runs, (1, 2), found, accepted, strict=True)]
        assert one.errors == errors(maps, runs)


def fused_map(run, seed, candidates, accepted, alpha) -> np.ndarray:
    """Fuse a run in memory."""
    ml, labels = ml_map(seed, alpha), np.zeros((150, 160), np.int64)
    for id_ in (7, 9):
        parts, _ = ndimage.label(ml == id_, np.ones((3, 3)))
        labels[parts > 0] = parts[parts > 0] + labels.max()
    chosen = labels.ravel()[candidates.table.first[accepted]]
    return fuse(read(run.run / "land_cover.tif"), ml, labels, chosen)


def test_fusion_stands_between_the_map_and_the_rule(curve):
    for row in curve.rows:
        dear, cheap = (one.errors for one in row.fused)
        assert row.ml.fn <= cheap.fn <= dear.fn <= curve.bayes.fn
        assert curve.bayes.fp <= dear.fp <= cheap.fp <= row.ml.fp
        gain = curve.bayes.fn - dear.fn
        assert curve.delta(dear) == pytest.approx((dear.fp - curve.bayes.fp) / gain)
        assert row.fused[0].is_better is (dear.fp < row.fused[0].ml_fp_at_equal_fn)


def test_alphas_without_enough_candidates_have_no_fusion(runs):
    request = CurveRequest(runs[:1], [7], NAMES, SETTINGS, tile_m=15, alphas=(0.05,), between=())
    (row,) = alpha_curve(request, SilentReporter()).rows
    assert row.fused == () and math.isnan(row.auc)


def test_the_rule_is_taken_where_no_other_alpha_beats_it():
    plain = [Errors(100, 50), Errors(200, 40), Errors(900, 45), Errors(150, 60), Errors(400, 30)]
    assert _fp_at(Errors(0, 45), plain) == 150
    assert _fp_at(Errors(0, 40), plain) == 200
    assert _fp_at(Errors(0, 35), plain) == 300
    assert _fp_at(Errors(0, 55), plain) == 100, "to miss more needs no more"
    assert math.isnan(_fp_at(Errors(0, 29), plain))


def test_what_cannot_be_compared_is_no_win():
    assert FusedErrors(1, 3, Errors(4, 4)).is_better is None


@settings(max_examples=60, deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any), st.integers(1, 40))
def test_an_outline_is_filled_to_its_pixels(mask, strip):
    from mce_landcover.core.flagging import alpha_study as module

    rows, cols = mask.shape
    found = np.zeros((rows + 3, cols + 2), np.bool_)
    polygons = outline(np.pad(mask, ((3, 0), (2, 0))))
    before, module._STRIP_PX = module._STRIP_PX, strip
    try:
        for region, part in filled_outline(polygons, Region(3, rows + 3, 2, cols + 2)):
            found[region.row0 : region.row1, region.col0 : region.col1] |= part
    finally:
        module._STRIP_PX = before
    assert (found == np.pad(mask, ((3, 0), (2, 0)))).all()
