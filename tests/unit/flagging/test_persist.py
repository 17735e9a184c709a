import builtins
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from mce_landcover.core.base.errors import InputError, ModelError, OutputError
from mce_landcover.core.flagging.archive import MAX_BYTES, load_meta, save_meta
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.classifier import MetaClassifier, Origin, fit_classifier
from support.meta import Table, draw


@pytest.fixture(scope="module")
def meta() -> MetaClassifier:
    return fit_classifier(*draw(400), MetaSettings(seed=3), Origin((3, 4), "c" * 64, 0.99))


@pytest.fixture
def file(meta, tmp_path) -> Path:
    save_meta(tmp_path / "meta.skops", meta)
    return tmp_path / "meta.skops"


def rewritten(file: Path, change: Any) -> Path:
    """Change the archive's entries (name -> bytes) and write them anew."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file


def test_what_is_read_is_what_was_written(meta, file):
    table, _, _ = draw(200, seed=8)
    found = load_meta(file)
    assert (found.score(table) == meta.score(table)).all()
    assert found.importances == meta.importances
    counts = ("n_candidates", "n_true", "auc", "auc_std")
    for name in ("feature_names", "origin", "settings", "calibration", *counts):
        assert getattr(found, name) == getattr(meta, name), name
    assert (found.fill == meta.fill).all()
    assert file.stat().st_size < 200_000


def test_boostings_of_single_classes_are_read_too(tmp_path):
    table, targets, groups = draw(600)
    class_ids = np.random.default_rng(0).choice([3.0, 4.0, 9.0], 600, p=[0.4, 0.5, 0.1])
    table = Table((*table.names, "mce_class"), np.column_stack([table.values, class_ids]))
    fitted = fit_classifier(table, targets, groups)
    assert set(fitted.boosting.own) == {3, 4}
    save_meta(tmp_path / "m.skops", fitted)
    found = load_meta(tmp_path / "m.skops")
    assert (found.score(table) == fitted.score(table)).all()
    assert found.calibration == fitted.calibration
    with pytest.raises(InputError, match="mce_class"):
        found.score(Table(table.names[:-1], table.values[:, :-1]))


def test_an_unknown_spread_survives(meta, tmp_path):
    save_meta(tmp_path / "new" / "m.skops", replace(meta, auc=float("nan"), auc_std=float("nan")))
    found = load_meta(tmp_path / "new" / "m.skops")
    assert np.isnan(found.auc) and np.isnan(found.auc_std)


def test_the_variant_for_images_is_read_too(tmp_path):
    table, targets, groups = draw(200)
    fitted = fit_classifier(table, targets, groups, MetaSettings(kind="image"))
    save_meta(tmp_path / "m.skops", fitted)
    assert (load_meta(tmp_path / "m.skops").score(table) == fitted.score(table)).all()


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_gives_a_sentence(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"meta\.skops is no meta classifier or is truncated"):
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


class Dangerous:
    """Writes a file wherever it is built."""

    def __init__(self, place: str):
        self.place = place

    def __setstate__(self, state):
        Path(state["place"]).write_text("run")


def test_a_type_that_has_no_place_there_is_named_and_not_built(file, tmp_path):
    place = tmp_path / "proof"
    skops.io.dump({"header": "{}", "boosting": Dangerous(str(place))}, file)
    with pytest.raises(ModelError, match=r"test_persist\.Dangerous.*refused"):
        load_meta(file)
    assert not place.exists()


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (builtins.eval, r"builtins\.eval"),
        (np.float64(1), r"numpy"),
        (skops.io.dump, r"skops\.io\._persist\.dump"),
        ({1, 2}, r"builtins\.set"),
        (np.random.default_rng(0), r"numpy\.random"),
    ],
)
def test_even_types_that_skops_trusts_are_refused_by_name(file, thing, name):
    skops.io.dump({"header": "{}", "boosting": [thing]}, file)
    with pytest.raises(ModelError, match=name):
        load_meta(file)


def test_a_type_hidden_anywhere_in_the_schema_is_found(file):
    def hide(entries):
        schema = json.loads(entries["schema.json"])
        schema["key_types"]["content"][0] |= {
            "__module__": "posix",
            "__class__": "system",
            "__loader__": "FunctionNode",
        }
        entries["schema.json"] = json.dumps(schema).encode()

    with pytest.raises(ModelError, match=r"posix\.system"):
        load_meta(rewritten(file, hide))


def test_a_trusted_name_with_another_loader_is_refused(file):
    def swap(entries):
        schema = json.loads(entries["schema.json"])
        schema["content"]["header"]["__loader__"] = "OperatorFuncNode"
        entries["schema.json"] = json.dumps(schema).encode()

    with pytest.raises(ModelError, match=r"builtins\.str \(OperatorFuncNode\)"):
        load_meta(rewritten(file, swap))


def test_a_bomb_is_not_unpacked(file):
    def blow_up(entries):
        entries["zeros.npy"] = bytes(MAX_BYTES)

    with pytest.raises(ModelError, match="unpacks to more"):
        load_meta(rewritten(file, blow_up))


def test_a_tree_whose_links_leave_it_is_refused(meta, file):
    """scikit-learn follows links unchecked: a wrong one would read foreign memory or never end."""
    state = meta.boosting.shared.estimators_[0, 0].tree_.__getstate__()
    assert state["node_count"] > 3

    for field, value in (("left_child", 10**9), ("right_child", 0), ("feature", 99), ("left_child", -5)):
        save_meta(file, meta)

        def bend(entries, field=field, value=value):
            name = next(n for n, c in entries.items() if n.endswith(".npy") and b"left_child" in c[:400])
            from io import BytesIO

            nodes = np.load(BytesIO(entries[name]))
            nodes[field][0] = value
            buffer = BytesIO()
            np.save(buffer, nodes)
            entries[name] = buffer.getvalue()

        with pytest.raises(ModelError, match="contradicts itself"):
            load_meta(rewritten(file, bend))


def test_a_header_that_does_not_fit_is_refused(meta, file):
    def set_header(**changes):
        def change(entries):
            schema = json.loads(entries["schema.json"])
            header = json.loads(json.loads(schema["content"]["header"]["content"]))
            schema["content"]["header"]["content"] = json.dumps(json.dumps(header | changes))
            entries["schema.json"] = json.dumps(schema).encode()

        return change

    cases = [
        ({"feature_names": ["a", "b"]}, "contradicts itself"),
        ({"format_version": 2}, "newer version"),
        ({"curves": [[-1, 0]]}, "header"),
        ({"own": [3]}, "contradicts itself"),
        ({"surprise": 1}, "header"),
        ({"fill": [0.0]}, "contradicts itself"),
    ]
    for changes, said in cases:
        save_meta(file, meta)
        with pytest.raises(ModelError, match=said):
            load_meta(rewritten(file, set_header(**changes)))


def test_other_files_are_no_meta_classifier(file, tmp_path):
    skops.io.dump({"header": "{}"}, file)
    with pytest.raises(ModelError, match="no meta classifier of this program"):
        load_meta(file)
    with pytest.raises(ModelError, match="is a folder"):
        load_meta(tmp_path)
    with pytest.raises(ModelError, match="There is no meta classifier"):
        load_meta(tmp_path / "none.skops")
    file.write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelError, match="no meta classifier"):
        load_meta(file)


def test_a_place_that_cannot_be_written_is_said(meta, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_meta(tmp_path / "file" / "m.skops", meta)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
