"""From a run to a reviewed map through both doors: what one gives the other gives, too."""

import csv
import json
import os
import pickle
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import skops.io
from executables import Environment, Scene, make_scene, qgis_process, results_of, run_command, sentence_of
from mce_landcover.core.errors import Cancelled
from mce_landcover.core.service.jobs import run_job
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class Story:
    """What the command line made: a run with its candidates, their review, and what came of that."""

    scene: Scene
    run: Path
    reviewed: Path
    meta: Path
    scored: Path

    @property
    def candidates(self) -> Path:
        """Of the run, as they were flagged in the same go."""
        return self.run / "candidates.gpkg"


def command(*arguments: str | Path) -> str:
    """Run a command that must succeed, and return what it said on stderr."""
    done = run_command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """240 m of a landscape with many blocks, mapped and flagged in one go, reviewed, learnt from, scored."""
    folder = tmp_path_factory.mktemp("story")
    scene = make_scene(folder / "scene", 240, seed=5)
    story = Story(scene, *(folder / name for name in ("run", "reviewed.gpkg", "meta.skops", "scored.gpkg")))
    command("flag-candidates", story.run, *scene.options)
    story.reviewed.write_bytes(story.candidates.read_bytes())
    review(story.reviewed)
    command("fit-meta-classifier", "--reviewed", story.reviewed, "--output", story.meta, *FITTING)
    command("flag-candidates", story.run, "--meta", story.meta, "--output", story.scored)
    return story


FITTING = ("--tile-m", "40", "--folds", "3")


def review(candidates: Path) -> None:
    """Accept the larger half of the candidates, which can be learnt, reject the others, leave one open."""
    insert = (
        "INSERT INTO decisions (uuid, candidate, decision, user, time) VALUES (?, ?, ?, 'test', "
        "'2026-05-31T14:03:59.123Z')"
    )
    with closing(sqlite3.connect(candidates)) as database, database:
        found = [row[0] for row in database.execute("SELECT uuid FROM candidates ORDER BY area_m2 DESC")]
        for index, candidate in enumerate(found[:-1]):
            verdict = "accept" if index < len(found) // 2 else "reject"
            database.execute(insert, (str(uuid.uuid4()), candidate, verdict))


def tables(candidates: Path) -> dict[str, list[Any]]:
    """Return all that a file says of its candidates, outlines and features too."""
    with closing(sqlite3.connect(candidates)) as database:
        names = ("candidates", "features")
        return {name: database.execute(f"SELECT * FROM {name} ORDER BY uuid").fetchall() for name in names}


def column(candidates: Path, name: str) -> list[Any]:
    with closing(sqlite3.connect(candidates)) as database:
        return [row[0] for row in database.execute(f"SELECT {name} FROM candidates ORDER BY rank")]


def algorithm(environment: Environment, name: str, *parameters: str) -> dict[str, Any]:
    """Run an algorithm through `qgis_process` and return its outputs."""
    return results_of(qgis_process(environment, "--json", "run", f"mce:{name}", "--", *parameters))


# The way through. ----------------------------------------------------------------------------


def test_candidates_are_there_ranked_and_without_score(story: Story) -> None:
    assert len(column(story.candidates, "uuid")) >= 10
    assert column(story.candidates, "rank") == list(range(1, len(column(story.candidates, "rank")) + 1))
    assert set(column(story.candidates, "score")) == {None}
    assert column(story.candidates, "margin") == sorted(column(story.candidates, "margin"))


def test_a_finished_run_has_the_candidates_of_the_one_pass(
    story: Story, environment: Environment, tmp_path: Path
) -> None:
    target = tmp_path / "again.gpkg"
    results = algorithm(environment, "flag_candidates", f"RUN={story.run}", f"CANDIDATES_FILE={target}")
    assert tables(target) == tables(story.candidates)
    assert results["CANDIDATES"] == f"{target}|layername=candidates"
    assert results["N_CANDIDATES"] == len(column(target, "uuid"))
    assert results["RANKED_BY"] == "margin" and "no meta classifier" in results["MESSAGE"]
    counted = {name: column(target, "class_name").count(name) for name in set(column(target, "class_name"))}
    told = dict(part.split(": ") for part in results["PER_CLASS"].split(", "))
    assert counted == {name: int(n) for name, n in told.items() if n != "0"}


def test_scores_rank_the_same_candidates(story: Story) -> None:
    scores = column(story.scored, "score")
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 1
    assert all(0 <= score <= 1 for score in scores)
    assert set(column(story.scored, "uuid")) == set(column(story.candidates, "uuid"))


def test_a_classifier_is_fitted_alike_through_both_doors(
    story: Story, environment: Environment, tmp_path: Path
) -> None:
    given = (f"REVIEWED={story.reviewed}", f"META={tmp_path / 'meta.skops'}", "TILE=40", "FOLDS=3")
    results = algorithm(environment, "fit_meta_classifier", *given)
    ours = json.loads(story.meta.with_name("meta_report.json").read_text())
    theirs = json.loads(Path(results["REPORT_JSON"]).read_text())
    assert theirs == ours
    assert (results["N_CANDIDATES"], results["N_TRUE"]) == (ours["candidates"], ours["missed_places"])
    assert results["N_CANDIDATES"] == len(column(story.reviewed, "uuid")) - 1
    assert (results["AUC"], results["AUC_STD"]) == (ours["auc"]["mean"], ours["auc"]["std"])
    page = Path(results["REPORT_HTML"]).read_text(encoding="utf-8")
    assert "<svg" in page and "src=" not in page and "href=" not in page
    algorithm(environment, "flag_candidates", f"RUN={story.run}", f"META={results['META']}", "OVERWRITE=true")
    assert tables(story.candidates) == tables(story.scored)


def test_a_review_is_applied_alike_through_both_doors(
    story: Story, environment: Environment, tmp_path: Path
) -> None:
    before = (story.run / "land_cover.tif").read_bytes()
    ours, theirs = tmp_path / "ours.tif", tmp_path / "theirs.tif"
    command("apply-review", story.run, story.reviewed, "--output", ours)
    results = algorithm(
        environment, "apply_review", f"RUN={story.run}", f"CANDIDATES={story.reviewed}", f"MAP={theirs}"
    )
    assert theirs.read_bytes() == ours.read_bytes()
    assert (story.run / "land_cover.tif").read_bytes() == before
    accepted = (len(column(story.reviewed, "uuid"))) // 2
    assert results["N_APPLIED"] == accepted
    with Path(results["CHANGE_LOG"]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["decided_by"] for row in rows} == {"interpreter"}
    with rasterio.open(theirs) as fused, rasterio.open(story.run / "land_cover.tif") as source:
        changed = fused.read(1) != source.read(1)
        assert int(changed.sum()) == results["N_PIXELS"] > 0
        assert fused.colormap(1) == source.colormap(1)
        assert (fused.transform, fused.crs, fused.nodata) == (source.transform, source.crs, source.nodata)


def test_the_shipped_model_gives_in_one_go_what_the_steps_give(
    story: Story, environment: Environment, tmp_path: Path
) -> None:
    run, fused, target = tmp_path / "run", tmp_path / "fused.tif", tmp_path / "model.tif"
    given = (f"IMAGE={story.scene.image}", f"DEM={story.scene.dem}", f"META={story.meta}")
    results = algorithm(environment, "map_and_flag", *given, f"folder={run}", f"reviewed_map={target}")
    assert (results["folder"], results["reviewed_map"]) == (str(run), str(target))
    for product in ("land_cover.tif", "evidence.tif", "expert_1.tif"):
        assert (run / product).read_bytes() == (story.run / product).read_bytes()
    assert tables(run / "candidates.gpkg") == tables(story.scored)
    command("apply-review", story.run, story.scored, "--output", fused, "--decide-by", "classifier")
    assert target.read_bytes() == fused.read_bytes()


def test_no_candidates_is_an_empty_layer_and_a_sentence(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "none.gpkg"
    said = command("flag-candidates", finished, "--class", "water", "--output", target)
    assert "There are no candidates" in said
    assert column(target, "uuid") == []


# Bad input. ----------------------------------------------------------------------------------


def relabelled(story: Story, folder: Path, change: Callable[[np.ndarray], np.ndarray], **profile: Any) -> str:
    """Return a copy of the true classes with other values or another place."""
    with rasterio.open(story.scene.labels) as labels:
        kept, values = {**labels.profile, **profile}, change(labels.read())
    with rasterio.open(folder / "labels.tif", "w", **kept) as target:
        target.write(values)
    return str(folder / "labels.tif")


def fit_to(story: Story, folder: Path, labels: str) -> list[str]:
    given = ["--run", str(story.run), "--labels", labels, "--output", str(folder / "m.skops")]
    return ["fit-meta-classifier", *given]


def flag(story: Story, folder: Path, *options: str) -> list[str]:
    return ["flag-candidates", str(story.run), "--output", str(folder / "c.gpkg"), *options]


def labels_on_another_grid(story: Story, folder: Path) -> list[str]:
    with rasterio.open(story.scene.labels) as labels:
        shifted = labels.transform @ rasterio.Affine.translation(0.5, 0)
    return fit_to(story, folder, relabelled(story, folder, lambda values: values, transform=shifted))


def labels_with_unknown_classes(story: Story, folder: Path) -> list[str]:
    return fit_to(story, folder, relabelled(story, folder, lambda values: values + 100))


def nothing_decided(story: Story, folder: Path) -> list[str]:
    return ["fit-meta-classifier", "--reviewed", str(story.scored), "--output", str(folder / "m.skops")]


def nothing_to_learn_from(_story: Story, folder: Path) -> list[str]:
    return ["fit-meta-classifier", "--output", str(folder / "m.skops")]


def nothing_to_apply(story: Story, folder: Path) -> list[str]:
    return ["apply-review", str(story.run), str(story.scored), "--output", str(folder / "m.tif")]


def no_candidates_file(story: Story, folder: Path) -> list[str]:
    return ["apply-review", str(story.run), str(story.scene.dem), "--output", str(folder / "m.tif")]


def onto_the_map_itself(story: Story, _folder: Path) -> list[str]:
    target = str(story.run / "land_cover.tif")
    return ["apply-review", str(story.run), str(story.reviewed), "--output", target, "--overwrite"]


def unfinished_run(story: Story, folder: Path) -> list[str]:
    return ["flag-candidates", str(folder)]


def unknown_class(story: Story, folder: Path) -> list[str]:
    return flag(story, folder, "--class", "moon")


def unknown_class_before_mapping(story: Story, folder: Path) -> list[str]:
    return ["flag-candidates", str(folder / "run"), *story.scene.options, "--class", "moon"]


def classifier_of_other_classes(story: Story, folder: Path) -> list[str]:
    return flag(story, folder, "--meta", str(story.meta), "--class", "water")


def classifier_of_another_alpha(story: Story, folder: Path) -> list[str]:
    return flag(story, folder, "--meta", str(story.meta), "--alpha", "0.9")


def strange_type(story: Story, folder: Path) -> list[str]:
    skops.io.dump(LogisticRegression(), folder / "strange.skops")
    return flag(story, folder, "--meta", str(folder / "strange.skops"))


def pickled(story: Story, folder: Path) -> list[str]:
    (folder / "m.skops").write_bytes(pickle.dumps({"a": 1}))
    return flag(story, folder, "--meta", str(folder / "m.skops"))


def threshold_without_scores(story: Story, folder: Path) -> list[str]:
    return flag(story, folder, "--accepted-per-find", "2")


Case = Callable[[Story, Path], list[str]]
#: Each bad input, and a word of the sentence that refuses it.
BAD: dict[Case, str] = {
    labels_on_another_grid: "grid",
    labels_with_unknown_classes: "101",
    nothing_decided: "no decisions",
    nothing_to_learn_from: "nothing to learn from",
    nothing_to_apply: "decision",
    no_candidates_file: "no GeoPackage of candidates",
    onto_the_map_itself: "never changed",
    unfinished_run: "no finished run",
    unknown_class: "moon",
    unknown_class_before_mapping: "moon",
    classifier_of_other_classes: "classes",
    classifier_of_another_alpha: "alpha",
    strange_type: "LogisticRegression",
    pickled: "m.skops",
    threshold_without_scores: "meta",
}


@pytest.fixture(scope="module")
def refusals(story: Story, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, tuple[Any, list[str]]]:
    """How each bad input was refused and what it left; a few at a time, as most of it is starting Python."""
    folders = {case: tmp_path_factory.mktemp(case.__name__) for case in BAD}

    def refuse(case: Case) -> tuple[Any, list[str]]:
        given = case(story, folders[case])
        before = set(folders[case].rglob("*"))
        done = run_command(*given)
        return done, [path.name for path in set(folders[case].rglob("*")) - before]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(BAD, pool.map(refuse, BAD), strict=True))


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.__name__)
def test_bad_input_is_one_sentence_exit_2_and_nothing_written(
    case: Case, refusals: dict[Case, tuple[Any, list[str]]]
) -> None:
    done, left = refusals[case]
    assert done.returncode == 2, done.stderr
    assert BAD[case] in sentence_of(done)
    assert left == []


@pytest.mark.parametrize("name", ["flag_candidates", "fit_meta_classifier", "apply_review"])
def test_a_refusal_in_qgis_is_the_same_sentence_and_a_failed_exit(
    name: str,
    story: Story,
    environment: Environment,
    refusals: dict[Case, tuple[Any, list[str]]],
    tmp_path: Path,
) -> None:
    case, given = {
        "flag_candidates": (unknown_class, [f"RUN={story.run}", "CLASSES=moon"]),
        "fit_meta_classifier": (nothing_decided, [f"REVIEWED={story.scored}"]),
        "apply_review": (nothing_to_apply, [f"RUN={story.run}", f"CANDIDATES={story.scored}"]),
    }[name]
    targets = {"flag_candidates": "CANDIDATES_FILE=c.gpkg", "fit_meta_classifier": "META=m.skops"}
    target = targets.get(name, "MAP=m.tif").replace("=", f"={tmp_path}/")
    done = qgis_process(environment, "run", f"mce:{name}", "--", *given, target)
    assert done.returncode != 0
    assert sentence_of(refusals[case][0]) in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


# Cancelled jobs. -----------------------------------------------------------------------------


class CancelAt:
    """A reporter that asks to stop at its n-th call."""

    def __init__(self, n: int) -> None:
        self.n_calls, self._n = 0, n

    def progress(self, done: int, total: int, unit: str) -> None:
        self.n_calls += 1
        if self.n_calls == self._n:
            raise Cancelled("Stopped.")

    def log(self, message: str) -> None:
        pass


@pytest.mark.parametrize("name", ["flag_candidates", "fit_meta_classifier", "apply_review"])
def test_a_job_cancelled_early_or_late_leaves_nothing(name: str, story: Story, tmp_path: Path) -> None:
    parameters = {
        "flag_candidates": {"run": story.run, "output": tmp_path / "c.gpkg"},
        "fit_meta_classifier": {
            "runs": story.run,
            "labels": story.scene.labels,
            "output": tmp_path / "m.skops",
            "alpha": 1.0,
        },
        "apply_review": {
            "run": story.run,
            "candidates": story.reviewed,
            "output": tmp_path / "m.tif",
        },
    }[name]
    counting = CancelAt(0)
    run_job(name, parameters, counting)
    for path in tmp_path.iterdir():
        path.unlink()
    for n in (1, counting.n_calls // 2, counting.n_calls):
        with pytest.raises(Cancelled):
            run_job(name, parameters, CancelAt(n))
        assert list(tmp_path.iterdir()) == []
