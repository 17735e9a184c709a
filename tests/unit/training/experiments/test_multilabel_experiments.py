"""The experiments of papers 001 and 003 on toy data: tables beside the published, finished rows skipped."""

import json
from pathlib import Path

import numpy as np
import pytest
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.experiments.command import read_settings
from mce_landcover.training.experiments.multilabel import data, losses, splits
from mce_landcover.training.experiments.multilabel.data import BigEarthNetTiles, open_tiles
from mce_landcover.training.experiments.multilabel.losses import LossSettings, mark
from mce_landcover.training.experiments.multilabel.shape import measure_shape
from mce_landcover.training.experiments.multilabel.splits import SplitSettings
from mce_landcover.training.experiments.report import write_outcome
from mce_landcover.training.losses.multilabel import multilabel_loss
from mce_landcover.training.multilabel.tiles import PictureTiles
from support.bigearthnet import write_listing, write_patch

pytestmark = pytest.mark.slow

SCENE = {"kind": "scene", "seeds": [3, 4], "side": 800}
TRAIN = {"epochs": 1, "batch_size": 4, "lr": 1e-3, "workers": 0}
RUN = {"command": "c", "reduction": "r", "seconds": 1.0, "machine": {"device": "d"}, "settings": {}}


class Recording(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def log(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random pictures in place of rendered scenes."""
    rng = np.random.default_rng(0)
    labels = rng.random((40, 9)) < [0.9, 0.5, 0.3, 0.2, 0.9, 0.5, 0.3, 0.5, 0.6]
    pictures = [rng.uniform(0, 255, (4, 100, 100)).astype(np.float32) for _ in range(40)]
    tiles = PictureTiles(pictures, [str(i) for i in range(40)], labels)
    monkeypatch.setattr(data, "scene_tiles", lambda *_: tiles)


@pytest.mark.usefixtures("small_scenes")
def test_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mce_landcover.training.experiments.multilabel.shape._SEGMENTS", 20)
    monkeypatch.setattr("mce_landcover.training.experiments.multilabel.shape._LINES", 2)
    settings = LossSettings.model_validate(
        {
            "reduction": "toy",
            "data": SCENE,
            "network": {"kind": "patch_cnn", "width": 2},
            "train": TRAIN,
            "losses": ["bce", "sparsemax"],
            "runs": 2,
        }
    )
    outcome = losses.run(settings, tmp_path, SilentReporter())
    assert [row[0] for row in outcome.tables[0].rows] == ["bce", "sparsemax"]
    assert outcome.tables[0].rows[1][-3:] == [70.7, 74.4, 69.9]
    assert sorted(p.stem for p in (tmp_path / "rows").iterdir()) == [
        "bce_0",
        "bce_1",
        "sparsemax_0",
        "sparsemax_1",
    ]
    row = outcome.results["rows"]["bce"][0]
    assert row["tail_curve"] == [] or (row["tail_curve"][0] == 0 and row["tail_curve"][-1] == 1)
    file, readable = write_outcome(tmp_path, "toy", outcome, RUN)
    assert json.loads(file.read_text())["results"]["shapes"]["bce"]["convex"] == 1.0
    assert "published F1" in readable.read_text() and "SYNTHETIC" in readable.read_text()
    diary = Recording()
    again = losses.run(settings, tmp_path, diary)
    assert sum("is done already" in said for said in diary.said) == 4
    assert again.results["rows"] == outcome.results["rows"]
    other = settings.model_copy(update={"train": settings.train.model_copy(update={"lr": 2e-3})})
    diary = Recording()
    losses.run(other.model_copy(update={"losses": ("bce",), "runs": 1}), tmp_path, diary)
    assert not any("done already" in said for said in diary.said)  # another setting is another row


@pytest.mark.usefixtures("small_scenes")
def test_splits(tmp_path: Path) -> None:
    settings = SplitSettings.model_validate(
        {
            "reduction": "toy",
            "data": SCENE,
            "networks": [{"name": "ShortCNN", "network": {"kind": "short_cnn"}, "runs": 2, **TRAIN}],
        }
    )
    outcome = splits.run(settings, tmp_path, SilentReporter())
    names = [str(row[0]) for row in outcome.tables[1].rows]
    assert names[:2] == ["ShortCNN, original (2 seeds)", "ShortCNN, resampled (2 seeds)"]
    assert "published: ShortCNN, resampled" in names
    deviation = {row[0]: row[1] for row in outcome.tables[0].rows}
    assert deviation["resampled"] <= deviation["original"]
    assert "<svg" in (tmp_path / "splits.html").read_text()
    assert any("spread over seeds" in said for said in outcome.findings)


def test_bigearthnet_takes_the_official_lists(tmp_path: Path) -> None:
    for i in range(6):
        write_patch(tmp_path / "b", f"p{i}", ["Pastures"] if i % 2 else ["Vineyards", "Airports"], seed=i)
    lists = tuple(write_listing(tmp_path / f"{k}.csv", [f"p{2 * k}", f"p{2 * k + 1}"]) for k in range(3))
    wanted = BigEarthNetTiles(
        kind="bigearthnet", folder=tmp_path / "b", nomenclature="bigearthnet43", lists=lists
    )
    opened = open_tiles(wanted, SilentReporter())
    assert opened.given is not None and opened.given.tolist() == [0, 0, 1, 1, 2, 2]
    assert opened.window == 120 and [s.gsd_m for s in opened.sources] == [10, 20, 60]
    bad = wanted.model_copy(update={"lists": (lists[0], lists[1], tmp_path / "absent.csv")})
    with pytest.raises(InputError, match="There are no data at"):
        open_tiles(bad, SilentReporter())


@pytest.mark.parametrize("file", sorted(losses.CONFIGS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_config_can_be_read(file: Path) -> None:
    kind = LossSettings if file.stem.startswith("losses") else SplitSettings
    assert read_settings(file, kind, losses.CONFIGS).reduction


@pytest.mark.parametrize(
    ("name", "convex", "smooth"),
    [
        ("bce", True, True),
        ("hamming", False, True),
        ("huber", True, True),
        ("ranking", True, False),
        ("sparsemax", True, True),
    ],
)
def test_shapes_are_what_calculus_says(
    name: str, convex: bool, smooth: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mce_landcover.training.experiments.multilabel.shape._SEGMENTS", 300)
    monkeypatch.setattr("mce_landcover.training.experiments.multilabel.shape._LINES", 4)
    shape = measure_shape(multilabel_loss(name, [1] * 8, 8))  # type: ignore[arg-type]
    assert (shape.convex == 1.0) == convex
    assert (shape.jump < 0.5) == smooth
    assert shape.mark == "LMH"[convex + smooth]


def test_marks_are_thirds_of_the_range() -> None:
    values = {"a": 0.0, "b": 0.5, "c": 1.0, "d": 0.3}
    assert [mark(values, name) for name in "abcd"] == ["L", "M", "H", "L"]
