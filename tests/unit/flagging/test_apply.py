import csv
import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from mce_landcover.core.base.errors import Cancelled, InputError, OutputError
from mce_landcover.core.flagging.apply import ApplyRequest, apply_review
from mce_landcover.core.flagging.fit import FitRequest, fit_meta_classifier
from mce_landcover.core.flagging.review import read_review
from rasterio.enums import ColorInterp
from support.engine import Recorder
from support.fit import candidates_of, flagged, labelled_run, read, review_some
from support.flag import COL0, GSD, IDS, RARE, ROW0, flood, make_run, smooth_logits


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with a gap without data."""
    missing = np.zeros((150, 160), np.bool_)
    missing[40:60, 30:70] = True
    return make_run(tmp_path_factory.mktemp("apply") / "run", smooth_logits(150, 160, 1), missing=missing)


@pytest.fixture
def reviewed(run, tmp_path) -> tuple[Path, list, dict]:
    """Its candidates, with every kind of decision and a few undecided."""
    file = flagged(run, tmp_path / "candidates.gpkg")
    rows = candidates_of(file)
    assert len(rows) > 25
    kinds = [("accept", None), ("reject", None), ("reclassify", 3), ("unsure", None), None]
    states = {uuid: kinds[i % 5] for i, (uuid, *_) in enumerate(rows) if kinds[i % 5]}
    review_some(file, states)
    return file, rows, states


def oracle(run: Path, file: Path, wanted: dict[str, int]) -> np.ndarray:
    """Return the map with the wanted candidates' pixels changed, found by flooding the ML map."""
    fused, ml = read(run / "land_cover.tif"), None
    with rasterio.open(run / "evidence.tif") as dataset:
        ml = dataset.read(1)
    with sqlite3.connect(file) as database:
        first = database.execute("SELECT uuid, row_first, col_first FROM candidates").fetchall()
    database.close()
    for uuid, row, col in first:
        if uuid in wanted:
            fused[flood(ml, row - ROW0, col - COL0)] = wanted[uuid]
    return fused


def changes(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("block", [1024, 64, 37])
def test_exactly_the_decided_pixels_change(run, reviewed, tmp_path, block):
    file, rows, states = reviewed
    before = digest(run)
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"), block=block)
    wanted = {
        u: c if s[0] == "accept" else 3 for u, c, *_ in rows if (s := states.get(u)) and s[0][:3] in "accrec"
    }
    expected = oracle(run, file, wanted)
    found = read(result.land_cover)
    assert (found == expected).all()
    old = read(run / "land_cover.tif")
    assert result.n_pixels == (found != old).sum() > 0
    assert result.n_applied == len(wanted)
    assert (found[old == 255] == 255).all() and (old == 255).sum() == 800
    assert digest(run) == before, "the input is never touched"
    log = changes(result.change_log)
    assert sum(int(row["n_pixels"]) for row in log) == result.n_pixels
    assert {row["uuid"] for row in log} == set(wanted)
    for row in log:
        assert int(row["to_class_id"]) == wanted[row["uuid"]] and row["decided_by"] == "interpreter"
    pairs = {}
    for was, now in zip(old[found != old].tolist(), found[found != old].tolist(), strict=True):
        pairs[was, now] = pairs.get((was, now), 0) + 1
    logged = {}
    for row in log:
        if int(row["n_pixels"]):
            key = int(row["from_class_id"]), int(row["to_class_id"])
            logged[key] = logged.get(key, 0) + int(row["n_pixels"])
    assert logged == pairs
    assert "by the interpreter" in result.message and "are undecided" in result.message


def test_the_file_is_like_those_of_predict(tmp_path):
    logits = np.kron(smooth_logits(110, 70, 5), np.ones((1, 1, 10, 10), np.float32))
    run = make_run(tmp_path / "run", logits)
    file = flagged(run, tmp_path / "c.gpkg")
    review_some(file, {uuid: ("accept", None) for uuid, *_ in candidates_of(file)[:6]})
    with rasterio.open(run / "land_cover.tif", "r+") as dataset:
        dataset.update_tags(MCE_MODEL="test model", OTHER="left behind")
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "out" / "fused.tif"))
    with rasterio.open(result.land_cover) as fused, rasterio.open(run / "land_cover.tif") as source:
        assert fused.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert fused.overviews(1) == [2, 4] and fused.block_shapes[0] == (512, 512)
        assert fused.compression.name == "zstd"
        assert (fused.crs, fused.transform, fused.shape) == (source.crs, source.transform, source.shape)
        assert (fused.nodata, fused.dtypes) == (255, ("uint8",))
        assert fused.colorinterp == (ColorInterp.palette,)
        assert fused.colormap(1)[7] == (120, 128, 64, 255)
        tags = fused.tags()
        assert tags["MCE_MODEL"] == "test model" and tags["MCE_CANDIDATES_APPLIED"] == "6"
        assert tags["MCE_DECIDED_BY"] == "review" and "OTHER" not in tags
        whole = fused.read(1)
        assert (fused.read(1, out_shape=(550, 350)) == whole[::2, ::2]).all()
    names = {path.name for path in result.land_cover.parent.iterdir()}
    assert names == {"fused.tif", "fused.tif.aux.xml", "fused.qml", "fused_changes.csv"}
    sidecar = (result.land_cover.parent / "fused.tif.aux.xml").read_text()
    assert "<Category>large blocks</Category>" in sidecar and "GDALRasterAttributeTable" in sidecar
    assert 'label="large blocks"' in (result.land_cover.parent / "fused.qml").read_text()


def test_an_outline_that_the_reviewer_drew_holds(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg")
    (uuid, class_id, *_), (other, *_) = candidates_of(file)[:2]
    left, top = COL0 * GSD, -ROW0 * GSD
    shape = shapely.box(left + 5, top - 25, left + 55, top - 10)  # over the gap without data, too
    pyogrio.raw.write(
        tmp_path / "drawn.gpkg",
        shapely.to_wkb(np.array([shape])),
        [],
        [],
        geometry_type="Polygon",
        crs="EPSG:2056",
    )
    with sqlite3.connect(tmp_path / "drawn.gpkg") as database:
        (blob,) = database.execute("SELECT geom FROM drawn").fetchone()
    database.close()
    review_some(file, {uuid: ("accept", None, blob), other: ("reject", None)})
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    expected = read(run / "land_cover.tif")
    part = expected[20:50, 10:110]
    part[part != 255] = class_id
    assert (read(result.land_cover) == expected).all()


def test_the_last_decision_counts_and_undone_ones_do_not(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg")
    one, two = (uuid for uuid, *_ in candidates_of(file)[:2])
    review_some(file, {one: ("accept", None), two: ("accept", None)})
    review_some(file, {one: ("reject", None)})
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    assert {row["uuid"] for row in changes(result.change_log)} == {two}


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[Path, Path]:
    """A run and its candidates with scores."""
    folder = tmp_path_factory.mktemp("scored")
    made = [labelled_run(folder, seed, keep_logits=False) for seed in (1, 2)]
    runs, labels = zip(*made, strict=True)
    meta = fit_meta_classifier(
        FitRequest(output=folder / "m.skops", runs=runs, labels=labels, tile_m=20)
    ).meta
    return runs[0], flagged(runs[0], folder / "c.gpkg", meta=meta)


def test_the_classifier_decides_by_price(scored, tmp_path):
    run, file = scored
    review = read_review(file)
    for price, name in ((None, "a"), (3.0, "b"), (0.0, "c")):
        request = ApplyRequest(
            run=run,
            candidates=file,
            output=tmp_path / f"{name}.tif",
            decide_by="classifier",
            accepted_per_find=price,
        )
        result = apply_review(request)
        threshold = 1 / (1 + (1.0 if price is None else price))
        accepted = set(review.columns["uuid"][review.scores >= threshold].tolist())
        assert {row["uuid"] for row in changes(result.change_log)} == accepted
        assert result.n_applied == len(accepted)
    assert result.n_pixels == 0
    assert (read(result.land_cover) == read(run / "land_cover.tif")).all()


def test_both_decide(scored, tmp_path):
    run, file = scored
    copy = tmp_path / "c.gpkg"
    copy.write_bytes(file.read_bytes())
    review = read_review(copy)
    best, worst = review.columns["uuid"][0], review.columns["uuid"][-1]
    assert review.scores[0] > 0.5 > review.scores[-1]
    review_some(copy, {best: ("unsure", None), worst: ("accept", None)})
    result = apply_review(ApplyRequest(run=run, candidates=copy, output=tmp_path / "f.tif", decide_by="both"))
    told = {row["uuid"]: row["decided_by"] for row in changes(result.change_log)}
    assert best not in told and told[worst] == "interpreter"
    assert set(told.values()) == {"interpreter", "classifier"}


def test_a_layer_without_decisions_is_refused(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg")
    with pytest.raises(InputError, match=r"c\.gpkg has no decisions"):
        apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    assert [p.name for p in tmp_path.iterdir()] == ["c.gpkg"]


def test_an_empty_layer_changes_nothing_where_the_classifier_decides(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg", min_area_m2=1e9)
    result = apply_review(
        ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif", decide_by="classifier")
    )
    assert (result.n_applied, result.n_pixels) == (0, 0)
    assert (read(result.land_cover) == read(run / "land_cover.tif")).all()
    assert changes(result.change_log) == []


def test_candidates_of_another_map_are_refused(run, reviewed, tmp_path):
    file, *_ = reviewed
    logits = smooth_logits(40, 40)
    cases = [
        (make_run(tmp_path / "model", logits, sha256="cd" * 32), "another model"),
        (make_run(tmp_path / "part", logits), "another or a larger area"),
        (make_run(tmp_path / "far", logits, row0=ROW0 + 10**6), "another or a larger area"),
        (tmp_path / "none", "no finished run"),
    ]
    for other, said in cases:
        with pytest.raises(InputError, match=said):
            apply_review(ApplyRequest(run=other, candidates=file, output=tmp_path / "fused.tif"))
    with pytest.raises(InputError, match="no GeoPackage of candidates"):
        apply_review(ApplyRequest(run=run, candidates=run / "run.json", output=tmp_path / "fused.tif"))
    assert not (tmp_path / "fused.tif").exists()


def test_candidates_of_a_part_can_be_applied_to_the_whole(run, tmp_path):
    whole = smooth_logits(150, 160, 1)
    part = make_run(tmp_path / "part", whole[..., 20:100, 80:150], row0=ROW0 + 20, col0=COL0 + 80)
    file = flagged(part, tmp_path / "c.gpkg")
    uuid = candidates_of(file)[0][0]
    review_some(file, {uuid: ("accept", None)})
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    changed = np.argwhere(read(result.land_cover) != read(run / "land_cover.tif"))
    assert len(changed) == result.n_pixels > 0
    assert (changed.min(axis=0) >= (20, 80)).all() and (changed.max(axis=0) < (100, 150)).all()


def test_outputs_that_are_in_the_way(run, reviewed, tmp_path):
    file, *_ = reviewed
    (tmp_path / "there.tif").write_text("mine")
    (tmp_path / "log_changes.csv").write_text("mine")
    cases = [
        (run / "land_cover.tif", "never changed"),
        (tmp_path / "there.tif", "already there"),
        (tmp_path / "log.tif", "already there"),
        (tmp_path / "fused.png", "GeoTIFF"),
    ]
    for output, said in cases:
        with pytest.raises(InputError, match=said):
            apply_review(ApplyRequest(run=run, candidates=file, output=output))
    with pytest.raises(InputError, match="never changed"):
        apply_review(ApplyRequest(run=run, candidates=file, output=run / "land_cover.tif", overwrite=True))
    assert (tmp_path / "there.tif").read_text() == "mine"
    apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "there.tif", overwrite=True))
    assert read(tmp_path / "there.tif").shape == (150, 160)


def test_a_cancel_leaves_what_was_there(run, reviewed, tmp_path):
    file, *_ = reviewed
    output = tmp_path / "out" / "fused.tif"
    apply_review(ApplyRequest(run=run, candidates=file, output=output))
    before = digest(output.parent)
    for stop_at in (1, 3, 7):
        recorder = Recorder(stop_at=stop_at, error=Cancelled())
        with pytest.raises(Cancelled):
            apply_review(
                ApplyRequest(run=run, candidates=file, output=output, overwrite=True), recorder, block=64
            )
        assert digest(output.parent) == before
    full = Recorder()
    apply_review(ApplyRequest(run=run, candidates=file, output=output, overwrite=True), full, block=64)
    assert [call for call in full.calls if call[2] == "blocks"] == [(i, 9, "blocks") for i in range(10)]


def test_a_file_that_cannot_be_made_leaves_nothing(run, reviewed, tmp_path, monkeypatch):
    file, *_ = reviewed

    def fail(*_, **__):
        raise rasterio.errors.RasterioIOError("no space")

    monkeypatch.setattr(rasterio.shutil, "copy", fail)
    with pytest.raises(OutputError, match="could not be written"):
        apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "out" / "fused.tif"))
    assert list((tmp_path / "out").iterdir()) == []


def test_simplified_outlines_are_said_to_be(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg", simplify_m=1.0)
    review_some(file, {uuid: ("accept", None) for uuid, *_ in candidates_of(file)})
    assert (
        "simplified"
        in apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "f.tif")).message
    )


def rejected(run: Path, folder: Path, kind: str, **changes) -> tuple[Path, list, list]:
    """Flag doubtful places and reject every second one; return the file, their uuids and all first pixels."""
    file = flagged(run, folder / "doubtful.gpkg", kind=kind, **changes)
    review = read_review(file)
    rows = np.flatnonzero(review.doubtful)
    uuids = review.columns["uuid"][rows].tolist()
    review_some(file, dict.fromkeys(uuids[::2], ("reject", None)))
    places = [
        (int(review.columns["row_first"][i]) - ROW0, int(review.columns["col_first"][i]) - COL0)
        for i in rows[::2]
    ]
    return file, uuids[::2], places


@pytest.mark.parametrize("block", [1024, 37])
@pytest.mark.parametrize("keep_logits", [True, False])
def test_rejected_doubtful_places_become_what_they_would_be_pixel_by_pixel(tmp_path, block, keep_logits):
    logits = smooth_logits(150, 160, 1)
    run = make_run(tmp_path / "run", logits, keep_logits=keep_logits)
    file, uuids, places = rejected(run, tmp_path, "both")
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"), block=block)
    old, expected = read(run / "land_cover.tif"), read(run / "land_cover.tif")
    joined = logits.sum(axis=0) / np.array([1, 1, 2, 3, 3])[:, None, None]
    best = np.array(IDS)[joined[:3].argmax(axis=0)]  # all but the two of the rare group
    expert = read(run / "expert_1.tif")
    instead = dict(zip(*(read_review(file).columns[n] for n in ("uuid", "instead_class_id")), strict=True))
    for uuid, place in zip(uuids, places, strict=True):
        mask = flood(old, *place)
        other = best if keep_logits else np.where(np.isin(expert, RARE), instead[uuid], expert)
        expected[mask] = other[mask]
    found = read(result.land_cover)
    assert (found == expected).all() and result.n_pixels == (found != old).sum() > 50
    assert result.n_applied == len(uuids) > 5
    log = changes(result.change_log)
    assert {row["kind"] for row in log} == {"doubtful"} and {row["decision"] for row in log} == {"reject"}
    assert sum(int(row["n_pixels"]) for row in log) == result.n_pixels
    basis = "by the logits" if keep_logits else "by the first expert, as no logits were kept"
    assert f"False places taken out: {len(uuids)}, replaced pixel by pixel {basis}" in result.message


def test_accepted_doubtful_places_stay_and_reclassified_ones_change_where_the_map_said_them(run, tmp_path):
    file = flagged(run, tmp_path / "c.gpkg", kind="doubtful")
    review = read_review(file)
    (kept, changed) = review.columns["uuid"][:2].tolist()
    review_some(file, {kept: ("accept", None), changed: ("reclassify", 3)})
    result = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    old, found = read(run / "land_cover.tif"), read(result.land_cover)
    place = int(review.columns["row_first"][1]) - ROW0, int(review.columns["col_first"][1]) - COL0
    mask = flood(old, *place)
    assert (found[mask] == 3).all() and (found[~mask] == old[~mask]).all()
    assert result.n_applied == 1
