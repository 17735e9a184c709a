"""From a run to a reviewed map through both doors: what one gives the other gives, too."""

import csv
import json
import pickle
import re
import sqlite3
import uuid
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from executables import Environment, Scene, make_scene, qgis_process, results_of, run_command, sentence_of
from mce_landcover.core.base.errors import Cancelled
from mce_landcover.service.jobs import run_job
from mce_landcover.service.protocol import Failure, Request
from mce_landcover.service.worker import serve


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
    story = Story(scene, *(folder / name for name in ("run", "reviewed.gpkg", "meta.json", "scored.gpkg")))
    command("flag-candidates", story.run, *scene.options, "--alpha", "1")
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


# The way through. ----------------------------------------------------------------------------


def test_candidates_are_there_ranked_and_without_score(story: Story) -> None:
    assert len(column(story.candidates, "uuid")) >= 10
    assert column(story.candidates, "rank") == list(range(1, len(column(story.candidates, "rank")) + 1))
    assert set(column(story.candidates, "score")) == {None}
    pairs = zip(column(story.candidates, "margin"), column(story.candidates, "kind"), strict=True)
    margins = [margin for margin, kind in pairs if kind == "missed"]
    assert margins == sorted(margins) and len(margins) < len(column(story.candidates, "kind"))


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
    given = (f"REVIEWED={story.reviewed}", f"META={tmp_path / 'meta.json'}", "TILE=40", "FOLDS=3")
    results = algorithm(environment, "fit_meta_classifier", *given)
    ours = json.loads(story.meta.with_name("meta_report.json").read_text())
    theirs = json.loads(Path(results["REPORT_JSON"]).read_text())
    assert theirs == ours
    assert (results["N_CANDIDATES"], results["N_TRUE"]) == (ours["candidates"], ours["missed_places"])
    assert results["N_CANDIDATES"] + results["N_DOUBTFUL"] == len(column(story.reviewed, "uuid")) - 1
    assert results["N_FALSE"] == ours["doubtful"]["false_places"]
    assert (results["AUC"], results["AUC_STD"]) == (ours["auc"]["mean"], ours["auc"]["std"])
    page = Path(results["REPORT_HTML"]).read_text(encoding="utf-8")
    assert "<svg" in page and not re.search(r'(src|href)="[^#]', page), "the report needs no other file"
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
    with closing(sqlite3.connect(story.reviewed)) as database:
        ((n_changes,),) = database.execute(
            "SELECT count(*) FROM review WHERE state = iif(kind = 'missed', 'accept', 'reject')"
        ).fetchall()
    assert results["N_APPLIED"] == n_changes > 1
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
    given = (f"IMAGE={story.scene.image}", f"DEM={story.scene.dem}", f"META={story.meta}", "ALPHA=1")
    results = algorithm(environment, "map_and_flag", *given, f"folder={run}", f"reviewed_map={target}")
    assert (results["folder"], results["reviewed_map"]) == (str(run), str(target))
    for product in ("land_cover.tif", "evidence.tif", "expert_1.tif"):
        assert (run / product).read_bytes() == (story.run / product).read_bytes()
    assert tables(run / "candidates.gpkg") == tables(story.scored)
    command("apply-review", story.run, story.scored, "--output", fused, "--decide-by", "classifier")
    assert target.read_bytes() == fused.read_bytes()


def test_no_candidates_is_an_empty_layer_and_a_sentence(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "none.gpkg"
    said = command("flag-candidates", finished, "--class", "water", "--kind", "missed", "--output", target)
    assert "There are no candidates" in said
    assert column(target, "uuid") == []


# Bad input. ----------------------------------------------------------------------------------

#: A job and its parameters.
Asked = tuple[str, dict[str, Any]]


def relabelled(story: Story, folder: Path, change: Callable[[np.ndarray], np.ndarray], **profile: Any) -> str:
    """Return a copy of the true classes with other values or another place."""
    with rasterio.open(story.scene.labels) as labels:
        kept, values = {**labels.profile, **profile}, change(labels.read())
    with rasterio.open(folder / "labels.tif", "w", **kept) as target:
        target.write(values)
    return str(folder / "labels.tif")


def blocks_above(values: np.ndarray) -> np.ndarray:
    """The upper half is large blocks, with grass or without in turn: there candidates are missed places."""
    made = np.ones_like(values)
    made[:, : values.shape[1] // 2] = 3 + np.arange(values.shape[2]) % 2
    return made


def fit_to(story: Story, folder: Path, labels: str) -> Asked:
    return "fit_meta_classifier", {
        "runs": str(story.run),
        "labels": labels,
        "output": str(folder / "m.json"),
    }


def flag(story: Story, folder: Path, **options: Any) -> Asked:
    return "flag_candidates", {"run": str(story.run), "output": str(folder / "c.gpkg"), **options}


def apply(run: Path, candidates: Path, output: Path, **options: Any) -> Asked:
    return "apply_review", {"run": run, "candidates": candidates, "output": output, **options}


def labels_without_a_place(story: Story, folder: Path) -> Asked:
    return fit_to(story, folder, relabelled(story, folder, lambda values: values, crs=None))


def labels_with_unknown_classes(story: Story, folder: Path) -> Asked:
    return fit_to(story, folder, relabelled(story, folder, lambda values: values + 100))


def nothing_decided(story: Story, folder: Path) -> Asked:
    return "fit_meta_classifier", {"reviewed": str(story.scored), "output": str(folder / "m.json")}


def nothing_to_learn_from(_story: Story, folder: Path) -> Asked:
    return "fit_meta_classifier", {"output": str(folder / "m.json")}


def no_candidates_file(story: Story, folder: Path) -> Asked:
    return apply(story.run, story.scene.dem, folder / "m.tif")


def onto_the_map_itself(story: Story, _folder: Path) -> Asked:
    return apply(story.run, story.reviewed, story.run / "land_cover.tif", overwrite=True)


def unfinished_run(story: Story, folder: Path) -> Asked:
    return "flag_candidates", {"run": str(folder)}


def unknown_class(story: Story, folder: Path) -> Asked:
    return flag(story, folder, classes="moon")


def unknown_class_before_mapping(story: Story, folder: Path) -> Asked:
    scene = {"image": str(story.scene.image), "dem": str(story.scene.dem)}
    return "flag_candidates", {"run": str(folder / "run"), **scene, "classes": "moon"}


def classifier_of_other_classes(story: Story, folder: Path) -> Asked:
    return flag(story, folder, meta=str(story.meta), classes=["water"])


def classifier_of_another_alpha(story: Story, folder: Path) -> Asked:
    return flag(story, folder, meta=str(story.meta), alpha=0.9)


def strange_archive(story: Story, folder: Path) -> Asked:
    with zipfile.ZipFile(folder / "strange.skops", "w") as archive:
        archive.writestr("schema.json", '{"content": {"__class__": "LogisticRegression"}}')
    return flag(story, folder, meta=str(folder / "strange.skops"))


def pickled(story: Story, folder: Path) -> Asked:
    (folder / "m.json").write_bytes(pickle.dumps({"a": 1}))
    return flag(story, folder, meta=str(folder / "m.json"))


def threshold_without_scores(story: Story, folder: Path) -> Asked:
    return flag(story, folder, accepted_per_find=2)


Case = Callable[[Story, Path], Asked]
#: Each bad input, and a word of the sentence that refuses it.
BAD: dict[Case, str] = {
    labels_without_a_place: "coordinate reference system",
    labels_with_unknown_classes: "101",
    nothing_decided: "no decisions",
    nothing_to_learn_from: "nothing to learn from",
    no_candidates_file: "no GeoPackage of candidates",
    onto_the_map_itself: "never changed",
    unfinished_run: "no finished run",
    unknown_class: "moon",
    unknown_class_before_mapping: "moon",
    classifier_of_other_classes: "classes",
    classifier_of_another_alpha: "alpha",
    strange_archive: "strange.skops",
    pickled: "m.json",
    threshold_without_scores: "meta",
}


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.__name__)
def test_bad_input_is_one_sentence_exit_2_and_nothing_written(
    case: Case, story: Story, tmp_path: Path
) -> None:
    job, parameters = case(story, tmp_path)
    before = set(tmp_path.rglob("*"))
    failure = serve(Request(job, parameters), CancelAt(0), debug=False)
    assert isinstance(failure, Failure)
    assert failure.exit_code == 2 and failure.kind in ("InputError", "ModelError")
    assert BAD[case] in failure.message
    assert "\n" not in failure.message and failure.message.endswith(".")
    assert set(tmp_path.rglob("*")) == before


def test_a_refusal_is_the_same_sentence_and_a_failed_exit_at_both_doors(
    story: Story, environment: Environment, tmp_path: Path
) -> None:
    target = tmp_path / "m.tif"
    here = run_command("apply-review", story.run, story.scored, "--output", target)
    given = (f"RUN={story.run}", f"CANDIDATES={story.scored}", f"MAP={target}")
    there = qgis_process(environment, "run", "mce:apply_review", "--", *given)
    assert here.returncode == 2 and there.returncode != 0
    assert sentence_of(here) in there.stdout + there.stderr
    assert "Traceback" not in there.stdout + there.stderr
    assert list(tmp_path.iterdir()) == []


# Cancelled jobs. -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flag_candidates", "fit_meta_classifier", "apply_review"])
def test_a_job_cancelled_early_or_late_leaves_nothing(
    name: str, story: Story, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    labels = relabelled(story, tmp_path_factory.mktemp("labels"), blocks_above)
    parameters = {
        "flag_candidates": {"run": story.run, "output": tmp_path / "c.gpkg"},
        "fit_meta_classifier": {"runs": story.run, "labels": str(labels), "output": tmp_path / "m.json"},
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
