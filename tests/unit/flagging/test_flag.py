"""The job `flag_candidates`: equal ids, features and scores however the run is cut, and what it refuses."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import Cancelled, InputError, ModelError, OutputError
from mce_landcover.core.flagging.archive import save_meta
from mce_landcover.core.flagging.classifier import Origin, fit_classifier
from mce_landcover.core.flagging.flag import FlagRequest, flag_candidates
from mce_landcover.core.flagging.fusion import accept
from mce_landcover.core.flagging.review import Review, read_outlines, read_review
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.model.classes import LandCoverClass, select_classes
from scipy.ndimage import gaussian_filter
from support.disks import mounted
from support.engine import Recorder, predict_with, read, tiny_model, write
from support.flag import (
    CLASSES,
    COL0,
    EXPERTS,
    GSD,
    RARE,
    ROW0,
    Made,
    make_run,
    small_run,
    smooth_logits,
    write_dem,
)

WHOLE = (90, 120)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return small_run(tmp_path_factory.mktemp("run"), *WHOLE)


@pytest.fixture(scope="module")
def flagged(made, tmp_path_factory) -> Review:
    return flag(made.folder, tmp_path_factory.mktemp("flagged") / "candidates.gpkg")


@pytest.fixture(scope="module")
def meta(made, flagged, tmp_path_factory) -> Path:
    """A meta classifier of our candidates, fitted to something that their features can tell."""
    support = flagged.features.select(["mce_support"]).values[:, 0]
    path = tmp_path_factory.mktemp("meta") / "meta.skops"
    origin = Origin(RARE, "ab" * 32, 0.99)
    groups = np.arange(len(support)) % 10
    save_meta(path, fit_classifier(flagged.features, support > np.median(support), groups, origin=origin))
    return path


def flag(run: Path, output: Path, block: int = 512, **changes) -> Review:
    result = flag_candidates(
        FlagRequest(run=run, output=output, **{"kind": "missed", **changes}), block=block
    )
    review = read_review(output)
    assert result.candidates == output
    assert result.n == len(review) == sum(result.per_class.values())
    return review


def test_columns_say_what_the_rasters_say(made, flagged):
    """Through the outlines: what lies in each polygon is what its row says."""
    ml = read(made.folder / "evidence.tif")
    bayes = read(made.folder / "land_cover.tif")[0]
    experts = [read(made.folder / f"expert_{k}.tif")[0] for k in (1, 2, 3)]
    names = {id_: name for id_, name, *_ in CLASSES}
    outlines = read_outlines(flagged.path)
    assert len(flagged) > 25
    transform = rasterio.Affine(GSD, 0, COL0 * GSD, 0, -GSD, -ROW0 * GSD)
    for index in range(len(flagged)):
        row = {name: column[index] for name, column in flagged.columns.items()}
        outline = outlines[row["uuid"]]
        assert outline.is_valid
        mask = rasterio.features.geometry_mask([outline], WHOLE, transform, invert=True)
        assert outline.area == mask.sum() * GSD**2 == row["area_m2"]
        assert (ml[0][mask] == row["class_id"]).all()
        assert not (bayes[mask] == row["class_id"]).any()
        assert row["class_name"] == names[row["class_id"]]
        counts = np.bincount(bayes[mask], minlength=10)
        assert counts[row["bayes_class_id"]] == counts.max()
        assert row["bayes_class_name"] == names[row["bayes_class_id"]]
        for band, name in enumerate(("entropy", "margin", "variation"), start=1):
            assert row[name] == pytest.approx(ml[band][mask].mean() / 50000)
        assert row["support"] == pytest.approx(ml[5][mask].mean() / 50000)
        says = [n for n, e in zip(EXPERTS, experts, strict=True) if (e[mask] == row["class_id"]).mean() > 0.5]
        assert (row["experts"], row["n_experts"]) == (", ".join(says), len(says))
        first = np.argwhere(mask)[0]
        assert (row["row_first"] - ROW0, row["col_first"] - COL0) == tuple(first)
        centre = outline.centroid
        assert (row["x"], row["y"]) == pytest.approx((centre.x, centre.y), abs=1e-6)
        assert row["run"] == "run"
    assert len(set(flagged.columns["uuid"])) == len(flagged)


def test_without_a_classifier_the_surest_come_first(made, flagged, tmp_path):
    assert flagged.columns["rank"].tolist() == list(range(1, len(flagged) + 1))
    assert (np.diff(flagged.columns["margin"]) >= 0).all()
    assert np.isnan(flagged.scores).all()
    assert flagged.run["ranked_by"] == "margin"
    recorder = Recorder()
    result = flag_candidates(
        FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg"), recorder
    )
    assert result.ranked_by == "margin"
    assert "margin, as no meta classifier was given" in result.message
    assert recorder.messages == [result.message]
    assert result.per_class == {
        name: int((flagged.columns["class_id"] == id_).sum()) for id_, name, *_ in CLASSES if id_ in RARE
    }


def test_the_file_says_what_it_was_made_from(made, flagged):
    said = flagged.run
    assert said["model_sha256"] == "ab" * 32
    assert (said["alpha"], said["priors"], said["run"]) == (0.99, "model", "run")
    assert [c["id"] for c in said["classes"]] == list(RARE)
    assert said["grid"]["gsd"] == GSD
    assert said["grid"]["shape"] == list(WHOLE)
    assert said["grid"]["bounds"][0] == COL0 * GSD
    assert tuple(said["feature_names"]) == flagged.features.names
    assert flagged.crs.to_epsg() == 2056


def equal(one: Review, other: Review, but: tuple[str, ...] = ()) -> bool:
    columns = [name for name in one.columns if name not in but]
    return all(
        np.array_equal(one.columns[name], other.columns[name], equal_nan=one.columns[name].dtype.kind == "f")
        for name in columns
    ) and np.array_equal(one.features.values, other.features.values, equal_nan=True)


@settings(max_examples=5, deadline=None)
@given(block=st.integers(9, 130))
def test_the_file_is_the_same_for_any_block(made, flagged, tmp_path_factory, block):
    output = tmp_path_factory.mktemp("block") / "candidates.gpkg"
    again = flag(made.folder, output, block=block)
    assert equal(again, flagged)
    one, other = read_outlines(output), read_outlines(flagged.path)
    assert all(one[uuid].equals_exact(other[uuid], 0.0) for uuid in other)


def test_candidates_of_a_part_are_those_of_the_whole(made, flagged, meta, tmp_path):
    """Same uuid, features and score for those that lie in the part and do not touch its border."""
    part = Region(13, 80, 21, 110)
    logits = made.logits[:, :, part.row0 : part.row1, part.col0 : part.col1]
    dem = write_dem(tmp_path / "dem.tif", made.dem, ROW0 - 8, COL0 - 8)
    run = make_run(tmp_path / "part", logits, row0=ROW0 + part.row0, col0=COL0 + part.col0, dem=dem)
    whole = flag(made.folder, tmp_path / "whole.gpkg", meta=meta)
    few = flag(run, tmp_path / "few.gpkg", meta=meta)
    corner = (COL0 + part.col0) * GSD, -(ROW0 + part.row1) * GSD
    end = (COL0 + part.col1) * GSD, -(ROW0 + part.row0) * GSD
    border = shapely.box(*corner, *end).boundary
    inner = shapely.box(*corner, *end)

    def within(review: Review) -> dict[str, int]:
        outlines = read_outlines(review.path)
        uuids = review.columns["uuid"].tolist()
        chosen = [u for u in uuids if inner.covers(outlines[u]) and not border.intersects(outlines[u])]
        return {u: uuids.index(u) for u in chosen}

    of_whole, of_part = within(whole), within(few)
    assert set(of_whole) == set(of_part)
    assert len(of_part) > 10
    assert len(few) > len(of_part)  # some do touch the border
    i, j = [of_whole[u] for u in of_part], list(of_part.values())
    np.testing.assert_array_equal(whole.features.values[i], few.features.values[j])
    for name in set(whole.columns) - {"rank", "run"}:
        np.testing.assert_array_equal(whole.columns[name][i], few.columns[name][j], name)
    one, other = read_outlines(whole.path), read_outlines(few.path)
    assert all(one[u].normalize().equals_exact(other[u].normalize(), 0.0) for u in of_part)


def smooth_scene(folder: Path, rows: int, cols: int) -> dict[str, list[Path]]:
    """An image and a DEM whose map has segments of more than a few pixels."""
    random = np.random.default_rng(0)
    fields = gaussian_filter(random.normal(size=(4, 2 * rows, 2 * cols)), (0, 8, 8))
    fields = (fields - fields.min()) / (fields.max() - fields.min())
    place = {"west": COL0 * GSD, "north": -ROW0 * GSD}
    image = write(folder / "image.tif", (255 * fields[:3]).astype(np.uint8), GSD / 2, **place)
    dem = write(folder / "dem.tif", 2000 + 300 * fields[3:, ::2, ::2].astype(np.float32), GSD, **place)
    return {"image": [image], "dem": [dem]}


def test_the_part_of_a_map_gives_the_candidates_of_the_part(tmp_path):
    """Through `predict` itself, with a part of its extent; the same network, rasters and lattice."""
    model, rasters = tiny_model(), smooth_scene(tmp_path, 90, 110)
    whole = predict_with(model, rasters, tmp_path / "whole", alpha=1.0)
    with rasterio.open(whole.products["land_cover"]) as dataset:
        left, bottom, right, top = dataset.bounds
    extent = f"{left + 8},{right - 3},{bottom + 4},{top - 6}"
    predict_with(model, rasters, tmp_path / "part", extent=extent, alpha=1.0)
    classes = [c.id for c in model.card.classes]
    one = flag(tmp_path / "whole", tmp_path / "one.gpkg", classes=classes)
    other = flag(tmp_path / "part", tmp_path / "other.gpkg", classes=classes)
    frame = shapely.box(left + 8, bottom + 4, right - 3, top - 6)
    known = dict(zip(one.columns["uuid"], one.features.values, strict=True))
    outlines = read_outlines(other.path)
    inside = [u for u in other.columns["uuid"] if not frame.boundary.intersects(outlines[u])]
    assert len(inside) > 2
    values = dict(zip(other.columns["uuid"], other.features.values, strict=True))
    assert all(np.array_equal(known[uuid], values[uuid]) for uuid in inside)


def test_a_classifier_scores_ranks_and_bounds_false_alarms(made, flagged, meta, tmp_path):
    scored = flag(made.folder, tmp_path / "scored.gpkg", meta=meta)
    assert scored.run["ranked_by"] == "classifier"
    assert ((scored.scores >= 0) & (scored.scores <= 1)).all()
    assert (np.diff(scored.scores) <= 0).all()
    assert len(np.unique(scored.scores)) > 3
    assert set(scored.columns["uuid"]) == set(flagged.columns["uuid"])
    ratio = (1 - scored.scores) / np.maximum(scored.scores, 1e-300)
    bound = float(np.median(ratio)) * (1 + 1e-9)
    result = flag_candidates(
        FlagRequest(
            run=made.folder, kind="missed", output=tmp_path / "bound.gpkg", meta=meta, accepted_per_find=bound
        )
    )
    few = read_review(tmp_path / "bound.gpkg")
    assert set(few.columns["uuid"]) == set(scored.columns["uuid"][ratio <= bound])
    assert 0 < len(few) < len(scored)
    assert few.columns["rank"].tolist() == list(range(1, len(few) + 1))
    assert f"{len(scored) - len(few)} more promise too many false alarms" in result.message


def test_false_alarms_per_find():
    scores = np.array([0.0, 0.1, 0.2, 0.5, 1.0])
    assert accept(scores, 4.0).tolist() == [False, False, True, True, True]
    assert accept(scores, 0.0).tolist() == [False, False, False, False, True]
    assert accept(scores, 1e9).tolist() == [False, True, True, True, True]


def test_a_classifier_for_something_else_is_refused(made, meta, tmp_path):
    output = tmp_path / "c.gpkg"
    request = FlagRequest(run=made.folder, kind="missed", output=output, meta=meta)
    with pytest.raises(InputError, match=r"fitted for the classes 7, 9, not for 5"):
        flag_candidates(request.but(classes=[5, 7]))
    with pytest.raises(InputError, match=r"alpha 0\.99, not 0\.5"):
        flag_candidates(request.but(alpha=0.5))
    other = make_run(tmp_path / "other", made.logits, sha256="cd" * 32, dem=made.folder.parent / "dem.tif")
    with pytest.raises(InputError, match="maps of another model"):
        flag_candidates(request.but(run=other))
    flat = make_run(tmp_path / "flat", made.logits)
    with pytest.raises(InputError, match=r"features that these candidates do not have \(mce_altitude_m"):
        flag_candidates(request.but(run=flat))
    (tmp_path / "hostile.skops").write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelError):
        flag_candidates(request.but(meta=tmp_path / "hostile.skops"))
    assert not output.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": ["glacier"]}, r"no class 'glacier'; it has 2 \(rock\)"),
        ({"classes": [77]}, "no class '77'"),
        ({"alpha": 1.5}, r"'alpha' .* 1\.5"),
        ({"accepted_per_find": 3.0}, "give meta too"),
        ({"meta": Path("m"), "accepted_per_find": -1.0}, "'accepted_per_find' .* greater than or equal to 0"),
        ({"meta": Path("m"), "priors": Path("p")}, "not both"),
        ({"min_area_m2": -1.0}, "min_area_m2"),
        ({"simplify_m": float("nan")}, "simplify_m"),
        ({"priors": Path("gone.csv")}, r"gone\.csv"),
        ({"meta": Path("gone.skops")}, "no meta classifier"),
    ],
)
def test_wrong_wishes_are_one_sentence(made, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        flag_candidates(FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg", **changes))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_wrong_runs_and_outputs_are_one_sentence(made, tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        flag_candidates(FlagRequest(run=tmp_path, output=tmp_path / "c.gpkg"))
    bare = make_run(tmp_path / "bare", made.logits, keep_logits=False)
    with pytest.raises(InputError, match="keeps no logits"):
        flag_candidates(FlagRequest(run=bare, output=tmp_path / "c.gpkg", alpha=0.9))
    (tmp_path / "c.gpkg").write_text("mine")
    with pytest.raises(InputError, match="already there"):
        flag_candidates(FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg"))
    with pytest.raises(InputError, match="no GeoPackage of candidates"):
        flag_candidates(
            FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg", overwrite=True)
        )
    assert (tmp_path / "c.gpkg").read_text() == "mine"
    with (
        mounted(tmp_path / "disk", "size=1m,ro") as disk,
        pytest.raises(OutputError, match="cannot be written to"),
    ):
        flag_candidates(FlagRequest(run=made.folder, output=disk / "c.gpkg"))


def test_no_candidates_are_an_empty_layer_and_a_sentence(made, tmp_path):
    result = flag_candidates(
        FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg", alpha=0.0)
    )
    assert result.n == 0
    assert result.per_class == {"large blocks": 0, "blocks with grass": 0}
    assert result.message.startswith("There are no candidates: the ML rule sees no large blocks or")
    assert len(read_review(tmp_path / "c.gpkg")) == 0


def test_an_empty_result_can_be_scored(made, meta, tmp_path):
    review = flag(made.folder, tmp_path / "c.gpkg", meta=meta, min_area_m2=1e9, accepted_per_find=2.0)
    assert len(review) == 0


def test_classes_by_id_by_name_and_by_group(made, flagged, tmp_path):
    one = flag(made.folder, tmp_path / "one.gpkg", classes=["Large Blocks"])
    assert set(one.columns["class_id"]) == {7}
    assert set(one.columns["uuid"]) == set(flagged.columns["uuid"][flagged.columns["class_id"] == 7])
    known = tuple(
        LandCoverClass(id=i, name=f"c{i}", color="#000000", group="body" if i < 3 else "tail")
        for i in (1, 2, 3)
    )
    assert [c.id for c in select_classes(known, ())] == [3]
    assert [c.id for c in select_classes(known, ["3", 1, "c1"])] == [1, 3]
    with pytest.raises(InputError, match="no classes of the tail group"):
        select_classes(known[:2], ())


def test_flagging_again_keeps_ids_and_decisions(made, flagged, tmp_path):
    output = tmp_path / "c.gpkg"
    flag(made.folder, output)
    first = flagged.columns["uuid"][0]
    with closing(sqlite3.connect(output)) as database, database:
        database.execute(
            "INSERT INTO decisions (uuid, candidate, decision, user, time) VALUES (?, ?, ?, ?, ?)",
            ("d", first, "accept", "me", "2026-01-01T00:00:00.000Z"),
        )
    result = flag_candidates(FlagRequest(run=made.folder, kind="missed", output=output, overwrite=True))
    again = read_review(output)
    assert result.message.endswith("Decisions kept from the replaced file: 1.")
    assert equal(again, flagged)
    assert again.states.tolist() == ["accept"] + ["undecided"] * (len(flagged) - 1)


def test_other_rules_give_other_ids(made, flagged, tmp_path):
    other = flag(made.folder, tmp_path / "c.gpkg", alpha=0.98)
    assert not set(other.columns["uuid"]) & set(flagged.columns["uuid"])
    assert other.run["alpha"] == 0.98


def test_simpler_outlines_keep_everything_else(made, flagged, tmp_path):
    simple = flag(made.folder, tmp_path / "c.gpkg", simplify_m=1.0)
    assert equal(simple, flagged)
    one, other = read_outlines(simple.path), read_outlines(flagged.path)
    assert all(outline.is_valid for outline in one.values())
    n_points = [sum(len(shapely.get_coordinates(o)) for o in each.values()) for each in (one, other)]
    assert n_points[0] < 0.8 * n_points[1]


def test_a_run_without_values_at_places(made, tmp_path):
    missing = np.zeros(WHOLE, np.bool_)
    missing[:, 40:60] = True
    run = make_run(tmp_path / "run", made.logits, missing=missing)
    review = flag(run, tmp_path / "c.gpkg")
    hole = shapely.box((COL0 + 40) * GSD, -(ROW0 + 90) * GSD, (COL0 + 60) * GSD, -ROW0 * GSD)
    assert len(review) > 10
    assert all(outline.intersection(hole).area == 0 for outline in read_outlines(review.path).values())


def test_cancelling_leaves_nothing(made, tmp_path):
    for stop_at in (1, 3, 8):  # in the blocks and in the outlines
        recorder = Recorder(stop_at=stop_at, error=Cancelled("stop"))
        with pytest.raises(Cancelled):
            flag_candidates(
                FlagRequest(run=made.folder, kind="missed", output=tmp_path / "c.gpkg"), recorder, block=64
            )
        assert list(tmp_path.iterdir()) == []
    assert {unit for _, _, unit in recorder.calls} == {"blocks", "outlines"}


def test_a_run_in_the_middle_of_nowhere_reads_its_own_record(tmp_path):
    """A moved run: the products lie beside the record, not where they were written."""
    run = make_run(tmp_path / "old", smooth_logits(60, 60, seed=4))
    before = flag(run, tmp_path / "before.gpkg")
    run.rename(tmp_path / "new")
    after = flag(tmp_path / "new", tmp_path / "after.gpkg")
    assert len(after) > 5
    assert equal(before, after, but=("run",))
    assert json.loads((tmp_path / "new" / "run.json").read_text())["products"]["evidence"].startswith(
        str(run)
    )
