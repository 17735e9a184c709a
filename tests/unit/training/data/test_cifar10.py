import io
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.data.cifar10 import read_cifar10, thin_out
from mce_landcover.training.data.shared import shared_data
from PIL import Image

NAMES = ("airplane", "bird", "cat")


def colour(name: str, number: int) -> tuple[int, int, int]:
    return (40 * NAMES.index(name), 100 + number, 7)


def write_archive(path: Path, members: list[tuple[str, str, int]], side: int = 4) -> Path:
    """Pictures of one colour: part, class, number."""
    with tarfile.open(path, "w:xz" if path.suffix == ".xz" else "w") as tar:
        for part, name, number in members:
            body = io.BytesIO()
            Image.new("RGB", (side, side), colour(name, number)).save(body, "PNG")
            info = tarfile.TarInfo(f"{part}/{name}/{number:04d}.png")
            info.size = body.tell()
            body.seek(0)
            tar.addfile(info, body)
    return path


EVERYTHING = [(part, name, n) for part in ("train", "test") for name in NAMES for n in range(3)]


def test_samples_are_sorted_by_name_whatever_the_order_in_the_archive(tmp_path: Path) -> None:
    shuffled = [EVERYTHING[i] for i in np.random.default_rng(1).permutation(len(EVERYTHING))]
    data = read_cifar10(write_archive(tmp_path / "a.tar.xz", shuffled))
    assert data.names == NAMES
    for samples in (data.training, data.test):
        assert samples.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert samples.images.shape == (9, 3, 4, 4)
        expected = [colour(name, n) for name in NAMES for n in range(3)]
        assert samples.images[:, :, 2, 1].tolist() == [list(c) for c in expected]


def test_thinning_keeps_a_share_of_one_class_and_all_of_the_others() -> None:
    labels = np.repeat(np.arange(3), 100)
    kept = thin_out(labels, 1, 0.1, np.random.default_rng(0))
    assert np.bincount(labels[kept]).tolist() == [100, 10, 100]
    assert (np.diff(kept) > 0).all()
    assert not np.array_equal(kept, thin_out(labels, 1, 0.1, np.random.default_rng(1)))
    with pytest.raises(InputError, match="leaves none of the 100 samples"):
        thin_out(labels, 1, 0.001, np.random.default_rng(0))


def test_what_is_missing_or_broken_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_cifar10(broken)
    with pytest.raises(InputError, match="cannot be read"):
        read_cifar10(tmp_path / "absent.tar")
    lacking = [m for m in EVERYTHING if m[:2] != ("test", "cat")]
    with pytest.raises(InputError, match="no pictures test/<class>"):
        read_cifar10(write_archive(tmp_path / "lacking.tar", lacking))
    with pytest.raises(InputError, match="no pictures train/<class>"):
        read_cifar10(write_archive(tmp_path / "empty.tar", []))


def test_an_archive_cut_short_is_one_sentence(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "a.tar.xz", EVERYTHING)
    short = tmp_path / "short.tar.xz"
    short.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot be read"):
        read_cifar10(short)


@pytest.mark.shared_data
def test_the_shared_copy_is_laid_out_so() -> None:
    archive = shared_data() / "cifar10" / "cifar10_jpg.tar.xz"
    if not archive.exists():
        pytest.skip(f"the shared data are not at {shared_data()}")
    with tarfile.open(archive) as tar:
        members = [name.split("/") for name in tar.getnames() if name.endswith(".jpg")]
    counts = Counter((part, name) for part, name, _ in members)
    assert len(counts) == 20 and counts["train", "cat"] == 5000 and counts["test", "truck"] == 1000
    assert sum(counts.values()) == 60_000
