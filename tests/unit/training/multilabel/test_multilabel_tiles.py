from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.data.shared import shared_data
from mce_landcover.training.data.tiles import Area
from mce_landcover.training.multilabel.tiles import (
    SomeLabelledTiles,
    cut_area,
    joined,
    labelled_pictures,
    labels_of_counts,
    read_label_counts,
)


def area(rows: int, cols: int) -> Area:
    """Bands that count pixels, labels 3 in the upper half and 8 in the lower."""
    raw = np.arange(2 * rows * cols, dtype=np.float32).reshape(2, rows, cols)
    labels = np.full((rows, cols), 8, np.uint8)
    labels[: rows // 2] = 3
    return Area(raw, labels)


def test_shares_make_labels() -> None:
    counts = np.array([[0, 1, 99], [50, 0, 50]])
    assert labels_of_counts(counts, 100, 0.0).tolist() == [[False, True, True], [True, False, True]]
    assert labels_of_counts(counts, 100, 0.01).tolist() == [[False, False, True], [True, False, True]]
    assert labels_of_counts(counts, np.array([100, 1000]), 0.05).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_areas_are_cut_whole_and_labelled() -> None:
    pieces = cut_area(area(10, 9), "a", 4)  # two rows and two columns; the rest is left out
    assert list(pieces.names) == ["a 0,0", "a 0,1", "a 1,0", "a 1,1"]
    tiles = labelled_pictures(pieces, (3, 8, 9), 0.0)
    assert tiles.labels.tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]]
    np.testing.assert_array_equal(tiles.read(3), area(10, 9).raw[:, 4:8, 4:8])
    assert labelled_pictures(pieces, (3, 8, 9), 0.3).labels[2].tolist() == [0, 1, 0]


def test_pictures_shrink_by_averaging() -> None:
    tiles = labelled_pictures(cut_area(area(4, 4), "a", 4), (3,), 0.0, shrink=2)
    raw = area(4, 4).raw
    expected = [[raw[1, r : r + 2, c : c + 2].mean() for c in (0, 2)] for r in (0, 2)]
    np.testing.assert_allclose(tiles.read(0)[1], expected)


def test_some_and_all() -> None:
    tiles = labelled_pictures(cut_area(area(8, 8), "a", 4), (3, 8), 0.0)
    both = joined([tiles, tiles])
    assert len(both.names) == 8 and both.labels.shape == (8, 2)
    some = SomeLabelledTiles(both, np.array([6, 1]))
    assert some.names == ["a 1,0", "a 0,1"] and some.labels.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_array_equal(some.read(0), tiles.read(2))


def test_label_tables_round_trip(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", counts=[[1, 3], [0, 2]], names=["x", "y"], src=["a", "b"])
    (tmp_path / "t.csv").write_text("target,count_0,count_1\nd/a.tif,1,3\nd/b.tif,0,2\n")
    for file in ("t.npz", "t.csv"):
        table = read_label_counts(tmp_path / file)
        assert table.names == ("a", "b") and table.counts.tolist() == [[1, 3], [0, 2]]
        assert table.labels().tolist() == [[True, True], [False, True]]
        assert table.labels(0.25).tolist() == [[False, True], [False, True]]
    assert table.classes == ("0", "1")


def test_bad_label_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_label_counts(tmp_path / "no.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="needs the columns target and count_0"):
        read_label_counts(tmp_path / "t.csv")
    np.savez(tmp_path / "t.npz", counts=[[1, 3]], names=["x"], src=["a"])
    with pytest.raises(InputError, match="not a table of label counts"):
        read_label_counts(tmp_path / "t.npz")


@pytest.mark.shared_data
def test_real_label_tables() -> None:
    folder = shared_data() / "multilabel"
    if not folder.exists():
        pytest.skip(f"no label tables at {folder}")
    soil = read_label_counts(folder / "soil_tiles.npz")
    assert soil.counts.shape == (1647, 17) and soil.labels().any(axis=0).all()
    forest = read_label_counts(folder / "tlm5c_tile_counts.csv")
    assert forest.counts.shape == (2660, 5) and forest.names[0] == "TLM5c_2580_1079"
