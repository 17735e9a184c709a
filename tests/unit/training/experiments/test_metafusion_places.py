"""False and missed places on small runs with known labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mce_landcover.core.flagging.apply import apply_review
from mce_landcover.core.flagging.requests import ApplyRequest
from mce_landcover.core.flagging.review import read_review
from mce_landcover.core.segments.counting import count_errors
from mce_landcover.training.experiments.command import read_settings
from mce_landcover.training.experiments.metafusion.places import (
    CONFIGS,
    PRICES,
    Ground,
    PlacesSettings,
    cheapest,
    errors_of,
    fused,
    judge,
    outcome_of,
    read_ground,
)
from mce_landcover.training.experiments.metafusion.scenes import MappedScene
from support.fit import flagged, labelled_run, review_some

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[MappedScene]:
    folder = tmp_path_factory.mktemp("places")
    return [MappedScene(*labelled_run(folder, seed, false_places=True)) for seed in (41, 42, 43)]


@pytest.fixture(scope="module")
def grounds(scenes: list[MappedScene]) -> list[Ground]:
    return [read_ground(scene) for scene in scenes]


def test_fusing_in_memory_is_applying_a_review(
    scenes: list[MappedScene], grounds: list[Ground], tmp_path: Path
) -> None:
    ground, run = grounds[0], scenes[0].run
    n_missed, n_doubtful = (len(ground.of(kind)) for kind in ("missed", "doubtful"))
    assert min(n_missed, n_doubtful) > 5
    none = fused(ground, np.zeros(n_missed, np.bool_), np.zeros(n_doubtful, np.bool_))
    assert (none == ground.mapped).all()
    file = flagged(run, tmp_path / "c.gpkg", kind="both")
    review = read_review(file)
    pairs = zip(review.columns["uuid"].tolist(), review.doubtful.tolist(), strict=True)
    review_some(file, {uuid: ("reject" if doubtful else "accept", None) for uuid, doubtful in pairs})
    applied = apply_review(ApplyRequest(run=run, candidates=file, output=tmp_path / "fused.tif"))
    with rasterio.open(applied.land_cover) as raster:
        expected = raster.read(1)
    assert (fused(ground, np.ones(n_missed, np.bool_), np.ones(n_doubtful, np.bool_)) == expected).all()


def test_the_price_loses_no_more_than_it_may() -> None:
    random = np.random.default_rng(0)
    false = random.random(2000) < 0.8
    scores = np.clip(random.normal(np.where(false, 0.93, 0.6), 0.1), 0.001, 0.999)
    price = cheapest(false, scores)
    lost = [(scores[~false] >= p / (1 + p)).mean() for p in PRICES]
    assert lost[PRICES.index(int(price))] <= 0.05
    assert all(share > 0.05 for share in lost[: PRICES.index(int(price))])


def test_a_draw_judges_scenes_that_it_was_not_fitted_to(grounds: list[Ground]) -> None:
    settings = PlacesSettings(reduction="tiny", seeds=(1, 2, 3), n_fit=2, tile_m=20)
    found = judge(settings, grounds, draw=1)
    assert json.loads(json.dumps(found)) == found
    (unseen,) = np.random.default_rng(1).permutation(3)[2:]
    ground = grounds[unseen]
    plain = found["errors"]["plain map"]
    assert plain == errors_of(ground, ground.mapped)._asdict()
    one = [count_errors(ground.mapped, ground.labels, class_id) for class_id in (7, 9)]
    assert plain["fp"] == sum(e.fp for e in one)
    doubtful = ground.of("doubtful")
    assert doubtful.target is not None
    assert (found["n_doubtful"], found["n_false"]) == (len(doubtful), (~doubtful.target).sum())
    assert found["errors"]["filtered"]["fp"] <= plain["fp"]
    assert found["errors"]["MetaFusion"]["fn"] <= plain["fn"]
    text = outcome_of(settings, {"as shipped": [found, found]})
    tables = "\n".join(table.markdown() for table in text.tables)
    assert f"| plain map | {plain['fp']:.1f} ± 0.0" in tables and "expert agreement" in tables
    assert "of those found" in text.findings[0]


def test_the_shipped_config_leaves_out_what_the_demo_model_has_seen() -> None:
    settings = read_settings(Path("places_cpu"), PlacesSettings, CONFIGS)
    assert not set(settings.seeds) & {7, 201, 202, *range(101, 117)}
    assert 0 < settings.n_fit < len(settings.seeds)
