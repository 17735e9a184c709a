import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import Cancelled, InputError
from mce_landcover.core.flagging.apply import ApplyRequest, apply_review
from mce_landcover.core.flagging.archive import load_meta
from mce_landcover.core.flagging.candidates import find_candidates
from mce_landcover.core.flagging.classifier import Origin
from mce_landcover.core.flagging.fit import FitRequest, fit_meta_classifier
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
from mce_landcover.core.flagging.pixels import RunPixels
from mce_landcover.core.flagging.review import read_review
from mce_landcover.core.geodata.labels import open_run_labels
from support.engine import Recorder
from support.fit import candidates_of, flagged, labelled_run, review_some
from support.flag import make_run, smooth_logits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three runs with labels."""
    folder = tmp_path_factory.mktemp("fit")
    return [labelled_run(folder, seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The same without logits, so that no errors by alpha are counted."""
    folder = tmp_path_factory.mktemp("bare")
    return [labelled_run(folder, seed, keep_logits=False) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def fitted(made, tmp_path_factory):
    recorder = Recorder()
    output = tmp_path_factory.mktemp("fitted") / "new" / "meta.skops"
    runs, labels = zip(*made, strict=True)
    return fit_meta_classifier(
        FitRequest(output=output, runs=runs, labels=labels, tile_m=20), recorder
    ), recorder


def known(made) -> tuple[int, int]:
    """Count the candidates and the true ones, from the candidates' own module."""
    n = n_true = 0
    for run, labels in made:
        with (
            RunPixels(run) as pixels,
            open_run_labels(labels, pixels.grid, pixels.extent, pixels.record.classes) as truth,
        ):
            found = find_candidates(pixels, [7, 9], labels=truth)
        n, n_true = n + len(found), n_true + int(found.target.sum())
    return n, n_true


def test_it_learns_from_labelled_runs(made, fitted):
    result, recorder = fitted
    assert (result.n_candidates, result.n_true) == known(made)
    assert 30 < result.n_true < result.n_candidates
    assert result.auc > 0.65 and result.auc_std > 0
    assert result.message in recorder.messages and f"{result.n_true} of them real" in result.message
    names = sorted(p.name for p in result.meta.parent.iterdir())
    assert names == ["meta.skops", "meta_report.html", "meta_report.json"]
    assert ("alphas") in {unit for *_, unit in recorder.calls}


def test_the_file_knows_what_it_is_for(fitted):
    meta = load_meta(fitted[0].meta)
    assert meta.origin == Origin((7, 9), "ab" * 32, 0.99)
    assert meta.quality("missed").auc == fitted[0].auc
    assert any(name.startswith("mce_support") for name in meta.feature_names)


def test_the_report_says_what_was_measured(fitted):
    report = json.loads(fitted[0].report_json.read_text())
    assert report["auc"]["mean"] == fitted[0].auc
    assert report["candidates"] == fitted[0].n_candidates
    assert set(report["features_compared"]) == {"the paper's metrics", "the paper's metrics and ours"}
    rows = report["alpha_curve"]["rows"]
    assert [row["alpha"] for row in rows] == [0.9, 0.95, 0.975, 0.99, 0.995, 1.0]
    own = next(row for row in rows if row["alpha"] == 0.99)
    assert (own["candidates"], own["missed_places"]) == (fitted[0].n_candidates, fitted[0].n_true)
    assert own["auc"] == pytest.approx(fitted[0].auc)
    page = fitted[0].report_html.read_text()
    assert f"{fitted[0].auc:.3f}" in page and "<script" not in page


def test_the_same_seed_gives_the_same_classifier(bare, tmp_path):
    runs, labels = zip(*bare[:2], strict=True)
    requests = [
        FitRequest(output=tmp_path / f"{name}.skops", runs=runs, labels=labels, tile_m=20, seed=seed)
        for name, seed in (("one", 4), ("two", 4), ("other", 5))
    ]
    one, two, other = (load_meta(fit_meta_classifier(request).meta) for request in requests)
    with RunPixels(bare[2][0]) as pixels:
        features = find_candidates(pixels, [7, 9]).features
    assert (one.score(features) == two.score(features)).all()
    assert (one.score(features) != other.score(features)).any()


def test_flagging_takes_it_and_ranks_by_it(made, fitted, tmp_path):
    result = flag_candidates(FlagRequest(run=made[0][0], output=tmp_path / "c.gpkg", meta=fitted[0].meta))
    assert result.ranked_by == "classifier"
    review = read_review(tmp_path / "c.gpkg")
    meta = load_meta(fitted[0].meta)
    assert review.scores == pytest.approx(meta.changes(review.features))
    assert (np.diff(review.scores) <= 0).all()


def test_flagging_other_classes_models_or_alphas_with_it_is_refused(made, fitted, tmp_path):
    meta, output = fitted[0].meta, tmp_path / "c.gpkg"
    other = make_run(tmp_path / "other", smooth_logits(40, 40), sha256="cd" * 32)
    for request, said in (
        (FlagRequest(run=made[0][0], output=output, classes=[5], meta=meta), "classes 7, 9, not for 5"),
        (FlagRequest(run=made[0][0], output=output, alpha=0.9, meta=meta), "alpha 0.99, not 0.9"),
        (FlagRequest(run=other, output=output, meta=meta), "another model"),
    ):
        with pytest.raises(InputError, match=said):
            flag_candidates(request)
    assert not output.exists()


def test_the_papers_metrics_alone(bare, tmp_path):
    runs, labels = zip(*bare, strict=True)
    result = fit_meta_classifier(
        FitRequest(output=tmp_path / "m.skops", runs=runs, labels=labels, tile_m=20, features="paper")
    )
    names = load_meta(result.meta).scorers["missed"].feature_names
    assert [name for name in names if name.startswith("mce_")] == ["mce_class"]
    one = fit_meta_classifier(
        FitRequest(
            output=tmp_path / "one.skops",
            runs=runs,
            labels=labels,
            tile_m=20,
            features="paper",
            classes=["7"],
        )
    )
    meta = load_meta(one.meta)
    assert meta.class_ids == (7,)
    names = meta.scorers["missed"].feature_names
    assert not any(name.startswith("mce_") for name in names)


@pytest.fixture
def reviewed(bare, tmp_path) -> tuple[Path, dict[str, str]]:
    """The candidates of a run, each decided by its place: sure ones in the west are accepted."""
    file = flagged(bare[0][0], tmp_path / "reviewed.gpkg")
    rows = candidates_of(file)
    states = {}
    for index, (uuid, *_) in enumerate(rows[:-1]):
        likely = index < len(rows) / 2
        decision = ("accept", "accept", "unsure", "reject", "reclassify")[(index + (0 if likely else 3)) % 5]
        states[uuid] = decision
    review_some(file, {u: (d, 2 if d == "reclassify" else None) for u, d in states.items()})
    return file, states


def test_it_learns_from_reviews(reviewed, tmp_path):
    file, states = reviewed
    result = fit_meta_classifier(FitRequest(output=tmp_path / "m.skops", reviewed=[file], tile_m=20))
    counts = {name: list(states.values()).count(name) for name in ("accept", "reject", "reclassify")}
    assert result.n_candidates == sum(counts.values())
    assert result.n_true == counts["accept"]
    assert "without labelled runs" in result.message
    assert json.loads(result.report_json.read_text())["alpha_curve"] is None
    assert load_meta(result.meta).class_ids == (7, 9)


def test_runs_and_reviews_add_up(bare, reviewed, tmp_path):
    file, states = reviewed
    runs, labels = zip(*bare[1:], strict=True)
    together = fit_meta_classifier(
        FitRequest(output=tmp_path / "m.skops", runs=runs, labels=labels, reviewed=[file], tile_m=20)
    )
    n, n_true = known(bare[1:])
    told = [state for state in states.values() if state != "unsure"]
    assert together.n_candidates == n + len(told)
    assert together.n_true == n_true + told.count("accept")


def test_a_layer_without_decisions_is_refused(made, tmp_path):
    file = flagged(made[0][0], tmp_path / "c.gpkg")
    request = FitRequest(output=tmp_path / "m.skops", reviewed=[file])
    with pytest.raises(InputError, match=r"c\.gpkg has no decisions"):
        fit_meta_classifier(request)
    review_some(file, {candidates_of(file)[0][0]: ("unsure", None)})
    with pytest.raises(InputError, match="only candidates marked as unsure"):
        fit_meta_classifier(request)
    assert [p.name for p in tmp_path.iterdir()] == ["c.gpkg"]


def test_small_areas_get_smaller_tiles_and_say_so(bare, tmp_path):
    runs, labels = zip(*bare[:1], strict=True)
    result = fit_meta_classifier(FitRequest(output=tmp_path / "m.skops", runs=runs, labels=labels))
    assert "instead of 500 m" in result.message and "rough guesses" in result.message
    assert json.loads(result.report_json.read_text())["tile_m"] < 500


def test_without_logits_the_report_says_why_there_is_no_curve(tmp_path):
    run, labels = labelled_run(tmp_path, 1, keep_logits=False)
    result = fit_meta_classifier(
        FitRequest(output=tmp_path / "m.skops", runs=[run], labels=[labels], tile_m=20)
    )
    assert "no logits were kept in" in result.message
    assert "no logits were kept in" in result.report_html.read_text()


def test_what_cannot_be_used_is_said_and_nothing_written(made, tmp_path):
    (run, labels), (other, _) = made[0], made[1]
    strange = make_run(tmp_path / "strange", smooth_logits(40, 40), sha256="cd" * 32)
    own_alpha = make_run(tmp_path / "own", smooth_logits(40, 40), alpha=1.0)
    output = tmp_path / "out" / "m.skops"
    cases = [
        ({"output": output}, "nothing to learn from"),
        ({"output": output, "runs": [run]}, "1 runs but 0 label files"),
        (
            {"output": output, "runs": [run, other], "labels": [labels, labels, labels]},
            "2 runs but 3 label files",
        ),
        ({"output": output, "runs": [run, strange], "labels": [labels, labels]}, "different models"),
        (
            {"output": output, "runs": [run, own_alpha], "labels": [labels, labels]},
            r"different alphas \(0\.99, 1\)",
        ),
        ({"output": output, "runs": [run], "labels": [labels], "classes": ["lava"]}, "no class 'lava'"),
        ({"output": output, "runs": [run], "labels": [labels], "tile_m": 0}, "'tile_m'"),
        ({"output": output, "runs": [run], "labels": [labels], "folds": 1}, "'folds'"),
        ({"output": output, "runs": [run], "labels": [labels], "features": "some"}, "'some'"),  # type: ignore[arg-type]
        ({"output": output, "runs": [run], "labels": [tmp_path / "none.tif"]}, "does not exist"),
        ({"output": tmp_path, "runs": [run], "labels": [labels]}, "is a folder"),
        ({"output": run / "run.json", "runs": [run], "labels": [labels]}, "already there"),
    ]
    for asked, said in cases:
        with pytest.raises(InputError, match=said):
            fit_meta_classifier(FitRequest(**asked))
    assert not output.exists()


def test_labels_elsewhere_teach_nothing_and_those_of_other_classes_are_named(made, tmp_path):
    (run, labels), (_, elsewhere) = made[0], made[1]
    output = tmp_path / "m.skops"
    with pytest.raises(InputError):
        fit_meta_classifier(FitRequest(output=output, runs=[run], labels=[elsewhere]))
    with rasterio.open(labels) as file:
        profile, values = file.profile, file.read()
    strange = tmp_path / "strange.tif"
    with rasterio.open(strange, "w", **profile) as file:
        file.write(np.where(values == 0, 0, 77).astype(values.dtype))
    with pytest.raises(
        InputError, match=r"left out: 77 \([0-9,]+\)\. Nothing else is labelled; the model has 2 "
    ):
        fit_meta_classifier(FitRequest(output=output, runs=[run], labels=[strange]))
    assert not output.exists()


def test_a_cancel_leaves_nothing(made, tmp_path):
    runs, labels = zip(*made[:1], strict=True)
    with pytest.raises(Cancelled):
        fit_meta_classifier(
            FitRequest(output=tmp_path / "m.skops", runs=runs, labels=labels, tile_m=20),
            Recorder(stop_at=4, error=Cancelled()),
        )
    assert list(tmp_path.iterdir()) == []


def test_finished_files_are_replaced_only_when_told(bare, tmp_path):
    runs, labels = zip(*bare[:1], strict=True)
    request = FitRequest(output=tmp_path / "m.skops", runs=runs, labels=labels, tile_m=20)
    (tmp_path / "m_report.html").write_text("mine")
    with pytest.raises(InputError, match=r"m_report\.html is already there"):
        fit_meta_classifier(request)
    assert (tmp_path / "m_report.html").read_text() == "mine"
    result = fit_meta_classifier(request.but(overwrite=True))
    assert result.report_html.read_text() != "mine"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A classifier that has learnt both kinds, from three runs whose own rare places are often false."""
    folder = tmp_path_factory.mktemp("both")
    made = [labelled_run(folder, seed, false_places=True) for seed in (11, 12, 13)]
    runs, labels = zip(*made, strict=True)
    request = FitRequest(output=folder / "meta.json", runs=runs, labels=labels, tile_m=20)
    return made, fit_meta_classifier(request)


def test_it_learns_which_places_of_the_map_are_false(both):
    made, result = both
    meta = load_meta(result.meta)
    assert {kind: scorer.basis for kind, scorer in meta.scorers.items()} == {
        "missed": "own",
        "doubtful": "own",
    }
    n, n_false = 0, 0
    for run, labels in made:
        with (
            RunPixels(run) as pixels,
            open_run_labels(labels, pixels.grid, pixels.extent, pixels.record.classes) as truth,
        ):
            found = find_candidates(pixels, [7, 9], kinds=("doubtful",), labels=truth)
        n, n_false = n + len(found), n_false + int((~found.target).sum())
    assert (result.n_doubtful, result.n_false) == (n, n_false) and n_false > 30
    assert result.auc_doubtful > 0.65 and result.learnt
    report = json.loads(result.report_json.read_text())
    doubtful = report["doubtful"]
    assert (doubtful["candidates"], doubtful["false_places"]) == (n, n_false)
    assert set(doubtful["effort"]) == {"score", "margin", "expert agreement", "area", "random"}
    assert report["looks"]["errors"] == n_false + report["missed_places"]
    assert report["expected_iou"]["n"] == n
    shares = [p["share_of_false"] for p in doubtful["operating_points"]]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]
    page = result.report_html.read_text()
    assert "Both kinds in one queue" in page and "false places kept per loss" in page


def test_both_kinds_are_ranked_by_what_they_may_change(both, tmp_path):
    (run, _), meta = both[0][0], load_meta(both[1].meta)
    result = flag_candidates(FlagRequest(run=run, output=tmp_path / "c.gpkg", meta=both[1].meta))
    review = read_review(tmp_path / "c.gpkg")
    assert result.n_doubtful == review.doubtful.sum() > 5 and (~review.doubtful).sum() > 5
    assert (np.diff(review.scores) <= 0).all()
    real = meta.score(review.features)
    assert review.scores == pytest.approx(np.where(review.doubtful, 1 - real, real))
    iou = review.columns["expected_iou"]
    assert np.isnan(iou[~review.doubtful]).all()
    if meta.outlines.trees is not None:
        assert ((iou[review.doubtful] >= 0) & (iou[review.doubtful] <= 1)).all()


def test_too_few_examples_leave_a_plain_rule_and_say_what_is_lacking(made, tmp_path):
    file = flagged(made[0][0], tmp_path / "c.gpkg")
    uuids = [uuid for uuid, *_ in candidates_of(file)]
    review_some(file, {uuid: ("accept" if i < 3 else "reject", None) for i, uuid in enumerate(uuids[:30])})
    result = fit_meta_classifier(FitRequest(output=tmp_path / "m.json", reviewed=[file]))
    assert not result.learnt and (result.n_candidates, result.n_true) == (30, 3)
    assert "a plain rule ranks them: needs 7 more real ones" in result.message
    meta, review = load_meta(result.meta), read_review(file)
    scores = meta.score(review.features)
    of_one, margin = review.columns["class_id"] == 7, review.columns["margin"]
    assert (np.argsort(scores[of_one]) == np.argsort(-margin[of_one])).all()
    assert 0 < scores.mean() < 0.5  # 3 of 30
    scored = tmp_path / "scored.gpkg"
    said = flag_candidates(FlagRequest(run=made[0][0], output=scored, meta=result.meta)).message
    assert "The scores of missed and doubtful places are those of a plain rule" in said
    assert read_review(scored).run["scored_by"] == {"missed": "rule", "doubtful": "rule"}
    applied = apply_review(
        ApplyRequest(run=made[0][0], candidates=scored, output=tmp_path / "f.tif", decide_by="classifier")
    )
    assert "no probabilities to decide by" in applied.message


def test_a_kind_with_few_examples_learns_from_both(both, tmp_path):
    (run, _), *_ = both[0]
    file = flagged(run, tmp_path / "c.gpkg", kind="both")
    review = read_review(file)
    doubtful = review.columns["uuid"][review.doubtful][:6].tolist()
    missed = review.columns["uuid"][~review.doubtful].tolist()
    told = {uuid: ("accept" if i % 2 else "reject", None) for i, uuid in enumerate([*doubtful, *missed])}
    review_some(file, told)
    result = fit_meta_classifier(FitRequest(output=tmp_path / "m.json", reviewed=[file], tile_m=20))
    scorers = load_meta(result.meta).scorers
    assert (scorers["missed"].basis, scorers["doubtful"].basis) == ("own", "both kinds")
    assert "mce_doubtful" in scorers["doubtful"].feature_names
    assert "scored by what both kinds teach: needs 7 more real ones and 7 more false ones" in result.message
