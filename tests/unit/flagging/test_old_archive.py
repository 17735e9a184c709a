"""Meta classifiers of version 1: a file that it wrote, and its scores of 160 candidates."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import ModelError
from mce_landcover.core.flagging.archive import load_meta, save_meta
from mce_landcover.core.flagging.boosting import MetaSettings
from mce_landcover.core.flagging.classifier import Origin
from mce_landcover.core.flagging.features import FeatureTable
from mce_landcover.core.flagging.old_archive import MAX_BYTES
from support.meta import draw

DATA = Path(__file__).parent / "data"
OLD = DATA / "version_1.skops"


def candidates() -> FeatureTable:
    table, _, _ = draw(160)
    return FeatureTable((*table.names, "mce_class"), np.column_stack([table.values, np.arange(160) % 2 + 3]))


def rewritten(tmp_path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Change a copy of the archive's entries (name -> bytes)."""
    with zipfile.ZipFile(OLD) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(tmp_path / "m.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return tmp_path / "m.skops"


def test_it_scores_as_the_version_did_that_wrote_it(tmp_path):
    meta = load_meta(OLD)
    expected = json.loads((DATA / "version_1_scores.json").read_text())
    assert meta.score(candidates()).tolist() == expected
    assert set(meta.scorers["missed"].boosting.own) == {4}
    assert meta.origin == Origin((3, 4), "c" * 64, 0.99)
    assert meta.settings == MetaSettings(kind="image", seed=2)
    assert meta.quality("missed").n == 160 and 0.5 < meta.quality("missed").auc < 1
    save_meta(tmp_path / "m.json", meta)
    assert load_meta(tmp_path / "m.json").score(candidates()).tolist() == expected


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
def test_a_truncated_archive_gives_a_sentence(tmp_path, share):
    content = OLD.read_bytes()
    (tmp_path / "m.skops").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match="no meta classifier or is truncated"):
        load_meta(tmp_path / "m.skops")


def test_a_bomb_is_not_unpacked(tmp_path):
    with pytest.raises(ModelError, match="unpacks to more"):
        load_meta(rewritten(tmp_path, lambda entries: entries.update({"zeros.npy": bytes(MAX_BYTES)})))


def test_a_pickled_array_is_not_loaded(tmp_path):
    proof = tmp_path / "proof"

    class Dangerous:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return Path.write_text, (proof, "run")  # type: ignore[return-value]

    buffer = io.BytesIO()
    np.save(buffer, np.array([Dangerous()], object), allow_pickle=True)

    def put(entries: dict[str, bytes]) -> None:
        for name in [n for n in entries if n.endswith(".npy")]:
            entries[name] = buffer.getvalue()

    with pytest.raises(ModelError, match="no meta classifier"):
        load_meta(rewritten(tmp_path, put))
    assert not proof.exists()


@pytest.mark.parametrize(("field", "value"), [("left_child", 10**9), ("right_child", 0), ("feature", 99)])
def test_a_tree_whose_links_leave_it_is_refused(tmp_path, field, value):
    def bend(entries: dict[str, bytes]) -> None:
        name = next(n for n, c in entries.items() if n.endswith(".npy") and b"left_child" in c[:400])
        nodes = np.load(io.BytesIO(entries[name]))
        nodes[field][0] = value
        buffer = io.BytesIO()
        np.save(buffer, nodes)
        entries[name] = buffer.getvalue()

    with pytest.raises(ModelError, match=r"contradicts itself|no meta classifier"):
        load_meta(rewritten(tmp_path, bend))


def test_another_archive_is_no_meta_classifier(tmp_path):
    with pytest.raises(ModelError, match="no meta classifier"):
        load_meta(rewritten(tmp_path, lambda entries: entries.update({"schema.json": b"{}"})))
