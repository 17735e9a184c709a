import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError, ModelError, OutputError
from mce_landcover.core.flagging.archive import MAX_BYTES, load_meta, save_meta
from mce_landcover.core.flagging.boosting import MetaSettings, fit_regression
from mce_landcover.core.flagging.classifier import MetaClassifier, Origin, fit_classifier
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.outline_quality import OutlineQuality
from mce_landcover.core.flagging.scorer import Quality
from support.meta import Table, draw


@pytest.fixture(scope="module")
def meta() -> MetaClassifier:
    return fit_classifier(*draw(400), MetaSettings(seed=3), Origin((3, 4), "c" * 64, 0.99))


@pytest.fixture
def file(meta, tmp_path) -> Path:
    save_meta(tmp_path / "meta.json", meta)
    return tmp_path / "meta.json"


def with_content(file: Path, **changes: object) -> Path:
    """Change what the file says, of all or of the scorer of missed places, and its checksum with it."""
    title, content = (json.loads(line) for line in file.read_text().splitlines())
    scorer = content["scorers"]["missed"]
    scorer |= {name: changes.pop(name) for name in list(changes) if name in scorer}
    text = json.dumps(content | changes)
    title["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    file.write_text(json.dumps(title) + "\n" + text + "\n")
    return file


def test_what_is_read_is_what_was_written(meta, file):
    table, _, _ = draw(200, seed=8)
    found = load_meta(file)
    assert (found.score(table) == meta.score(table)).all()
    one, other = found.scorers["missed"], meta.scorers["missed"]
    assert one.importances() == other.importances()
    assert (found.origin, found.settings) == (meta.origin, meta.settings)
    for name in ("feature_names", "calibration", "quality", "basis"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.fill == other.fill).all()
    assert file.stat().st_size < 100_000


def test_boostings_of_single_classes_are_read_too(tmp_path):
    table, targets, groups = draw(600)
    class_ids = np.random.default_rng(0).choice([3.0, 4.0, 9.0], 600, p=[0.4, 0.5, 0.1])
    table = Table((*table.names, "mce_class"), np.column_stack([table.values, class_ids]))
    fitted = fit_classifier(table, targets, groups)
    calibration = fitted.scorers["missed"].calibration
    assert set(calibration.own) == {3, 4} and set(calibration.offsets) == {9}
    save_meta(tmp_path / "m.json", fitted)
    found = load_meta(tmp_path / "m.json")
    assert (found.score(table) == fitted.score(table)).all()
    assert found.scorers["missed"].calibration == calibration
    with pytest.raises(InputError, match="mce_class"):
        found.score(Table(table.names[:-1], table.values[:, :-1]))


def test_an_unknown_spread_survives(meta, tmp_path):
    unknown = replace(meta.scorers["missed"], quality=Quality(7, 2))
    save_meta(tmp_path / "new" / "m.json", replace(meta, scorers={"missed": unknown}))
    found = load_meta(tmp_path / "new" / "m.json").quality("missed")
    assert (found.n, found.n_real) == (7, 2) and np.isnan(found.auc) and np.isnan(found.auc_std)


def test_the_regression_of_outlines_is_read_too(meta, tmp_path):
    table, _, _ = draw(300)
    trees = fit_regression(table.values, table.values[:, 0], seed=0)
    both = {**meta.scorers, "doubtful": meta.scorers["missed"]}
    outlines = OutlineQuality(trees, 300, 0.8, 0.1)
    save_meta(tmp_path / "m.json", replace(meta, scorers=both, outlines=outlines))
    found = load_meta(tmp_path / "m.json").outlines
    assert (found.trees.raw(table.values) == trees.raw(table.values)).all()
    assert (found.n, found.r2, found.error) == (300, 0.8, 0.1)


def test_a_rule_that_has_learnt_nothing_is_read_too(tmp_path):
    table, _, groups = draw(60)
    table = FeatureTable(("M", *table.names[1:]), np.abs(np.sin(table.values)))
    fitted = fit_classifier(table, np.arange(60) == 3, groups)
    assert fitted.scorers["missed"].basis == "rule"
    save_meta(tmp_path / "m.json", fitted)
    found = load_meta(tmp_path / "m.json")
    assert found.scorers["missed"].boosting is None and (found.score(table) == fitted.score(table)).all()


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_gives_a_sentence(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"meta\.json is no meta classifier or is truncated"):
        load_meta(file)


def test_a_flipped_byte_never_gives_another_answer(meta, file):
    table, _, _ = draw(50)
    expected = meta.score(table)
    content = bytearray(file.read_bytes())
    for position in np.random.default_rng(0).integers(0, len(content), 60):
        broken = content.copy()
        broken[position] ^= 0x40
        file.write_bytes(broken)
        try:
            found = load_meta(file)
        except ModelError:
            continue
        assert (found.score(table) == expected).all()


def test_trees_whose_links_leave_them_are_refused(file):
    shared = json.loads(file.read_text().splitlines()[1])["scorers"]["missed"]["shared"]
    for name, value in (("left", 10**9), ("right", 0), ("feature", 99), ("left", -5), ("roots", 1)):
        trees = {**shared, name: [value, *shared[name][1:]]}
        with pytest.raises(ModelError, match="contradicts itself"):
            load_meta(with_content(file, shared=trees))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"feature_names": ["a", "b"]}, "contradicts itself"),
        ({"shared_curve": [-1, 0]}, "cannot be used"),
        ({"own_curves": {"3": [1, 0]}}, "contradicts itself"),
        ({"surprise": 1}, "cannot be used"),
        ({"fill": [0.0]}, "contradicts itself"),
        ({"fill": ["much"]}, "cannot be used"),
        ({"n": -1}, "cannot be used"),
        ({"scorers": {}}, "cannot be used"),
    ],
)
def test_content_that_does_not_fit_is_refused(file, changes, said):
    with pytest.raises(ModelError, match=said):
        load_meta(with_content(file, **changes))


def test_other_files_are_no_meta_classifier(file, tmp_path):
    with pytest.raises(ModelError, match="is a folder"):
        load_meta(tmp_path)
    with pytest.raises(ModelError, match="There is no meta classifier"):
        load_meta(tmp_path / "none.json")
    for content in (b"\x80\x04pickle", b"{}", b"[]\n", b'{"format": "x"}\n', b"[" * 100_000, b"\xff\xfe\n"):
        file.write_bytes(content)
        with pytest.raises(ModelError, match="no meta classifier"):
            load_meta(file)
    file.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(ModelError, match="larger than any"):
        load_meta(file)


def test_a_newer_version_is_named(file):
    title, content = file.read_text().splitlines()
    file.write_text(json.dumps(json.loads(title) | {"version": 3}) + "\n" + content)
    with pytest.raises(ModelError, match="newer version"):
        load_meta(file)


def test_a_place_that_cannot_be_written_is_said(meta, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_meta(tmp_path / "file" / "m.json", meta)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
