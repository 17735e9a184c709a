"""A run decided anew: gaps stay gaps, and what breaks on the way is a sentence."""

import numpy as np
import pytest
import rasterio
from mce_landcover.core.base.errors import InputError, OutputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.flagging.redecide import redecide
from support.disks import mounted
from support.engine import read
from support.flag import make_run, rule, smooth_logits


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    missing = np.zeros((600, 530), np.bool_)  # more than one window
    missing[500:520, 505:520] = missing[-1, -1] = True
    return make_run(tmp_path_factory.mktemp("redecide") / "run", smooth_logits(600, 530), missing=missing)


def decide_again(run, target, alpha=0.99):
    with rasterio.open(run / "logits.tif") as logits:
        redecide(logits, rule(alpha), target, SilentReporter())


def test_the_same_rule_gives_the_same_evidence_and_place(run, tmp_path):
    decide_again(run, tmp_path / "evidence.tif")
    assert np.array_equal(read(tmp_path / "evidence.tif"), read(run / "evidence.tif"))
    with rasterio.open(tmp_path / "evidence.tif") as one, rasterio.open(run / "evidence.tif") as other:
        assert (one.transform, one.crs, one.nodata) == (other.transform, other.crs, other.nodata)


def test_another_rule_changes_classes_but_no_gap(run, tmp_path):
    decide_again(run, tmp_path / "evidence.tif", alpha=0.0)
    found, own = read(tmp_path / "evidence.tif"), read(run / "evidence.tif")
    bayes = read(run / "land_cover.tif")[0]
    assert np.array_equal(found[0] == 65535, own[0] == 65535)
    valid = found[0] != 65535
    assert np.array_equal(found[0][valid], bayes[valid])
    assert not np.array_equal(found[0], own[0])


def test_logits_that_break_are_said(run, tmp_path):
    broken = tmp_path / "logits.tif"
    whole = (run / "logits.tif").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"logits\.tif cannot be read to its end"):
        decide_again(tmp_path, tmp_path / "evidence.tif")


def test_a_full_disk_is_said(run, tmp_path):
    with (
        mounted(tmp_path / "disk", "size=200k") as disk,
        pytest.raises(OutputError, match=r"TMPDIR|free space"),
    ):
        decide_again(run, disk / "evidence.tif")
