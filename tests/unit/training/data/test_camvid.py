from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.training.data.camvid import CATALOGUE, group_frames, read_frames
from mce_landcover.training.data.shared import find_data, shared_data
from PIL import Image
from support.streets import write_frames

SEQUENCES = ("0001TP_000", "0001TP_001", "0001TP_002", "Seq05VD_f0")


def write_camvid(folder: Path, part: str) -> None:
    write_frames(folder, part, SEQUENCES, (6, 8))


def test_frames_come_in_the_order_of_the_list_with_ids_one_above_the_codes(tmp_path: Path) -> None:
    write_camvid(tmp_path, "val")
    frames = read_frames(tmp_path, "val")
    assert tuple(frame.name for frame in frames) == SEQUENCES
    for frame in frames:
        codes = np.asarray(Image.open(tmp_path / "valannot" / f"{frame.name}.png"))
        np.testing.assert_array_equal(frame.area.labels, np.where(codes == 11, 0, codes + 1))
        np.testing.assert_array_equal(frame.area.raw[2], codes)
        assert frame.area.raw.shape == (3, 6, 8)


def test_shrinking_averages_pictures_and_picks_labels(tmp_path: Path) -> None:
    write_camvid(tmp_path, "val")
    whole, small = read_frames(tmp_path, "val"), read_frames(tmp_path, "val", (3, 4))
    for one, other in zip(whole, small, strict=True):  # labels are constant on blocks of 2 x 2
        np.testing.assert_array_equal(other.area.labels, one.area.labels[::2, ::2])
        blocks = one.area.raw.reshape(3, 3, 2, 4, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(other.area.raw, blocks, atol=0.51)


def test_the_catalogue_has_the_codes_0_to_10_and_the_groups_of_the_experiments() -> None:
    classes = load_catalogue(CATALOGUE)
    assert [c.codes for c in classes] == [(code,) for code in range(11)]
    groups = {g: {c.name for c in classes if c.group == g} for g in ("head", "body", "tail")}
    assert groups["head"] == {"sky", "building", "road", "tree"}
    assert groups["body"] == {"pavement", "car"}
    assert groups["tail"] == {"pole", "sign", "fence", "pedestrian", "bicyclist"}


def test_groups_are_runs_of_one_sequence(tmp_path: Path) -> None:
    write_camvid(tmp_path, "val")
    frames = read_frames(tmp_path, "val")
    assert group_frames(frames, 2).tolist() == [0, 0, 1, 2]
    assert group_frames(frames, 10).tolist() == [0, 0, 0, 1]
    assert group_frames(frames, 1).tolist() == [0, 1, 2, 3]


def test_what_is_missing_or_wrong_is_one_sentence(tmp_path: Path) -> None:
    write_camvid(tmp_path, "val")
    with pytest.raises(InputError, match=r"The list .*train\.txt cannot be read"):
        read_frames(tmp_path, "train")
    annotation = tmp_path / "valannot" / f"{SEQUENCES[1]}.png"
    Image.fromarray(np.full((6, 8), 12, np.uint8)).save(annotation)
    with pytest.raises(InputError, match=r"unknown labels: \[12\]"):
        read_frames(tmp_path, "val")
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(annotation)
    with pytest.raises(InputError, match="and its picture"):
        read_frames(tmp_path, "val")
    annotation.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        read_frames(tmp_path, "val")
    (tmp_path / "val" / f"{SEQUENCES[0]}.webp").unlink()
    with pytest.raises(InputError, match="has no picture of that name"):
        read_frames(tmp_path, "val")
    with pytest.raises(InputError, match=r"set MCE_SHARED_DATA"):
        find_data(Path("no such data"))


@pytest.mark.shared_data
def test_the_shared_copy_has_all_frames_and_the_shares_of_the_catalogue() -> None:
    folder = shared_data() / "camvid"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not at {shared_data()}")
    frames = read_frames(folder, "train", (45, 60))
    assert len(frames) == 367
    counts = sum(np.bincount(f.area.labels.ravel(), minlength=12) for f in frames)[1:]
    shares = [c.share for c in load_catalogue(CATALOGUE)]
    np.testing.assert_allclose(counts / counts.sum(), shares, atol=2e-3)
